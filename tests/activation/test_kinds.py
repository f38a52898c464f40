"""Kinds: strings that know what follows from them."""

import copy
import json
import pickle

import numpy as np
import pytest

import unified_act as ua
from tests.specifications import SPECS, parameters_of
from unified_act.activation import KINDS, Activation, Kind
from unified_act.assembly import assemble
from unified_act.shapes import with_shape_check
from unified_act_numpy import namespace

NAMES = ["elementwise", "axis", "gated", "learned", "stochastic"]


def test_their_names():
    assert list(KINDS) == NAMES
    assert "gated" in KINDS
    assert "odd" not in KINDS


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_is_its_name(name):
    kind = Activation("own", abs, kind=name).kind
    assert isinstance(kind, Kind)
    assert kind == name
    assert f"{kind:>12}" == f"{name:>12}"
    assert json.dumps({kind: kind}) == json.dumps({name: name})
    for again in (copy.deepcopy(kind), pickle.loads(pickle.dumps(kind))):
        assert type(again) is type(kind)
        assert again == kind


def test_a_specification_keeps_its_kind():
    assert Activation("own", abs).kind == "elementwise"
    with pytest.raises(AttributeError, match="kind"):
        Activation("own", abs).kind = "axis"
    with pytest.raises(
        ua.InvalidActivationError, match="unknown kind 'odd': use one of elementwise, axis"
    ):
        Activation("own", abs, kind="odd")


def test_a_gated_one_resizes_without_being_told():
    assert Activation("own", abs, kind="gated").resizes
    assert not Activation("own", abs, kind="axis").resizes


@pytest.mark.parametrize("name", SPECS)
def test_the_length_of_the_result(name):
    spec, parameters = SPECS[name], parameters_of(name)
    axis = parameters.get("axis", -1)
    length = 6 * spec.kind.sections(spec, parameters)
    x = np.moveaxis(np.linspace(-1.0, 1.0, 4 * length).reshape(2, 2, length), -1, axis)
    roles = [spec.kind.role(spec, other) for other in spec.inputs_for(parameters)[1:]]
    further = {"weight": np.ones(1), "noise": np.full(x.shape, 0.5), "mask": x > 0.0}
    function = with_shape_check(assemble(spec, namespace, parameters), spec, parameters)
    result = function(x, *(further[role] for role in roles))
    assert result.shape[axis] == spec.kind.result_length(spec, parameters, length)


def test_an_odd_length_has_no_halves():
    spec, parameters = SPECS["glu"], parameters_of("glu")
    check = spec.kind.shape_check(spec, parameters)
    check((2, 4))
    with pytest.raises(ua.ParameterValueError, match="cannot be divided into 2 equal parts"):
        check((2, 3))


def test_only_the_function_knows_a_length_that_is_not_declared():
    spec = Activation("own", abs, kind="axis", resizes=True)
    assert spec.kind.result_length(spec, {"axis": -1}, 4) is None


def test_roles():
    assert SPECS["prelu"].kind.role(SPECS["prelu"], "weight") == "weight"
    assert SPECS["masked_softmax"].kind.role(SPECS["masked_softmax"], "mask") == "mask"
    assert SPECS["gumbel_softmax"].noise == ("noise",)
    assert SPECS["prelu"].noise == SPECS["masked_softmax"].noise == ()
