"""MXNet's own operators: data. The conformance suite decides about `dtypes`."""

from __future__ import annotations

from unified_act.backend import Native

__all__ = ["NATIVE"]

NATIVE = {
    "elu": Native("LeakyReLU", keywords={"alpha": "slope"}, constants={"act_type": "elu"}),
    "gelu": Native("LeakyReLU", constants={"act_type": "gelu"}),
    "hard_sigmoid": Native("hard_sigmoid", keywords={"alpha": "alpha", "beta": "beta"}),
    "hard_tanh": Native("clip", keywords={"min_value": "a_min", "max_value": "a_max"}),
    "identity": Native("identity"),
    "leaky_relu": Native(
        "LeakyReLU", keywords={"negative_slope": "slope"}, constants={"act_type": "leaky"}
    ),
    "log_softmax": Native("log_softmax", keywords={"axis": "axis"}),
    "relu": Native("relu"),
    "relu6": Native("clip", constants={"a_min": 0.0, "a_max": 6.0}),
    "selu": Native("LeakyReLU", constants={"act_type": "selu"}),
    "sigmoid": Native("sigmoid"),
    "softmax": Native("softmax", keywords={"axis": "axis"}),
    "softplus": Native("Activation", constants={"act_type": "softrelu"}, only={"beta": 1.0}),
    "softsign": Native("softsign"),
    "tanh": Native("tanh"),
}
