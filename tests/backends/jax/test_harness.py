"""The harness of JAX: many calls as one program, and fewer shapes in a quick run."""

import math
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from unified_act_conformance.checks import basic
from unified_act_conformance.checks.bench import bench_for
from unified_act_conformance.harness import load_harness
from unified_act_conformance.judge import run
from unified_act_conformance.judge.runner import PADDED, output_of
from unified_act_conformance.problems import problem_at, problems_for
from unified_act_conformance.subject import DTYPES, Case, Differentiated, Subject, registered

HARNESS = load_harness("jax")
ARRAYS = [np.arange(float(length)) for length in (1, 2, 3)]


def test_several_calls_are_traced_as_one_program():
    programs = set()

    def doubled(x):
        assert isinstance(x, jax.core.Tracer)
        programs.add(id(x._trace))
        return 2.0 * x

    found = HARNESS.each(doubled, [[HARNESS.to_native(x, "float64")] for x in ARRAYS])
    assert len(programs) == 1
    for x, output in zip(ARRAYS, found, strict=True):
        np.testing.assert_array_equal(HARNESS.to_numpy(output, "float64"), 2.0 * x)


def test_what_cannot_be_traced_is_called_one_by_one():
    found = HARNESS.each(lambda x: jax.numpy.asarray(np.exp(x)), [[x] for x in ARRAYS])
    for x, output in zip(ARRAYS, found, strict=True):
        np.testing.assert_array_equal(output, np.exp(x))


def test_an_error_of_one_call_is_raised():
    def fails(x):
        if x.shape == (2,):
            raise ArithmeticError("two")
        return x

    with pytest.raises(ArithmeticError, match="two"):
        HARNESS.each(fails, [[x] for x in ARRAYS])


@pytest.mark.parametrize("check", [basic.lengths, basic.layouts])
def test_a_quick_run_tries_one_shape_of_each_type(check):
    def shapes_in(dtype, quick):
        seen = []

        def relu(x):
            seen.append(x.shape)
            return jax.nn.relu(x)

        case = Case(Subject("relu"), "jax", dtype, 0)
        bench = bench_for(
            case, "fast", lambda case, numerics: Differentiated(relu, HARNESS), quick=quick
        )
        assert not check(bench)
        return set(seen)

    all_of_them = set.union(*(shapes_in(dtype, quick=False) for dtype in DTYPES))
    few = [shapes_in(dtype, quick=True) for dtype in DTYPES]
    assert [len(shapes) for shapes in few] == [1, 1, 1, 1]
    assert len(set.union(*few)) == len(DTYPES)
    assert set.union(*few) < all_of_them
    if check is basic.lengths:
        assert all_of_them == {(length,) for length in range(1, 34)}


def test_a_quick_run_judges_every_array_in_one_type_and_the_largest_in_others():
    subject, seen = Subject("softmax"), []

    def softmax(x):
        seen.append(x.shape)
        return jax.nn.softmax(x)

    cases = [Case(subject, "jax", dtype, 0) for dtype in DTYPES]
    list(run(cases, quick=True, implement=lambda case, numerics: Differentiated(softmax, HARNESS)))
    every = [problem.inputs[0].shape for problem in problems_for(cases[0])]
    assert set(seen) == set(every)
    assert len(seen) == len(every) + len(DTYPES) - 1
    largest = max(every, key=math.prod)
    assert seen.count(largest) == len(DTYPES)


@pytest.mark.parametrize("name", ["softplus_beta", "snake"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_arrays_of_a_learned_activation_have_one_length(name, order):
    subject, seen = Subject(name), set()
    for part in ("x", "beta" if name == "softplus_beta" else "alpha") if order else ("x",):
        case = Case(subject, "jax", "float32", order, part)
        function = registered(case, "fast").function

        def watched(x, weight, function=function):
            seen.add((x.shape[0], weight.size))
            return function(x, weight)

        made = Differentiated(watched, HARNESS)
        for result in run([case], quick=True, implement=lambda *_, made=made: made):
            assert not result.problem
            assert result.judgement.count > 5
    of_each_x = {(PADDED, 30)} if order else set()  # each with a channel of its own
    assert {(PADDED, 6)} <= seen <= {(PADDED, 6), (PADDED, 1)} | of_each_x


def test_small_programs_are_kept_on_disk_in_any_folder(tmp_path):
    text = """
from unified_act_conformance.harness import load_harness
load_harness("jax")
import math
import os
import subprocess
import sys

import jax
jax.jit(lambda x: x * 2.0 + 1.0)(3.0)
"""
    left_out = ("JAX_PERSISTENT_CACHE", "JAX_ENABLE_COMPILATION_CACHE")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    environment["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", text], check=True, env=environment)
    assert list(tmp_path.iterdir())


def test_an_array_without_dimensions_is_not_padded():
    case = Case(Subject("prelu"), "jax", "float32", 0)
    arrays = [np.array(-2.0, np.float32), np.array([0.25], np.float32)]
    output = output_of(case, HARNESS, registered(case, "fast"), problem_at(case, arrays))
    assert output.shape == ()
    assert output == -0.5
