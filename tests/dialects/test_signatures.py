"""Arguments without a name mean what the signature of the framework says."""

import inspect
import os

import pytest

from tests.dialects.witnesses import RECORD, WITNESSES, Recorded, locate, quiet
from unified_act.dialects import find_dialect
from unified_act.dialects.meaning import order

WITHOUT = {
    "coreml",  # whose operators take arguments by name only
    "tflite",  # names of operators, which nobody calls
    "onnx",
}
INSTALLED = [
    find_dialect(name)
    for name, witness in WITNESSES.items()
    if name not in WITHOUT and (not isinstance(witness, Recorded) or RECORD in os.environ)
]
SPELLINGS = [
    pytest.param(dialect, name, id=f"{dialect}-{name}")
    for dialect in INSTALLED
    for cell in dialect.cells
    if cell.canonical is not None
    for name in dict.fromkeys(cell.spellings)
    if "." in name
]
IN_C = {
    "F.gelu": ["approximate"],
    "F.softplus": ["beta", "threshold"],
    "F.softshrink": ["lambd"],
    "F.hardshrink": ["lambd"],
    "torch.threshold": ["threshold", "value"],
    "torch.celu": ["alpha"],
    "torch.softmax": ["dim", "dtype"],
    "torch.log_softmax": ["dim", "dtype"],
}
"""Their signature is hidden; this is from the documentation."""


def parameters(found, name):
    if name in IN_C:
        return IN_C[name]
    try:
        listed = inspect.signature(found).parameters.values()
    except ValueError:
        return []
    names = [p.name for p in listed if p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)]
    return names if inspect.isclass(found) else names[1:]


@pytest.mark.parametrize(("dialect", "name"), SPELLINGS)
def test_order(dialect, name):
    with quiet():
        found = locate(dialect.path(name))
    theirs = parameters(found, name)
    cells = dialect.called(name)[name]
    further = {key for cell in cells for key in cell.ignores} - set(theirs)
    ours = [key for key in order(name, cells) if key not in further]
    assert ours == theirs[: len(ours)], (
        f"give the cell of {name} `args`, the order of its signature"
    )


@pytest.mark.parametrize(("dialect", "name"), SPELLINGS)
def test_classes_begin_with_a_capital_letter(dialect, name):
    """And functions do not, unless the table says so: only these take the input first."""
    with quiet():
        found = locate(dialect.path(name))
    assert inspect.isclass(found) == dialect.is_class(name)
