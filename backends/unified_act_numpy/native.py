"""NumPy's own kernels, as data. A test checks `dtypes` with the conformance suite."""

from __future__ import annotations

from unified_act.backend import Native, Tabled

__all__ = ["FUSED", "NATIVE", "TABLED"]

_WIDE = ("float32", "float64")
_COMPUTED_WIDE = "16-bit types: a table is correctly rounded"
_QUICK_IN_FLOAT32 = f"float64: machine code is quicker; {_COMPUTED_WIDE}"

NATIVE = {
    "arctan": Native("arctan", dtypes=("float32",), why=_QUICK_IN_FLOAT32),
    "clipped_relu": Native(
        "unified_act_numpy.kernels:clip",
        dtypes=_WIDE,
        keywords={"max_value": "high"},
        constants={"low": 0.0},
        outrun={"float32": 0.41, "float64": 0.32},
        why=_COMPUTED_WIDE,
    ),
    "exponential": Native(
        "exp",
        dtypes=(),
        why="warns of every infinite result; without the warning it is the shared definition",
    ),
    "hard_tanh": Native(
        "unified_act_numpy.kernels:clip",
        dtypes=_WIDE,
        keywords={"min_value": "low", "max_value": "high"},
        outrun={"float32": 0.41, "float64": 0.32},
        why=_COMPUTED_WIDE,
    ),
    "lisht": Native("unified_act_numpy.kernels:lisht", dtypes=("float32",), why=_QUICK_IN_FLOAT32),
    "relu": Native(
        "unified_act_numpy.kernels:relu",
        dtypes=_WIDE,
        outrun={"float32": 0.4, "float64": 0.57},
        why=_COMPUTED_WIDE,
    ),
    "relu6": Native(
        "unified_act_numpy.kernels:clip",
        dtypes=_WIDE,
        constants={"low": 0.0, "high": 6.0},
        outrun={"float32": 0.39, "float64": 0.33},
        why=_COMPUTED_WIDE,
    ),
    "tanh": Native("tanh", dtypes=_WIDE, why=_COMPUTED_WIDE),
    "tanh_shrink": Native(
        "unified_act_numpy.kernels:tanh_shrink", dtypes=("float32",), why=_QUICK_IN_FLOAT32
    ),
}

TABLED = Tabled(("float16", "bfloat16"), compiled=True)

FUSED = ("float16", "bfloat16", "float32", "float64")
