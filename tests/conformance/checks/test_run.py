"""The checks besides accuracy: planned, counted, and able to fail."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import unified_act as ua
import unified_act_conformance
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.checks.bench import bench_for
from unified_act_conformance.checks.run import CHECKS, list_checks, run_checks
from unified_act_conformance.checks.same import SAME
from unified_act_conformance.declared import checks
from unified_act_conformance.declared.checks import DeclaredCheck, list_declared_checks
from unified_act_conformance.harness import load_harness
from unified_act_conformance.subject.cases import Case, Check, Subject
from unified_act_conformance.subject.implementation import function_of_users, registered
from unified_act_conformance.truth.records import list_subjects

BACKENDS = ("numpy", "torch", "tensorflow", "mxnet")
BOTH = ("jax", "numpy")
ALL = ("float16", "bfloat16", "float32", "float64")
OF_SEVERAL = [
    Subject("glu"),
    Subject("geglu", (("axis", 0),)),
    Subject("hardmax"),
    Subject("log_softmax", (("axis", 0),)),
    Subject("maxout", (("groups", 3), ("axis", 0))),
    Subject("snake_beta"),
    Subject("sparsemax"),
    Subject("rrelu", (("training", True),)),
]
"""One subject for each way in which numbers act on each other."""
ARRAYS = {"flat", "got", "max", "mean", "min", "sum", "want", "worst_x"}
"""Attributes that lead to a number which NumPy computed."""


def drops_nan(x):
    return np.fmax(x, 0).astype(x.dtype)


def problems(subject: str | Subject, backend: str, dtypes=("float32",), numerics="fast", **options):
    subject = Subject(subject) if isinstance(subject, str) else subject
    plan = list_checks([subject], {backend: dtypes}, **options)
    results = list(run_checks(plan, numerics=numerics))
    assert len(results) == len(plan)
    assert "np." not in "".join(result.problem for result in results)  # as NumPy 2 writes numbers
    return {result.check: result.problem for result in results if result.problem}


NOISY = {"seeds", "noise"}


def test_the_plan_is_complete() -> None:
    subjects = [Subject(name) for name in ("gelu", "prelu", "gumbel_softmax", "rrelu")]
    plan = list_checks(subjects, {"torch": ALL})
    names = {
        subject.activation: [check.name for check in plan if check.subject == subject]
        for subject in subjects
    }
    assert set(CHECKS) - set(names["gelu"]) == {"weights", "shares", "infinities", *NOISY}
    assert set(CHECKS) - set(names["prelu"]) == {"saved tensors", "shares", *NOISY}
    assert set(CHECKS) - set(names["gumbel_softmax"]) == {"saved tensors", "weights", "infinities"}
    assert NOISY.isdisjoint(names["rrelu"])  # which draws nothing outside training
    assert names["gelu"].count("lengths") == 4
    assert names["gelu"].count("mode compile") == 1
    assert "mode inductor" not in names["gelu"]


def test_all_backends_are_asked_about_an_activation_before_the_next() -> None:
    plan = list_checks([Subject("relu"), Subject("elu")], {"numpy": ALL, "mxnet": ALL})
    asked = [(check.subject.activation, check.dtype, check.backend) for check in plan]
    assert list(dict.fromkeys(asked)) == [
        (name, dtype, backend)
        for name in ("relu", "elu")
        for dtype in ALL
        for backend in ("numpy", "mxnet")
    ]


@pytest.mark.parametrize("name", ["relu", "elu", "prelu", "softmax"])
def test_a_quick_run_of_jax_tries_each_shape_in_one_type(name: str) -> None:
    plan = list_checks([Subject(name)], {"jax": ALL}, quick=True, compilers=False)
    tried: dict[str, set[str]] = {}
    for check in plan:
        tried.setdefault(check.name, set()).add(check.dtype)
    assert tried["lengths"] == tried["cotangents"]
    assert tried["layouts"] == tried.get("weights", tried["layouts"])
    assert len(tried["lengths"] | tried["layouts"]) == 2
    assert "float32" in tried["lengths"] | tried["layouts"]
    for dtype in ALL:
        alone = list_checks([Subject(name)], {"jax": (dtype,)}, quick=True, compilers=False)
        found = {check.name for check in alone}
        assert {"lengths", "cotangents", "layouts", "dimensions"} <= found


def test_checks_of_jax_are_about_the_first_parameters() -> None:
    subjects = list_subjects(["elu"])
    assert len(subjects) > 1
    plan = list_checks(subjects, {"jax": ALL, "numpy": ALL})
    about = {backend: {c.subject for c in plan if c.backend == backend} for backend in BOTH}
    assert about == {"jax": {subjects[0]}, "numpy": set(subjects)}
    named = list_checks(subjects, {"jax": ALL}, names=["lengths"])
    assert {check.subject for check in named} == set(subjects)


def test_slow_compilers_are_tried_on_demand_in_all_types() -> None:
    plan = list_checks([Subject("relu")], {"torch": ALL}, slow=True)
    for mode in ("mode compile", "mode inductor"):
        assert [check.dtype for check in plan if check.name == mode] == list(ALL)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["softsign", "elu", "log_softmax", "prelu"])
def test_strict_implementations_pass_the_layout_checks(backend: str, name: str) -> None:
    names = ("cotangents", "not mutated", "deterministic", "layouts")
    assert problems(name, backend, ALL, "strict", names=names) == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_length_and_every_compiler_is_right(backend: str) -> None:
    modes = [f"mode {mode}" for mode in load_harness(backend).modes if mode != "inductor"]
    assert problems("gelu", backend, numerics="strict", names=["lengths", *modes]) == {}


def test_what_a_backend_cannot_do_is_unsupported() -> None:
    plan = list_checks([Subject("gelu")], {"numpy": ["float64"]})
    results = {result.check: result for result in run_checks(plan)}
    for name in ("forward mode", "saved tensors"):
        assert results[name].status == "unsupported", results[name]
        assert results[name].unsupported


def test_one_tensor_is_kept_on_pytorch() -> None:
    elementwise = ua.list_activations(kind="elementwise")
    needed = [s for s in list_subjects(elementwise) if s.activation not in ("identity", "affine")]
    plan = list_checks(needed, {"torch": ["float32"]}, names=["saved tensors"])
    results = list(run_checks(plan, numerics="strict"))
    assert [result.problem for result in results if result.problem] == []
    assert {result.status for result in results} == {"passed"}


@pytest.mark.quick(lambda backend: backend in ("numpy", "mxnet"))
@pytest.mark.parametrize("subject", OF_SEVERAL, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_activations_of_several_numbers_pass_every_check(backend: str, subject: Subject) -> None:
    assert problems(subject, backend, ["float32"], "strict") == {}


def test_flushed_subnormals_are_allowed_where_a_mode_flushes() -> None:
    bench = bench_for(Case(Subject("relu"), "numpy", "float32", 0), "fast", registered)
    tiny = np.array([1e-40, -1e-40, 1.0], np.float32)
    flushed = np.array([0.0, 0.0, 1.0], np.float32)
    assert bench.fault_of_numbers(0, flushed, tiny)
    assert not bench.fault_of_numbers(0, flushed, tiny, flushing=True)
    wrong = np.array([0.0, 0.0, 0.0], np.float32)
    assert bench.fault_of_numbers(0, wrong, tiny, flushing=True)


def test_a_function_of_a_users_is_judged_as_the_named_one() -> None:
    plan = list_checks([Subject("relu")], {"numpy": ["float32"]}, names=["layouts"])
    (result,) = run_checks(plan, implement=function_of_users(drops_nan))
    assert "want nan" in result.problem


def test_an_error_is_a_problem_and_not_the_end() -> None:
    def fails(x):
        raise RuntimeError("no kernel image")

    plan = list_checks([Subject("relu")], {"numpy": ["float32"]})
    results = list(run_checks(plan, implement=function_of_users(fails)))
    assert len(results) == len(plan)
    assert any("no kernel image" in result.problem for result in results)


CHECK = Check("layouts", Subject("relu"), "numpy", "float32")
DECLARED = DeclaredCheck(
    id="numpy-relu-layouts",
    check="layouts",
    backend="numpy",
    versions=">=1",
    subjects=("relu",),
    numerics=("fast",),
    dtypes=("float32",),
    says="want nan",
    reason="made up for this test of the declarations",
)


def takes_anything(x):
    return np.maximum(np.asarray(x, np.float32), 0)


def test_what_should_be_refused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (plan,) = list_checks([Subject("relu")], {"numpy": ["float32"]}, names=["refused"])
    (right,) = run_checks([plan])
    assert right.status == "passed"
    monkeypatch.setattr(ua.ActivationFunction, "__call__", lambda self, x: takes_anything(x))
    (wrong,) = run_checks([plan])
    assert wrong.problem == "an array of truth values: it is not refused"


def test_noise_that_nobody_draws_has_to_give_nan() -> None:
    (plan,) = list_checks(
        [Subject("rrelu", (("training", True),))], {"numpy": ["float32"]}, names=["noise"]
    )
    leaky = function_of_users(lambda x, noise: x * np.where(noise > 1.5, np.nan, noise))
    (result,) = run_checks([plan], implement=leaky)
    assert result.problem.startswith("noise of 1.0078125 gives")


def test_a_declared_deviation_has_to_be_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "list_declared_checks", lambda: (DECLARED,))
    (result,) = run_checks([CHECK])
    assert result.problem == "deviation numpy-relu-layouts is declared but was not observed"
    (elsewhere,) = run_checks([CHECK], numerics="strict")
    assert elsewhere.passed
    (users,) = run_checks([CHECK], implement=function_of_users(drops_nan))
    assert users.problem  # what is declared is not declared of somebody else's function


def test_a_declared_deviation_excuses_only_itself() -> None:
    assert DECLARED.explains("value at x=nan: got 0.0, want nan")
    assert not DECLARED.explains("the output has shape (3,)")
    assert "declares 'want nan'" in DECLARED.unlike("the output has shape (3,)")


def test_the_declarations_can_be_read() -> None:
    for entry in list_declared_checks():
        assert entry.check in (*CHECKS, SAME) or entry.check.startswith("mode ")
        assert set(entry.dtypes) <= set(ALL)


def test_compilers_may_be_left_out_but_not_where_they_are_named():
    subjects, backends = [Subject("relu")], {"torch": ["float32"]}
    every = {check.name for check in list_checks(subjects, backends)}
    few = {check.name for check in list_checks(subjects, backends, compilers=False)}
    assert every - few == {"mode compile", "mode vmap"}
    named = list_checks(subjects, backends, names=["mode compile"], compilers=False)
    assert [check.name for check in named] == ["mode compile"]


def test_a_quick_run_tries_forward_mode_in_one_type_and_checks_one_subject_of_an_activation():
    subjects = [Subject("elu"), Subject("elu", (("alpha", 0.5),)), Subject("relu")]
    how = {"backends": {"torch": list(ALL)}, "quick": True}
    planned = list_checks(subjects, **how)
    assert {str(check.subject) for check in planned} == {"elu", "relu"}
    tried = [str(check.dtype) for check in planned if check.name == "forward mode"]
    assert tried == ["float32"] * 2
    named = list_checks(subjects, names=["forward mode"], **how)
    assert len(named) == len(ALL) * len(subjects)


def test_a_quick_run_tries_forward_mode_with_some_of_each_kind_where_it_is_traced():
    subjects = [subject for subject in list_subjects() if not subject.parameters]
    how = {"backends": {"tensorflow": list(ALL)}, "quick": True}
    planned = list_checks(subjects, **how)
    tried = [check.subject.activation for check in planned if check.name == "forward mode"]
    assert 0.2 * len(subjects) < len(tried) < 0.4 * len(subjects)
    kinds = {ACTIVATIONS.find(subject.activation).kind for subject in subjects}
    assert {ACTIVATIONS.find(name).kind for name in tried} == kinds
    named = list_checks(subjects, names=["forward mode"], **how)
    assert len(named) == len(ALL) * len(subjects)


@pytest.mark.parametrize("tail", range(8))
def test_a_quick_run_sees_a_wrong_end_of_any_length(tail):
    def wrong_at_the_end(x):
        found = x * np.float32(1.0)
        if x.size % 8 == tail:
            found[-1:] = np.float32(7.0)
        return found

    how = {"implement": function_of_users(wrong_at_the_end), "quick": True}
    planned = list_checks([Subject("identity")], {"numpy": ["float32"]}, names=["lengths"])
    (result,) = run_checks(planned, **how)
    assert "elements" in result.problem


def test_messages_hold_no_repr_of_a_number_computed_in_place() -> None:
    """`repr` of a NumPy number is another one on NumPy 2."""
    found = [
        f"{path.name}:{node.lineno}"
        for package in (ua, unified_act_conformance)
        for path in Path(*package.__path__).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FormattedValue) and node.conversion == ord("r")
        if ARRAYS & {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    ]
    assert found == []
