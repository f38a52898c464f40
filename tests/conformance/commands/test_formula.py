"""Formulas in Unicode."""

import pytest

from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands.formula import unicode_of


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{1}{1 + e^{-x}}", "1/(1 + e⁻ˣ)"),
        (r"\frac{a + b}{c}", "(a + b)/c"),
        (r"\tfrac{1}{2} \left(1 + \tanh x\right)", "1/2 · (1 + tanh x)"),
        (r"\tfrac{x}{2} + \beta", "x/2 + β"),
        (r"\alpha - \beta x", "α − βx"),
        (r"e^{-x^2}", "e^(−x²)"),
        (r"x_{i n + j}", "x_(i n + j)"),
        (r"\log \sum_j e^{x_j}", "log ∑ⱼ e^xⱼ"),
        (r"x \cdot \sin^2(\alpha x)", "x · sin²(αx)"),
        (r"\operatorname{gelu\_tanh}(b)", "gelu_tanh(b)"),
        (
            r"\lambda \begin{cases} x & x > 0 \\ 0 & x \le 0 \end{cases}",
            "λ{x if x > 0; 0 if x ≤ 0}",
        ),
        (r"\unknown x", "unknown x"),
    ],
)
def test_one_line(latex, text):
    assert unicode_of(latex) == text


@pytest.mark.parametrize("activation", list(ACTIVATIONS), ids=lambda activation: activation.name)
def test_nothing_of_latex_is_left(activation):
    text = unicode_of(activation.formula)
    assert not set("\\&$-") & set(text)
    assert all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))
    assert "  " not in text
