"""Each elementwise activation and its first three derivatives, written by hand in ball arithmetic.

Independent of the library's own definitions by design. A formula is built at the precision in force
(`flint.ctx.prec`), so that its constants have that precision; the parameters are doubles, used
exactly. The third derivative serves only to say how well conditioned the second one is.

How to write one. It runs on a single `arb` and, for speed, on whole arrays of balls in double
precision, so a derivative

- uses `+ - * /`, powers with small integer exponents, `abs` and the methods of `arb`
  (`exp`, `expm1`, `log1p`, `tanh`, `erfc`, `sgn` ...), with `arb`, int and float constants;
- never compares, nor says `if`, on a number: branches are joined by `split` and `band`, and each is
  a function of x alone that sees no inputs but its own. It may return a tuple;
- may return a constant, made by `constant` or `zero`, where it does not depend on x;
- should not cancel where x, or the derivative itself, goes to 0, and only take `exp` of what is
  negative. Such a formula is as right as any other, but most of its points are too inaccurate in
  double precision and are evaluated one by one, a hundred times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from unified_act_conformance.formulas import (
    exponential,
    gated,
    gaussian,
    piecewise,
    rectified,
    saturating,
    shrinkage,
    softened,
    sparse,
)
from unified_act_conformance.formulas._common import Formula, Function, Number

__all__ = ["FORMULAS", "Formula", "Function", "Number"]

FORMULAS: Mapping[str, Callable[..., Formula]] = MappingProxyType(
    {
        build.__name__: build
        for family in (
            *(piecewise, rectified, sparse, shrinkage),
            *(exponential, gaussian, gated, softened, saturating),
        )
        for build in family.FORMULAS
    }
)
"""What builds the formula of an activation, given the parameters that differ from the defaults."""
