"""The notebooks of docs/notebooks run, and print what they show.

CONTRIBUTING says how their results are written again.
"""

import nbformat
import pytest
from nbmake.nb_run import NotebookRun

from docs import generate

FOLDER = generate.FOLDER / "notebooks"


def texts(notebook):
    """What each cell printed; a run may cut it into pieces anywhere."""
    return [
        "".join(output.get("text", "") for output in cell.get("outputs", []))
        for cell in notebook.cells
    ]


@pytest.mark.filterwarnings("default")  # of Jupyter, about itself
@pytest.mark.quick(lambda name: name == "invent")
@pytest.mark.parametrize("name", ["bfloat16", "invent", "port"])
def test_a_notebook_shows_what_it_prints(name):
    path = FOLDER / f"{name}.ipynb"
    result = NotebookRun(path, default_timeout=300).execute()
    assert result.error is None, result.error.trace
    shown = texts(nbformat.read(path, as_version=4))
    assert shown == texts(result.nb)
    assert sum(map(bool, shown)) > 3


def test_there_is_no_other_notebook():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {"bfloat16", "invent", "port"}
