"""What a child does: it imports `unified_act` afresh and asks the suite about one activation."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import CO_VARARGS
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from unified_act.backend import Numerics
    from unified_act_conformance.subject import Case, Check

__all__ = ["ask", "digest", "importable", "kinds", "list_names", "trace"]

# The imports are inside the functions: the process that is forked must not have the modules that a
# mutant takes the place of.

TRACED_DTYPES = ("float32", "float16")
TRACED_CHECKS = ("cotangents", "layouts", "weights", "seeds")
FOLLOWED = 500
"""So many calls of a function are followed: what makes kernels runs a hundred thousand times."""


def list_names() -> list[str]:
    """Returns the names of the activations that the suite judges."""
    from unified_act_conformance.truth import list_subjects

    return list(dict.fromkeys(subject.activation for subject in list_subjects()))


def kinds() -> dict[str, str]:
    """Returns the kind of every activation: elementwise, along an axis, gated and so on."""
    from unified_act.registry import ACTIVATIONS

    return {activation.name: str(activation.kind) for activation in ACTIVATIONS}


def importable(activation: str, backend: str) -> bool:
    """Returns True, or raises what `get_activation` and the suite raise when they are imported."""
    import unified_act as ua
    from unified_act_conformance.harness import load_harness

    load_harness(backend)
    ua.describe(activation)
    return True


def ask(
    activation: str, backend: str, numerics: Numerics, only: int | None = None
) -> tuple[int, str, str] | None:
    """Runs the suite until something fails.

    Args:
        activation: The activation.
        backend: The backend.
        numerics: The profile.
        only: Run only the case or check of this number.

    Returns:
        The number of the case or check that failed, what it is and what it said; None if nothing
        failed.
    """
    from unified_act_conformance.checks import run_checks
    from unified_act_conformance.judge import run
    from unified_act_conformance.subject import Case, describe

    importable(activation, backend)
    questions = _questions(activation, backend)
    for number, question in enumerate(questions):
        if only is not None and number != only:
            continue
        if isinstance(question, Case):
            (problem,) = (result.problem for result in run([question], numerics=numerics))
        else:
            (problem,) = (result.problem for result in run_checks([question], numerics=numerics))
        if problem:
            return number, describe(question), problem
    return None


def _questions(activation: str, backend: str) -> list[Case | Check]:
    """Every case and check of a run, those first that see most in the shortest time."""
    from unified_act_conformance.checks import list_checks
    from unified_act_conformance.subject import dtypes_of, list_cases
    from unified_act_conformance.truth import list_subjects

    subjects, dtypes = list_subjects([activation]), dtypes_of([backend])
    cases = sorted(list_cases(subjects, dtypes), key=lambda case: case.dtype != "float32")
    checks = list_checks(subjects, dtypes)
    return [*cases, *sorted(checks, key=lambda check: check.name.startswith("mode "))]


def digest(activation: str, backend: str, profiles: Sequence[Numerics]) -> str:
    """Returns a digest of the bits of all outputs that a whole run of the suite judges.

    Args:
        activation: The activation.
        backend: The backend.
        profiles: The profiles to call it in.
    """
    found = hashlib.sha256()
    for numerics in profiles:
        for output in _outputs(activation, backend, numerics):
            found.update(output)
    return found.hexdigest()


def _outputs(activation: str, backend: str, numerics: Numerics) -> Iterator[bytes]:
    from unified_act_conformance.dimensions import Trial, outputs
    from unified_act_conformance.harness import load_harness
    from unified_act_conformance.judge.runner import output_of
    from unified_act_conformance.problems import problems_for
    from unified_act_conformance.subject import dtypes_of, list_cases, registered
    from unified_act_conformance.truth import list_subjects

    harness, subjects = load_harness(backend), list_subjects([activation])
    for case in list_cases(subjects, dtypes_of([backend])):
        if case.order not in harness.orders(activation, case.dtype, numerics):
            continue
        try:
            implementation = registered(case, numerics)
            for problem in problems_for(case):
                yield output_of(case, harness, implementation, problem).tobytes()
        except Exception as error:
            yield repr(error).encode()
    for dtype in dtypes_of([backend])[backend]:
        yield from outputs(Trial(subjects[0], backend, numerics, harness), dtype)


def trace(
    backend: str, activations: Sequence[str], files: Sequence[str]
) -> dict[str, dict[str, dict[str, list[int]]]]:
    """Records which lines run for which activation, and which functions return arrays.

    Args:
        backend: The backend.
        activations: The activations.
        files: Only lines of these files.

    Returns:
        For each activation and profile, as ``"gelu fast"``: the ``"lines"`` and the first lines of
        the functions with ``"arrays"``, by file.
    """
    from unified_act_conformance.checks import list_checks, run_checks
    from unified_act_conformance.judge import run
    from unified_act_conformance.subject import dtypes_of, list_cases
    from unified_act_conformance.truth import list_subjects

    found = {}
    dtypes = dtypes_of([backend], TRACED_DTYPES)
    profiles: Sequence[Numerics] = ("fast", "strict")
    for activation in activations:
        subjects = list_subjects([activation])
        cases = list_cases(subjects, dtypes)
        checks = list_checks(subjects, {backend: ["float32"]}, names=TRACED_CHECKS)
        for numerics in profiles:
            with _Recording(files) as recording:
                for _ in run(cases, numerics=numerics, quick=True):
                    pass
                for _ in run_checks(checks, numerics=numerics):
                    pass
            found[f"{activation} {numerics}"] = recording.as_lists()
    return found


class _Recording:
    """Follows the interpreter line by line, in some files."""

    def __init__(self, files: Sequence[str]) -> None:
        self._lines: Mapping[str, set[int]] = {file: set() for file in files}
        self._arrays: Mapping[str, set[int]] = {file: set() for file in files}
        self._sizes: Mapping[str, set[int]] = {file: set() for file in files}
        self._known: dict[CodeType, Callable[..., Any] | None] = {}
        self._calls: Counter[CodeType] = Counter()

    def __enter__(self) -> Self:
        sys.settrace(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, _event: str, _value: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code not in self._known:
            self._known[code] = self._follower(code) if code.co_filename in self._lines else None
        follower = self._known[code]
        if follower is not None:
            self._calls[code] += 1
            if self._calls[code] > FOLLOWED:
                return None
        return follower

    def _follower(self, code: CodeType) -> Callable[..., Any]:
        lines, arrays = self._lines[code.co_filename], self._arrays[code.co_filename]
        sizes, first = self._sizes[code.co_filename], code.co_firstlineno
        number = code.co_argcount + bool(code.co_flags & CO_VARARGS)
        names = code.co_varnames[: code.co_argcount]
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount :][: number - len(names)]

        def follow(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            if event == "line":
                lines.add(frame.f_lineno)
            elif event == "return" and _is_array(argument):
                arrays.add(first)
                given = [frame.f_locals.get(name) for name in names]
                given += [each for name in rest for each in frame.f_locals.get(name) or ()]
                if any(hasattr(each, "shape") for each in given):
                    sizes.add(first)
            return follow

        return follow

    def as_lists(self) -> dict[str, dict[str, list[int]]]:
        """What was recorded, as JSON can hold it."""
        recorded = {"lines": self._lines, "arrays": self._arrays, "sizes": self._sizes}
        return {
            name: {file: sorted(lines) for file, lines in by_file.items() if lines}
            for name, by_file in recorded.items()
        }


def _is_array(result: Any) -> bool:
    """Whether something is an array of floats, or begins with one."""
    if isinstance(result, (tuple, list)) and result:
        result = result[0]
    return hasattr(result, "shape") and "float" in str(getattr(result, "dtype", ""))
