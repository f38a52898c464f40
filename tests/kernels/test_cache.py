"""Object files on disk."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import pytest

from tests.kernels.running import call, kernel_of
from unified_act.kernels import cache, compiler, unavailable
from unified_act.kernels.kernel import _kept as kept_kernels

needs_llvmlite = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "there is one")
KEY = cache.key_of("a", "b")


@pytest.fixture(name="folder", autouse=True)
def _folder(monkeypatch, tmp_path):
    # What other tests use of the same code must not be found in memory.
    monkeypatch.setattr("unified_act.kernels.kernel._libraries", WeakValueDictionary())
    kept_kernels.clear()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "deep" / "kernels"))
    return tmp_path / "deep" / "kernels"


def test_keys_tell_their_parts_apart():
    assert len({cache.key_of("ab", "c"), cache.key_of("a", "bc"), cache.key_of("abc")}) == 3


def test_what_is_stored_is_found(folder):
    assert cache.load(KEY) is None
    cache.store(KEY, b"code")
    assert cache.load(KEY) == b"code"
    assert [path.name for path in folder.iterdir()] == [f"{KEY}.o"]
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


@needs_llvmlite
def test_the_same_code_is_loaded_once():
    last, first = kernel_of("softmax", {"axis": -1}), kernel_of("softmax", {"axis": 0})
    assert last is not first
    assert last.flat.library is first.flat.library
    assert last.flat.library is not kernel_of("log_softmax", {"axis": -1}).flat.library


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:10],
        lambda whole: whole[:-1],
        lambda whole: whole + b"x",
        lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
        lambda whole: whole[:25] + bytes([whole[25] ^ 1]) + whole[26:],
        lambda whole: b"other" + whole,
    ],
)
def test_a_damaged_file_counts_as_missing_and_is_written_anew(folder, damage):
    cache.store(KEY, b"the code")
    file = folder / f"{KEY}.o"
    file.write_bytes(damage(file.read_bytes()))
    assert cache.load(KEY) is None
    cache.store(KEY, b"the code")
    assert cache.load(KEY) == b"the code"


def test_a_file_under_another_name_counts_as_missing(folder):
    cache.store(KEY, b"code")
    (folder / f"{KEY}.o").rename(folder / f"{cache.key_of('c')}.o")
    assert cache.load(cache.key_of("c")) is None


def test_another_users_code_is_not_run(monkeypatch):
    if not hasattr(os, "getuid"):
        pytest.skip("files have no owners here")
    cache.store(KEY, b"code")
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    assert cache.load(KEY) is None


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    cache.store(KEY, b"code")
    assert cache.load(KEY) is None


def test_a_full_disk_leaves_nothing_behind(monkeypatch, folder):
    def full(self, target):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache.store(KEY, b"code")
    assert list(folder.iterdir()) == []


def test_where_the_folder_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(cache.VARIABLE)
    assert cache.folder() == tmp_path / "unified_act" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.folder() == tmp_path / "home" / ".cache" / "unified_act" / "kernels"
    monkeypatch.setenv(cache.VARIABLE, "0")
    assert cache.folder() is None
    cache.store(KEY, b"code")
    assert cache.load(KEY) is None


def compilations(monkeypatch, function):
    """How many modules are compiled meanwhile, with nothing in memory."""
    count, compiled = [], compiler.compiled

    def counting(*arguments):
        count.append(1)
        return compiled(*arguments)

    kept_kernels.clear()
    with monkeypatch.context() as patched:
        patched.setattr(compiler, "compiled", counting)
        function()
    return len(count)


@needs_llvmlite
class TestKernels:
    x = np.linspace(-3.0, 3.0, 77, dtype=np.float32)

    def use(self):
        return call(kernel_of("mish"), self.x)

    def test_are_compiled_once(self, monkeypatch):
        assert compilations(monkeypatch, self.use) == 1
        assert compilations(monkeypatch, self.use) == 0

    def test_are_compiled_again_from_a_damaged_file(self, monkeypatch, folder):
        kept_kernels.clear()
        wanted = self.use()
        (file,) = folder.iterdir()
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert compilations(monkeypatch, self.use) == 1
        assert file.read_bytes() == whole
        np.testing.assert_array_equal(self.use(), wanted)

    @pytest.mark.parametrize("what", ["version", "host"])
    def test_are_compiled_again_for_another_version_or_processor(self, monkeypatch, what):
        self.use()
        other = {
            "version": lambda: "llvmlite 0",
            "host": lambda: compiler.Processor(("x86-64", "")),
        }
        compiled = compiler.compiled
        host = compiler.host()
        monkeypatch.setattr(compiler, "compiled", lambda text, processor: compiled(text, host))
        monkeypatch.setattr(compiler, what, other[what])
        monkeypatch.setattr(
            compiler, "_machine", lambda processor, made=compiler._machine: made(host)
        )
        assert compilations(monkeypatch, self.use) == 1

    def test_many_processes_at_once(self, folder):
        program = (
            "from unified_act.kernels import fused\n"
            "from unified_act.registry import ACTIVATIONS\n"
            "for name in ('gelu', 'silu'):\n"
            "    assert fused(ACTIVATIONS.find(name)) is not None\n"
        )
        processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
        assert [process.wait(60) for process in processes] == [0] * 4
        files = list(folder.iterdir())
        assert len(files) == 2
        assert all(cache.load(file.stem) for file in files)
