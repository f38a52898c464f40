"""Keras on another framework than TensorFlow, which is not there, in a fresh process each."""

from pathlib import Path

import pytest

from tests.processes import WITHOUT_TENSORFLOW

TESTS = "import sys, pytest; sys.stdout = sys.stderr; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.mark.quick(lambda framework: framework == "torch")
@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_the_same_tests(run_python, framework):
    paths = [
        str(Path(__file__).with_name(f"{name}.py")) for name in ("test_layers", "features_here")
    ]
    run_python(
        WITHOUT_TENSORFLOW + TESTS,
        arguments=["-q", "-n", "0", "-p", "no:cacheprovider", *paths],
        environment={"KERAS_BACKEND": framework},
    )
