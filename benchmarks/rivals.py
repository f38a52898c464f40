"""What a user would write by hand in the place of an activation, as data.

The rivals of an activation on a backend are the framework's own functions, which the table
`native.py` of the backend lists, other functions of the framework or of Keras (`FUNCTIONS`), and
plain formulas as papers and model libraries write them (`FORMULAS`). Each is the text of a Python
expression. It names the inputs and the parameters of the activation as the specification does, and
the functions of `benchmarks.frameworks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unified_act.activation import Activation
from unified_act.backend import Native
from unified_act_conformance.subject import native_table

__all__ = ["BACKENDS", "FORWARD_ONLY", "PARAMETERS", "rivals"]

BACKENDS = {
    "numpy": "np",
    "torch": "torch",
    "tensorflow": "tf",
    "mxnet": "mx.nd",
    "jax": "jax",
}
"""The backends, and what users call the module that their tables of kernels start from."""

FORWARD_ONLY = ("hardmax",)
"""The activations without a gradient: it is 0 everywhere, and nobody computes it."""

PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "affine": {"alpha": 2.0, "beta": -0.75},
    "clipped_leaky_relu": {"max_value": 6.0, "negative_slope": 0.1, "threshold": 1.0},
    "clipped_relu": {"max_value": 2.5},
    "maxout": {"groups": 2},
    "threshold": {"threshold": 1.5, "value": -20.0},
}
"""Parameters of the activations that need some."""

_ENTMAX15 = (
    "square(relu((z := (x - largest(x)) / 2) - largest(where((t := (m := running(d := descending(z"
    ")) / ranks(z)) - sqrt(relu(1 / ranks(z) - running(square(d)) / ranks(z) + square(m)) + 1e-9))"
    " <= d, t, z * 0 - 1))))"
)
"""With the default alpha of entmax."""

FORMULAS: Mapping[str, Sequence[str]] = {
    "affine": ["alpha * x + beta"],
    "arctan": ["atan(x)"],
    "bilinear": ["(h := halves(x))[0] * h[1]"],
    "celu": ["where(x > 0, x, alpha * expm1(x / alpha))"],
    "clamped_swiglu": [
        (
            "(g := clip((h := halves(x))[0], -1e30, limit)) * sigmoid(alpha * g)"
            " * (clip(h[1], -limit, limit) + offset)"
        )
    ],
    "clipped_gelu": ["clip(gelu(x), min_value, max_value)"],
    "clipped_leaky_relu": [
        "clip(where(x >= threshold, x, negative_slope * (x - threshold)), -1e30, max_value)",
    ],
    "clipped_relu": ["clip(x, 0, max_value)"],
    "crelu": ["concat([relu(x), relu(-x)], axis)"],
    "elu": ["where(x > 0, x, alpha * expm1(x))"],
    "entmax": [_ENTMAX15],
    "entmax15": [_ENTMAX15],
    "exponential": ["exp(x)"],
    "gaussian": ["exp(-(x * x))"],
    "gcu": ["x * cos(x)"],
    "geglu": ["(h := halves(x))[0] * gelu(h[1])"],
    "geglu_tanh": [
        "(g := (h := halves(x))[1]) * h[0] * sigmoid(1.5957691216057308 * (g + 0.044715 * g**3))"
    ],
    "gelu": ["gelu(x)", "x * 0.5 * (1 + erf(x / 1.4142135623730951))"],
    "gelu_tanh": [
        "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))",
        "x * sigmoid(1.5957691216057308 * x * (1 + 0.044715 * x * x))",
    ],
    "glu": ["(h := halves(x))[0] * sigmoid(h[1])"],
    "gumbel_softmax": ["softmax((x - log(-log(noise))) / tau, axis)"],
    "hard_mish": ["x * 0.5 * clip(x + 2, 0, 2)"],
    "hard_shrink": ["where(abs(x) > threshold, x, 0)"],
    "hard_sigmoid": ["clip(alpha * x + beta, 0, 1)"],
    "hard_sigmoid_02": ["clip(alpha * x + beta, 0, 1)"],
    "hard_silu": ["x * clip(x + 3, 0, 6) / 6"],
    "hard_tanh": ["clip(x, min_value, max_value)"],
    "hardmax": ["hardmax(x)"],
    "identity": ["x * 1"],
    "laplace": ["0.5 * (1 + erf((x - mu) / (sigma * 1.4142135623730951)))"],
    "leaky_relu": ["where(x > 0, x, negative_slope * x)"],
    "lisht": ["x * tanh(x)"],
    "log_sigmoid": ["-softplus(-x)"],
    "log_softmax": [
        "(s := x - largest(x)) - log(total(exp(s)))",
    ],
    "masked_log_softmax": [
        "where(mask, (s := (z := where(mask, x, -1e9)) - largest(z)) - log(total(exp(s))), -1e999)",
    ],
    "masked_sparsemax": [
        (
            "where(mask, relu((z := where(mask, x, -1e9)) - "
            "largest((running(descending(z)) - 1) / ranks(z))), 0)"
        ),
    ],
    "masked_softmax": ["softmax(where(mask, x, -1e9), axis)"],
    "maxout": ["maximum(*halves(x))"],
    "mish": ["x * tanh(softplus(x))"],
    "pelu": ["where(x > 0, a / b * x, a * expm1(x / b))"],
    "prelu": ["where(x > 0, x, weight * x)", "relu(x) - weight * relu(-x)"],
    "quick_geglu": ["(h := halves(x))[0] * h[1] * sigmoid(1.702 * h[1])"],
    "quick_gelu": ["x * sigmoid(1.702 * x)"],
    "reglu": ["(h := halves(x))[0] * relu(h[1])"],
    "relu": ["where(x > 0, x, 0)"],
    "relu6": ["clip(x, 0, 6)"],
    "rrelu": ["where(x > 0, x, (lower + upper) / 2 * x)"],
    "scaled_tanh": ["alpha * tanh(beta * x)"],
    "selu": ["1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))"],
    "serf": ["x * erf(softplus(x))"],
    "shifted_softplus": ["softplus(x) - 0.6931471805599453"],
    "shrink": ["where(x > threshold, x - bias, where(x < -threshold, x + bias, 0))"],
    "sigmoid": ["sigmoid(x)", "1 / (1 + exp(-x))"],
    "silu": ["x * sigmoid(beta * x)"],
    "silut": [
        (
            "where(x < threshold, x * sigmoid(x), "
            "tanh(1.0881041060151695 * (x - threshold)) + 2.8577223804673)"
        ),
    ],
    "sin": ["sin(x)"],
    "smish": ["x * tanh(log1p(sigmoid(x)))"],
    "silu_beta": ["x * sigmoid(beta * x)"],
    "snake": ["x + square(sin(alpha * x)) / alpha"],
    "snake_beta": ["x + exp(-beta) * square(sin(exp(alpha) * x))"],
    "soft_shrink": ["sign(x) * relu(abs(x) - threshold)", "x - clip(x, -threshold, threshold)"],
    "softmax": ["(e := exp(x - largest(x))) / total(e)"],
    "softmax2d": ["softmax(x, axis)"],
    "softmax_one": ["(e := exp(x - (m := relu(largest(x))))) / (exp(-m) + total(e))"],
    "softmin": ["softmax(-x, axis)"],
    "softplus": ["softplus(beta * x) / beta", "softplus(x)"],
    "softplus_beta": ["softplus(beta * x) / beta"],
    "softsign": ["x / (1 + abs(x))"],
    "sparse_plus": ["where(x >= 1, x, square(clip((x + 1) / 2, 0, 1)))"],
    "sparse_sigmoid": ["clip((x + 1) / 2, 0, 1)"],
    "sparsemax": ["relu(x - largest((running(descending(x)) - 1) / ranks(x)))"],
    "sqrt_softplus": ["sqrt(softplus(x))"],
    "srelu": [
        (
            "where(x >= t_right, t_right + a_right * (x - t_right), "
            "where(x <= t_left, t_left + a_left * (x - t_left), x))"
        ),
    ],
    "squared_relu": ["square(relu(x))", "relu(x) * relu(x)"],
    "squareplus": ["(x + sqrt(x * x + b)) / 2"],
    "star_relu": ["scale * square(relu(x)) + bias"],
    "swiglu": ["silu((h := halves(x))[0]) * h[1]"],
    "telu": ["x * tanh(exp(x))"],
    "tanh": ["tanh(x)"],
    "tanh_shrink": ["x - tanh(x)"],
    "threshold": ["where(x > threshold, x, value)"],
    "thresholded_relu": ["where(x > threshold, x, 0)"],
    "tlu": ["maximum(x, tau)"],
    "xielu": ["where(x > 0, alpha_p * x * x + beta * x, (expm1(x) - x) * alpha_n + beta * x)"],
}
"""Formulas that serve every framework, with the short names that `benchmarks.frameworks` binds."""

FUNCTIONS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "numpy": {
        "elu": ["np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))"],
        "hard_shrink": ["x * (np.abs(x) > threshold)"],
        "leaky_relu": ["np.maximum(x, negative_slope * x)"],
        "log_sigmoid": ["scipy.special.log_expit(x)"],
        "log_softmax": ["scipy.special.log_softmax(x, axis)"],
        "relu": ["np.maximum(x, 0)"],
        "softmax": ["scipy.special.softmax(x, axis)"],
        "thresholded_relu": ["x * (x > threshold)"],
    },
    "torch": {
        "crelu": ["torch.cat([x, -x], dim=axis).relu()"],
        "glu": ["F.glu(x, dim=axis)"],
        "hardmax": ["torch.zeros_like(x).scatter_(axis, x.argmax(axis, keepdim=True), 1)"],
        "identity": ["x.clone()"],
        "masked_softmax": ["torch.softmax(x.masked_fill(~mask, -torch.inf), dim=axis)"],
        "maxout": ["x.unflatten(axis, (groups, -1)).amax(axis - 1)"],
        "rrelu": ["F.rrelu(x, lower=lower, upper=upper)"],
        "softmax2d": ["torch.softmax(x, dim=axis)"],
        "softmin": ["F.softmin(x, dim=axis)"],
        "shrink": ["(x - bias) * (x > threshold) + (x + bias) * (x < -threshold)"],
        "squared_relu": ["torch.relu(x) ** 2"],
    },
    "tensorflow": {
        "celu": ["keras.activations.celu(x)"],
        "crelu": ["tf.nn.crelu(x, axis=axis)"],
        "hard_silu": ["x * tf.nn.relu6(x + 3) / 6", "keras.activations.hard_silu(x)"],
        "hard_shrink": ["keras.activations.hard_shrink(x)"],
        "hard_sigmoid": ["tf.nn.relu6(x + 3) / 6", "keras.activations.hard_sigmoid(x)"],
        "hard_tanh": ["keras.activations.hard_tanh(x)"],
        "leaky_relu": ["tf.maximum(x, negative_slope * x)"],
        "glu": ["keras.activations.glu(x)"],
        "mish": ["keras.activations.mish(x)"],
        "rrelu": ["tf.nn.leaky_relu(x, alpha=(lower + upper) / 2)"],
        "silu": ["tf.nn.silu(x)"],
        "sparse_plus": ["keras.activations.sparse_plus(x)"],
        "squareplus": ["keras.activations.squareplus(x)"],
        "soft_shrink": ["keras.activations.soft_shrink(x)"],
        "tanh_shrink": ["keras.activations.tanh_shrink(x)"],
        "threshold": ["keras.activations.threshold(x, threshold, value)"],
    },
    "mxnet": {
        "hard_shrink": ["x * (mx.nd.abs(x) > threshold)"],
        "leaky_relu": ["mx.nd.maximum(x, negative_slope * x)"],
        "prelu": ["mx.nd.LeakyReLU(x, gamma=weight, act_type='prelu')"],
        "softmin": ["mx.nd.softmin(x, axis=axis)"],
        "softmax2d": ["mx.nd.softmax(x, axis=axis)"],
        "softplus": ["mx.nd.Activation(x, act_type='softrelu')"],
        "thresholded_relu": ["x * (x > threshold)"],
    },
    "jax": {
        "masked_softmax": ["jax.nn.softmax(x, axis, where=mask)"],
        "rrelu": ["jax.nn.leaky_relu(x, (lower + upper) / 2)"],
    },
}
"""Further functions of each framework, by backend and activation.

Keras' sparsemax is not among them: with several rows it computes another function.
"""

WRONG_GRADIENT = {"mx.nd.LeakyReLU(x, act_type='selu')": "wrong for every negative input"}
"""The statements that are no rivals where a gradient is wanted, and why."""

_ONLY_IN_BFLOAT16 = ("np.exp(x)", "np.maximum(x, 0)", "np.tanh(x)")
"""The statements that NumPy computes in bfloat16: most of SciPy is not made for that type."""

_NOT_IN_BFLOAT16 = (
    "hardmax(",
    "mx.nd.LeakyReLU(x, act_type='selu')",
    "mx.nd.LeakyReLU(x, gamma=weight",
    "mx.nd.hard_sigmoid(",
    "mx.nd.softmin(",
    "relu(x - largest((running(descending(x))",
    "square(relu((z := (x - largest(x))",
    "where(mask, relu((z := where(mask, x",
)
"""How the statements begin that MXNet does not compute in bfloat16."""


def rivals(
    backend: str, activation: Activation, parameters: Mapping[str, Any], dtype: str, mode: str
) -> list[str]:
    """Returns the statements that compute an activation on a backend.

    Args:
        backend: One of `BACKENDS`.
        activation: The activation.
        parameters: Every parameter with its value.
        dtype: The name of the float type of the inputs.
        mode: ``"forward"`` or ``"gradient"``.
    """
    row = native_table(f"unified_act_{backend}").get(activation.name)
    own = [] if row is None else _call(BACKENDS[backend], row, activation, parameters)
    more = FUNCTIONS[backend].get(activation.name, ())
    found = list(dict.fromkeys((*own, *more, *FORMULAS[activation.name])))
    if mode == "gradient":
        found = [text for text in found if text not in WRONG_GRADIENT]
    if dtype == "bfloat16" and backend in ("numpy", "mxnet"):
        # There a user also casts to float32 and back, because little else is quick, or works.
        plain = [text for text in found if _in_bfloat16(backend, text)]
        return plain + [_cast(backend, text, activation, parameters) for text in found]
    return found


def _call(
    module: str, row: Native, activation: Activation, parameters: Mapping[str, Any]
) -> list[str]:
    """Returns the call of a framework's own function, if it serves these parameters."""
    keywords = row.arguments(parameters)
    if row.is_override or keywords is None:
        return []
    inputs = activation.inputs_for(parameters)
    arguments = [*inputs, *(f"{name}={value!r}" for name, value in keywords.items())]
    return [f"{module}.{row.function}({', '.join(arguments)})"]


def _in_bfloat16(backend: str, text: str) -> bool:
    if backend == "numpy":
        return text in _ONLY_IN_BFLOAT16
    return not text.startswith(_NOT_IN_BFLOAT16)


def _cast(backend: str, text: str, activation: Activation, parameters: Mapping[str, Any]) -> str:
    inputs = activation.inputs_for(parameters)
    kept = activation.masks if backend == "numpy" else ()  # MXNet's masks are numbers
    cast = [name if name in kept else f"wide({name})" for name in inputs]
    return f"narrow((lambda {', '.join(inputs)}: {text})({', '.join(cast)}))"
