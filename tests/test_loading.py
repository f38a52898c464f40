"""Which backend: argument, then `use_backend`, then the environment, then the input."""

import asyncio
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import unified_act as ua
from unified_act import loading
from unified_act.loading import BUILTIN_BACKENDS, backend_of, chosen_backend, load_backend

NOT_INSTALLED = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == {framework!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
SHOW_ERROR = """
import unified_act as ua
for attempt in range(2):
    try:
        {call}
    except ua.UnifiedActError as error:
        cause = error.__cause__
        print(f"{{type(error).__name__}}: {{error}} | {{type(cause).__name__}}: {{cause}}")
    else:
        print("no error")
"""


def chosen(**options):
    return ua.get_activation("relu", **options).backend


class TestOtherNames:
    """Whoever names a backend may use the name that people have for it."""

    @pytest.mark.parametrize(
        ("name", "backend"),
        [
            ("np", "numpy"),
            ("NumPy", "numpy"),
            ("pytorch", "torch"),
            ("PyTorch", "torch"),
            ("tf", "tensorflow"),
            ("TF", "tensorflow"),
            ("tf.keras", "tensorflow"),
            ("tf_keras", "tensorflow"),
            ("mx", "mxnet"),
            ("gluon", "mxnet"),
            ("jnp", "jax"),
        ],
    )
    def test_the_backend(self, name, backend, monkeypatch):
        assert chosen(backend=name) == backend
        with ua.use_backend(name):
            assert chosen() == backend
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", name)
        assert chosen() == backend
        assert ua.from_config({"name": "relu", "backend": name}).backend == backend
        relu = ua.get_activation("relu", backend=backend)
        assert ua.get_activation(relu, backend=name) is relu
        assert ua.describe("relu", backend=name) == ua.describe("relu", backend=backend)

    @pytest.mark.parametrize("name", ["np", "pytorch", "keras", "gluon"])
    def test_a_layer(self, name):
        assert ua.get_layer("gelu_tanh", backend=name) is not None

    def test_every_other_name_is_normalized_and_of_a_backend(self):
        for name, backend in loading.ALSO.items():
            assert loading.normalize(name) == name
            assert loading.find_entry(name).name == backend

    def test_a_plugin_of_this_name_comes_first(self, monkeypatch):
        plugin = loading.Announcement("keras", "a_module", "", "a-distribution", "1.0")
        monkeypatch.setattr(loading, "announcement_of", lambda group, name: plugin)
        assert loading.find_entry("keras").distribution == "a-distribution"
        assert loading.find_entry("torch").distribution == "unified-act"


class TestPrecedence:
    def test_argument_first(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "mxnet")
        with ua.use_backend("mxnet"):
            assert chosen(backend="numpy") == "numpy"

    def test_then_use_backend(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "mxnet")
        with ua.use_backend("numpy"):
            assert chosen() == "numpy"

    def test_then_the_environment(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "NumPy")
        assert chosen() == "numpy"

    def test_then_the_input(self):
        assert chosen() is None
        assert ua.get_activation("relu")(np.array([-1.0])).tolist() == [0.0]

    def test_an_empty_variable_counts_as_none(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "")
        assert chosen() is None

    def test_a_wrong_variable_is_an_error(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "nunpy")
        with pytest.raises(ua.UnknownBackendError, match=r"'nunpy'\. Did you mean 'numpy'\?"):
            ua.get_activation("relu")

    def test_a_wrong_variable_does_not_matter_to_who_says_what(self, monkeypatch):
        monkeypatch.setenv("UNIFIED_ACT_BACKEND", "nunpy")
        assert chosen(backend="numpy") == "numpy"

    @pytest.mark.parametrize(
        ("name", "words"),
        [("tourch", "Did you mean 'torch'?"), ("caffe", "Known: jax, mxnet, numpy, tensorflow")],
    )
    def test_an_unknown_backend(self, name, words):
        with pytest.raises(ua.UnknownBackendError, match=words):
            ua.get_activation("relu", backend=name)

    @pytest.mark.parametrize("backend", [3, np], ids=str)
    def test_a_backend_that_is_no_string_is_refused(self, backend):
        with pytest.raises(
            ua.UnknownBackendError, match="a backend is named by a string, such as 'torch', got"
        ):
            ua.get_activation("relu", backend=backend)

    def test_an_empty_name_is_no_backend(self):
        with pytest.raises(ua.UnknownBackendError):
            ua.get_activation("relu", backend="")


class TestUseBackend:
    def test_nested(self):
        with ua.use_backend("numpy"):
            with ua.use_backend("MXNet"):
                assert chosen() == "mxnet"
            assert chosen() == "numpy"
        assert chosen() is None

    def test_use_backend_ends_with_an_exception(self):
        with pytest.raises(ZeroDivisionError), ua.use_backend("numpy"):
            raise ZeroDivisionError
        assert chosen_backend() is None

    def test_a_mistake_shows_at_once_and_changes_nothing(self):
        entered = False
        with ua.use_backend("numpy"):
            with pytest.raises(ua.UnknownBackendError), ua.use_backend("nope"):
                entered = True
            assert chosen() == "numpy"
        assert not entered

    def test_callables_stay_what_they_are(self):
        by_input, on_mxnet = ua.get_activation("relu"), ua.get_activation("relu", backend="mxnet")
        with ua.use_backend("numpy"):
            assert by_input.backend is None
            assert on_mxnet.backend == "mxnet"

    def test_as_a_decorator(self):
        @ua.use_backend("numpy")
        def name():
            return chosen()

        assert name() == "numpy"
        assert name() == "numpy"
        assert chosen() is None

    def test_other_threads_do_not_see_it(self):
        with ua.use_backend("numpy"), ThreadPoolExecutor(1) as pool:
            assert pool.submit(chosen).result() is None

    def test_two_threads_at_once(self):
        barrier = threading.Barrier(2, timeout=60)

        def work(name):
            with ua.use_backend(name):
                barrier.wait()
                found = chosen()
                barrier.wait()
            return found, chosen()

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(work, ["numpy", "mxnet"])) == [("numpy", None), ("mxnet", None)]

    def test_tasks_of_one_thread(self):
        async def work(name):
            with ua.use_backend(name):
                await asyncio.sleep(0)
                return chosen()

        async def both():
            return await asyncio.gather(work("numpy"), work("mxnet"))

        assert asyncio.run(both()) == ["numpy", "mxnet"]


class TestLoadBackend:
    @pytest.mark.parametrize("name", ["numpy", "NumPy", "NUM-PY"])
    def test_one_object_whatever_the_case(self, name):
        assert load_backend(name) is load_backend("numpy")
        assert load_backend(name).name == "numpy"

    def test_many_threads_import_once(self, monkeypatch):
        monkeypatch.setattr(loading, "_loaded", {})
        imported = []
        backend = load_backend("numpy")
        monkeypatch.setattr(loading, "_loaded", {})
        monkeypatch.setattr(loading, "_import_backend", lambda e: imported.append(e) or backend)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(load_backend, ["numpy"] * 32)) == {backend}
        assert len(imported) == 1


class TestListBackends:
    def test_list_backends_gives_all(self):
        assert ua.list_backends() == ["jax", "mxnet", "numpy", "tensorflow", "torch"]

    def test_installed_backends_leave_out_missing_frameworks(self, monkeypatch):
        for name in ("jax", "torch", "tensorflow"):
            monkeypatch.setitem(sys.modules, name, None)  # which is how Python blocks an import
        assert ua.list_backends(installed=True) == ["mxnet", "numpy"]

    def test_imports_none(self, run_python):
        program = (
            "import sys, unified_act as ua\n"
            "ua.list_backends(), ua.list_backends(installed=True)\n"
            "print([n for n in ua.list_backends() if n in sys.modules or f'unified_act_{n}' in "
            "sys.modules])"
        )
        assert run_python(program) == "[]\n"


class TestBackendOf:
    @pytest.mark.parametrize("value", [1.0, 1, [1.0], None, "x", ("x",), float], ids=repr)
    def test_backend_of_no_array_is_refused(self, value):
        with pytest.raises(ua.InputTypeError, match=r"no backend handles .*np.asarray\(x, dtype="):
            backend_of(value)

    def test_a_subclass_defined_elsewhere(self):
        class Own(np.ndarray):
            pass

        assert backend_of(np.zeros(2).view(Own)).name == "numpy"

    def test_the_name_of_the_module_alone_is_not_enough(self):
        pretender = type("Tensor", (), {"__module__": "numpy.pretended"})
        with pytest.raises(ua.InputTypeError):
            backend_of(pretender())


class TestInAFreshProcess:
    @pytest.mark.parametrize("name", [n for n in BUILTIN_BACKENDS if n != "numpy"])
    def test_an_absent_framework_says_how_to_install_it(self, run_python, name):
        program = NOT_INSTALLED.format(framework=name) + SHOW_ERROR.format(
            call=f"ua.get_activation('relu', backend={name!r})"
        )
        lines = run_python(program).splitlines()
        assert len(lines) == 2
        for line in lines:
            assert line.startswith("BackendNotInstalledError: ")
            assert f"pip install 'unified-act[{name}]'" in line
            assert line.endswith(f"ModuleNotFoundError: No module named {name!r}")

    @pytest.mark.parametrize("name", [n for n in BUILTIN_BACKENDS if n != "numpy"])
    @pytest.mark.parametrize(
        ("source", "cause"),
        [
            ("raise AttributeError('numpy has no bool')", "AttributeError: numpy has no bool"),
            (
                "raise ImportError('libfoo.so.1: cannot open')",
                "ImportError: libfoo.so.1: cannot op",
            ),
            ("import dependency_of_it", "ModuleNotFoundError: No module named 'dependency_of_it'"),
        ],
        ids=["AttributeError", "ImportError", "dependency"],
    )
    def test_a_broken_framework_is_the_cause_of_the_error(
        self, run_python, tmp_path, name, source, cause
    ):
        (tmp_path / f"{name}.py").write_text(source)
        program = SHOW_ERROR.format(call=f"ua.get_activation('relu', backend={name!r})")
        lines = run_python(program, first=[tmp_path]).splitlines()
        assert len(lines) == 2
        for line in lines:
            assert line.startswith(f"BackendImportError: the backend {name!r} could not be loaded")
            assert f"| {cause}" in line

    def test_a_broken_mxnet_leaves_numpy_alone(self, run_python, tmp_path):
        (tmp_path / "mxnet.py").write_text(
            "import numpy\nnumpy.sometrue\nraise AttributeError('x')"
        )
        program = (
            "import numpy, unified_act as ua\n"
            "lookup, before = numpy.__getattr__, dict(vars(numpy))\n"
            "try: ua.get_activation('relu', backend='mxnet')\n"
            "except ua.BackendImportError: print(vars(numpy) == before)\n"
        )
        assert run_python(program, first=[tmp_path]) == "True\n"

    @pytest.mark.parametrize(
        ("value", "error"),
        [("tourch", "UnknownBackendError"), ("torch", "BackendNotInstalledError")],
    )
    def test_no_silent_fallback_of_the_environment(self, run_python, value, error):
        program = NOT_INSTALLED.format(framework="torch") + SHOW_ERROR.format(
            call="ua.get_activation('relu')"
        )
        output = run_python(program, environment={"UNIFIED_ACT_BACKEND": value})
        assert output.startswith(f"{error}: ")

    def test_an_absent_framework_does_not_disturb_the_others(self, run_python):
        program = NOT_INSTALLED.format(framework="torch") + (
            "import numpy as np, unified_act as ua\n"
            "print(ua.get_activation('relu')(np.array([-1.0, 2.0])))"
        )
        assert run_python(program) == "[0. 2.]\n"

    def test_the_input_decides_also_for_what_is_imported_later(self, run_python):
        program = (
            "import sys, unified_act as ua\n"
            "relu = ua.get_activation('relu')\n"
            "assert 'numpy' not in sys.modules\n"
            "import numpy as np\n"
            "print(relu(np.array([-1.0, 2.0])), relu)"
        )
        assert run_python(program) == "[0. 2.] get_activation('relu')\n"


def test_a_stub_module_counts_as_installed(monkeypatch):
    """Builders of documentation put such modules there."""
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    assert sys.modules["torch"].__spec__ is None
    assert "torch" in ua.list_backends(installed=True)
