"""JAX's own kernels, as data. A test checks `dtypes` with the conformance suite."""

from __future__ import annotations

from unified_act.backend import Devices, Native, Tabled

__all__ = ["DEVICES", "NATIVE", "TABLED"]

_WIDE = ("float32", "float64")
_NOT_BFLOAT16 = ("float16", "float32", "float64")
_CANCELS = "the gradient by the gate loses digits by cancellation where the gate is open"
_ENDS = "the gradient is wrong at or next to both kinks"
_NARROW = "16-bit types"
_OWN_TYPE = "16-bit types: the gradient is computed in 16 bits"
_OUTRUN = "float32: with its gradient the shared definition takes {} of the time"
_OUTRUN_BY_TABLE = "{}: with its gradient a table takes {} of the time"

DEVICES = Devices()

NATIVE = {
    "celu": Native(
        "nn.celu",
        (),
        {"alpha": "alpha"},
        why="the second derivative at 0 is a quarter of that on its left; on its right it is 0",
    ),
    "elu": Native(
        "nn.elu",
        ("float64",),
        {"alpha": "alpha"},
        why=f"{_OUTRUN_BY_TABLE.format(_NARROW, 0.4)}; {_OUTRUN.format(0.41)}",
    ),
    "exponential": Native("numpy.exp"),
    "gelu": Native(
        "nn.gelu",
        ("float64",),
        constants={"approximate": False},
        why=f"{_OUTRUN_BY_TABLE.format(_NARROW, 0.2)}; {_OUTRUN.format(0.19)}",
    ),
    "gelu_tanh": Native(
        "nn.gelu", (), {}, {"approximate": True}, why="the gradient is NaN for large x"
    ),
    "glu": Native(
        "nn.glu",
        (),
        {"axis": "axis"},
        only={"gate_first": False, "interleaved": False},
        why=_CANCELS,
    ),
    "hard_sigmoid": Native("nn.hard_sigmoid", (), only={"alpha": 1 / 6, "beta": 0.5}, why=_ENDS),
    "hard_silu": Native("nn.hard_silu", (), why=_ENDS),
    "hard_tanh": Native("nn.hard_tanh", (), only={"min_value": -1.0, "max_value": 1.0}, why=_ENDS),
    "identity": Native("nn.identity", exact=True),
    "leaky_relu": Native(
        "nn.leaky_relu", (), {"negative_slope": "negative_slope"}, why="the gradient at 0 is 1"
    ),
    "log_sigmoid": Native(
        "nn.log_sigmoid", ("float64",), why=f"{_OWN_TYPE}; {_OUTRUN.format(0.39)}"
    ),
    "log_softmax": Native(
        "nn.log_softmax",
        _WIDE,
        {"axis": "axis"},
        why="bfloat16: with its gradient the shared definition takes 0.37 of the time; "
        "float16: minus infinity in rows of more than 65,504 elements",
    ),
    "mish": Native(
        "nn.mish", (), why="the gradient is exactly 1 from x = 8 on, off by 3e-6 in float32"
    ),
    "relu": Native("nn.relu", _WIDE, everywhere=True, why=_OUTRUN_BY_TABLE.format(_NARROW, 0.8)),
    "relu6": Native("nn.relu6", _WIDE, everywhere=True, why=_OUTRUN_BY_TABLE.format(_NARROW, 0.7)),
    "selu": Native(
        "nn.selu",
        ("float64",),
        only={"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        why=f"{_OUTRUN_BY_TABLE.format(_NARROW, 0.25)}; {_OUTRUN.format(0.45)}",
    ),
    "sigmoid": Native("nn.sigmoid", _NOT_BFLOAT16, why=_OUTRUN_BY_TABLE.format("bfloat16", 0.3)),
    "silu": Native("nn.silu", _WIDE, only={"beta": 1.0}, why=_OWN_TYPE),
    "softmax": Native("nn.softmax", _WIDE, {"axis": "axis"}, why=_OWN_TYPE),
    "softplus": Native(
        "nn.softplus", ("float64",), only={"beta": 1.0}, why=f"{_OWN_TYPE}; {_OUTRUN.format(0.65)}"
    ),
    "softsign": Native(
        "nn.soft_sign", (), why="NaN at both infinities, and its gradient can be negative"
    ),
    "sparse_plus": Native("nn.sparse_plus", (), why="the gradient is NaN where x² overflows"),
    "sparse_sigmoid": Native("nn.sparse_sigmoid", (), why=_ENDS),
    "squareplus": Native("nn.squareplus", (), {"b": "b"}, why="infinite where x² overflows"),
    "tanh": Native("nn.tanh", _NOT_BFLOAT16, why=_OUTRUN_BY_TABLE.format("bfloat16", 0.7)),
}

TABLED = Tabled(
    ("float16", "bfloat16"),
    composed=(
        "affine",
        "hard_mish",
        "hard_sigmoid",
        "hard_sigmoid_02",
        "hard_silu",
        "leaky_relu",
        "soft_shrink",
        "softsign",
        "sparse_plus",
        "sparse_sigmoid",
        "squared_relu",
    ),
    compiled=True,
)
"""XLA makes one loop of the few operations of the activations that are left composed: for a million
elements it takes 80 to 300 µs, and so does the gradient. A table takes 250 to 500 µs, but for one
of a few pieces, which is quicker than both."""
