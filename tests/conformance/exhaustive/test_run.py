"""A run in parts: killed, gone on with, and divided among processes and machines."""

import json
import random
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

import unified_act as ua
from unified_act_conformance.commands.main import cli
from unified_act_conformance.exhaustive import Task, exhaust, is_as_promised
from unified_act_conformance.subject import subject_of

TASK = Task(subject_of("mish"), "numpy", "float16", "strict")
SIZE = 512

RUN = """
import sys
from pathlib import Path
from unified_act_conformance.exhaustive import Task, exhaust
from unified_act_conformance.subject import subject_of

task = Task(subject_of("mish"), "numpy", "float16", "strict")
exhaust(task, Path(sys.argv[1]), size=512, progress=lambda done, of: print(done, of, flush=True))
"""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return exhaust(TASK, tmp_path_factory.mktemp("parts"), size=SIZE)


def text(document):
    return json.dumps(document, sort_keys=True)


def test_what_it_says(unbroken):
    assert unbroken["activation"] == "mish"
    assert unbroken["value"]["inputs"] == unbroken["gradient"]["inputs"] == 63_490
    assert unbroken["packages"]["numpy"]
    assert is_as_promised(unbroken)


def test_killed_and_gone_on_with(tmp_path, unbroken):
    """At three moments; nothing is lost, and nothing that was kept is judged again."""
    chance, done = random.Random(2026), 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            first = int(process.stdout.readline().split()[0])
            assert first >= done
            for _ in range(chance.randrange(5, 30)):
                done = int(process.stdout.readline().split()[0])
            process.send_signal(signal.SIGKILL)
    (tmp_path / ".left-over.json.abc").write_text("half a fi")  # as a kill may leave it
    counted = []
    result = exhaust(TASK, tmp_path, size=SIZE, progress=lambda done, of: counted.append(done))
    assert counted[0] >= done
    assert counted[-1] == 128
    assert text(result) == text(unbroken)


@pytest.mark.parametrize("size", [2**14, 2**16])
def test_another_division(tmp_path, unbroken, size):
    assert text(exhaust(TASK, tmp_path, size=size)) == text(unbroken)


@pytest.mark.exhaustive
def test_several_processes(tmp_path, unbroken):
    assert text(exhaust(TASK, tmp_path, size=SIZE, jobs=2)) == text(unbroken)


@pytest.mark.exhaustive
def test_a_cluster_that_loses_a_worker(tmp_path, unbroken):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as own:
        lost = []

        def lose(done, of):
            if done > 20 and not lost:
                lost.append(own.workers[0])
                own.workers[0].process.process.kill()

        result = exhaust(TASK, tmp_path, size=SIZE, dask=own.scheduler_address, progress=lose)
    assert lost
    assert text(result) == text(unbroken)


def test_a_folder_of_another_run(tmp_path):
    exhaust(TASK, tmp_path / "own", size=2**16)
    other = Task(TASK.subject, "numpy", "bfloat16", "strict")
    with pytest.raises(ua.ParameterValueError, match="parts of another run"):
        exhaust(other, tmp_path / "own", size=2**16)
    (tmp_path / "letter.txt").write_text("not ours")
    with pytest.raises(ua.ParameterValueError, match="holds other files"):
        exhaust(TASK, tmp_path, size=2**16)


def test_what_cannot_be_judged_at_every_number(tmp_path):
    with pytest.raises(ua.UnsupportedError, match="elementwise activations of the catalogue"):
        exhaust(Task(subject_of("softmax"), "numpy", "float16", "strict"), tmp_path)


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "gelu.json"
    arguments = ["exhaustive", "gelu", "--dtype", "float16", "--jobs", "1", "--json", str(file)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert "63,490" in result.output
    assert json.loads(file.read_text())["value"]["not_nearest"] == 0
    assert max(map(len, result.output.splitlines())) <= 160
    wrong = ["exhaustive", "hard_silu", "--backend", "torch", "--dtype", "float16", "--jobs", "1"]
    result = CliRunner().invoke(cli, [*wrong, "--numerics", "fast"])
    assert result.exit_code == 1
    assert "-inf" in result.output
