"""MXNet's own operators, as data. A test checks `dtypes` with the conformance suite."""

from __future__ import annotations

from unified_act.backend import DTYPES, Devices, Native, Reach, Tabled

__all__ = ["DEVICES", "FEW", "FUSED", "NATIVE", "TABLED"]

_NOT_EVERYWHERE = "bfloat16: fails on processors without AVX-512"
_TWICE = ("float16", "float32", "float64")
"""MXNet differentiates some operators twice, and no kernel and no table. So these serve what is
recorded, even if that takes a few times as long: but not in bfloat16, where a million elements with
their gradient take 1.5 ms by a table, and 120 to 440 ms by the operator."""
_REACH = dict.fromkeys(DTYPES, Reach(128, 128))

DEVICES = Devices()

NATIVE = {
    "clipped_relu": Native(
        "clip",
        dtypes=(),
        keywords={"max_value": "a_max"},
        constants={"a_min": 0.0},
        why="the derivative at the bounds is 1",
    ),
    "elu": Native(
        "LeakyReLU",
        dtypes=("float16", "float32", "float64"),
        constants={"act_type": "elu", "slope": 1.0},
        only={"alpha": 1.0},
        outrun={"float16": 0.037, "float64": 0.29},
        why=f"other alpha: the gradient at tiny positive inputs is alpha; {_NOT_EVERYWHERE}",
    ),
    "exponential": Native(
        "exp",
        outrun={"float16": 0.056, "bfloat16": 0.056, "float32": 0.12, "float64": 0.15},
        recorded=_TWICE,
    ),
    "gelu": Native(
        "LeakyReLU",
        dtypes=("float16", "float32"),
        constants={"act_type": "gelu"},
        outrun={"float16": 0.028},
        never_small=("float16",),  # NaN at minus infinity
        why=f"float64: computed in float32, and NaN beyond the range of float32; {_NOT_EVERYWHERE}",
    ),
    "hard_sigmoid": Native(
        "hard_sigmoid",
        dtypes=("float16",),
        constants={"alpha": 1 / 6, "beta": 0.5},
        only={"alpha": 1 / 6, "beta": 0.5},
        outrun={"float16": 0.034},
        why="bfloat16: not supported; float32: the kink is one ULP too early; "
        "float64, and other numbers: the parameters are rounded",
    ),
    "hard_sigmoid_02": Native(
        "hard_sigmoid",
        dtypes=("float16",),
        constants={"alpha": 0.2, "beta": 0.5},
        only={"alpha": 0.2, "beta": 0.5},
        outrun={"float16": 0.033},
        why="bfloat16: not supported; float32: the kink is one ULP too early; "
        "float64, and other numbers: the parameters are rounded",
    ),
    "hard_tanh": Native(
        "clip",
        dtypes=(),
        keywords={"min_value": "a_min", "max_value": "a_max"},
        why="the derivative at the bounds is 1",
    ),
    "identity": Native(
        "identity",
        exact=True,
        dtypes=("float16", "float32", "float64"),
        why="bfloat16: fails on arrays without elements",
    ),
    "leaky_relu": Native(
        "LeakyReLU",
        dtypes=("float32",),
        keywords={"negative_slope": "slope"},
        constants={"act_type": "leaky"},
        unless={"negative_slope": 0.0},
        why="float16: with a negative slope the gradient is 1; "
        "float64: the slope is rounded to float32, and values beyond its range become infinite; "
        f"slope 0: returns 0 for NaN; {_NOT_EVERYWHERE}",
    ),
    "log_softmax": Native(
        "log_softmax",
        dtypes=("float64",),
        keywords={"axis": "axis"},
        reach=_REACH,
        outrun={"float64": 0.29},
        why="bfloat16: a kernel takes a thirtieth of the time; "
        "float32: the result for the largest element can be positive; "
        "float16: its sums are wrong in rows of more than 2,048 elements",
    ),
    "relu": Native(
        "relu",
        dtypes=("float16", "float32", "float64"),
        outrun={"float16": 0.26, "float32": 0.77},
        recorded=("float16", "float32"),
        everywhere=True,
        why="bfloat16: returns 0 for NaN",
    ),
    "relu6": Native(
        "clip",
        dtypes=(),
        constants={"a_min": 0.0, "a_max": 6.0},
        why="the derivative at the bounds is 1",
    ),
    "selu": Native(
        "LeakyReLU",
        dtypes=(),
        constants={"act_type": "selu"},
        only={"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        why="the gradient is wrong for every negative input",
    ),
    "sigmoid": Native(
        "sigmoid",
        outrun={"float16": 0.031, "bfloat16": 0.067, "float32": 0.11, "float64": 0.16},
        recorded=_TWICE,
    ),
    "softmax": Native(
        "softmax",
        dtypes=("float32", "float64"),
        keywords={"axis": "axis"},
        reach=_REACH,
        outrun={"float64": 0.26},
        why="bfloat16: a kernel takes a thirtieth of the time; "
        "float16: its sums are wrong in rows of more than 2,048 elements",
    ),
    "softplus": Native(
        "Activation",
        dtypes=("float16",),
        constants={"act_type": "softrelu"},
        only={"beta": 1.0},
        outrun={"float16": 0.023},
        why="float32, bfloat16: negative in the tail; float64: returns x from x = 20 on",
    ),
    "softsign": Native(
        "softsign",
        dtypes=(),
        why="NaN at both infinities; it takes 2 to 13 times as long as a kernel or a table",
    ),
    "tanh": Native(
        "tanh",
        outrun={"float16": 0.017, "bfloat16": 0.034, "float32": 0.04, "float64": 0.067},
        recorded=_TWICE,
    ),
}

TABLED = Tabled(("float16", "bfloat16"), in_memory=True)

FUSED = ("float16", "bfloat16", "float32", "float64")

FEW = 2**14
"""The smallest number of elements for which what is `outrun` is: for fewer, calling takes longest.
Of 4,096 elements tanh takes 76 µs, by a kernel 53 µs; exponential 45 µs, by a kernel 51 µs."""
