"""TensorFlow's own kernels, as data. A test checks `dtypes` with the conformance suite."""

from __future__ import annotations

from unified_act.backend import DTYPES, Devices, Native, Reach, Tabled

__all__ = ["DEVICES", "FUSED", "NATIVE", "TABLED"]

_REACH = dict.fromkeys(DTYPES, Reach(2048, 2048))

DEVICES = Devices()

NATIVE = {
    "elu": Native(
        "nn.elu",
        only={"alpha": 1.0},
        outrun={"bfloat16": 0.86, "float16": 0.33},
    ),
    "exponential": Native("exp"),
    "gelu": Native(
        "nn.gelu",
        dtypes=("float16", "bfloat16", "float32"),
        constants={"approximate": False},
        outrun={"float32": 0.36, "bfloat16": 0.15, "float16": 0.25},
        why="float64: only as accurate as float32",
    ),
    "gelu_tanh": Native(
        "nn.gelu",
        dtypes=(),
        constants={"approximate": True},
        why="the gradient is NaN where x³ overflows, in float16 from x = 41 on; "
        "float64: only as accurate as float32",
    ),
    "identity": Native("identity", exact=True),
    "leaky_relu": Native(
        "nn.leaky_relu",
        dtypes=("float16", "bfloat16", "float32"),
        keywords={"negative_slope": "alpha"},
        unless={"negative_slope": 0.0},
        outrun={"float16": 0.36},
        why="float64: the slope is rounded to float32; slope 0: NaN at minus infinity",
    ),
    "log_sigmoid": Native(
        "math.log_sigmoid",
        dtypes=("float16", "float32", "float64"),
        outrun={"float32": 0.71, "float64": 0.53, "float16": 0.44},
        why="bfloat16: returns x below -2.9, which is 2 % off",
    ),
    "log_softmax": Native(
        "nn.log_softmax",
        dtypes=("bfloat16", "float32", "float64"),
        keywords={"axis": "axis"},
        reach=_REACH,
        why="float16: minus infinity in rows of more than 65,504 elements",
    ),
    "relu": Native("nn.relu", everywhere=True),
    "relu6": Native("nn.relu6", everywhere=True),
    "rrelu": Native(
        "unified_act_tensorflow.kernels:rrelu",
        dtypes=("float16", "bfloat16", "float32"),
        keywords={"lower": "lower", "upper": "upper"},
        only={"training": False},
        why="float64: the slope is rounded to float32",
    ),
    "selu": Native(
        "nn.selu",
        dtypes=(),
        only={"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        why="the derivative at 0 is that of the positive side",
    ),
    "sigmoid": Native(
        "math.sigmoid",
        outrun={"bfloat16": 0.55},
    ),
    "silu": Native(
        "nn.silu",
        dtypes=("float32", "float64"),
        constants={"beta": 1.0},
        only={"beta": 1.0},
        outrun={"float32": 0.35, "float64": 0.42},
        why="16-bit types: the gradient is computed in 16 bits; beta is rounded to float32",
    ),
    "softmax": Native(
        "nn.softmax",
        dtypes=("bfloat16", "float32", "float64"),
        keywords={"axis": "axis"},
        reach=_REACH,
        why="float16: its sums are wrong in rows of more than 65,504 elements",
    ),
    "softplus": Native(
        "math.softplus",
        dtypes=("float16", "float32", "float64"),
        only={"beta": 1.0},
        outrun={"float32": 0.78, "float64": 0.71, "float16": 0.51},
        why="bfloat16: returns x from x = 2.9 on, which is 2 % off",
    ),
    "softsign": Native(
        "nn.softsign",
        dtypes=(),
        why="it has no second derivative; float16: the gradient's error is just above the limit",
    ),
    "tanh": Native("tanh", outrun={"bfloat16": 0.8}),
}

TABLED = Tabled(("float16", "bfloat16"), in_memory=True)

FUSED = ("float16", "bfloat16", "float32", "float64")
