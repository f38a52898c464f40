"""`expanded_silu`: a silu whose gate reaches beyond 0 and 1, by how much is learned."""

import unified_act as ua

FAR, NEAR = 800.0, 80.0
"""Where exp(-|x|) is 0 in every type, and up to where it is a normal number in every one."""


def _parts(xp, x):
    """|x|, no further than FAR; 1 + exp(-|x|); and what multiplies by exp(-|x|), rounding once."""
    size = xp.where(x < 0.0, -x, x)  # whose slope at 0 is that of the branch taken there
    size = xp.where(size > FAR, FAR, size)
    power, root = xp.exp(-size), xp.exp(size * -0.5)
    return size, 1.0 + power, lambda a: xp.where(size < NEAR, a * power, root * a * root)


def _slopes(xp, x):
    """σ(y) + y σ′(y) at y = |x| and at y = -|x|."""
    size, rest, shrunk = _parts(xp, x)
    return (1.0 + shrunk(size) / rest) / rest, shrunk(1.0 - size / rest) / rest


def derivative(xp, x, alpha):
    """(1 + 2α)(σ(x) + x σ′(x)) - α, and x (2σ(x) - 1)."""
    above, below = _slopes(xp, x)
    own, other = xp.where(x < 0.0, below, above), xp.where(x < 0.0, above, below)
    size = xp.where(x < 0.0, -x, x)
    return own * (1.0 + alpha) - alpha * other, size * xp.tanh(size * 0.5)


def second_derivative(xp, x, alpha):
    """By both inputs, of both derivatives; twice by α it is 0."""
    size, rest, shrunk = _parts(xp, x)
    by_x = shrunk(2.0 - size * xp.tanh(size * 0.5)) / (rest * rest) * (1.0 + alpha * 2.0)
    above, below = _slopes(xp, x)
    mixed = xp.where(x < 0.0, below - above, above - below)
    return (by_x, mixed), (mixed, xp.full_like(mixed, 0.0))


@ua.register_activation(
    "expanded_silu",
    kind="learned",
    inputs=("x", "alpha"),
    initial={"alpha": 0.0},
    parameters=[ua.Parameter("axis", -1, "the axis that the channels of alpha belong to")],
    aliases=["xsilu"],
    derivative=derivative,
    second_derivative=second_derivative,
    oracle=lambda xp, x, alpha: x * ((alpha * 2.0 + 1.0) * xp.sigmoid(x) - alpha),
    formula=r"x ((1 + 2\alpha) \sigma(x) - \alpha)",
    summary="Sigmoid linear unit with an expanded gate.",
    source="Huang 2024, arXiv:2405.20768",
)
def expanded_silu(xp, x, alpha):
    """x ((1 + 2α) σ(x) - α), as a fraction that neither overflows nor cancels in its tail."""
    size, rest, shrunk = _parts(xp, x)
    below = alpha * -x - shrunk(size) * (1.0 + alpha)
    above = x * (1.0 + alpha) - alpha * shrunk(size)
    return xp.where(x < 0.0, below, above) / rest
