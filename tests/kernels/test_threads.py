"""Slices on several threads, and what forks."""

import ctypes
import os
import signal
import threading
import time

import numpy as np
import pytest

from tests.kernels.running import call, kernel_of, random_bits
from unified_act.kernels import threads
from unified_act.kernels.threads import ALONE, Threads

LEAST = ALONE.least


@pytest.fixture(name="two_processors", autouse=True)
def _two_processors(monkeypatch):
    """As many as there may be: the number of threads does not depend on this computer."""
    monkeypatch.setattr(threads, "available", lambda: 4)
    threads._forget()


@pytest.mark.parametrize("count", [2 * LEAST, 2 * LEAST + 1, 3 * LEAST - 1, 5 * LEAST + 77])
@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_the_bits_do_not_depend_on_the_number_of_threads(count, number):
    x = random_bits("float32", count)
    kernel = kernel_of("silu")
    np.testing.assert_array_equal(call(kernel, x, threads=Threads(number)), call(kernel, x))


def test_rows_on_several_threads():
    x = random_bits("float32", 2 * 500 * 301).reshape(500, 602)
    kernel, results = kernel_of("swiglu"), []
    for number in (1, 4):
        y = np.zeros((500, 301), np.float32)
        places = [x.ctypes.data + 301 * 4, x.ctypes.data, y.ctypes.data]
        strides = [602 * 4, 602 * 4, 301 * 4]
        kernel.rows(length=301, count=500, strides=strides).run(places, Threads(number))
        results.append(y)
    np.testing.assert_array_equal(*results)
    assert results[0].any()


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(("outer", "channels"), [(1, 700), (5, 140), (140, 5), (700, 1)])
def test_each_channel_has_its_weight_on_several_threads(outer, channels, number):
    x = -np.ones((outer, channels, 301), np.float32)
    weight, y = np.arange(channels, dtype=np.float32), np.zeros_like(x)
    strides = [4 * 301, 4, 4 * 301]
    kernel_of("prelu").rows(
        length=301, count=outer * channels, strides=strides, period=channels
    ).run([x.ctypes.data, weight.ctypes.data, y.ctypes.data], Threads(number))
    np.testing.assert_array_equal(y, np.broadcast_to(-weight[:, None], x.shape))


def times_computed(count, threads, row=1):
    """How often each element is computed, and how many threads asked for a slice."""
    kernel = kernel_of("affine", {"alpha": 1.0, "beta": 1.0})
    x = np.zeros(count * row, np.float32)
    place = x.ctypes.data
    if row == 1:
        kernel(place, place, count=count, threads=threads)
    else:
        strides = [4 * row] * 2
        kernel.rows(length=row, count=count, strides=strides).run([place, place], threads)
    return x


@pytest.mark.parametrize("row", [1, 7])
@pytest.mark.parametrize("count", [0, 1, 2 * LEAST - 1, 2 * LEAST, 4 * LEAST + 1, 10 * LEAST + 63])
def test_slices_cover_everything_once(count, row):
    assert (times_computed(count, Threads(4), row) == 1).all()


@pytest.mark.parametrize(("came", "last"), [(0, 7), (1, 3)])
def test_a_thread_begins_with_a_part_of_its_own(came, last):
    """All rows are written to one place, so that the row that is computed last is left there."""
    rows = np.repeat(np.arange(8, dtype=np.float32), 4).reshape(8, 4)
    left = np.empty(4, np.float32)

    def team(function, argument, number):
        assert number == 2
        ctypes.c_int64.from_address(argument).value = came  # so many have come before
        function(argument)

    job = kernel_of("relu").rows(length=4, count=8, strides=[16, 0])
    job.run([rows.ctypes.data, left.ctypes.data], Threads(2, team, 1))
    np.testing.assert_array_equal(left, np.full(4, last, np.float32))


def teams_of(count, threads, row=1):
    """The numbers of threads that a framework is asked for."""
    asked = []

    def team(function, argument, number):
        asked.append(number)
        function(argument)

    assert (times_computed(count, threads._replace(team=team), row) == 1).all()
    return asked


def test_few_elements_stay_on_this_thread():
    assert teams_of(2 * LEAST - 1, Threads(4)) == []
    assert teams_of(2 * LEAST, Threads(4)) == [2]
    assert teams_of(200, Threads(4, least=50)) == [4]
    assert teams_of(100 * LEAST, Threads(4)) == [4]
    assert teams_of(100 * LEAST, ALONE) == []


def test_few_long_rows_are_shared():
    assert teams_of(2, Threads(4), LEAST) == [2]
    assert teams_of(1, Threads(4), 4 * LEAST) == []


def test_a_thread_that_comes_late_finds_nothing_to_do():
    """The pool is busy: the caller computes everything itself, and does not wait."""
    stop = threading.Event()
    threads._submitted(lambda _: None, 0).result()  # there is a pool
    busy = [threads._pool.submit(stop.wait, 20) for _ in range(8)]
    try:
        begin = time.monotonic()
        assert (times_computed(4 * LEAST, Threads(4)) == 1).all()
        assert time.monotonic() - begin < 10
    finally:
        stop.set()
    for each in busy:
        each.result()


def test_an_error_on_another_thread_is_raised_when_all_are_done():
    done, here = [], threading.get_ident()

    def fail(_):
        if threading.get_ident() != here:
            raise ValueError("a slice")
        time.sleep(0.05)
        done.append(1)

    with pytest.raises(ValueError, match="a slice"):
        threads._own_team(fail, 0, 2)
    assert done


def test_eight_threads_share_the_pool():
    x = random_bits("float32", 3 * LEAST)
    kernel = kernel_of("tanh")
    wanted, wrong = call(kernel, x), []

    def work():
        found = [call(kernel, x, threads=Threads(4)) for _ in range(10)]
        wrong.extend(y for y in found if not np.array_equal(y, wanted, equal_nan=True))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def in_child(function, seconds=20):
    """The exit status of a forked child, which the function returns; one that hangs is killed."""
    child = os.fork()
    if not child:
        status = 99
        try:
            status = int(function())
        finally:
            os._exit(status)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hangs"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:os.fork.* was called:RuntimeWarning")  # JAX, if it is loaded
class TestFork:
    def test_a_child_computes_with_threads_of_its_own(self):
        x = random_bits("float32", 3 * LEAST)
        wanted = call(kernel_of("gelu"), x, threads=Threads(4))  # the parent's pool is alive

        def work():
            same = np.array_equal(
                call(kernel_of("gelu"), x, threads=Threads(4)), wanted, equal_nan=True
            )
            fresh = call(kernel_of("elu", {"alpha": 0.77}), x)  # which is compiled in the child
            return 0 if same and fresh.size else 1

        assert in_child(work) == 0

    def test_forks_while_other_threads_compile_and_compute(self):
        x = random_bits("float32", 2 * LEAST)
        stop = threading.Event()

        def busy():
            alpha = 1.0
            while not stop.is_set():
                alpha += 1.0
                call(kernel_of("celu", {"alpha": alpha}), x, threads=Threads(4))

        workers = [threading.Thread(target=busy) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            for turn in range(10):
                parameters = {"alpha": 0.5 + turn}

                def work(parameters=parameters):
                    return (
                        0 if call(kernel_of("elu", parameters), x, threads=Threads(4)).size else 1
                    )

                assert in_child(work) == 0
        finally:
            stop.set()
            for worker in workers:
                worker.join()
