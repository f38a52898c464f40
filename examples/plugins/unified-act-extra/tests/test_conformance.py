"""Each activation on every framework that is installed, against exact arithmetic."""

import pytest

import unified_act as ua
from unified_act_conformance import check_activation

NAMES = ("expanded_silu", "shifted_relu", "smelu")


def test_they_are_announced():
    assert set(NAMES) <= set(ua.list_activations())


@pytest.mark.parametrize("numerics", ["fast", "strict"])
@pytest.mark.parametrize("backend", ua.list_backends(installed=True))
@pytest.mark.parametrize("name", NAMES)
def test_it_conforms(name, backend, numerics):
    check_activation(name, backends=[backend], numerics=numerics)
