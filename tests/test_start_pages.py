"""The pages of docs/start: what Python and commands print there is what they print."""

import re
import shlex
import sys

import pytest
from click.testing import CliRunner

from docs import generate
from unified_act_conformance.commands.main import cli

PAGES = ["bfloat16", "invent", "kernels", "library", "port"]
BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^\$ unified-act ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
"""A command, which may go on after a backslash, with its output."""


def matches(shown, line):
    """Whether a line is as shown, where … stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), line.rstrip())


def run_python(block, scope, capsys):
    capsys.readouterr()
    exec(compile(block, "page", "exec"), scope)
    printed = capsys.readouterr().out.splitlines()
    shown = [line[2:] for line in block.splitlines() if line.startswith("# ")]
    assert len(printed) == len(shown), printed
    for wanted, line in zip(shown, printed, strict=True):
        assert matches(wanted, line), (wanted, line)


def run_command(command, shown):
    result = CliRunner().invoke(cli, shlex.split(command.replace("\\\n", "")))
    lines = result.output.splitlines()
    for wanted in shown.splitlines():
        assert any(matches(wanted, line) for line in lines), (wanted, result.output)
    assert result.exit_code == ("FAILED" in shown)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page, monkeypatch, tmp_path, capsys):
    text = (generate.FOLDER / "start" / f"{page}.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    scope = {}
    for language, block in BLOCK.findall(text):
        if language == "console":
            for command, shown in COMMAND.findall(block):
                run_command(command, shown)
        elif name := re.match(r"# (\w+)\.py\n", block):
            (tmp_path / f"{name[1]}.py").write_text(block, encoding="utf-8")
            monkeypatch.delitem(sys.modules, name[1], raising=False)
        else:
            run_python(block, scope, capsys)
    sys.modules.pop("my_kernels", None)
