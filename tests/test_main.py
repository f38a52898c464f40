"""The command, where what it needs is not there."""

import pytest

PROGRAM = """
import sys
sys.modules[{missing!r}] = None
from unified_act.__main__ import main
sys.argv = ["unified-act", "list"]
try:
    main()
except SystemExit as stopped:
    print(stopped.code)
"""


@pytest.mark.parametrize("missing", ["click", "rich", "unified_act_conformance"])
def test_says_how_to_install_it(run_python, missing):
    output = run_python(PROGRAM.format(missing=missing))
    assert output.startswith(f"The command unified-act needs {missing}")
    assert "which is not installed." in output
    assert "pip install 'unified-act[conformance]'" in output


def test_importing_it_runs_nothing(run_python):
    assert run_python("import unified_act.__main__") == ""
