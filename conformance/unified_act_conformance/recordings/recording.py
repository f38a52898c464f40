"""Recordings of frameworks' own kernels: made anywhere, judged here, with no framework installed.

A recording holds its plan, so nothing but the file is needed, and it does not age: the exact values
are computed for the inputs that it holds, whatever the suite's sweeps are by then. It is judged by
the budgets of the fast profile, without the declared deviations: it says what the kernels do, not
which of them `unified_act` uses.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import unified_act as ua
from unified_act.loading import find_entry, load_backend
from unified_act_conformance.floats import json_number
from unified_act_conformance.judge import (
    Judgement,
    Result,
    budget_of,
    failure_text,
    judge_problem,
    worse,
)
from unified_act_conformance.problems import problem_at
from unified_act_conformance.recordings import recorder
from unified_act_conformance.recordings.plan import (
    Bits,
    Call,
    Plan,
    floats_of,
    make_plan,
    read_plan,
)
from unified_act_conformance.subject import ORDERS, Case

__all__ = [
    "Recording",
    "RecordingError",
    "judge_recording",
    "list_recordings",
    "load_recording",
    "make_plan_file",
    "record_live",
    "verdict_json",
]

FOLDER = Path(__file__).parent
VERDICT_SCHEMA = "unified-act-verdict/1"


class RecordingError(ua.UnifiedActError, ValueError):
    """A file is no recording, or has been changed, or could not be made."""


@dataclass(frozen=True)
class Recording:
    """What a recorder wrote.

    Attributes:
        plan: What it was asked.
        environment: Where it ran.
        results: For each call of the plan the output's bits, or the error in words.
    """

    plan: Plan
    environment: Mapping[str, Any]
    results: Sequence[Bits | str]

    @property
    def label(self) -> str:
        """What tells it from others, for a column's head."""
        found = self.environment
        return (
            f"{found['framework']} {found['version']} "
            f"(Python {found['python']}, NumPy {found['numpy']})"
        )


def list_recordings() -> list[Path]:
    """Returns the recordings that are shipped."""
    return sorted(FOLDER.glob("*.npz"))


def make_plan_file(
    path: Path,
    backend: str,
    *,
    activations: Sequence[str] = (),
    dtypes: Sequence[str] = (),
    orders: Sequence[int] = ORDERS,
) -> Plan:
    """Writes a plan for `recorder`.

    Args:
        path: Where to, ending in `.npz`.
        backend: Whose kernels; its framework need not be installed.
        activations: Only these.
        dtypes: Only these.
        orders: Which derivatives.

    Raises:
        RecordingError: The plan would be empty.
    """
    plan = make_plan(backend, activations=activations, dtypes=dtypes, orders=orders)
    if not plan.calls:
        raise RecordingError(f"{backend} has no kernel of its own for any of that: choose others")
    plan.write(path)
    return plan


def record_live(plan: Path, out: Path, backend: str, python: Path | None = None) -> None:
    """Runs a plan.

    Args:
        plan: The plan.
        out: Where to write the recording, ending in `.npz`.
        backend: The backend that the plan was made for.
        python: Another environment's interpreter, for which NumPy and the framework are enough;
            by default this process runs the plan.

    Raises:
        RecordingError: The recorder failed.
    """
    framework = find_entry(backend).framework
    if python is None:
        load_backend(backend)  # which knows how to import the framework
        try:
            recorder.record(plan, out, framework)
        except ValueError as error:
            raise RecordingError(str(error)) from error
        return
    command = [str(python), str(recorder.__file__), str(plan), str(out), "--adapter", framework]
    # This process's packages are not for another interpreter.
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    code = subprocess.run(command, env=variables, check=False).returncode  # noqa: S603
    if code:
        raise RecordingError(f"the recorder exited with {code}: {' '.join(command)}")


def load_recording(path: Path) -> Recording:
    """Reads a recording and checks that it is what was written.

    Args:
        path: The file.

    Raises:
        RecordingError: It is not.
    """
    try:
        arrays = recorder.read_arrays(path)
        document = json.loads(arrays["recording"].tobytes())
        if document["schema"] != recorder.RECORDING_SCHEMA:
            raise ValueError(f"no {recorder.RECORDING_SCHEMA}, but {document['schema']}")
        if hashlib.sha256(arrays["plan"].tobytes()).hexdigest() != document["plan_sha256"]:
            raise ValueError("the plan is not the one that was run")
        plan = read_plan(arrays)
        results = [
            arrays[r["output"]] if "output" in r else r["error"] for r in document["results"]
        ]
        if len(results) != len(plan.calls):
            raise ValueError(f"{len(results)} results for {len(plan.calls)} calls")
    except KeyError as error:
        raise RecordingError(f"{path}: {error} is missing") from error
    except (ValueError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path}: {error}") from error
    return Recording(plan, document["environment"], results)


def judge_recording(path: Path) -> list[Result]:
    """Judges a recording by the code and the budgets of a live run.

    An error of a second derivative counts as unsupported, as frameworks lack many.

    Args:
        path: The file.

    Returns:
        One result for each case.

    Raises:
        RecordingError: The file is no intact recording.
    """
    recording = load_recording(path)
    answers: dict[Case, list[tuple[Call, Bits | str]]] = {}
    for call, result in zip(recording.plan.calls, recording.results, strict=True):
        answers.setdefault(call.case, []).append((call, result))
    return [_judge(case, answered) for case, answered in answers.items()]


def verdict_json(results: Sequence[Result]) -> str:
    """Writes results as JSON, always the same for the same results.

    Args:
        results: What `judge_recording` or a live run gives.
    """
    document = {"schema": VERDICT_SCHEMA, "verdicts": [_verdict(result) for result in results]}
    return json.dumps(document, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _judge(case: Case, answered: Sequence[tuple[Call, Bits | str]]) -> Result:
    judged: Judgement | None = None
    longest = 1
    try:
        for call, bits in answered:
            if isinstance(bits, str):
                return _raised(case, bits)
            problem = problem_at(
                case,
                [floats_of(array, case.dtype) for array in call.inputs],
                None if call.cotangent is None else floats_of(call.cotangent, case.dtype),
            )
            output = floats_of(bits, case.dtype)
            if output.shape != problem.reference.high.shape:
                raise TypeError(
                    f"the output has shape {output.shape}, expected {problem.reference.high.shape}"
                )
            longest = max(longest, problem.length)
            judged = worse(judged, judge_problem(case, "fast", problem, output))
    except (TypeError, ValueError, KeyError) as error:
        return Result(case, budget_of(case), None, problem=f"{type(error).__name__}: {error}")
    limit = budget_of(case, longest)
    return Result(case, limit, judged, problem=failure_text(judged, limit))


def _raised(case: Case, error: str) -> Result:
    if case.order < 2:
        return Result(case, budget_of(case), None, problem=error)
    return Result(case, budget_of(case), None, unsupported=error)


def _verdict(result: Result) -> dict[str, Any]:
    case, judged = result.case, result.judgement
    verdict: dict[str, Any] = {
        "activation": case.subject.activation,
        "parameters": dict(case.subject.parameters),
        "backend": case.backend,
        "dtype": case.dtype,
        "order": case.order,
        "part": case.part,
        "budget": result.budget,
        "status": result.status,
        "problem": result.problem or result.unsupported,
    }
    if judged is not None:
        verdict |= {
            "count": judged.count,
            "failures": judged.failures,
            "max_error": json_number(judged.max_error),
            "max_distance": json_number(judged.max_distance),
            "worst_x": judged.worst_x.hex(),
            "got": judged.got.hex(),
            "want": judged.want.hex(),
            "classes": dict(judged.classes),
        }
    return verdict
