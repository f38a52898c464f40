"""TensorFlow's own kernels: data. The conformance suite decides about `dtypes`."""

from __future__ import annotations

from unified_act.backend import Native

__all__ = ["NATIVE"]

NATIVE = {
    "elu": Native("nn.elu", only={"alpha": 1.0}),
    "gelu": Native("nn.gelu", constants={"approximate": False}),
    "gelu_tanh": Native("nn.gelu", constants={"approximate": True}),
    "identity": Native("identity"),
    "leaky_relu": Native("nn.leaky_relu", keywords={"negative_slope": "alpha"}),
    "log_sigmoid": Native("math.log_sigmoid"),
    "log_softmax": Native("nn.log_softmax", keywords={"axis": "axis"}),
    "relu": Native("nn.relu"),
    "relu6": Native("nn.relu6"),
    "selu": Native("nn.selu"),
    "sigmoid": Native("math.sigmoid"),
    "silu": Native("nn.silu", keywords={"beta": "beta"}),
    "softmax": Native("nn.softmax", keywords={"axis": "axis"}),
    "softplus": Native("math.softplus", only={"beta": 1.0}),
    "softsign": Native("nn.softsign"),
    "tanh": Native("tanh"),
}
