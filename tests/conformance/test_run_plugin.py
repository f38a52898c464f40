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
DTYPES_OF = {"fast": ("bfloat16", "float64"), "strict": ("float32",)}
"""Everything is compiled anew for each. `unified-act conformance --backend jax` has them all."""


SUBJECTS = list({subject.activation: subject for subject in reversed(list_subjects())}.values())
"""One of each activation, the first."""


def dtypes_for(subject, numerics):
    """Where JAX's own kernel is used, all types; the definition is the same in fast and strict."""
    native = subject.activation in load_backend("jax").native
    return DTYPES if native and numerics == "fast" else DTYPES_OF[numerics]


def test_it_has_every_type():
    assert list(load_backend("jax").dtypes) == list(DTYPES)


@pytest.mark.parametrize("numerics", NUMERICS)
@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_accuracy(subject, numerics):
    everything = {"jax": dtypes_for(subject, numerics)}
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
