"""Numbers that MXNet reads from text as they are. Needs MXNet alone, as test_backend does."""

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, further_names, parameters_of
from unified_act.errors import UnsupportedError
from unified_act_mxnet import calls
from unified_act_mxnet._framework import BFLOAT16, DTYPE_OBJECTS, mx
from unified_act_mxnet.gradient import shared_definition
from unified_act_mxnet.numbers import exact_text, exactly

HARD = -0.11653645833333333  # MXNet reads the double next to it


def generator():
    return np.random.default_rng(22)


def random_numbers(count, float_type, bits):
    """Of all exponents. Those below the normal numbers are refused, and some just above unread."""
    least = float(np.finfo(float_type).tiny) * 1e5
    numbers = generator().integers(0, 2 ** (8 * bits.itemsize), count, dtype=bits).view(float_type)
    return [float(c) for c in numbers if np.isfinite(c) and abs(c) > least]


def numbers_in_graphs():
    """What the definitions compute with: parameters, constants and what is made of them."""
    found = set()
    for name, activation in SPECS.items():
        graph = shared_definition(activation, parameters_of(name))
        symbol = graph(*map(mx.sym.var, ["x", *further_names(name)]))
        for node in symbol.get_internals():
            found |= {
                float(t) for k, t in node.list_attr().items() if k in ("scalar", "fill_value")
            }
    return sorted(found)


def evaluated(graph, at, dtype="float64"):
    outputs = calls.in_order(["x"], graph(mx.sym.var("x")))(mx.nd.array([at], dtype=dtype))
    return [output.asscalar() for output in outputs]


def binary(operator, numbers):
    def graph(x):
        return mx.sym.Group([operator(x.as_np_ndarray(), c).as_nd_ndarray() for c in numbers])

    return graph


OPERATORS = {
    "add": (lambda x, c: x + c, 0.0),
    "multiply": (lambda x, c: x * c, 1.0),
    "subtract from": (lambda x, c: c - x, 0.0),
    "full_like": (mx.sym.np.full_like, 0.0),
}
EXTREMES = [HARD, *np.nextafter(2.0 ** np.arange(-1000.0, 1024.0, 23.0), 0.0).tolist(), 1.5e-300]
NUMBERS = {
    "random": lambda: random_numbers(500, np.float64, np.dtype("uint64")),
    "usual": lambda: generator().normal(size=500).tolist(),
    "extreme": lambda: [*EXTREMES, np.finfo(float).tiny.item(), np.finfo(float).max.item()],
    "catalogue": numbers_in_graphs,
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("numbers", NUMBERS)
def test_mxnet_computes_with_the_very_number(operator, numbers):
    numbers = NUMBERS[numbers]()
    function, at = OPERATORS[operator]
    assert len(numbers) > 50
    assert evaluated(binary(function, numbers), at) == numbers


def test_a_parameter_of_an_operator_in_float32_is_the_nearest_number():
    numbers = random_numbers(1000, np.float32, np.dtype("uint32"))
    numbers = [abs(c) for c in numbers] + generator().uniform(1.0, 3.0, 500).tolist()

    def graph(x):
        return mx.sym.Group([mx.sym.LeakyReLU(x, act_type="leaky", slope=c) for c in numbers])

    assert evaluated(graph, -1.0, "float32") == [-np.float32(c) for c in numbers]


def test_an_operator_that_is_called_directly_gets_the_nearest_number():
    slopes = generator().uniform(1.0, 3.0, 200).tolist()
    assert any(exact_text("slope", slope) != str(slope) for slope in slopes)
    x = mx.nd.array([-1.0])
    for slope in slopes:
        f = ua.get_activation("leaky_relu", backend="mxnet", negative_slope=slope)
        assert f(x).asscalar() == -np.float32(slope)


def test_other_attributes_and_infinities_stay_as_they_are():
    assert exact_text("act_type", "elu") == "elu"
    assert exact_text("axis", -1) == "-1"
    assert exact_text("scalar", -np.inf) == "-inf"
    assert exact_text("scalar", -0.0) == "-0.0"
    assert exact_text("scalar", 0.25) == "0.25"


def test_what_mxnet_cannot_read_is_refused():
    with pytest.raises(UnsupportedError, match="cannot read the number"):
        exact_text("scalar", 4.4404415085731544e-308)


class Block(mx.gluon.HybridBlock):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.hybridize()

    def hybrid_forward(self, F, x):  # noqa: N803
        del F
        return self.function(x)


WITH_KINKS = [
    name
    for name, spec in SPECS.items()
    if (own := parameters_of(name)) and any(kink.at for kink in spec.kinks(**own))
]
"""Those with a kink that depends on a parameter."""


def at_kinks(name):
    """Parameters as nobody writes them, with the kinks and the numbers beside those."""
    own = parameters_of(name)
    for factors in generator().uniform(1.0, 1.5, (12, len(own))):
        parameters = {
            key: value * by for (key, value), by in zip(own.items(), factors, strict=True)
        }
        kinks = np.array([kink.at for kink in SPECS[name].kinks(**parameters)])
        yield parameters, np.array([np.nextafter(kinks, to) for to in (-np.inf, kinks, np.inf)])


@pytest.mark.parametrize("name", WITH_KINKS)
def test_kinks_in_blocks_are_in_their_place(name):
    for parameters, inputs in at_kinks(name):
        function, on_numpy = (
            ua.get_activation(SPECS[name].name, backend=backend, **parameters)
            for backend in ("mxnet", "numpy")
        )
        x = mx.nd.array(inputs, dtype="float64")
        x.attach_grad()
        with mx.autograd.record():
            value = Block(function)(x)
        value.backward()
        expected_value, expected_slope = ua.value_and_grad(on_numpy, inputs)
        assert value.asnumpy().tolist() == expected_value.tolist(), parameters
        assert x.grad.asnumpy().tolist() == expected_slope.tolist(), parameters


def test_the_end_of_a_ramp_in_a_block():
    f = ua.get_activation("hard_sigmoid", backend="mxnet", alpha=6.0, beta=1.69921875)
    x = mx.nd.array([np.nextafter(HARD, -1.0), HARD, np.nextafter(HARD, 0.0)], dtype="float64")
    x.attach_grad()
    with mx.autograd.record():
        value = Block(f)(x)
    value.backward()
    assert x.grad.asnumpy().tolist() == [6.0, 0.0, 0.0]


def test_the_layer_has_the_initial_weight_that_is_asked_for():
    for dtype in DTYPE_OBJECTS.values():
        layer = ua.get_layer("prelu", backend="mxnet", channels=2, initial=HARD)
        layer.cast(dtype)
        layer.initialize()
        (weight,) = layer.collect_params().values()
        found = weight.data().astype("float32" if dtype == BFLOAT16 else dtype).asnumpy()
        expected = np.float32(-0.1162109375) if dtype == BFLOAT16 else dtype(HARD)
        assert (found == expected).all()
        assert '"constant"' in weight.var().attr("__init__")


class TestASymbolOfTheUsers:
    def test_is_left_alone(self):
        mine = mx.sym.var("x") * HARD
        before = mine.tojson()
        y = ua.get_activation("hard_tanh", backend="mxnet")(mine)
        assert mine.tojson() == before
        assert y.list_arguments() == ["x"]

    def test_may_have_the_name_of_another_input(self):
        f = ua.get_activation("masked_softmax", backend="mxnet")
        y = f(mx.sym.var("mask") + mx.sym.var("input1"), mx.sym.var("input0"))
        assert set(y.list_arguments()) == {"mask", "input0", "input1"}

    def test_may_be_the_result(self):
        x = mx.sym.var("x")
        assert exactly(lambda a, b: b, mx.sym.var("y"), x) is x
