"""Each elementwise activation and its first three derivatives, written by hand in ball arithmetic.

Independent of the library's own definitions by design. A formula is built at the precision in force
(`flint.ctx.prec`), so that its constants have that precision; the parameters are doubles, used
exactly. The third derivative serves only to say how well conditioned the second one is.

How to write one. It runs on a single `arb` and, for speed, on whole arrays of balls in double
precision (`balls.Balls`), so a derivative

- uses `+ - * /`, powers with positive integer exponents, `abs` and the methods that `Balls` shares
  with `arb`, with `arb`, int and float constants; one that is missing there is added there;
- never compares, nor says `if`, on a number: branches are joined by `split` and `band`, and each is
  a function of x alone that sees no inputs but its own. It may return a tuple;
- may return a constant, made by `constant` or `zero`, where it does not depend on x;
- should not cancel where x, or the derivative itself, goes to 0, and only take `exp` of what is
  negative;
- should say what is left where it goes to a power of two: `1 - 1 / (1 + abs(x))` and not
  `x / (1 + abs(x))` for large x, `(1 - t * t) / 4` and not `s * c` for small.

A `Record` at the end of the file names it; what else it may say is explained in `record`.

The last two points are for speed alone: where they do not hold, points are too inaccurate in double
precision and are evaluated one by one. `test_few_points_are_left_over` says if it is too many.
"""

from __future__ import annotations

from unified_act_conformance.truth.formulas import (
    exponential,
    gaussian,
    periodic,
    piecewise,
    rectified,
    saturating,
    self_gated,
    shrinkage,
    softened,
)
from unified_act_conformance.truth.record import Record

__all__ = ["RECORDS"]

RECORDS: tuple[Record, ...] = (
    *(*piecewise.RECORDS, *rectified.RECORDS, *shrinkage.RECORDS),
    *(*exponential.RECORDS, *gaussian.RECORDS, *self_gated.RECORDS, *softened.RECORDS),
    *(*saturating.RECORDS, *periodic.RECORDS),
)
