"""The options, files and widths that the commands share."""

import re

import pytest
from click.testing import CliRunner

import unified_act as ua
from unified_act_conformance.commands.main import cli
from unified_act_conformance.identify.sources import source_of


def invoke(*arguments, **options):
    return CliRunner().invoke(cli, list(map(str, arguments)), **options)


RUN = ("conformance", "--activation", "relu", "--backend", "numpy", "--dtype", "float32", "--quick")


class TestFiles:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("plot", "gelu", "-o"),
            *((*RUN, option) for option in ("--json", "--junit", "--markdown", "--html")),
            ("conformance", "compare", "--json"),
            ("conformance", "record", "--backend", "numpy"),
        ],
        ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]),
    )
    def test_a_folder_that_does_not_exist(self, tmp_path, arguments):
        found = invoke(*arguments, tmp_path / "missing" / "x.npz")
        assert found.exit_code == 2
        assert "there is no folder" in found.output
        assert "create it first" in found.output

    @pytest.mark.parametrize("option", ["--json", "--junit", "--markdown", "--html"])
    def test_a_file_that_cannot_be_written(self, option):
        found = invoke(*RUN, option, "/proc/unified_act")
        assert isinstance(found.exception, SystemExit)
        assert "Choose another file" in found.output

    def test_a_picture_that_cannot_be_written(self):
        found = invoke("plot", "gelu", "-o", "/proc/unified_act.svg")
        assert isinstance(found.exception, SystemExit)
        assert "Choose another file" in found.output

    def test_a_plugin_in_a_folder_that_cannot_be_written(self):
        found = invoke("new-plugin", "my_own", "--folder", "/proc")
        assert isinstance(found.exception, SystemExit)
        assert "Choose another file or folder" in found.output

    def test_a_recording_has_an_ending(self, tmp_path):
        found = invoke("conformance", "record", tmp_path / "x", "--backend", "numpy")
        assert found.exit_code == 2
        assert "must end in .npz" in found.output

    def test_no_recording(self, tmp_path):
        (tmp_path / "x.npz").write_text("no recording")
        found = invoke("conformance", "compare", tmp_path / "x.npz")
        assert isinstance(found.exception, SystemExit)
        assert "RecordingError" in found.output


class TestSeveral:
    def test_with_commas(self):
        options = ("--backend", "numpy,torch", "--dtype", "float32, float64", "--order", "0,1")
        found = invoke("conformance", "--activation", "relu,tanh", *options, "--quick")
        assert found.exit_code == 0, found.output
        for word in ("relu", "tanh", "numpy", "torch"):
            assert word in found.output

    def test_repeated_with_commas(self):
        found = invoke("list", "--backend", "numpy,torch", "--backend", "jax")
        header = found.output.splitlines()[1]
        assert re.findall(r"jax|mxnet|numpy|tensorflow|torch", header) == ["jax", "numpy", "torch"]

    def test_a_wrong_one(self):
        found = invoke("list", "--backend", "numpy,tourch")
        assert "Did you mean 'torch'?" in found.output
        found = invoke("conformance", "--dtype", "float32,int8")
        assert found.exit_code == 2
        assert "int8" in found.output


class TestWidth:
    @pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
    def test_no_word_is_broken(self, width):
        found = invoke("list", env={"COLUMNS": str(width)})
        assert max(map(len, found.output.splitlines())) <= width
        words = set(found.output.split())
        assert words.issuperset(ua.list_activations())
        assert words.issuperset(ua.list_backends())
        assert "…" not in found.output

    def test_a_pipe_without_columns(self):
        found = invoke("list", env={"COLUMNS": None})
        assert max(map(len, found.output.splitlines())) == 160


@pytest.mark.parametrize("arguments", ["list", "list --json", "show gelu", "show prelu"])
def test_no_framework_is_imported(run_python, arguments):
    program = f"""
import sys
from unified_act_conformance.commands.main import cli
from unified_act_conformance.identify.sources import source_of
cli({arguments.split()!r}, standalone_mode=False)
print([name for name in ("torch", "tensorflow", "jax", "mxnet", "keras") if name in sys.modules])
"""
    assert run_python(program).splitlines()[-1] == "[]"


class TestADialectThatIsABackendToo:
    def test_which_is_meant(self):
        found = invoke("diff", "gelu@jax", "gelu_tanh")
        assert found.exit_code == 0
        assert "gelu@jax is what jax means by the name, computed with numpy." in found.output
        assert "gelu@backend:jax" in found.output

    @pytest.mark.parametrize("text", ["gelu@dialect:jax", "gelu@torch", "gelu@keras2"])
    def test_what_cannot_be_misread(self, text):
        assert "@backend:" not in invoke("plot", text).output

    def test_the_dialect_of_a_built_in_backend(self):
        found = invoke("diff", "LeakyReLU@dialect:mxnet", "leaky_relu(negative_slope=0.25)")
        assert "no difference" in found.output or "equal" in found.output
        assert "unknown dialect" in invoke("diff", "elu@dialect:nowhere", "elu").output

    @pytest.mark.parametrize("place", ["np", "backend:np", "backend:NumPy"])
    def test_a_backend_by_a_usual_name(self, place):
        found = source_of(f"elu@{place}")
        assert found.backend == found.function.backend == source_of("elu", "np").backend == "numpy"
        repro = ("conformance", "repro", "relu", "--x", "-1", "--backend")
        assert invoke(*repro, "np").output == invoke(*repro, "numpy").output

    def test_a_backend(self):
        assert "unknown backend" in invoke("diff", "elu@backend:nowhere", "elu").output
