"""What tf2onnx is told about TensorFlow's operations, in float64 and at infinities."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from unified_act.onnx.tf2onnx import handlers

X = np.array([-np.inf, -30.0, -5.5, -1e-3, -0.0, 1e-9, 0.4, 0.6, 6.0, 30.0, np.inf, np.nan])
FUNCTIONS = {
    "erfc": tf.math.erfc,
    "expm1": tf.math.expm1,
    "log1p": lambda x: tf.math.log1p(tf.abs(x)),
    "where": lambda x: tf.where(x > 0.5, x, tf.constant(-2.0, x.dtype)),
    "broadcast where": lambda x: tf.where(x[:1] > 0.5, x, 1.0 / x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("dtype", "room"), [("float32", 1e-6), ("float64", 1e-14)])
def test_of_the_same_value(name, dtype, room):
    function, x = FUNCTIONS[name], X.astype(dtype)
    model, _ = tf2onnx.convert.from_function(
        tf.function(function),
        [tf.TensorSpec([None], dtype, "x")],
        opset=17,
        custom_op_handlers=handlers(opset=17),
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    wanted = function(tf.constant(x)).numpy()
    np.testing.assert_allclose(session.run(None, {"x": x})[0], wanted, rtol=room, atol=room / 1e30)
