"""Distributions as pip leaves them behind: a package, and the metadata beside it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from unified_act.registry import plugins, registration

ROOT = Path(__file__).parents[2]
EXTRA = ROOT / "examples" / "plugins" / "unified-act-extra"


@pytest.fixture
def install(tmp_path):
    """Returns a function that puts a distribution into a folder, and the folder's path."""

    def put(distribution, modules, version="1.0", **groups):
        """`modules`: sources by name; further: entry points, value by name, by group."""
        folder = tmp_path / distribution
        for module, source in modules.items():
            file = folder.joinpath(*module.split(".")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source), encoding="utf-8")
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        lines = []
        for group, entries in groups.items():
            lines.append(f"[unified_act.{group}]")
            lines += [f"{name} = {value}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        return folder

    return put


@pytest.fixture
def here(monkeypatch):
    """Returns a function that makes distributions visible in this process, for one test."""
    before = set(sys.modules)

    def show(*folders):
        for folder in folders:
            monkeypatch.syspath_prepend(str(folder))
        plugins.announced.cache_clear()

    monkeypatch.setattr(registration, "_failed", {})
    yield show
    monkeypatch.undo()
    for name in set(sys.modules) - before:
        if name.startswith(("plugged", "unified_act_extra")):
            del sys.modules[name]
    plugins.announced.cache_clear()


def pip_install(target, *sources):
    """Installs packages as a user does, into a folder of their own."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    finished = subprocess.run(
        [*command, "--no-deps", "--target", str(target), *map(str, sources)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return target


@pytest.fixture(scope="session")
def extra(tmp_path_factory):
    """The folder in which pip has put the plugin of `examples`."""
    return pip_install(tmp_path_factory.mktemp("extra"), EXTRA)
