"""The conformance run on the backend of a plugin, JAX: each activation, without `lengths`.

In a file of its own: it compiles everything for each shape, and takes minutes.
"""

import pytest

from tests.specifications import KINDS
from unified_act.backend import DTYPES
from unified_act.loading import load_backend
from unified_act_conformance import runner
from unified_act_conformance.cases import count_cases, list_cases, list_subjects
from unified_act_conformance.checks import list_checks, run_checks

NUMERICS = ("fast", "strict")
SUBJECTS = list({subject.activation: subject for subject in reversed(list_subjects())}.values())
"""One of each activation, the first."""


def dtypes_for(name, numerics):
    """Those of JAX's own kernel; of definitions float32, and for one of each kind all.

    Each is compiled anew, which takes minutes; `unified-act conformance --backend jax` does it.
    """
    if numerics == "strict":
        return DTYPES if name in KINDS else ("float32",)
    kernel = load_backend("jax").native.get(name)
    return () if kernel is None else kernel.dtypes


RUNS = [
    (subject, numerics)
    for subject in SUBJECTS
    for numerics in NUMERICS
    if dtypes_for(subject.activation, numerics)
]


def test_it_has_every_type():
    assert list(load_backend("jax").dtypes) == list(DTYPES)


@pytest.mark.parametrize(("subject", "numerics"), RUNS, ids=str)
def test_accuracy(subject, numerics):
    everything = {"jax": dtypes_for(subject.activation, numerics)}
    results = list(runner.run(list_cases([subject], everything), numerics=numerics))
    assert len(results) == count_cases([subject], everything)
    wrong = [f"{r.case}: {r.problem or r.unsupported}" for r in results if r.status != "passed"]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("numerics", NUMERICS)
@pytest.mark.parametrize("name", KINDS)
def test_checks(name, numerics):
    """All but `lengths`, whose hundreds of shapes are for `unified-act conformance`."""
    planned = list_checks(list_subjects([name]), {"jax": ["float32"]}, slow=True)
    planned = [check for check in planned if check.name != "lengths"]
    assert {"mode jit", "mode vmap", "mode checkpoint"} <= {check.name for check in planned}
    results = list(run_checks(planned, numerics=numerics))
    assert not [f"{r.check}: {r.problem}" for r in results if r.status == "failed"]
