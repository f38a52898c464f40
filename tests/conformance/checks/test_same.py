"""Backends compute the same bits: they do, and the check sees where they do not."""

import math
import re

import numpy as np
import pytest

import unified_act as ua
from tests.faulty import faulty
from unified_act.kernels import unavailable
from unified_act_conformance.checks import same
from unified_act_conformance.checks.same import SAME, compare, same_subjects
from unified_act_conformance.declared import checks
from unified_act_conformance.declared.checks import DeclaredCheck
from unified_act_conformance.subject import Subject, registered
from unified_act_numpy import NumpyBackend

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there are kernels")

BACKENDS = ("numpy", "torch", "tensorflow")
FEW = 1_000
KINDS = [
    Subject("gelu"),
    Subject("mish"),
    Subject("swiglu"),
    Subject("prelu"),
    Subject("softmax"),
    Subject("sparsemax"),
    Subject("entmax15"),
    Subject("masked_softmax", (("axis", -2),)),
    Subject("gumbel_softmax", (("tau", 0.7), ("hard", True))),
]


def strict_on_torch(name):
    return ua.get_activation(name, backend="torch", numerics="strict")


def on(backend, **faults):
    """What is compared: right, but for these faults of one backend."""
    wrong = faulty(**faults)
    return lambda case, numerics: (wrong if case.backend == backend else registered)(case, numerics)


def one_ulp(array, place=5):
    """An array, with one element next to what it was."""
    flat = array.detach().reshape(-1).clone()
    if flat.numel() > place:
        flat[place] = flat[place].nextafter(flat[place] + 1)
    return flat.reshape(array.shape)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("subject", KINDS, ids=str)
def test_backends_agree(subject, dtype):
    results = compare(subject, dtype, BACKENDS, count=FEW)
    assert [(result.backend, result.problem, result.unsupported) for result in results] == [
        ("torch", "", ""),
        ("tensorflow", "", ""),
    ]
    assert all(result.compared > FEW for result in results)


def test_one_bit_of_one_value_is_named():
    silu = strict_on_torch("silu")
    wrong = on("torch", value=lambda x: one_ulp(silu(x)))
    (result,) = compare(Subject("silu"), "float32", ["numpy", "torch"], count=FEW, implement=wrong)
    assert (result.check, str(result.subject), result.dtype) == (SAME, "silu", "float32")
    told = "value, 33 elements: torch differs from numpy in 1 of 33 elements, first at x="
    assert told in result.problem
    x, first, second = re.search(
        r"x=(\S+) \(.*?\): numpy (\S{8}) .*?, torch (\S{8})", result.problem.partition(told[:-2])[2]
    ).groups()
    exact = float.fromhex(x) / (1.0 + math.exp(-float.fromhex(x)))
    assert np.uint32(int(first, 16)).view(np.float32) == np.float32(exact)
    assert abs(int(first, 16) - int(second, 16)) == 1


def test_one_bit_of_one_gradient_is_named():
    def gradient(sound, cotangent, *inputs):
        (by_x,) = sound.gradients(inputs, cotangent)
        return by_x if cotangent is None else one_ulp(by_x)

    wrong = on("torch", gradient=gradient)
    (result,) = compare(Subject("swiglu"), "float32", BACKENDS[:2], count=FEW, implement=wrong)
    assert result.problem.startswith("gradient with cotangents, ")
    assert "value," not in result.problem
    assert "and" in result.problem  # only the first differences are told


def test_what_goes_in_is_named_where_several_elements_make_one():
    def value(x):
        return one_ulp(strict_on_torch("swiglu")(x))

    (result,) = compare(
        Subject("swiglu"), "float32", BACKENDS[:2], count=FEW, implement=on("torch", value=value)
    )
    assert "x in part 1=" in result.problem
    assert "x in part 2=" in result.problem


def test_the_sign_of_a_zero_counts_and_that_of_a_nan_does_not():
    relu = strict_on_torch("relu")
    negative_nan = on("torch", value=lambda x: relu(x).where(~x.isnan(), -x))
    negative_zero = on("torch", value=lambda x: relu(x).where(x > 0, -0.0))
    given = (Subject("relu"), "bfloat16", ["numpy", "torch"])
    (result,) = compare(*given, count=FEW, implement=negative_nan)
    assert result.passed
    (result,) = compare(*given, count=FEW, implement=negative_zero)
    assert "numpy 0000 (0), torch 8000 (-0)" in result.problem


def test_operations_of_a_framework_may_differ(monkeypatch):
    monkeypatch.setattr(NumpyBackend, "fused", ())
    silu = strict_on_torch("silu")
    wrong = on("torch", value=lambda x: one_ulp(silu(x)))
    (result,) = compare(Subject("silu"), "float32", ["numpy", "torch"], count=FEW, implement=wrong)
    assert result.backend == "numpy"  # the other one is what backends share
    assert result.status == "unsupported"
    assert "by operations of the framework: value" in result.unsupported


def test_what_is_declared_has_to_show(monkeypatch):
    entry = DeclaredCheck(
        id="torch-made-up",
        check=SAME,
        backend="torch",
        versions=">=1",
        subjects=("relu",),
        numerics=("strict",),
        dtypes=("float32",),
        says="torch differs from",
        reason="made up for this test of the declarations",
    )
    monkeypatch.setattr(checks, "list_declared_checks", lambda: (entry,))
    given = (Subject("relu"), "float32", ["numpy", "torch"])
    (few,) = compare(*given, count=FEW)
    assert few.passed  # in a part of the numbers it need not
    monkeypatch.setattr(same, "COUNT", FEW)
    (all_,) = compare(*given, count=FEW)
    assert all_.problem == "deviation torch-made-up is declared but was not observed"
    (users,) = compare(*given, count=FEW, implement=on("torch", value=one_ulp))
    assert users.problem.startswith("value")  # it is not declared of somebody else's function


def test_axes_in_the_middle_are_compared_too():
    found = same_subjects(["glu", "prelu"])
    assert Subject("glu", (("axis", -2),)) in found
    assert len(set(found)) == len(found)
