"""Each mutation operator on a line of source."""

from __future__ import annotations

import pytest

from unified_act_conformance.mutants.faults import CONDITIONS
from unified_act_conformance.mutants.operators import OPERATORS, Source

LINES = [
    ("constant by an ulp", "y = x * 1.0", ["y = x * (1.0000001192092896)"]),
    ("constant by 1 %", "y = x * 50.0", ["y = x * (50.5)"]),
    ("integer by 1", "y = xp.split(x, 2)", ["y = xp.split(x, (3))", "y = xp.split(x, (1))"]),
    ("sign", "y = -x", ["y = (x)"]),
    ("sign", "y = x * w", ["y = (-(x * w))"]),
    ("sign", "y = x + 0.5", ["y = x + (-0.5)"]),
    ("+ and -", "y = x - w * 2.0", ["y = ((x) + (w * 2.0))"]),
    ("* and /", "y = (x + 1.0) / w", ["y = ((x + 1.0) * (w))"]),
    ("dropped term", "y = x + w", ["y = (x)", "y = (w)"]),
    ("dropped term", "y = x - w", ["y = (x)"]),
    ("comparison", "y = x < w", ["y = (x <= w)", "y = (x > w)"]),
    ("arguments", "y = gated(xp, x, z)", ["y = (gated(xp, z, x))"]),
    ("branches", "y = xp.where(c, x, 0.0)", ["y = (xp.where(c, 0.0, x))"]),
    ("branches", "y = a if c else b", ["y = (b if c else a)"]),
    ("branches", "if c:\n    y = 1", ["if (not (c)):\n    y = 1"]),
    ("axis", "y = xp.sum(x, axis=axis)", ["y = xp.sum(x, axis=(-1))", "y = xp.sum(x, axis=(0))"]),
    ("axis", "y = np.sum(x, keepdims=True)", ["y = np.sum(x, keepdims=(False))"]),
    ("dtype", "y = x.astype(np.float64)", ["y = x.astype((np.float32))"]),
    ("dtype", "y = cast(x, 'float32')", ["y = cast(x, ('float16'))"]),
]
FUNCTION = '''def f(xp, x, *, axis: int, alpha: float):
    """Doc."""
    return xp.sum(x, axis=axis)
'''


def mutated(operator: str, text: str, **defaults: str) -> list[str]:
    edits = [edit for edit in Source(text).edits(defaults) if edit.operator == operator]
    return [text[: edit.start] + edit.text + text[edit.end :] for edit in edits]


@pytest.mark.parametrize(("operator", "line", "expected"), LINES)
def test_an_operator_on_a_line(operator: str, line: str, expected: list[str]) -> None:
    assert mutated(operator, line) == expected


def test_every_operator_is_tried_above() -> None:
    assert {operator for operator, _, _ in LINES} == set(OPERATORS)


def test_a_parameter_is_replaced_by_its_default() -> None:
    (found,) = mutated("default", FUNCTION, alpha="0.5")
    assert found == FUNCTION.replace("    return", "    alpha = 0.5\n    return")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_function_becomes_wrong_under_a_condition(condition: str) -> None:
    about = {"an axis other than the last": "axis", "a parameter above 1": "alpha"}
    parameter = about.get(condition, "")
    (found,) = mutated(f"for {condition}", FUNCTION)
    assert found == f"@wrong_for({condition!r}, {parameter!r})\n{FUNCTION}"


def test_no_flag_is_above_1() -> None:
    assert mutated("for a parameter above 1", FUNCTION, alpha="False") == []


@pytest.mark.parametrize(
    "text",
    [
        'raise ValueError("a" + str(x - 1.5))',
        "if x.ndim + 1 < 1.5:\n    raise ValueError",
        'y = f"{x + 1.0}"',
        "y = [None] * n",
        'Parameter("alpha", low=0.5)',
        "def f(x: 'a' = None) -> a | b: ...",
        # Which of two right implementations serves.
        'Native("softmax", reach={"float32": Reach(1024, 128)}, outrun={"float32": 0.68})',
        "def at_most(length, longest):\n    return length <= longest",
        "def short_way(inputs):\n    if len(inputs) > 1:\n        return None",
    ],
)
def test_what_is_not_about_numbers_is_left_alone(text: str) -> None:
    edits = [edit for edit in Source(text).edits({}) if not edit.operator.startswith("for ")]
    assert edits == []


CROSSOVER = "_NEAR: Crossover = 0.5\ny = where(abs(x) < _NEAR, a, b)"


def test_a_crossover_is_not_moved_a_little() -> None:
    source = Source(CROSSOVER)
    edits = list(source.edits({}, set(source.crossovers())))
    assert {edit.operator for edit in edits} == {"sign", "comparison", "branches"}
    changed = [edit.text for edit in edits if edit.operator == "comparison"]
    assert changed == ["(abs(x) > _NEAR)"]


def test_every_other_comparison_is_moved_a_little() -> None:
    assert mutated("comparison", "y = x < edge") == ["y = (x <= edge)", "y = (x > edge)"]
