"""The command `unified-act`: which commands it has."""

import pytest
from click.testing import CliRunner

from unified_act_conformance.commands.main import cli


@pytest.mark.parametrize("name", cli.list_commands(None))
def test_each_command_is_where_the_table_says(name):
    command = cli.get_command(None, name)
    assert command.name == name
    assert command.help
    assert f"  {name} " in CliRunner().invoke(cli, ["--help"]).output


def test_an_unknown_command():
    result = CliRunner().invoke(cli, ["lits"])
    assert result.exit_code == 2
    assert "No such command 'lits'" in result.output


def test_names_are_asked_without_a_framework(run_python):
    run_python(
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from unified_act_conformance.commands.main import cli\n"
        "for words in (['list'], ['show', 'gelu'], ['--help']):\n"
        "    assert CliRunner().invoke(cli, words).exit_code == 0\n"
        "assert not {'torch', 'tensorflow', 'jax', 'mxnet', 'keras'} & set(sys.modules)\n"
    )
