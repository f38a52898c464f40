"""`smelu`: a relu with a parabola in place of the corner; on PyTorch a function of its own."""

import unified_act as ua


def derivative(xp, x, *, beta):
    """From 0 to 1 between -β and β, in a line."""
    line = (x + beta) / (2.0 * beta)
    return xp.where(x >= beta, 1.0, xp.where(x <= -beta, 0.0, line))


def second_derivative(xp, x, *, beta):
    """1 / 2β between -β and β; NaN at NaN."""
    outside = xp.where(x >= beta, 0.0, xp.where(x <= -beta, 0.0, x))
    return xp.where(xp.abs(x) < beta, xp.full_like(x, 0.5 / beta), outside)


@ua.register_activation(
    "smelu",
    parameters=[ua.Parameter("beta", 1.0, "half the width of the parabola", low=1e-3, high=1e3)],
    derivative=derivative,
    second_derivative=second_derivative,
    limits=lambda beta: ua.Limits((0.0, float("inf")), (0.0, 1.0)),
    overrides={"torch": "unified_act_extra.smelu_torch:smelu"},
    formula=r"\frac{(x + \beta)^2}{4\beta} \text{ for } |x| < \beta, \text{ else } \max(0, x)",
    summary="Smooth rectified linear unit.",
    source="Shamir & Lin 2022, arXiv:2202.06499",
)
def smelu(xp, x, *, beta):
    """(x + β)² / 4β between -β and β, else 0 or x."""
    inside = xp.where(x >= beta, beta, xp.where(x <= -beta, -beta, x)) + beta
    return xp.where(x >= beta, x, inside * inside / (4.0 * beta))
