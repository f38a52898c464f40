"""Every name by which one of our activations goes in some framework's own list is understood."""

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import REQUIRED
from unified_act import catalogue
from unified_act.registry import ACTIVATIONS

NAMES = """
    affine arctan bilinear celu clamped_swiglu clipped_gelu clipped_leaky_relu clipped_relu
    crelu elu entmax entmax15 exponential gaussian gcu geglu geglu_tanh gelu gelu_tanh glu
    gumbel_softmax hard_mish hard_shrink hard_sigmoid hard_sigmoid_02 hard_silu hard_tanh
    hardmax identity laplace leaky_relu lisht log_sigmoid log_softmax masked_log_softmax
    masked_softmax masked_sparsemax maxout mish pelu prelu quick_geglu quick_gelu reglu relu
    relu6 rrelu scaled_tanh selu serf shifted_softplus shrink sigmoid silu silu_beta silut sin
    smish snake snake_beta soft_shrink softmax softmax2d softmax_one softmin softplus
    softplus_beta softsign sparse_plus sparse_sigmoid sparsemax sqrt_softplus squared_relu
    squareplus srelu star_relu swiglu tanh tanh_shrink telu threshold thresholded_relu tlu xielu
"""
CANONICAL = NAMES.split()

# What each framework looks up by a string, or calls its functions.
KEYS = {
    "keras3": """
        celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh
        leaky_relu linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink
        softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh
        tanh_shrink threshold
    """,
    "transformers": """
        gelu gelu_10 gelu_fast gelu_new gelu_python gelu_pytorch_tanh gelu_python_tanh
        gelu_accurate hardswish laplace leaky_relu linear mish quick_gelu relu relu2 relu6 sigmoid
        silu sqrtsoftplus swish tanh prelu xielu
    """,
    "timm": """
        silu swish mish relu relu6 leaky_relu elu celu selu gelu gelu_tanh quick_gelu sigmoid tanh
        hard_sigmoid hardsigmoid hard_swish hardswish hard_mish prelu identity
    """,
    "mxnet": "activation leaky_relu relu sigmoid softmax log_softmax",
    "gluon": "Activation LeakyReLU PReLU ELU SELU GELU Swish",
    "onnx": """
        Relu Tanh Sigmoid Affine LeakyRelu ThresholdedRelu ScaledTanh HardSigmoid Elu Softsign
        Softplus
    """,
    "torch": """
        threshold relu hardtanh hardswish relu6 elu selu celu leaky_relu prelu rrelu glu gelu
        logsigmoid hardshrink tanhshrink softsign softplus softmin softmax softshrink
        gumbel_softmax log_softmax tanh sigmoid hardsigmoid silu mish
    """,
}
# What a string does not say, an argument does.
ACT_TYPES = {
    "Activation": {
        "relu": "relu",
        "sigmoid": "sigmoid",
        "softrelu": "softplus",
        "softsign": "softsign",
        "tanh": "tanh",
    },
    "LeakyReLU": {
        "elu": "elu",
        "gelu": "gelu",
        "leaky": "leaky_relu",
        "prelu": "prelu",
        "rrelu": "rrelu",
        "selu": "selu",
    },
}
GIVEN = {
    "activation": {"act_type": "relu"},
    "Activation": {"activation": "relu"},
    ("gluon", "LeakyReLU"): {"alpha": 0.1},
    ("keras3", "threshold"): {"threshold": 0.5, "default_value": 0.0},
    ("onnx", "Affine"): {"alpha": 2.0, "beta": 1.0},
    ("onnx", "ScaledTanh"): {"alpha": 2.0, "beta": 1.0},
    ("torch", "log_softmax"): {"dim": -1},
    ("torch", "softmax"): {"dim": -1},
    ("torch", "softmin"): {"dim": -1},
    ("torch", "threshold"): {"threshold": 0.5, "value": 0.0},
}
"""Arguments without which the framework itself cannot be asked."""


def given(dialect, name):
    return GIVEN.get((dialect, name), GIVEN.get(name, {}))


# Names that people use without saying whose they are: what they mean where they come from.
USED = [
    ("hswish", "hard_silu", "mindspore", "HSwish"),
    ("h_swish", "hard_silu", "mmcv", "HSwish"),
    ("hsigmoid", "hard_sigmoid", "mindspore", "HSigmoid"),
    ("h-sigmoid", "hard_sigmoid", "mmcv", "HSigmoid"),
    ("relu_n1_to_1", "hard_tanh", "tflite", "RELU_N1_TO_1"),
    ("none", "identity", "deepmd", "none"),
    ("NONE", "identity", "tflite", "NONE"),
    ("linear", "identity", "darknet", "linear"),
    ("logistic", "sigmoid", "darknet", "logistic"),
    ("LOGISTIC", "sigmoid", "tflite", "LOGISTIC"),
    ("gelu_approx", "gelu_tanh", "", ""),  # MLX
    ("gelu_quick", "quick_gelu", "", ""),  # ggml
    ("sqrelu", "squared_relu", "", ""),
    ("relu_sqr", "squared_relu", "", ""),  # ggml
    ("hardtanh", "hard_tanh", "torch", "hardtanh"),
    ("hard_swish", "hard_silu", "timm", "hard_swish"),
    ("relu2", "squared_relu", "transformers", "relu2"),
]
BY_HAND = {
    "gelu_approx": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "gelu_quick": lambda x: x / (1 + np.exp(-1.702 * x)),
    "sqrelu": lambda x: np.maximum(x, 0) ** 2,
    "relu_sqr": lambda x: np.maximum(x, 0) ** 2,
}


@pytest.mark.parametrize(("name", "canonical", "dialect", "theirs"), USED)
def test_a_name_that_people_use(name, canonical, dialect, theirs):
    ours = ua.get_activation(name, backend="numpy")
    assert ours == ua.get_activation(canonical, backend="numpy")
    x = np.linspace(-4.0, 4.0, 33)
    if dialect:
        assert ours == ua.get_activation(theirs, dialect=dialect, backend="numpy")
    else:
        np.testing.assert_allclose(ours(x), BY_HAND[name](x), rtol=1e-12, atol=1e-15)


def test_every_canonical_name_is_registered():
    assert len(CANONICAL) == 84
    assert set(CANONICAL) <= set(ua.list_activations())


@pytest.mark.parametrize("name", CANONICAL)
def test_a_canonical_name_in_any_spelling(name):
    spec = ACTIVATIONS.find(name)
    assert spec.name == name
    arguments = "(groups=2)" if name == "maxout" else REQUIRED.get(name, name).removeprefix(name)
    camel = "".join(part.capitalize() for part in name.split("_"))
    for spelling in (name, name.upper(), name.replace("_", "-"), name.replace("_", " "), camel):
        assert ua.get_activation(spelling + arguments).name == name


def test_no_key_means_two_things():
    for spec in catalogue.ACTIVATIONS:
        for key in (spec.name, *spec.aliases):
            assert ACTIVATIONS.find(key) is spec


@pytest.mark.parametrize(
    ("dialect", "name"), [(d, name) for d, names in KEYS.items() for name in names.split()]
)
def test_a_frameworks_key_by_its_dialect(dialect, name):
    found = ua.get_activation(name, dialect=dialect, **given(dialect, name))
    assert found.name in CANONICAL
    assert ua.describe(found.name)


PLAIN = {d: names for d, names in KEYS.items() if d in ("keras3", "transformers", "timm", "torch")}


@pytest.mark.parametrize(
    "name", sorted({name for names in PLAIN.values() for name in names.split()})
)
def test_a_key_means_the_same_without_a_dialect(name):
    """Or something with another default, which only the dialect can know; never an unknown name."""
    spec = ACTIVATIONS.find(name)
    assert spec.name in CANONICAL


@pytest.mark.parametrize(
    ("operator", "kind", "name"),
    [(o, kind, name) for o, kinds in ACT_TYPES.items() for kind, name in kinds.items()],
)
def test_act_types_of_mxnet(operator, kind, name):
    assert ua.get_activation(operator, dialect="mxnet", act_type=kind).name == name
