"""The command `unified-act conformance same`."""

import dataclasses

import pytest
from click.testing import CliRunner

from unified_act.kernels import unavailable
from unified_act_conformance.commands import same
from unified_act_conformance.commands.main import cli

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there are kernels")


def invoke(*arguments):
    return CliRunner().invoke(cli, ["conformance", "same", "--count", "1000", *arguments])


def test_backends_agree():
    result = invoke("--backend", "numpy,torch", "--activation", "relu,softmax,sparsemax")
    assert result.exit_code == 0, result.output
    assert "comparisons passed" in result.output
    assert "differs" not in result.output


def test_what_is_declared_is_told(monkeypatch):
    def declared(*arguments, **options):
        return [
            dataclasses.replace(result, deviation="torch-made-up")
            for result in compare(*arguments, **options)
        ]

    compare = same.compare
    monkeypatch.setattr(same, "compare", declared)
    result = invoke("--backend", "numpy,torch", "--activation", "relu", "--dtype", "float32")
    assert result.exit_code == 0
    assert "torch differs as torch-made-up declares: relu" in result.output


def test_a_difference_is_a_failure(monkeypatch):
    def differing(*arguments, **options):
        return [
            dataclasses.replace(result, problem="value, 1 element: [bits]")
            for result in compare(*arguments, **options)
        ]

    compare = same.compare
    monkeypatch.setattr(same, "compare", differing)
    result = invoke("--backend", "numpy,torch", "--activation", "relu", "--dtype", "float32")
    assert result.exit_code == 1
    assert "FAILED relu on torch, float32, same bits: value, 1 element: [bits]" in result.output
    assert "0 of 1 comparisons passed" in result.output


def test_one_backend_is_compared_with_nothing():
    result = invoke("--backend", "numpy")
    assert result.exit_code != 0
    assert "two backends" in result.output
