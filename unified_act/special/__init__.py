"""Special functions, written once with the other functions of a namespace."""

from unified_act.special.choosing import Crossover
from unified_act.special.derived import DERIVED, complete, variant_of
from unified_act.special.error_function import times_erfc
from unified_act.special.exponential import (
    expm1,
    log1p,
    sigmoid,
    sigmoid_derivative,
    square_exp,
    times_gaussian,
)
from unified_act.special.namespaces import is_wide, own, polynomial, repeated

__all__ = [
    "DERIVED",
    "Crossover",
    "complete",
    "expm1",
    "is_wide",
    "log1p",
    "own",
    "polynomial",
    "repeated",
    "sigmoid",
    "sigmoid_derivative",
    "square_exp",
    "times_erfc",
    "times_gaussian",
    "variant_of",
]
