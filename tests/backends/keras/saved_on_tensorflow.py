"""What Keras wrote of our layers and functions when they were those of TensorFlow alone."""

_POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}
_NONE = {"initializer": None, "regularizer": None, "constraint": None}


def _layer(name, function, **more):
    return {
        "module": "unified_act_tensorflow.layers",
        "class_name": "ActivationLayer",
        "config": {
            "name": name,
            "trainable": True,
            "dtype": _POLICY,
            "function": {"name": name, "backend": "tensorflow", **function},
            **more,
            **_NONE,
        },
        "registered_name": "unified_act>ActivationLayer",
        "build_config": {"input_shape": None},
    }


PRELU = _layer("prelu", {"axis": -1}, channels=6, initial={"weight": 0.5})
RRELU = _layer(
    "rrelu",
    {"lower": 0.125, "upper": 0.3333333333333333, "training": False},
    follows_mode=True,
)
DENSE = {
    "module": "keras.layers",
    "class_name": "Dense",
    "config": {
        "name": "dense",
        "trainable": True,
        "dtype": _POLICY,
        "units": 6,
        "activation": {
            "module": "unified_act.callables",
            "class_name": "ActivationFunction",
            "config": {"name": "mish", "backend": "tensorflow"},
            "registered_name": "unified_act>ActivationFunction",
        },
        "use_bias": False,
        "kernel_initializer": {
            "module": "keras.initializers",
            "class_name": "Identity",
            "config": {},
            "registered_name": None,
        },
    },
    "registered_name": None,
}
