"""What a model is: its inputs and outputs, what it says of itself, and what is refused."""

import numpy as np
import onnx
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

import unified_act as ua
from tests.onnx.runtime import NEWEST, SUBJECTS, model_of, run
from unified_act.onnx import model
from unified_act.registry import ACTIVATIONS


def shape_of(info):
    dimensions = info.type.tensor_type.shape.dim
    return [d.dim_param or d.dim_value for d in dimensions]


def described(proto):
    infos = (*proto.graph.input, *proto.graph.output)
    return {info.name: (info.type.tensor_type.elem_type, shape_of(info)) for info in infos}


@pytest.mark.parametrize("opset", range(13, NEWEST + 1))
def test_every_opset(opset):
    proto = model("softplus", opset=opset, beta=0.5)
    onnx.checker.check_model(proto, full_check=True)
    assert [(given.domain, given.version) for given in proto.opset_import] == [("", opset)]
    assert proto.ir_version == onnx.helper.find_min_ir_version_for(proto.opset_import)


def test_a_model_names_its_producer_and_activation():
    proto = model("ELU", alpha=0.5)
    assert (proto.producer_name, proto.producer_version) == ("unified_act", ua.__version__)
    assert proto.graph.name == "elu"
    lines = proto.doc_string.splitlines()
    assert lines[0] == "elu(alpha=0.5)"
    assert lines[1:] == [
        "Exponential linear unit.",
        r"\begin{cases} x & x > 0 \\ \alpha (e^x - 1) & x \le 0 \end{cases}",
        "Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289",
    ]


@pytest.mark.parametrize(
    ("name", "options", "inputs", "output"),
    [
        ("mish", {}, {"x": (1, ["d0", "d1"])}, (1, ["d0", "d1"])),
        ("mish", {"dtype": "bfloat16", "shape": []}, {"x": (16, [])}, (16, [])),
        ("softmax2d", {}, {"x": (1, ["d0", "d1", "d2"])}, (1, ["d0", "d1", "d2"])),
        ("glu", {"shape": ["n", 6]}, {"x": (1, ["n", 6])}, (1, ["n", "resized"])),
        ("crelu", {"axis": 0}, {"x": (1, ["d0", "d1"])}, (1, ["resized", "d1"])),
        (
            "snake_beta",
            {"dtype": "float64"},
            {
                "x": (11, ["d0", "d1"]),
                "alpha": (11, ["alpha_length"]),
                "beta": (11, ["beta_length"]),
            },
            (11, ["d0", "d1"]),
        ),
        (
            "masked_softmax",
            {"dtype": "float16"},
            {"x": (10, ["d0", "d1"]), "mask": (9, ["d0", "d1"])},
            (10, ["d0", "d1"]),
        ),
        ("rrelu", {}, {"x": (1, ["d0", "d1"])}, (1, ["d0", "d1"])),
        (
            "rrelu",
            {"training": True},
            {"x": (1, ["d0", "d1"]), "noise": (1, ["d0", "d1"])},
            (1, ["d0", "d1"]),
        ),
    ],
)
def test_inputs_and_output(name, options, inputs, output):
    proto = model(name, **options)
    onnx.checker.check_model(proto, full_check=True)
    assert described(proto) == {**inputs, "y": output}


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("axis", [1, -1, 0])
def test_a_weight_belongs_to_its_axis(numerics, axis):
    x = np.array([[[-1.0, -2.0], [-3.0, 4.0]], [[-5.0, 6.0], [7.0, -8.0]]], dtype=np.float32)
    proto = model("prelu", axis=axis, shape=("a", "b", "c"), numerics=numerics)
    for weight in ([0.5], [0.5, 0.25]):
        given = np.array(weight, dtype=np.float32)
        wanted = ua.get_activation("prelu", axis=axis)(x, given)
        np.testing.assert_array_equal(run(proto, [x, given]), wanted)


@pytest.mark.parametrize("opset", [13, 18, NEWEST])
@pytest.mark.parametrize(("name", "options"), [("swiglu", {}), ("maxout", {"groups": 3})])
def test_what_cannot_be_divided_is_refused(name, options, opset):
    sections = options.get("groups", 2)
    with pytest.raises(ua.ParameterValueError, match=f"divided into {sections} equal parts"):
        model(name, opset=opset, shape=("n", sections + 1), **options)
    proto = model(name, opset=opset, **options)
    run(proto, [np.ones((1, 2 * sections), dtype=np.float32)])
    with pytest.raises(Fail, match="Sum of sizes in 'split'"):
        run(proto, [np.ones((1, sections + 1), dtype=np.float32)])


@pytest.mark.parametrize("opset", [13, 18, NEWEST])
@pytest.mark.parametrize("gate_first", [False, True])
@pytest.mark.parametrize("axis", [-1, 1, 0])
def test_interleaved_halves(axis, gate_first, opset):
    options = {"axis": axis, "gate_first": gate_first, "interleaved": True}
    proto = model("swiglu", opset=opset, shape=("a", "b", "c"), **options)
    onnx.checker.check_model(proto, full_check=True)
    empty = [(2, 0, 2), (2, 2, 0), (0, 2, 2)] if opset > 13 else []  # which says no such shape
    for shape in ((4, 2, 6), (2, 4, 2), *empty):
        x = np.linspace(-4.0, 4.0, np.prod(shape), dtype=np.float32).reshape(shape)
        wanted = ua.get_activation("swiglu", **options)(x)
        np.testing.assert_allclose(run(proto, [x]), wanted, rtol=1e-6)
    with pytest.raises(Fail, match="cannot be reshaped"):
        run(proto, [np.ones((3, 3, 3), dtype=np.float32)])
    with pytest.raises(ua.ParameterValueError, match="divided into 2 equal parts"):
        model("swiglu", opset=opset, shape=(3, 3, 3), **options)


def test_names_are_those_of_get_activation():
    wanted = model("leaky_relu", negative_slope=0.25)
    for proto in (
        model("LeakyReLU(negative_slope=0.25)"),
        model({"name": "leaky_relu", "negative_slope": 0.25}),
        model(ua.get_activation("leaky_relu", negative_slope=0.25)),
        model("LeakyRelu", dialect="onnx", alpha=0.25),
        model("leaky_relu", dialect="tensorflow", alpha=0.25),
    ):
        assert proto == wanted
    assert model(None) == model("identity")
    strict = ua.get_activation("leaky_relu", numerics="strict", negative_slope=0.25)
    assert model(strict) == model("leaky_relu", numerics="strict", negative_slope=0.25)


def test_a_registered_one_is_as_good():
    @ua.register_activation("bent_identity", parameters={"a": 1.0})
    def bent_identity(xp, x, *, a):
        return (xp.hypot(x, a) - a) / 2 + x

    proto = model("bent_identity", a=2.0)
    onnx.checker.check_model(proto, full_check=True)
    x = np.array([[-3.0, 0.0, 1.5]], dtype=np.float32)
    np.testing.assert_allclose(run(proto, [x]), (np.sqrt(x * x + 4) - 2) / 2 + x, rtol=1e-6)


def test_a_comparison_may_be_any():
    """The catalogue does not use them all."""

    @ua.register_activation("middle")
    def middle(xp, x):
        return xp.where(x != 0.5, xp.where(x < 1.0, 2.0, xp.floor(x)), xp.tanh(x - 1.0))

    x = np.array([[-1.0, 0.5, 1.0, 2.5]], dtype=np.float32)
    wanted = [[2.0, np.tanh(-0.5), 1.0, 2.0]]
    np.testing.assert_allclose(run(model("middle"), [x]), wanted, rtol=1e-6)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_all_that_is_there_is_needed(subject):
    for numerics in ("fast", "strict"):
        graph = model_of(subject, numerics=numerics, dtype="float16").graph
        used = {name for node in graph.node for name in node.input} | {"y"}
        assert all(used.intersection(node.output) for node in graph.node)
        assert used >= {constant.name for constant in graph.initializer}
        steps = [(node.op_type, *node.input, str(node.attribute)) for node in graph.node]
        assert len(set(steps)) == len(steps)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_number_beyond_the_type_is_infinity(dtype):
    x = np.array([-1.0, 2.0, np.inf], dtype=dtype)
    for numerics in ("fast", "strict"):
        options = {"dtype": dtype, "numerics": numerics, "shape": ("n",)}
        found = run(model("clipped_relu", max_value=1e300, **options), [x])
        np.testing.assert_array_equal(found.astype(np.float32), [0.0, 2.0, np.inf])


def test_names_of_inputs_are_free():
    def blend(xp, x, first, second):
        return (x + 1.0) * first + second * 2.0

    def register(name, inputs):
        definition = ua.Activation(
            name=name,
            kind="learned",
            forward=blend,
            inputs=inputs,
            parameters=[ua.Parameter("axis", 1)],
        )
        ACTIVATIONS.add(definition)

    register("blend", ("x", "v0", "c0"))
    one, two = np.ones((1, 2), dtype=np.float32), np.array([2.0], dtype=np.float32)
    np.testing.assert_array_equal(run(model("blend"), [one, two, two]), [[8.0, 8.0]])
    register("other", ("x", "w", "y"))
    with pytest.raises(ua.UnsupportedError, match="an input of other is called y, as the output"):
        model("other")


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        ("mish", {"opset": 12}, ua.UnsupportedError, "as they are since opset 13"),
        ("mish", {"opset": "18"}, ua.ParameterValueError, "opset must be an integer, got '18'"),
        ("mish", {"opset": NEWEST + 1}, ua.UnsupportedError, f"opsets up to {NEWEST}; upgrade"),
        ("mish", {"dtype": "int8"}, ua.ParameterValueError, "one of float16, .*, got 'int8'"),
        ("mish", {"shape": (2, -1)}, ua.ParameterValueError, "names of lengths, got -1"),
        ("mish", {"shape": (None,)}, ua.ParameterValueError, "names of lengths, got None"),
        ("mish", {"shape": "batch"}, ua.ParameterValueError, "lengths, got 'batch'"),
        ("mish", {"shape": (True,)}, ua.ParameterValueError, "names of lengths, got True"),
        (
            "softmax",
            {"axis": 2, "shape": ("n", "c")},
            ua.ParameterValueError,
            "axis 2 does not exist",
        ),
        ("glu", {"shape": ()}, ua.ParameterValueError, "axis -1 does not exist"),
        ("mish", {"numerics": "exact"}, ua.ParameterValueError, "numerics must be"),
        ("geluu", {}, ua.UnknownActivationError, "Did you mean"),
        ("elu", {"beta": 1.0}, ua.UnknownParameterError, "no parameter 'beta'"),
        ("Selu", {"dialect": "onnx:5"}, ua.UnsupportedError, "four digits"),
        (len, {}, ua.UnknownActivationError, "built-in function len.*is none of ours"),
    ],
)
def test_what_cannot_be_exported_is_refused(name, options, error, match):
    with pytest.raises(error, match=match):
        model(name, **options)


def test_a_saved_model_needs_nothing_but_a_runtime(run_python, tmp_path):
    path = str(tmp_path / "snake.onnx")
    onnx.save(model("snake", shape=("n", 2)), path)
    program = (
        "import sys, numpy as np, onnxruntime\n"
        f"session = onnxruntime.InferenceSession({path!r}, providers=['CPUExecutionProvider'])\n"
        "x, alpha = np.array([[0.5, 2.0]]), np.array([1.0, 0.5])\n"
        "feeds = {'x': x.astype(np.float32), 'alpha': alpha.astype(np.float32)}\n"
        "print(*session.run(None, feeds)[0][0])\n"
        "print({'onnx', 'unified_act'} & sys.modules.keys())"
    )
    values, others = run_python(program).splitlines()
    wanted = [0.5 + np.sin(0.5) ** 2, 2.0 + np.sin(1.0) ** 2 / 0.5]
    np.testing.assert_allclose([float(value) for value in values.split()], wanted, rtol=1e-6)
    assert others == "set()"


def test_onnx_is_not_imported_unless_it_is_asked_for(run_python):
    program = (
        "import sys, unified_act as ua\n"
        "ua.get_activation('mish', backend='numpy', dialect='onnx')\n"
        "print({'onnx', 'unified_act.onnx'} & sys.modules.keys())"
    )
    assert run_python(program) == "set()\n"


def test_without_onnx_it_says_how_to_install_it(run_python):
    program = (
        "import sys\n"
        "sys.modules['onnx'] = None\n"
        "try:\n"
        "    import unified_act.onnx\n"
        "except ImportError as error:\n"
        "    print(type(error).__name__, error)"
    )
    printed = run_python(program)
    assert printed.startswith("BackendNotInstalledError unified_act.onnx needs onnx")
    assert "pip install 'unified-act[onnx]'" in printed
