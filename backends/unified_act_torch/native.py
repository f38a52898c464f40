"""PyTorch's own kernels, as data. A test checks `dtypes` with the conformance suite."""

from __future__ import annotations

from unified_act.backend import DTYPES, Devices, Native, Reach, Tabled

__all__ = ["DEVICES", "FUSED", "NATIVE", "TABLED"]

_WIDE = ("float32", "float64")
_SHORT = {"float32": 16, "float64": 33, "float16": 32, "bfloat16": 32}
"""For shorter rows PyTorch's kernels take 3 to 10 times as long as machine code of ours."""

_WIDE_REACH, _NARROW_REACH = Reach(1_024, 128), Reach(131_072, 8_192)
_REACH = {
    **dict.fromkeys(_WIDE, _WIDE_REACH),
    "float16": _NARROW_REACH,
    "bfloat16": _NARROW_REACH,
}
"""Sums of 16-bit types are in float32. Those along the last axis are in 16 parts or more."""

DEVICES = Devices(read={"cuda": "aten/src/ATen/native/cuda of pytorch/pytorch"})

NATIVE = {
    "celu": Native(
        "nn.functional.celu",
        dtypes=("float16", "bfloat16", "float32"),
        keywords={"alpha": "alpha"},
        outrun={"float32": 0.77, "bfloat16": 0.4, "float16": 0.52},
        why="float64: the gradient uses 1/alpha rounded to float32",
    ),
    "clipped_relu": Native(
        "nn.functional.hardtanh",
        keywords={"max_value": "max_val"},
        constants={"min_val": 0.0},
        bends=("max_value",),
        everywhere=True,
    ),
    "elu": Native(
        "nn.functional.elu",
        keywords={"alpha": "alpha"},
        outrun={"float32": 0.7, "float64": 0.58, "bfloat16": 0.44, "float16": 0.53},
    ),
    "exponential": Native("exp", outrun={"float64": 0.72}),
    "gelu": Native(
        "nn.functional.gelu",
        dtypes=("float16", "float32", "float64"),
        constants={"approximate": "none"},
        outrun={"float16": 0.49},
        elsewhere={"cuda": DTYPES},
        why="bfloat16: infinite for finite inputs on a CPU",
    ),
    "gelu_tanh": Native(
        "nn.functional.gelu",
        dtypes=(),
        constants={"approximate": "tanh"},
        elsewhere={"cuda": ("float16", *_WIDE), "other": _WIDE},
        why="machine code, tables and what torch.compile makes of the definition take 0.3 to "
        "0.8 of its time; bfloat16: the gradient is NaN for a quarter of all inputs",
    ),
    "hard_shrink": Native(
        "nn.functional.hardshrink",
        keywords={"threshold": "lambd"},
        bends=("threshold",),
        everywhere=True,
    ),
    "hard_sigmoid": Native(
        "nn.functional.hardsigmoid",
        dtypes=("float16", "bfloat16", "float32"),
        only={"alpha": 1 / 6, "beta": 0.5},
        why="float64: the gradient is 1/6 rounded to float32",
    ),
    "hard_silu": Native(
        "nn.functional.hardswish",
        dtypes=("float16", "float32", "float64"),
        why="bfloat16: infinite for finite inputs",
    ),
    "hard_tanh": Native(
        "nn.functional.hardtanh",
        keywords={"min_value": "min_val", "max_value": "max_val"},
        bends=("min_value", "max_value"),
        everywhere=True,
    ),
    "identity": Native("positive", exact=True),
    "leaky_relu": Native(
        "nn.functional.leaky_relu",
        keywords={"negative_slope": "negative_slope"},
        unless={"negative_slope": 0.0},
        why="slope 0: NaN at minus infinity",
    ),
    "log_sigmoid": Native(
        "unified_act_torch.kernels:log_sigmoid",
        dtypes=("float16", "bfloat16", "float32"),
        outrun={"float32": 0.6, "bfloat16": 0.38, "float16": 0.46},
        why="float64: it uses softplus, which returns x beyond a threshold; "
        "nn.functional.logsigmoid saves two tensors for backward",
    ),
    "log_softmax": Native(
        "log_softmax",
        dtypes=("bfloat16", "float32", "float64"),
        keywords={"axis": "dim"},
        reach=dict.fromkeys(DTYPES, _WIDE_REACH),
        beyond="unified_act_torch.kernels:log_softmax",
        short=_SHORT,
        why="float16: minus infinity in rows of more than 65,504 elements; "
        "bfloat16: the gradient of a small share in a longer row is off by 3 %",
    ),
    "mish": Native(
        "nn.functional.mish",
        dtypes=(),
        elsewhere={"cuda": DTYPES, "other": _WIDE},
        why="machine code, tables and what torch.compile makes of the definition take 0.1 to "
        "0.3 of its time; double backward is NaN from x = 88.7 on",
    ),
    "prelu": Native(
        "prelu",
        only={"axis": 1},
        outrun={"float32": 0.27, "float64": 0.52, "bfloat16": 0.22, "float16": 0.17},
        elsewhere={"cuda": _WIDE},
        why="16-bit types on cuda: the gradient of the weight is a sum of rounded products",
    ),
    "relu": Native("relu", everywhere=True),
    "relu6": Native("nn.functional.relu6", everywhere=True),
    "rrelu": Native(
        "unified_act_torch.kernels:rrelu",
        keywords={"lower": "lower", "upper": "upper"},
        only={"training": False},
    ),
    "selu": Native(
        "selu",
        only={"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        outrun={"float32": 0.73, "float64": 0.56, "bfloat16": 0.39, "float16": 0.55},
    ),
    "sigmoid": Native("sigmoid"),
    "silu": Native(
        "nn.functional.silu",
        only={"beta": 1.0},
        outrun={"bfloat16": 0.73, "float16": 0.8},
    ),
    "soft_shrink": Native(
        "nn.functional.softshrink", keywords={"threshold": "lambd"}, bends=("threshold",)
    ),
    "softmax": Native(
        "softmax",
        keywords={"axis": "dim"},
        reach=_REACH,
        beyond="unified_act_torch.kernels:softmax",
        short=_SHORT,
    ),
    "softmax2d": Native(
        "softmax",
        keywords={"axis": "dim"},
        reach=_REACH,
        beyond="unified_act_torch.kernels:softmax",
    ),
    "softmin": Native(
        "unified_act_torch.kernels:softmin",
        dtypes=("float16", "float32", "float64"),
        keywords={"axis": "dim"},
        reach=_REACH,
        beyond="unified_act_torch.kernels:long_softmin",
        short=_SHORT,
        why="bfloat16: the gradient is computed from rounded results, whose sum is not 1",
    ),
    "softplus": Native(
        "nn.functional.softplus",
        dtypes=("float16", "bfloat16", "float32"),
        keywords={"beta": "beta"},
        constants={"threshold": 20},
        only_at_16_bits={"beta": 1.0},
        outrun={"float32": 0.86, "bfloat16": 0.38, "float16": 0.48},
        why="float64: returns x beyond a threshold, which is off by 2e-9; "
        "16 bits with another beta: so is the second derivative, by a tenth",
    ),
    "softsign": Native(
        "nn.functional.softsign",
        dtypes=(),
        why="NaN at both infinities; saves three tensors for backward",
    ),
    "tanh": Native(
        "tanh",
        outrun={"float32": 0.45, "float64": 0.5, "bfloat16": 0.49, "float16": 0.59},
    ),
    "tanh_shrink": Native(
        "nn.functional.tanhshrink",
        outrun={"float32": 0.48, "float64": 0.32, "bfloat16": 0.42, "float16": 0.5},
        elsewhere={"cuda": _WIDE},
        why="16-bit types on cuda: it subtracts a rounded tanh",
    ),
    "threshold": Native(
        "nn.functional.threshold",
        keywords={"threshold": "threshold", "value": "value"},
        bends=("threshold",),
        everywhere=True,
    ),
    "thresholded_relu": Native(
        "nn.functional.threshold",
        keywords={"threshold": "threshold"},
        constants={"value": 0.0},
        bends=("threshold",),
        everywhere=True,
    ),
}

TABLED = Tabled(
    ("float16", "bfloat16"),
    compiled=True,
    uncompiled=(
        "affine",
        "clipped_relu",
        "hard_mish",
        "hard_shrink",
        "hard_sigmoid",
        "hard_sigmoid_02",
        "hard_silu",
        "hard_tanh",
        "identity",
        "leaky_relu",
        "relu",
        "relu6",
        "shrink",
        "soft_shrink",
        "softsign",
        "sparse_plus",
        "sparse_sigmoid",
        "squared_relu",
        "threshold",
        "thresholded_relu",
    ),
)
"""torch.compile makes one loop of the few operations of the activations that are not compiled to a
look-up: 350 µs for a million elements of hard_silu, where a look-up takes 700 µs. Of mish and silu
it makes one of 6 ms, of gelu one of 38 ms."""

FUSED = ("float16", "bfloat16", "float32", "float64")
