"""`shifted_relu`: a relu that starts later, for sparser activations. It has a kink there."""

import unified_act as ua


def derivative(xp, x, *, shift):
    """1 beyond the shift, 0 up to it; NaN at NaN."""
    return xp.where(x > shift, xp.full_like(x, 1.0), xp.where(x <= shift, 0.0, x))


def second_derivative(xp, x, *, shift):
    """0 on both sides; NaN at NaN."""
    return xp.where(x > shift, xp.full_like(x, 0.0), xp.where(x <= shift, 0.0, x))


@ua.register_activation(
    "shifted_relu",
    parameters={"shift": 1.0},
    derivative=derivative,
    second_derivative=second_derivative,
    kinks=lambda shift: (ua.Kink(shift, 0.0),),
    limits=lambda shift: ua.Limits((0.0, float("inf")), (0.0, 1.0)),
    formula=r"\max(0, x - s)",
    summary="Rectified linear unit that starts at a shift.",
    source="Mirzadeh et al. 2023, arXiv:2310.04564",
)
def shifted_relu(xp, x, *, shift):
    """x - shift beyond the shift, else 0."""
    return xp.where(x <= shift, 0.0, x - shift)
