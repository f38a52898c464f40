"""The command `unified-act conformance`, with those below it."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from unified_act.backend import HOME, Numerics
from unified_act.literals import shown
from unified_act.loading import computing_backend
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.checks import CHECKS, DIMENSIONS, CheckResult, list_checks
from unified_act_conformance.commands.common import (
    EXISTING,
    FILE,
    make_console,
    mistakes_told,
    several,
)
from unified_act_conformance.commands.function import FUNCTION, function_named
from unified_act_conformance.commands.parallel import (
    LONG_CHECK,
    Helpers,
    helpers,
    processes_for,
    run_everything,
)
from unified_act_conformance.commands.same import same
from unified_act_conformance.function import JudgedFunction
from unified_act_conformance.harness import load_harness, use_device
from unified_act_conformance.judge import Domain, Result
from unified_act_conformance.report import terminal
from unified_act_conformance.report.environment import environment
from unified_act_conformance.report.run import Run
from unified_act_conformance.subject import (
    DTYPES,
    ORDERS,
    Case,
    Check,
    Subject,
    count_cases,
    dtypes_of,
    has_native_kernel,
    list_cases,
    number_of,
    subject_of,
    two_dtypes,
    usual_backends,
)
from unified_act_conformance.truth import list_subjects, use_folder_of_user, without_subject

__all__ = ["conformance"]

Command = TypeVar("Command", bound=Callable[..., Any])

QUICK_ORDERS = (0, 1)
"""The derivatives that a quick run judges in more types than float32."""

NUMERICS = click.option(
    "--numerics",
    type=click.Choice(["fast", "strict"]),
    default="fast",
    show_default=True,
    help="Judge this profile, by its accuracy budgets.",
)
WHICH = (
    several("--activation", "activations", help="Judge only this activation."),
    several("--dtype", "dtypes", kind=click.Choice(DTYPES), help="Judge only this float type."),
)
ORDER = several(
    "--order",
    "orders",
    kind=click.IntRange(min(ORDERS), max(ORDERS)),
    help="Judge only the accuracy of this derivative; 0 is the value.",
)
DEVICE = click.option(
    "--device",
    default=HOME,
    show_default=True,
    help="Judge on this device, named as the framework does: cuda, mps, gpu, gpu:1.",
)
RUN = (
    several("--backend", "backends", help="Judge only this backend."),
    *WHICH,
    *FUNCTION,
    ORDER,
    several("--check", "checks", help="Run only this check, and no accuracy tests."),
    NUMERICS,
    DEVICE,
    click.option(
        "--implementation",
        type=click.Choice(["ours", "native"]),
        default="ours",
        show_default=True,
        help="Judge unified_act (ours), or all of the framework's own kernels (native).",
    ),
    click.option(
        "--quick",
        is_flag=True,
        help="Use fewer inputs, fewer checks besides accuracy, and no compilers.",
    ),
    click.option(
        "--slow",
        is_flag=True,
        help="Use slow compilers too, and all compilers in every float type.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=0),
        default=0,
        help="Number of processes. The default is the number of cores, and 1 for a small run.",
    ),
    click.option("--json", type=FILE, help="Write the results to this file as JSON."),
    click.option("--junit", type=FILE, help="Write the results to this file as JUnit XML."),
    click.option("--markdown", type=FILE, help="Write tables of the results to this file."),
    click.option("--html", type=FILE, help="Write an HTML page with error curves to this file."),
)


@dataclass(frozen=True)
class Options:
    """The options of a run. Their help texts describe them."""

    backends: Sequence[str]
    activations: Sequence[str]
    dtypes: Sequence[str]
    function: str | None
    oracle: str | None
    gradient: str | None
    kinks: Sequence[float]
    domain: Domain | None
    orders: Sequence[int]
    checks: Sequence[str]
    numerics: Numerics
    device: str
    implementation: str
    quick: bool
    slow: bool
    jobs: int
    json: Path | None
    junit: Path | None
    markdown: Path | None
    html: Path | None


def _with(options: Sequence[Callable[[Command], Command]]) -> Callable[[Command], Command]:
    """Joins options into one decorator, in the order of the help."""
    return lambda command: reduce(lambda inner, option: option(inner), reversed(options), command)


@click.group(invoke_without_command=True)
@_with(RUN)
@click.pass_context
def conformance(context: click.Context, /, **options: Any) -> None:
    """Judges every activation against exact arithmetic.

    Without a command this does the same as `run`.
    """
    if context.invoked_subcommand is None:
        context.invoke(run, **options)
    elif any(
        value
        for name, value in options.items()
        if name not in ("numerics", "implementation", "device")
    ):
        raise click.UsageError(
            f"options come after the command: write conformance {context.invoked_subcommand} ..."
        )


@conformance.command()
@_with(RUN)
def run(**options: Any) -> None:
    """Judges value, gradient and second derivative, and runs the other checks.

    The exit code is 0 if everything passed, and 1 if something failed or nothing ran. If a backend
    that you name cannot be loaded, this is a failure. Without --backend, all installed built-in
    backends are judged. The backend of a plugin is judged only if you name it.
    """
    use_folder_of_user()
    given = Options(**options)
    console = make_console()
    start = time.monotonic()
    with mistakes_told(console):
        judged = _function(given)
        found = _run(given, console, judged)
    if found.results:
        console.print(terminal.error_table(found.results))
        console.print("* some inputs are declared deviations: docs/deviations.md", highlight=False)
    if found.checks:
        console.print(terminal.check_table(found.checks))
    for note in judged.note.splitlines() if judged else found.notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    for line in terminal.failures(found):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(terminal.summary(found, time.monotonic() - start), highlight=False)
    with mistakes_told(console):
        _write(found, given)
    sys.exit(0 if found.passed else 1)


@conformance.command()
@click.argument("activation", required=False)
@_with(FUNCTION)
@click.option("--backend", required=True, help="The backend to run.")
@click.option("--dtype", type=click.Choice(DTYPES), default="float32", show_default=True)
@click.option("--order", type=click.IntRange(min(ORDERS), max(ORDERS)), default=0)
@click.option("--part", default="x", help="The input whose gradient to show.")
@NUMERICS
@DEVICE
@click.option(
    "--x", required=True, help="The input: a decimal number, or one as float.hex writes it."
)
def repro(
    activation: str | None,
    function: str | None,
    oracle: str | None,
    gradient: str | None,
    kinks: Sequence[float],
    domain: Domain | None,
    backend: str,
    dtype: str,
    order: int,
    part: str,
    numerics: Numerics,
    device: str,
    x: str,
) -> None:
    """Shows the result of one backend for one input, and the exact result.

    For example: unified-act conformance repro "elu(alpha=0.5)" --backend torch --x -1
    """
    from unified_act_conformance.commands.repro import number_of, repro_text

    if bool(activation) == bool(function):
        raise click.UsageError("name an activation, or a function with --function")
    console = make_console()
    try:
        value = number_of(x)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"no number: {shown(x)}.", param_hint="--x") from error
    with mistakes_told(console):
        _use(device, [backend])
        judged = None
        if function:
            judged = function_named(function, oracle, gradient, kinks, domain, [backend])
        subject = judged.subject if judged else subject_of(activation or "")
        case = Case(subject, computing_backend(backend), dtype, order, part)
        text = repro_text(case, numerics, value, judged)
    console.print(text, highlight=False, markup=False, soft_wrap=True)


@conformance.command()
@click.argument("output", type=FILE)
@click.option("--backend", required=True, help="The backend whose kernels to record.")
@_with(WHICH)
@ORDER
@click.option(
    "--python",
    type=EXISTING,
    help="Run the kernels with this Python interpreter, of another environment.",
)
@click.option("--plan-only", is_flag=True, help="Write only the plan of the recording to OUTPUT.")
def record(
    output: Path,
    backend: str,
    activations: Sequence[str],
    dtypes: Sequence[str],
    orders: Sequence[int],
    python: Path | None,
    plan_only: bool,
) -> None:
    """Records the exact results of a framework's own kernels in the file OUTPUT.

    With --python the kernels run in another environment, which needs only NumPy and the framework.
    If this command cannot run on the machine of the framework, write a plan with --plan-only. Then
    copy the plan and the file `recorder.py` to that machine.
    """
    from unified_act_conformance.recordings import recorder, recording

    if not plan_only and output.suffix != ".npz":
        raise click.BadParameter("the name must end in .npz.", param_hint="OUTPUT")
    console = make_console()
    with mistakes_told(console), tempfile.TemporaryDirectory() as folder:
        plan = output if plan_only else Path(folder) / "plan.npz"
        made = recording.make_plan_file(
            plan, backend, activations=activations, dtypes=dtypes, orders=orders or ORDERS
        )
        if plan_only:
            lines = [
                f"{len(made.calls)} calls planned. Where the framework is, run",
                f"python recorder.py {plan.name} recording.npz --adapter {made.framework}",
                f"with a copy of {recorder.__file__}",
            ]
        else:
            recording.record_live(plan, output, backend, python)
            lines = [f"{len(made.calls)} calls recorded in {output}"]
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


@conformance.command()
@click.argument("files", nargs=-1, type=EXISTING)
@click.option("--json", "json_file", type=FILE, help="Write the verdicts to this file as JSON.")
def compare(files: Sequence[Path], json_file: Path | None) -> None:
    """Judges recordings side by side: FILES, or the recordings that come with the suite.

    No framework is needed. This command only reports: the exit code is 0 even if a kernel exceeds
    its error budget.
    """
    from unified_act_conformance.recordings import recording

    console = make_console()
    with mistakes_told(console):
        judged = {}
        for path in files or recording.list_recordings():
            label = recording.load_recording(path).label
            judged[f"{path.name}: {label}"] = recording.judge_recording(path)
    console.print(terminal.comparison_table(judged), highlight=False)
    if not json_file:
        return
    with mistakes_told(console):
        found = [result for results in judged.values() for result in results]
        json_file.write_text(recording.verdict_json(found), encoding="utf-8")


conformance.add_command(same)


def _function(given: Options) -> JudgedFunction | None:
    """Returns the function to judge in place of activations, if there is one."""
    if given.function is None:
        alone = [name for name in ("oracle", "gradient", "kinks", "domain") if getattr(given, name)]
        if alone:
            raise click.UsageError(f"--{alone[0].removesuffix('s')} goes with --function")
        return None
    if given.activations or given.implementation == "native":
        raise click.UsageError("--function is judged in place of activations and kernels")
    return function_named(
        given.function, given.oracle, given.gradient, given.kinks, given.domain, given.backends
    )


def _run(given: Options, console: Console, judged: JudgedFunction | None) -> Run:
    if judged is not None:
        _use(given.device, [judged.backend])
        return _judge(given, [judged.backend], [judged.subject], None, console, judged)
    names = [computing_backend(name) for name in given.backends]
    names = names or usual_backends()
    _use(given.device, names)
    if not given.activations:
        for error in ACTIVATIONS.load_all()[1].values():
            console.print(f"Left out: {error}", markup=False, highlight=False, soft_wrap=True)
    subjects = list_subjects(given.activations)
    processes = processes_for(given.jobs, _reckoned(given, names, subjects))
    with helpers(processes, names, given.device) as beside:
        return _judge(given, names, subjects, beside, console)


def _use(device: str, backends: Sequence[str]) -> None:
    """Puts the arrays of backends on a device. Nothing is imported for a CPU."""
    if device != HOME:
        for name in backends:
            use_device(computing_backend(name), device)


def _reckoned(given: Options, names: Sequence[str], subjects: Sequence[Subject]) -> int:
    """Estimates the number of cases and checks without importing a framework."""
    dtypes = given.dtypes or DTYPES
    cases = checks = 0
    if not given.checks:
        cases = count_cases(subjects, dict.fromkeys(names, dtypes), given.orders or ORDERS)
    if not given.orders and given.implementation == "ours":
        chosen, each = given.checks or CHECKS, len(names) * len(dtypes)
        checks = len(subjects) * each * len(chosen)
        if DIMENSIONS in chosen:
            checks += len({subject.activation for subject in subjects}) * each * LONG_CHECK
    return cases + checks


def _judge(
    given: Options,
    names: Sequence[str],
    subjects: Sequence[Subject],
    beside: Helpers | None,
    console: Console,
    judged: JudgedFunction | None = None,
) -> Run:
    available = dtypes_of(names, given.dtypes or (judged.dtypes if judged is not None else ()))
    asked: list[_Asked] = [(subjects, available, given.orders or ORDERS)]
    if given.quick and judged is None and not (given.dtypes or given.orders):
        asked = list(_asked_quickly(subjects, available))
    cases = [] if given.checks else [case for each in asked for case in list_cases(*each)]
    checks = [] if given.orders else _checks(given, subjects, available)
    expected = sum(count_cases(*each) for each in asked)
    if native := given.implementation == "native":
        cases, checks = [case for case in cases if has_native_kernel(case)], []
        expected = len(cases)
    if judged is not None and not given.checks:
        checks = judged.suited(checks)
    size = len(cases) + len(checks)
    if not size:
        reasons = [*filter(None, map(without_subject, given.activations))]
        why = "; ".join(reasons) or "no case fits all of these options, so leave some out"
        console.print(f"[red]Nothing was run:[/] {why}.", soft_wrap=True)
        sys.exit(1)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    results: dict[Case, Result] = {}
    checked: dict[Check, CheckResult] = {}
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("conformance", total=size)
        how: Any = {"numerics": given.numerics, "quick": given.quick}
        if judged is not None:
            found = judged.run(cases, checks, **how)
        else:
            found = run_everything(cases, checks, beside=beside, native=native, **how)
        for result in found:
            if isinstance(result, Result):
                results[result.case] = result
                text = str(result.case.subject)
            else:
                checked[result.planned] = result
                text = f"{result.subject}: {result.check}"
            progress.update(task, advance=1, description=text[:30].ljust(30))
    if cases and len(results) != expected:
        raise RuntimeError(f"{len(results)} cases were run of {expected}")
    return Run(
        [results[case] for case in cases],
        given.numerics,
        given.quick,
        environment(available),
        [checked[check] for check in checks],
    )


_Asked = tuple[Sequence[Subject], Mapping[str, Sequence[str]], Sequence[int]]
"""Subjects, the types of each backend, and derivatives."""


def _asked_quickly(
    subjects: Sequence[Subject], available: Mapping[str, Sequence[str]]
) -> Iterator[_Asked]:
    """What a quick run judges: an activation in all types, but its further parameters in two.

    Where each shape is compiled, they are judged in one of these.
    """
    further_orders = [order for order in ORDERS if order not in QUICK_ORDERS]
    known: set[str] = set()
    for subject in subjects:
        here: Mapping[str, Sequence[str]] = available
        if subject.activation in known:
            here = {name: _further_dtypes(name, subject, available[name]) for name in available}
        known.add(subject.activation)
        yield [subject], here, QUICK_ORDERS
        wide = {name: [each for each in here[name] if each == "float32"] for name in here}
        yield [subject], wide, further_orders


def _further_dtypes(backend: str, subject: Subject, dtypes: Sequence[str]) -> Sequence[str]:
    two = two_dtypes(dtypes, subject)
    if not load_harness(backend).compiles_each_shape:
        return two
    return [two[number_of(subject) % len(two)]]


def _checks(
    given: Options, subjects: Sequence[Subject], available: Mapping[str, Sequence[str]]
) -> list[Check]:
    return list_checks(
        subjects,
        available,
        names=given.checks,
        slow=given.slow,
        compilers=given.slow or not given.quick,
        quick=given.quick,
    )


def _write(found: Run, given: Options) -> None:
    """Writes the requested files."""
    if given.json:
        from unified_act_conformance.report.json import json_report

        given.json.write_text(json_report(found), encoding="utf-8")
    if given.junit:
        from unified_act_conformance.report.junit import junit_report

        given.junit.write_text(junit_report(found), encoding="utf-8")
    if given.markdown:
        from unified_act_conformance.report.markdown import markdown_report

        given.markdown.write_text(markdown_report(found), encoding="utf-8")
    if given.html:
        from unified_act_conformance.report.html import html_report

        given.html.write_text(html_report(found), encoding="utf-8")
