"""Problems: inputs with the exact results for them."""

from __future__ import annotations

from unified_act_conformance.problems.arrangement import (
    Arrangement,
    joined,
    parted,
    rank_for,
    sections_of,
    split_over,
)
from unified_act_conformance.problems.joint import joint_problem, joint_tangents
from unified_act_conformance.problems.joint_inputs import (
    corners_of,
    further_inputs,
    spread,
    weight_values,
    weights_of,
)
from unified_act_conformance.problems.pose import Problem, problem_at, problems_for
from unified_act_conformance.problems.regions import (
    REGIONS,
    Codes,
    Tally,
    region_codes,
    tally,
    tally_together,
)
from unified_act_conformance.problems.signed_zeros import flat_stretches, signed_zeros

__all__ = [
    "REGIONS",
    "Arrangement",
    "Codes",
    "Problem",
    "Tally",
    "corners_of",
    "flat_stretches",
    "further_inputs",
    "joined",
    "joint_problem",
    "joint_tangents",
    "parted",
    "problem_at",
    "problems_for",
    "rank_for",
    "region_codes",
    "sections_of",
    "signed_zeros",
    "split_over",
    "spread",
    "tally",
    "tally_together",
    "weight_values",
    "weights_of",
]
