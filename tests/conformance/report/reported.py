"""A run with every kind of result once: what the reports are tested with."""

import math
from dataclasses import replace

import numpy as np

from unified_act_conformance.checks.run import CheckResult
from unified_act_conformance.declared.deviations import Deviation
from unified_act_conformance.judge import statistics
from unified_act_conformance.judge.measure import Judgement
from unified_act_conformance.judge.runner import Result
from unified_act_conformance.problems.regions import REGIONS, Tally
from unified_act_conformance.report.environment import Environment
from unified_act_conformance.report.run import Run
from unified_act_conformance.subject.cases import Case, Subject

NASTY = "ValueError: </script><script>alert(1)</script> | *a* & \x1b[31mred\x00\nnext line"
HERE = Environment(
    packages={"unified-act": "1.0", "torch": "2.13.0"},
    python="CPython 3.11.7",
    platform="Linux",
    cpu="a processor",
    cpu_flags=["avx2"],
    variables={"OMP_NUM_THREADS": "2"},
)
DEVIATION = Deviation(
    id="torch-nan",
    backend="torch",
    versions=">=2",
    subjects=("gelu",),
    numerics="fast",
    orders=(0,),
    dtypes=("float32",),
    intervals=((-math.inf, -math.inf), (3.0, 4.0)),
    bound=math.inf,
    reason="the kernel multiplies an infinity by 0",
    link="https://example.org/1",
)


def judgement(error=0.5, x=-1.5, budget=4.0, **changes):
    found = Judgement(
        passed=error <= budget,
        count=100,
        failures=int(error > budget),
        max_error=error,
        worst_index=3,
        worst_x=x,
        got=0.25,
        want=-0.0,
        worst_distance=error,
        max_distance=12.0,
        classes={"nan_for_number": int(math.isinf(error)), "wrong_sign": 0},
        signed_zeros=2,
        worst_region="normal",
        regions=dict.fromkeys(REGIONS, Tally(0, 0)) | {"normal": Tally(100, int(error > budget))},
        errors={"p50": 0.0, "p99": 0.1, "p99.9": error},
        distances={"p50": 0.0, "p99": 1.0, "p99.9": 12.0},
        curve=statistics.curve_of(np.array([x, 0.0, 1.0]), np.array([error, 0.0, 0.1]), "float32"),
    )
    return replace(found, **changes)


def case(name="gelu", backend="torch", dtype="float32", order=0, part="x", **parameters):
    return Case(Subject(name, tuple(parameters.items())), backend, dtype, order, part)


def every_result():
    """Every kind of result once."""
    results = [
        Result(
            case(),
            4.0,
            judgement(),
            ((DEVIATION, judgement(math.inf, -math.inf, got=math.nan)),),
        ),
        Result(case(order=1), 4.0, judgement(9.0), problem="error 9 above 4"),
        Result(case(order=2), 4.0, judgement(math.inf, math.nan), problem="a NaN for a number"),
        Result(case(dtype="bfloat16"), 1.0, None, problem=NASTY),
        Result(case(backend="numpy", order=2), 4.0, None, unsupported="numpy has none"),
        Result(case("prelu", order=1), 0.0, judgement(0.0)),
        Result(case("prelu", order=1, part="weight"), 4.0, judgement(2.0)),
        Result(case("elu", backend="numpy", alpha=0.5), 4.0, judgement(0.0)),
    ]
    checks = [
        CheckResult("layouts", Subject("gelu"), "torch", "float32", "fast"),
        CheckResult(
            "layouts", Subject("elu", (("alpha", 0.5),)), "torch", "float32", "fast", NASTY
        ),
        CheckResult("mode jit", Subject("gelu"), "numpy", "float32", "fast", unsupported="no jit"),
    ]
    return Run(results, "fast", quick=True, environment=HERE, checks=checks)
