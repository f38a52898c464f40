"""The conformance run on the backend of a plugin, JAX: what `test_runner` leaves out.

That is the definitions of what JAX has kernels for, and the checks, without `lengths`.
"""

import pytest

from tests.conformance.judge.compiled_types import types_on_jax
from tests.specifications import KINDS
from unified_act.backend import DTYPES
from unified_act.loading import load_backend
from unified_act_conformance.checks.run import list_checks, run_checks
from unified_act_conformance.judge import runner
from unified_act_conformance.subject.cases import count_cases, list_cases
from unified_act_conformance.truth.records import list_subjects

NATIVE = [name for name, kernel in load_backend("jax").native.items() if kernel.dtypes]


def test_it_has_every_type():
    assert list(load_backend("jax").dtypes) == list(DTYPES)


@pytest.mark.quick(lambda name: name == "tanh")
@pytest.mark.parametrize("name", NATIVE)
def test_accuracy_of_definitions(name):
    subject = list_subjects([name])[0]
    everything = {"jax": types_on_jax(name, "strict")}
    results = list(runner.run(list_cases([subject], everything), numerics="strict"))
    assert len(results) == count_cases([subject], everything)
    wrong = [f"{r.case}: {r.problem or r.unsupported}" for r in results if r.status != "passed"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.quick(lambda name, numerics: name == "gelu" and numerics == "fast")
@pytest.mark.parametrize(
    ("name", "numerics"),
    [*((name, "fast") for name in KINDS), *((name, "strict") for name in KINDS if name in NATIVE)],
)
def test_checks(name, numerics):
    """All but `lengths`, whose hundreds of shapes are for `unified-act conformance`."""
    planned = list_checks(list_subjects([name]), {"jax": ["float32"]}, slow=True)
    planned = [check for check in planned if check.name != "lengths"]
    assert {"mode jit", "mode vmap", "mode checkpoint"} <= {check.name for check in planned}
    results = list(run_checks(planned, numerics=numerics))
    assert not [f"{r.check}: {r.problem}" for r in results if r.status == "failed"]
