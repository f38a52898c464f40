"""The command `unified-act new-plugin`."""

from __future__ import annotations

import keyword
from pathlib import Path

import click
from jinja2 import Environment, PackageLoader, StrictUndefined

from unified_act.literals import shown
from unified_act.names import normalize
from unified_act.registry import ACTIVATIONS
from unified_act_conformance.commands.common import make_console, mistakes_told

__all__ = ["new_plugin"]

FILES = {
    ".gitignore": "gitignore",
    ".github/workflows/conformance.yml": "workflow.yml",
    "README.md": "README.md",
    "pyproject.toml": "pyproject.toml",
    "src/{package}/__init__.py": "module.py",
    "tests/test_{name}.py": "test_module.py",
}
"""What is written, and the template of each."""

_LONGEST = 100
"""Files and packages have the name, and file systems have a limit."""


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Create the folder of the package in this one (default: the current one).",
)
def new_plugin(name: str, folder: Path) -> None:
    """Creates a package that provides the activation NAME, with a test and a CI workflow.

    The package is complete and its test passes. Replace the example formula by your own.
    """
    plain = name.isidentifier() and not keyword.iskeyword(name) and name == name.lower()
    if not plain or len(name) > _LONGEST:
        raise click.BadParameter(
            f"{shown(name)} is not a valid name: write lower-case letters, digits and "
            f"underscores, at most {_LONGEST}, as in my_activation, and no keyword of Python.",
            param_hint="NAME",
        )
    if normalize(name) in map(normalize, ACTIVATIONS.spellings()):
        raise click.BadParameter(
            f"there is an activation {name!r} already: choose another name.", param_hint="NAME"
        )
    distribution = f"unified-act-{name.replace('_', '-')}"
    target = folder / distribution
    if target.exists():
        raise click.BadParameter(
            f"{target} exists already: remove it, or choose another folder.", param_hint="--folder"
        )
    names = {"name": name, "distribution": distribution, "package": f"unified_act_{name}"}
    templates = Environment(
        loader=PackageLoader("unified_act_conformance.commands", "templates/plugin"),
        autoescape=False,  # noqa: S701  # Python and TOML, no HTML
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    console = make_console()
    with mistakes_told(console):
        for path, template in FILES.items():
            file = target / path.format(**names)
            file.parent.mkdir(parents=True, exist_ok=True)
            text = templates.get_template(f"{template}.jinja").render(names)
            file.write_text(text, encoding="utf-8")
    console.print(
        f"Made {target}. Next:\n  cd {target}\n  pip install -e '.[test]'\n  pytest",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
