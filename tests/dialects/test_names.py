"""No name missing: what an installed framework offers is in the table, if only as none."""

import importlib
import inspect
import re

import pytest

from tests.dialects.witnesses import WITNESSES, locate, quiet
from unified_act.dialects import find_dialect


def known(dialect):
    found = find_dialect(dialect)
    alone = {cell.alone for cell in found.cells if cell.alone}
    return {name for cell in found.cells for name in cell.names} | alone | set(found.others)


def assert_known(names, dialect):
    missing = sorted(set(names) - known(dialect))
    assert not missing, (
        f"{dialect} has {missing}: give each a cell in dialects.toml, or list it under `others`"
    )


def functions(module, *, of_one_array=True):
    """Public functions of a module that need one argument, or whose signature is hidden."""
    for name in dir(module):
        function = getattr(module, name)
        if name.startswith("_") or inspect.isclass(function) or not callable(function):
            continue
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:
            continue
        required = [
            p
            for p in parameters
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]
        if len(required) == 1 or not of_one_array:
            yield name


# PyTorch's functions in C have no signature; these are the ones among them that take no weights.
TORCH_IN_C = {"gelu", "hardshrink", "logsigmoid", "prelu", "softplus", "softshrink"}
TORCH_OTHER_C = re.compile(
    r"^_|conv|pool|pixel_|channel_shuffle|has_torch_function|_$|^(bilinear|linear|one_hot|pdist|"
    r"cosine_similarity|pairwise_distance|native_channel_shuffle|scaled_dot_product_attention)$"
)


def test_torch_functions():
    module = locate("torch.nn.functional")
    assert_known(functions(module), "torch")


def test_torch_functions_in_c():
    module = locate("torch.nn.functional")
    builtins = {
        name
        for name in dir(module)
        if inspect.isbuiltin(getattr(module, name)) and not TORCH_OTHER_C.search(name)
    }
    assert builtins == TORCH_IN_C
    assert_known(builtins, "torch")


def test_torch_modules():
    assert_known(locate("torch.nn.modules.activation.__all__"), "torch")


def test_tensorflow():
    with quiet():
        assert_known(functions(locate("tensorflow.nn")), "tensorflow")


def test_keras_activations():
    registry = locate("keras.src.activations.ALL_OBJECTS_DICT")
    assert set(registry) == known("keras3")


def test_keras_ops():
    module = locate("keras.ops")
    own = {
        name for name in functions(module) if getattr(module, name).__module__ == "keras.src.ops.nn"
    }
    assert_known(own, "keras_ops")


@pytest.mark.parametrize(
    ("dialect", "layers", "home"),
    [
        ("keras_layers", "keras.layers", "keras.src.layers.activations"),
        ("keras2", "tf_keras.layers", "tf_keras.src.layers.activation."),
    ],
)
def test_keras_layers(dialect, layers, home):
    module = locate(layers)
    names = {name for name in dir(module) if _home(module, name).startswith(home)}
    assert names
    assert_known(names, dialect)


def _home(module, name):
    found = getattr(module, name)
    return found.__module__ if inspect.isclass(found) else ""


def test_keras2_activations():
    module = locate("tf_keras.activations")
    looking_up = {"deserialize", "get", "serialize"}
    names = {n for n in dir(module) if callable(getattr(module, n)) and not n.startswith("_")}
    assert_known(names - looking_up, "keras2")


def test_keras2_strings():
    """TensorFlow's functions that Keras 2 knows by name."""
    get = locate("tf_keras.activations.get")

    def is_known(name):
        try:
            return callable(get(name))
        except (TypeError, ValueError):
            return False

    assert_known({name for name in dir(locate("tensorflow.nn")) if is_known(name)}, "keras2")


@pytest.mark.parametrize("operator", ["Activation", "LeakyReLU", "SoftmaxActivation"])
def test_mxnet_act_types(operator):
    documented = re.search(r"(act_type|mode) : \{(.*?)\}", locate(f"mxnet.nd.{operator}.__doc__"))
    listed = set(re.findall(r"'(\w+)'", documented[2]))
    cells = find_dialect("mxnet").called(operator)[operator]
    assert {cell.when[documented[1]] for cell in cells} == listed


def test_mxnet_extension_functions():
    """npx.masked_softmax and the like would be new ones."""
    activations = re.compile("activation|relu|sigmoid|softmax|gelu|silu|swish|mish|softplus|tanh")
    names = {n for n in dir(locate("mxnet.npx")) if activations.search(n) and not n.startswith("_")}
    assert names
    assert_known(names, "mxnet")


def test_gluon():
    names = set(locate("mxnet.gluon.nn.activations.__all__"))
    assert_known(names, "gluon")


def test_gluon_activation_strings():
    documented = locate("mxnet.nd.Activation.__doc__")
    listed = set(re.findall(r"'(\w+)'", re.search(r"act_type : \{(.*?)\}", documented)[1]))
    assert_known(listed, "gluon")


def test_jax():
    assert_known(functions(locate("jax.nn"), of_one_array=False), "jax")


def test_onnx():
    """Operators whose name says what they are: the standard has no list of its own."""
    from onnx import defs

    activations = re.compile(
        "relu|elu|sigmoid|softmax|hardmax|swish|mish|tanh$|softplus|softsign|shrink|lu$",
        re.IGNORECASE,
    )
    names = {s.name for s in defs.get_all_schemas() if activations.search(s.name) and not s.domain}
    names = {name for name in names if "Loss" not in name}
    assert_known(names, "onnx")


@pytest.mark.parametrize("name", ["LeakyRelu", "Softmax", "Gelu", "Swish", "Selu", "PRelu", "Celu"])
def test_onnx_opsets(name):
    """A cell begins with one of the versions that the standard records."""
    from onnx import defs

    versions = {s.since_version for s in defs.get_all_schemas_with_history() if s.name == name}
    cells = find_dialect("onnx").called(name)[name]
    assert {max(1, cell.since) for cell in cells} <= versions
    assert min(max(1, cell.since) for cell in cells) == min(versions)


def names_of_flax():
    jax_nn = set(functions(locate("jax.nn"), of_one_array=False))
    return {
        name
        for module in map(locate, ("flax.nnx", "flax.linen"))
        for name in dir(module)
        if name in jax_nn or re.search("GLU|ReLU", name)
    }


def names_of_paddle():
    functional = locate("paddle.nn.functional")
    home = locate("paddle.nn.functional.activation").__name__
    names = {n for n in dir(functional) if _module_of(functional, n) == home}
    layers = locate("paddle.nn.layer.activation")
    names |= {n for n in dir(layers) if _module_of(layers, n) == layers.__name__}
    return {name for name in names if not name.endswith("_")}


def names_of_mindspore():
    activation = re.compile("elu|sigmoid|soft[mps]|shrink|silu|swish|glu$|mish|^tanh$|hardtanh")
    other = re.compile("^(coo|csr|inplace)_|_$|loss|sparse|_grad|_ext$|view")
    names = {n for n in dir(locate("mindspore.ops")) if n.islower() and activation.search(n)}
    layers = locate("mindspore.nn.layer.activation.__all__")
    return {*layers, *(name for name in names if not other.search(name))}


def names_of_coreml():
    module = locate("coremltools.converters.mil.mil.ops.defs.iOS15.activation")
    names = {n for n in dir(module) if _module_of(module, n) == module.__name__}
    return {name for name in names if not name.startswith("activation_with")}


def names_of_deepmd():
    return {str(name) for name in locate("deepmd.common.VALID_ACTIVATION")}


def names_of_mmcv():
    registered = locate("mmengine.registry.MODELS").module_dict
    homes = ("torch.nn.modules.activation", "mmcv.cnn.bricks.activation", "mmcv.cnn.bricks.h")
    bricks = (*homes, "mmcv.cnn.bricks.swish")
    locate("mmcv.cnn.build_activation_layer")
    return {name for name, found in registered.items() if found.__module__.startswith(bricks)}


def _module_of(module, name):
    return getattr(getattr(module, name), "__module__", "")


@pytest.mark.parametrize(
    ("dialect", "ask"),
    [
        ("coreml", names_of_coreml),
        ("deepmd", names_of_deepmd),
        ("flax", names_of_flax),
        ("mindspore", names_of_mindspore),
        ("mmcv", names_of_mmcv),
        ("paddle", names_of_paddle),
    ],
)
def test_what_is_recorded(dialect, ask):
    names = WITNESSES[dialect].names(ask)
    assert len(names) > 10
    assert_known(names, dialect)


def test_tflite():
    """Of activations the operators, and what an operator may end with."""
    schema = importlib.import_module("tensorflow.lite.python.schema_py_generated")
    activations = re.compile("RELU|ELU|SOFTMAX|SWISH|^TANH$|LOGISTIC|GELU|^EXP$")
    operators = {name for name in dir(schema.BuiltinOperator) if activations.search(name)}
    operators -= {name for name in operators if name.startswith("STABLEHLO")}
    fused = {name for name in dir(schema.ActivationFunctionType) if name.isupper()}
    assert_known(operators | fused, "tflite")
