"""Slices on several threads, and what forks."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from tests.kernels.running import call, kernel_of, random_bits
from unified_act.kernels import threads
from unified_act.kernels.threads import LEAST, in_slices


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
    np.testing.assert_array_equal(call(kernel, x, threads=number), call(kernel, x))


def test_rows_on_several_threads():
    x = random_bits("float32", 2 * 500 * 301).reshape(500, 602)
    kernel, results = kernel_of("swiglu"), []
    for number in (1, 4):
        y = np.zeros((500, 301), np.float32)
        places = [x.ctypes.data + 301 * 4, x.ctypes.data, y.ctypes.data]
        strides = [602 * 4, 602 * 4, 301 * 4]
        kernel.rows(*places, length=301, count=500, strides=strides, threads=number)
        results.append(y)
    np.testing.assert_array_equal(*results)
    assert results[0].any()


def seen(count, number, weight=1):
    """The slices, each with the thread that it ran on."""
    found = []

    def note(start, n):
        found.append((start, n, threading.get_ident()))
        time.sleep(0.01)

    in_slices(note, [0], [1], count, number, weight)
    return sorted(found)


@pytest.mark.parametrize("count", [0, 1, 2 * LEAST - 1, 2 * LEAST, 4 * LEAST + 1, 10 * LEAST + 63])
def test_slices_cover_everything_once(count):
    found = seen(count, 4)
    assert [start for start, _, _ in found] == [
        sum(n for _, n, _ in found[:i]) for i in range(len(found))
    ]
    assert sum(n for _, n, _ in found) == count
    assert len(found) == (0 if not count else max(1, min(4, count // LEAST)))
    assert all(start % 64 == 0 for start, _, _ in found)


def test_few_elements_stay_on_this_thread():
    assert {thread for _, _, thread in seen(2 * LEAST - 1, 4)} == {threading.get_ident()}
    assert len({thread for _, _, thread in seen(2 * LEAST, 4)}) == 2


def test_few_long_rows_are_shared():
    assert len(seen(2, 4, LEAST)) == 2
    assert len(seen(1, 4, 100 * LEAST)) == 1


def test_an_error_on_another_thread_is_raised_when_all_are_done():
    done = []

    def fail(start, n):
        if start:
            raise ValueError("a slice")
        time.sleep(0.02)
        done.append(n)

    with pytest.raises(ValueError, match="a slice"):
        in_slices(fail, [0], [1], 2 * LEAST, 2)
    assert done


def test_eight_threads_share_the_pool():
    x = random_bits("float32", 3 * LEAST)
    kernel = kernel_of("tanh")
    wanted, wrong = call(kernel, x), []

    def work():
        found = [call(kernel, x, threads=4) for _ in range(10)]
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
        wanted = call(kernel_of("gelu"), x, threads=4)  # the parent's pool is alive

        def work():
            same = np.array_equal(call(kernel_of("gelu"), x, threads=4), wanted, equal_nan=True)
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
                call(kernel_of("celu", {"alpha": alpha}), x, threads=4)

        workers = [threading.Thread(target=busy) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            for turn in range(10):
                parameters = {"alpha": 0.5 + turn}

                def work(parameters=parameters):
                    return 0 if call(kernel_of("elu", parameters), x, threads=4).size else 1

                assert in_child(work) == 0
        finally:
            stop.set()
            for worker in workers:
                worker.join()
