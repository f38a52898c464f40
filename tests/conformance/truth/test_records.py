"""What is written down about activations, and what holds where nothing is."""

from collections import Counter

import pytest
from click.testing import CliRunner

import unified_act as ua
from tests.conformance.truth.elementwise_facts import FORMULAS, LIMITS, REQUIRED
from unified_act.registry import ACTIVATIONS
from unified_act_conformance import check_activation
from unified_act_conformance.commands.main import cli
from unified_act_conformance.judge import budgets
from unified_act_conformance.truth import records
from unified_act_conformance.truth.record import EVERYTHING, Record
from unified_act_conformance.truth.records import RECORDS, family_members, record_of, unrecorded


def test_every_record_is_of_its_kind():
    for name, record in RECORDS.items():
        activation = ACTIVATIONS.find(name)
        assert (record.formula is not None) == (activation.kind == "elementwise"), name
        assert (record.definition is None) == (activation.kind == "elementwise"), name
        for parameters in (*record.variants, *record.family_parameters):
            assert set(parameters) <= {parameter.name for parameter in activation.parameters}
        assert len(record.weights) in (0, len(activation.weights)), name


def test_a_family_has_several_members():
    families = Counter(family for record in RECORDS.values() for family in record.families)
    assert len(families) == 7
    assert min(families.values()) > 1
    assert {str(member) for member in family_members("leaky_relu")} == {
        *("identity", "relu", "leaky_relu"),
        "clipped_leaky_relu(max_value=6.0, negative_slope=0.1, threshold=1.0)",
        *(f"leaky_relu(negative_slope={slope})" for slope in (0.3, 0.25, 0.2, -0.5)),
    }


def test_without_a_record_the_defaults_hold():
    assert record_of("unheard_of") == Record("unheard_of")
    assert budgets.tier_of("unheard_of") is budgets.tiers()["composed"]
    assert records.value_range("unheard_of", 0) == EVERYTHING
    assert unrecorded("gelu") == ""


def test_what_a_missing_formula_says():
    with pytest.raises(LookupError, match=r"softmax has no formula: write one.*truth/formulas"):
        records.formula_of("softmax")


def test_an_activation_without_defaults_and_variants_says_what_is_missing():
    forward = lambda xp, x, *, at: x * at
    ua.register_activation("timed", parameters={"at": None})(forward)
    result = CliRunner().invoke(cli, ["conformance", "--activation", "timed", "--backend", "numpy"])
    assert result.exit_code == 1
    assert "timed has no default for at: the `variants` of its Record say with" in result.output


def test_a_tier_that_does_not_exist(monkeypatch):
    monkeypatch.setattr(budgets, "record_of", lambda name: Record(name, tier="exat"))
    with pytest.raises(LookupError, match=r"gelu names the tier 'exat', but .*budgets.toml.*exact"):
        budgets.budget("gelu", 0, "float32")


@pytest.mark.parametrize("table", [FORMULAS, LIMITS, REQUIRED])
def test_a_missing_fact_says_where_it_belongs(table):
    with pytest.raises(LookupError, match=r"^squared_gelu needs .* of .*elementwise_facts\.py"):
        table["squared_gelu"]


def test_a_failure_says_that_there_is_no_record():
    ua.register_activation("halved", derivative=lambda xp, x: x * 0.0 + 0.5)(lambda xp, x: x * 0.5)
    said = "halved is judged by its own definition, with the budgets of the tier composed"
    with pytest.raises(AssertionError, match=said):
        check_activation("halved", function=abs, backends=["numpy"], dtypes=["float32"])
