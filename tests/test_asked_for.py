"""What people ask for by name, in their words: each is there, or its error says what to write."""

import json
import warnings

import numpy as np
import pytest

import unified_act as ua

X = np.array([-2.5, -0.75, 0.0, 0.5, 3.0])


def called(name, *further, x=X, **parameters):
    return ua.get_activation(name, backend="numpy", **parameters)(x, *further)


FORMULAS = {
    "sigmoid": lambda xp, x: x * xp.sigmoid(x),
    "erf": lambda xp, x: x * xp.tanh(0.7 * x * xp.erfc(-x) / 2),
    "minimum": lambda xp, x: xp.minimum(xp.maximum(x, 0), 6),
    "power": lambda xp, x: xp.maximum(x, 0.0) ** 2,
    "cos": lambda xp, x: x * xp.cos(x),
    "clip": lambda xp, x: xp.clip(x, -1, 1) * x,
    "sign": lambda xp, x: xp.sign(x) * xp.square(x),
    "atan": lambda xp, x: xp.atan(x),
    "softplus": lambda xp, x: x * xp.tanh(xp.softplus(x)),
    "abs": lambda xp, x: x / (1.0 + abs(x)),
    "joined comparisons": lambda xp, x: xp.where((x > -1.0) & (x < 1.0), x**3, x),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_as_people_write_it(name):
    ua.register_activation("own_formula")(FORMULAS[name])
    function = ua.get_activation("own_formula", backend="numpy")
    value, slope = ua.value_and_grad(function, X + 0.01)
    step = 1e-6
    differences = (function(X + 0.01 + step) - function(X + 0.01 - step)) / (2 * step)
    assert np.isfinite(value).all()
    np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-8)


def test_a_formula_of_means():
    ua.register_activation("own_norm", kind="axis", parameters={"axis": -1})(
        lambda xp, x, *, axis: (x - xp.mean(x, axis=axis)) / xp.sqrt(xp.var(x, axis=axis) + 1e-5)
    )
    found = called("own_norm", x=X[None])
    np.testing.assert_allclose(found, ((X - X.mean()) / np.sqrt(X.var() + 1e-5))[None])


def test_a_formula_that_cancels_says_what_to_write():
    with pytest.warns(ua.AccuracyWarning, match=r"Write xp\.erfc\(-x\) for 1 \+ xp\.erf\(x\)"):
        ua.register_activation("own_formula")(lambda xp, x: x * xp.tanh(x * (1 + xp.erf(x)) / 2))


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 4, 1), (1, 1, 5), (3, 4, 5), (4, 5), ()])
def test_prelu_with_a_slope_of_any_shape(shape):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    slope = np.random.default_rng(1).uniform(0.1, 0.9, shape)
    if len(shape) == 1:
        slope = slope.reshape(shape)
    function = ua.get_activation("prelu", backend="numpy")
    value, (_, to_slope) = ua.value_and_grad(function, x, slope)
    np.testing.assert_allclose(value, np.where(x > 0, x, slope * x))
    assert to_slope.shape == shape
    np.testing.assert_allclose(to_slope.sum(), np.where(x > 0, 0, x).sum())


def test_keras_relu_with_everything():
    found = called("ReLU", dialect="keras3", negative_slope=0.1, max_value=2.0, threshold=0.25)
    wanted = np.where(X >= 2.0, 2.0, np.where(X >= 0.25, X, 0.1 * (X - 0.25)))
    np.testing.assert_allclose(found, wanted)


def test_selu_with_other_constants():
    found = called("Selu", dialect="onnx", alpha=2.0, gamma=3.0)
    np.testing.assert_allclose(found, 3.0 * np.where(X > 0, X, 2.0 * np.expm1(X)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_over_several_axes(name):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    powers = np.exp(x) / np.exp(x).sum(axis=(1, 2), keepdims=True)
    wanted = powers if name == "softmax" else np.log(powers)
    np.testing.assert_allclose(called(name, x=x, axis=(1, 2)), wanted)
    config = json.loads(json.dumps(ua.get_activation(name, axis=(1, 2)).to_config()))
    assert ua.from_config(config) == ua.get_activation(name, axis=(1, 2))


BY_NAME = (
    *(
        "arctan",
        "bilinear",
        "clamped_swiglu",
        "entmax",
        "entmax15",
        "gaussian",
        "gcu",
        "geglu_tanh",
    ),
    *("masked_log_softmax", "masked_sparsemax", "pelu", "quick_geglu", "serf", "shifted_softplus"),
    *("silut", "sin", "smish", "softmax_one", "srelu", "telu"),
)


@pytest.mark.parametrize("name", BY_NAME)
def test_it_is_there_with_all_that_a_reader_needs(name):
    facts = ua.describe(name)
    text = str(facts)
    assert facts is not None
    spec = ua.registry.ACTIVATIONS.find(name)
    assert spec.formula
    assert spec.source
    assert spec.summary
    assert spec.derivative is not None
    assert spec.name in text


def test_swiglu_of_gpt_oss():
    x = np.random.default_rng(0).normal(0.0, 6.0, (4, 8))
    gate, up = np.minimum(x[:, ::2], 7.0), np.clip(x[:, 1::2], -7.0, 7.0)
    wanted = gate / (1.0 + np.exp(-1.702 * gate)) * (up + 1.0)
    np.testing.assert_allclose(called("clamped_swiglu", x=x, interleaved=True), wanted)


NAMES = {
    "hswish": "hard_silu",
    "h_swish": "hard_silu",
    "hsigmoid": "hard_sigmoid",
    "relu_n1_to_1": "hard_tanh",
    "gelu_approx": "gelu_tanh",
    "gelu_quick": "quick_gelu",
    "sqrelu": "squared_relu",
    "none": "identity",
    "torch.nn.LeakyReLU(0.1)": "leaky_relu",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_people_use(name):
    assert ua.get_activation(name, backend="np").name == NAMES[name]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lrelu", r"Write leaky_relu\(negative_slope=…\)"),
        ("leaky", "dialect='darknet'"),
        ("relu1", r"write clipped_relu\(max_value=1\.0\)"),
    ],
)
def test_a_name_that_means_several_things_says_which(name, told):
    with pytest.raises(ua.UnknownActivationError, match=told):
        ua.get_activation(name)


@pytest.mark.parametrize(
    ("name", "keyword", "told"),
    [
        ("gelu", {"approximate": "tanh"}, "dialect='torch'"),
        ("softmax", {"dim": 1}, "dialect='torch'"),
    ],
)
def test_a_foreign_keyword_names_its_dialect(name, keyword, told):
    with pytest.raises(ua.UnknownParameterError, match=told):
        ua.get_activation(name, **keyword)


@pytest.mark.parametrize("backend", ["tf", "keras", "pytorch", "np", "mx"])
def test_a_backend_by_the_name_that_people_use(backend):
    assert ua.get_activation("relu", backend=backend).backend in (*ua.list_backends(), "keras")


@pytest.mark.parametrize(
    "mapping",
    [
        {"class_name": "LeakyReLU", "config": {"negative_slope": 0.1}},
        {"type": "LeakyReLU", "negative_slope": 0.1, "inplace": True},
    ],
)
def test_a_mapping_of_keras_or_mmcv(mapping):
    found = ua.get_activation(mapping, backend="numpy")
    assert (found.name, found.parameters["negative_slope"]) == ("leaky_relu", 0.1)


@pytest.mark.parametrize(
    "dialect",
    ["flax", "coreml", "tflite", "paddle", "mindspore", "darknet", "caffe", "deepmd"],
)
def test_a_dialect(dialect):
    assert dialect in ua.list_dialects()
    relu = "RELU" if dialect == "tflite" else "ReLU" if dialect == "caffe" else "relu"
    np.testing.assert_array_equal(called(relu, dialect=dialect), np.maximum(X, 0))


def test_a_function_that_is_not_registered_can_be_judged():
    from unified_act_conformance import check_function

    def bump(x):
        return np.exp(-x * x)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_function(
            bump,
            oracle=lambda xp, x: xp.exp(-(x**2)),
            backend="numpy",
            dtypes=["float32"],
            domain=(-3.0, 3.0),
        )
    assert any(result.status == "passed" for result in results)


def test_a_tensor_where_a_number_is_due_names_what_learns_it():
    torch = pytest.importorskip("torch")
    slope = torch.nn.Parameter(torch.tensor(0.5, requires_grad=True))
    with pytest.raises(ua.ParameterValueError, match="use prelu, which learns it"):
        ua.get_activation("leaky_relu", backend="torch", negative_slope=slope)
    assert slope.requires_grad
