"""The suite on sparsemax: Keras's own is not the projection that it says it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import unified_act as ua
from unified_act_conformance import check_activation
from unified_act_conformance.judge.runner import run
from unified_act_conformance.subject.cases import Subject, list_cases
from unified_act_conformance.subject.implementation import function_of_users

of_this_release = pytest.mark.skipif(
    keras.__version__ != "3.15.1", reason="another release may have mended it"
)
SUBJECT = Subject("sparsemax")


def own(x):
    return ua.get_activation("sparsemax", backend="tensorflow")(x)


def results_of(function):
    cases = list_cases([SUBJECT], {"tensorflow": ["float32"]}, orders=(0, 1))
    return list(run(cases, implement=function_of_users(function), quick=True))


def test_ours_passes_as_somebody_elses():
    assert [result.status for result in results_of(own)] == ["passed", "passed"]


@of_this_release
def test_that_of_keras_is_found_wrong():
    value, _ = results_of(keras.activations.sparsemax)
    assert value.status == "failed"
    assert "error" in value.problem
    assert "want" in value.problem


@of_this_release
def test_and_what_is_wrong_is_said():
    with pytest.raises(
        AssertionError, match=r"sparsemax on tensorflow, float32, value: error .*want"
    ):
        check_activation(
            "sparsemax",
            function=keras.activations.sparsemax,
            backends=["tensorflow"],
            dtypes=["float32"],
        )


@of_this_release
def test_by_hand():
    """The shares of a projection on the simplex add up to 1; those of Keras do not."""
    x = tf.constant([[0.1, 1.1, 0.2, 0.3]])
    np.testing.assert_allclose(own(x), [[0.0, 0.9, 0.0, 0.1]], atol=1e-6)
    assert float(tf.reduce_sum(keras.activations.sparsemax(x))) < 0.5
