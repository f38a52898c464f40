"""Models of learned activations whose weights are broadcast; ONNX's own examples of PRelu."""

import numpy as np
import onnx
import pytest
from onnx.backend.test.case.node import prelu as standard

import unified_act as ua
from tests.backends.arrays import BACKENDS, back, native
from tests.onnx.runtime import NEWEST, run, run_reference
from unified_act.onnx import model
from unified_act.registry import ACTIVATIONS

LEARNED = ua.list_activations(kind="learned")
X = np.linspace(-2.0, 2.5, 60).reshape(3, 4, 5)


@pytest.mark.quick(lambda name, shape: name == "prelu" or shape == (4, 1))
@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("shape", [(4, 1), (1, 4, 1), (3, 4, 5), (4, 5)], ids=str)
@pytest.mark.parametrize(
    ("dtype", "numerics"), [("float32", "fast"), ("float64", "strict"), ("float16", "fast")]
)
def test_every_learned_activation(name, shape, dtype, numerics):
    names = ACTIVATIONS.find(name).weights
    proto = model(name, shape=["n", 4, 5], weight_shape=shape, dtype=dtype, numerics=numerics)
    onnx.checker.check_model(proto, full_check=True)
    weights = [np.linspace(0.25, 1.0 + i, np.prod(shape)).reshape(shape) for i in range(len(names))]
    arrays = [array.astype(dtype) for array in (X, *weights)]
    wanted = ua.get_activation(name, backend="numpy")(*arrays)
    found = run(proto, arrays)
    assert found.dtype == wanted.dtype
    room = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, wanted, rtol=room, atol=room)


@pytest.mark.parametrize("opset", [13, 16, NEWEST])
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_shapes_by_name_and_a_vector_beside_them(opset, numerics):
    proto = model(
        "star_relu",
        shape=["n", 4, 5],
        weight_shape={"scale": ["n", 1, 5]},
        opset=opset,
        numerics=numerics,
    )
    onnx.checker.check_model(proto, full_check=True)
    scale = np.linspace(0.5, 1.5, 15).reshape(3, 1, 5)
    arrays = [np.float32(a) for a in (X, scale, np.arange(4.0))]
    wanted = ua.get_activation("star_relu", backend="numpy")(*arrays)
    np.testing.assert_allclose(run_reference(proto, arrays), wanted, rtol=1e-6)


def examples():
    """The inputs and outputs of ONNX's own node tests, by name."""
    found = {}

    def expect(_node, inputs, outputs, name):
        found[name] = inputs, outputs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standard, "expect", expect)
        standard.PRelu.export()
        standard.PRelu.export_prelu_broadcast()
    return found


EXAMPLES = examples()


@pytest.mark.quick(lambda case: case == "test_prelu_example")
@pytest.mark.parametrize("case", ["test_prelu_example", "test_prelu_broadcast"])
@pytest.mark.parametrize("backend", [*BACKENDS, "jax"])
def test_the_examples_of_the_standard(case, backend):
    ((x, slope), (wanted,)) = EXAMPLES[case]
    function = ua.get_activation("PRelu", dialect="onnx", backend=backend)
    arrays = [native(backend, array, "float32") for array in (x, slope)]
    np.testing.assert_array_equal(back(backend, function(*arrays), "float32"), wanted)
    proto = model("PRelu", dialect="onnx", shape=x.shape, weight_shape=slope.shape)
    np.testing.assert_array_equal(run(proto, [x, slope]), wanted)


@pytest.mark.parametrize(
    ("name", "given", "error", "hint"),
    [
        ("prelu", (3, 4), ua.InputTypeError, r"weight has the shape \(3, 4\), which cannot"),
        ("prelu", (1, 3, 4, 5), ua.InputTypeError, "cannot be broadcast"),
        ("prelu", (9,), ua.ParameterValueError, "9 channels, but axis 1"),
        ("prelu", "ab", ua.ParameterValueError, "weight_shape must hold lengths"),
        ("prelu", (1.5,), ua.ParameterValueError, "weight_shape must hold lengths"),
        ("prelu", {"alpha": (4, 1)}, ua.ParameterValueError, "has the weights weight, not 'alpha'"),
        ("relu", (4, 1), ua.ParameterValueError, "relu has no weights"),
    ],
)
def test_what_does_not_fit(name, given, error, hint):
    with pytest.raises(error, match=hint):
        model(name, shape=(3, 4, 5), weight_shape=given)
