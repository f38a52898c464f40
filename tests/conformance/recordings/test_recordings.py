"""Recordings: made by a file that stands alone, judged without the framework, hard to falsify."""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unified_act as ua
from unified_act.kernels import unavailable
from unified_act_conformance.commands.repro import repro, repro_command
from unified_act_conformance.floats import FORMATS
from unified_act_conformance.recordings.plan import make_plan, read_plan
from unified_act_conformance.recordings.recording import (
    RecordingError,
    judge_recording,
    list_recordings,
    load_recording,
    make_plan_file,
    record_live,
    recorder,
    verdict_json,
)

MXNET = Path(recorder.__file__).parent / "mxnet-1.9.1-py37.npz"


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """NumPy's tanh in three types."""
    path = tmp_path_factory.mktemp("plan") / "plan.npz"
    make_plan_file(path, "numpy", activations=["tanh"])
    return path


@pytest.fixture(scope="module")
def recording(plan):
    """Made by a copy of the recorder, in a process that has nothing of ours on its path."""
    copy = plan.with_name("copied.py")
    shutil.copy(recorder.__file__, copy)
    out = plan.with_name("recording.npz")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-I", str(copy), str(plan), str(out), "--adapter", "numpy"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[3/3] tanh float64 order 0: ok" in done.stderr
    return out


@pytest.fixture(scope="module")
def mxnet():
    """The verdicts on the shipped recording, by what they are about."""
    return {
        (str(result.case.subject), result.case.dtype, result.case.order): result
        for result in judge_recording(MXNET)
    }


@pytest.fixture(scope="module")
def outputs():
    """The numbers in the shipped recording: inputs and outputs, as doubles."""
    recording = load_recording(MXNET)
    found = {}
    for call, bits in zip(recording.plan.calls, recording.results, strict=True):
        if isinstance(bits, str) or call.case.subject.activation in ("softmax", "log_softmax"):
            continue
        dtype = FORMATS[call.case.dtype].dtype
        with np.errstate(invalid="ignore"):
            x, y = (a.view(dtype).astype(np.float64) for a in (call.inputs[0], bits))
        found[str(call.case.subject), call.case.dtype, call.case.order] = x, y
    return found


def changed(path, out, **arrays):
    """Copies a file with some of its arrays replaced."""
    with np.load(path) as archive:
        np.savez(out, **{**{name: archive[name] for name in archive.files}, **arrays})
    return out


def documents(path, name):
    return json.loads(recorder.read_arrays(path)[name].tobytes())


class TestRecorder:
    SOURCE = Path(recorder.__file__).read_text(encoding="utf-8")

    def test_is_python_3_6(self):
        ast.parse(self.SOURCE, feature_version=(3, 6))

    def test_imports_nothing_but_numpy_and_what_python_has(self):
        imported = set()
        for node in ast.walk(ast.parse(self.SOURCE)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                imported.add(node.module.partition(".")[0])
        assert imported - set(sys.stdlib_module_names) == {"numpy"}

    def test_says_where_it_ran(self, recording):
        environment = load_recording(recording).environment
        assert environment["version"] == environment["numpy"] == np.__version__
        assert environment["subnormals"] == {"numpy": True, "framework": True}
        assert environment["python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
        assert {"platform", "cpu", "variables", "details"} <= set(environment)

    @pytest.mark.parametrize("name", ["log10", "no.such.kernel"])
    def test_an_error_of_one_call_is_recorded(self, plan, tmp_path, name):
        document = documents(plan, "plan")
        document["calls"][0] |= {"kernel": name, "keywords": {"no_such_keyword": 1}}
        broken = changed(plan, tmp_path / "plan.npz", plan=recorder.as_array(document))
        record_live(broken, tmp_path / "out.npz", "numpy")
        first, *others = judge_recording(tmp_path / "out.npz")
        assert first.status == "failed"
        assert "Error: " in first.problem
        assert [result.status for result in others] == ["passed", "passed"]

    def test_refuses_a_plan_for_another_framework(self, tmp_path):
        make_plan_file(tmp_path / "plan.npz", "mxnet", activations=["tanh"], dtypes=["float32"])
        with pytest.raises(RecordingError, match="for mxnet"):
            record_live(tmp_path / "plan.npz", tmp_path / "out.npz", "numpy")

    def test_runs_in_another_interpreter(self, plan, tmp_path):
        record_live(plan, tmp_path / "out.npz", "numpy", python=Path(sys.executable))
        assert len(judge_recording(tmp_path / "out.npz")) == 3
        with pytest.raises(RecordingError, match="exited with 1"):
            record_live(tmp_path / "none.npz", tmp_path / "out.npz", "numpy", Path(sys.executable))


class TestPlan:
    def test_does_not_import_the_framework(self, run_python):
        program = (
            "import sys; from unified_act_conformance.recordings.plan import make_plan; "
            "print(len(make_plan('mxnet').calls) > 100, 'mxnet' in sys.modules)"
        )
        assert run_python(program) == "True False\n"

    def test_reads_back_as_it_was(self, plan):
        made = make_plan("numpy", activations=["tanh"])
        read = read_plan(recorder.read_arrays(plan))
        assert read.digest() == made.digest()
        assert [call.case for call in read.calls] == [call.case for call in made.calls]

    def test_passes_the_kernel_s_keywords_also_where_it_is_not_admitted(self):
        (call,) = make_plan("mxnet", activations=["selu"], dtypes=["float32"], orders=[0]).calls
        assert (call.kernel, dict(call.keywords)) == ("LeakyReLU", {"act_type": "selu"})
        assert call.inputs[0].dtype == np.uint32

    def test_is_not_empty(self, tmp_path):
        with pytest.raises(RecordingError, match="no kernel of its own"):
            make_plan_file(tmp_path / "plan.npz", "numpy", activations=["gelu"])


class TestJudging:
    def test_a_new_recording_passes(self, recording):
        results = judge_recording(recording)
        assert [result.case.dtype for result in results] == ["float16", "float32", "float64"]
        assert all(result.passed for result in results)
        assert all(result.judgement.count > 2000 for result in results)

    @pytest.mark.parametrize("name", ["plan", "recording"])
    def test_refuses_a_changed_document(self, recording, tmp_path, name):
        document = documents(recording, name)
        document |= {"framework": "numpy2"} if name == "plan" else {"plan_sha256": "0" * 64}
        path = changed(recording, tmp_path / "x.npz", **{name: recorder.as_array(document)})
        with pytest.raises(RecordingError, match="the plan is not the one that was run"):
            judge_recording(path)

    def test_refuses_changed_outputs(self, recording, tmp_path):
        name = documents(recording, "recording")["results"][1]["output"]
        bits = recorder.read_arrays(recording)[name].copy()
        bits[7] ^= 1
        with pytest.raises(RecordingError, match=f"{name} has been changed"):
            judge_recording(changed(recording, tmp_path / "x.npz", **{name: bits}))

    def test_refuses_a_missing_result(self, recording, tmp_path):
        document = documents(recording, "recording")
        del document["results"][0]
        path = changed(recording, tmp_path / "x.npz", recording=recorder.as_array(document))
        with pytest.raises(RecordingError, match="2 results for 3 calls"):
            judge_recording(path)

    def test_refuses_what_is_no_recording(self, plan, tmp_path):
        with pytest.raises(RecordingError, match="'recording' is missing"):
            judge_recording(plan)
        (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 no archive")
        with pytest.raises(RecordingError):
            judge_recording(tmp_path / "x.npz")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda bits: bits[:-1], "has shape"),
            (lambda bits: bits.astype("<u4"), "cannot hold the bits of float16"),
        ],
        ids=["shape", "dtype"],
    )
    def test_faults_an_output_of_the_wrong_kind(self, recording, tmp_path, change, message):
        document = documents(recording, "recording")
        bits = change(recorder.read_arrays(recording)[document["results"][0]["output"]])
        document["results"][0]["output"] = recorder.array_digest(bits)
        arrays = {recorder.array_digest(bits): bits, "recording": recorder.as_array(document)}
        first, *others = judge_recording(changed(recording, tmp_path / "x.npz", **arrays))
        assert message in first.problem
        assert all(result.passed for result in others)


class TestMxnet:
    """What is wrong with the kernels of the last MXNet, found again without it."""

    def test_is_shipped_and_small(self):
        assert MXNET in list_recordings()
        assert sum(path.stat().st_size for path in list_recordings()) < 2_000_000

    def test_was_made_in_an_environment_of_its_time(self):
        recording = load_recording(MXNET)
        assert recording.label == "mxnet 1.9.1 (Python 3.7.16, NumPy 1.21.6)"
        assert recording.plan.backend == "mxnet"

    def test_gives_the_same_bytes_twice_and_needs_no_framework(self, mxnet, run_python):
        program = (
            "import hashlib, sys; from unified_act_conformance.recordings.recording import *; "
            "text = verdict_json(judge_recording(list_recordings()[0])); "
            "print(hashlib.sha256(text.encode()).hexdigest()); "
            "print({'mxnet', 'tensorflow', 'torch'} & set(sys.modules))"
        )
        text = verdict_json(list(mxnet.values()))
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert run_python(program, environment={"PYTHONHASHSEED": "7"}) == f"{digest}\nset()\n"
        assert json.loads(text)["schema"] == "unified-act-verdict/1"

    def test_has_every_kernel_in_every_type(self, mxnet):
        assert {dtype for _, dtype, _ in mxnet} == set(FORMATS)
        assert {name.partition("(")[0] for name, _, _ in mxnet} == {
            *("elu", "gelu", "hard_sigmoid", "hard_tanh", "identity", "leaky_relu", "log_softmax"),
            *("relu", "relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh"),
        }

    @pytest.mark.parametrize("name", ["tanh", "sigmoid", "elu"])
    @pytest.mark.parametrize("order", [0, 1])
    def test_finds_nothing_where_nothing_is_wrong(self, mxnet, name, order):
        assert all(mxnet[name, dtype, order].status == "passed" for dtype in FORMATS)

    def test_selu_has_a_wrong_gradient_for_negative_inputs(self, mxnet, outputs):
        assert mxnet["selu", "float32", 1].judgement.classes["wrong_sign"] > 500
        x, y = outputs["selu", "float32", 0]
        _, slope = outputs["selu", "float32", 1]
        # It is y + scale·alpha; MXNet multiplies the output by the scale once more.
        scale, alpha = 1.0507009873554805, 1.6732632423543772
        negative = (x < -1) & np.isfinite(x)
        np.testing.assert_allclose(slope[negative], scale * (y + alpha)[negative], atol=1e-6)
        assert np.min(np.abs(slope - (y + scale * alpha))[negative]) > 0.05

    def test_softplus_is_negative_in_its_tail(self, mxnet, outputs):
        assert mxnet["softplus", "float32", 0].judgement.classes["wrong_sign"] > 10
        x, y = outputs["softplus", "float32", 0]
        assert np.nanmin(y) == -(2.0**-19)
        assert x[y < 0].max() < -15

    def test_float64_is_only_as_accurate_as_float32(self, mxnet, outputs):
        for name in ("leaky_relu", "gelu"):
            assert mxnet[name, "float64", 0].status == "failed"
        x, y = outputs["leaky_relu", "float64", 0]
        middle = (x < -1e-3) & (x > -1e3)
        relative = np.abs(y[middle] / (0.01 * x[middle]) - 1)
        assert 1e-8 < np.median(relative) <= np.max(relative) < 2**-23
        assert np.isinf(y[x < -1e40]).all()

    def test_log_softmax_is_positive_in_float32(self, mxnet):
        judgement = mxnet["log_softmax", "float32", 0].judgement
        assert judgement.classes["out_of_range"] > 0
        assert judgement.got > 1e-6 >= judgement.want

    @pytest.mark.parametrize("dtype", FORMATS)
    def test_gelu_is_nan_at_minus_infinity(self, outputs, dtype):
        x, y = outputs["gelu", dtype, 0]
        assert np.isnan(y[x == -np.inf]).all()

    def test_second_derivatives_that_it_lacks_are_not_failures(self, mxnet):
        assert mxnet["gelu", "float32", 2].status == "unsupported"
        assert "non-differentiable" in mxnet["gelu", "float32", 2].unsupported
        assert mxnet["tanh", "float32", 2].status == "passed"


class TestRepro:
    def test_shows_the_value_there(self):
        text = repro("elu", "numpy", "float64", 0, "-0x1.8p+0", {"alpha": 0.5})
        assert text.splitlines()[0] == "elu(alpha=0.5) on numpy, float64, value, fast"
        assert "x     -0x1.8p+0 (-1.5)" in text
        assert "want  -0x1.8dc1e236d28f9p-2 (-0.3884349199257851), correctly rounded" in text
        ours = "the shared definition, through unified_act_numpy/gradient.py:"
        if not unavailable():
            ours = "a fused kernel, through unified_act_numpy/fused.py:"
        assert f"\ncode  {ours}" in text
        assert "budget 3: passed" in text

    def test_reads_decimals_too(self):
        assert "x     0x1.6p+2 (5.5)" in repro("tanh", "numpy", x_hex="5.5")

    def test_shows_the_worst_of_the_rows_that_hold_it(self):
        assert "x     0x1.4p+1 (2.5)" in repro("softmax", "numpy", "float32", 1, "2.5")
        assert "x     0x1p+0 (1)" in repro("glu", "numpy", x_hex="1")

    def test_says_where_nothing_is_specified(self):
        assert "nothing is specified" in repro("relu", "numpy", "float32", 1, "nan")

    def test_knows_the_names(self):
        with pytest.raises(ua.UnknownActivationError):
            repro("gelou", "numpy")

    def test_command_says_the_same(self):
        command = repro_command("gelu", "torch", "float32", 1, "0x1.62e4p+2")
        assert command.startswith("unified-act conformance repro ")
        for words in ("gelu", "--backend torch", "--dtype float32", "--order 1", "--x 0x1.62e4p+2"):
            assert words in command
