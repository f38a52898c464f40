"""The notebooks of docs/notebooks run, and print what they show.

`pytest --nbmake --overwrite docs/notebooks` writes their results again.
"""

import nbformat
import pytest
from nbmake.nb_run import NotebookRun

from docs import generate

FOLDER = generate.FOLDER / "notebooks"


def texts(notebook):
    """What each cell printed or returned, but for pictures."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            yield output.get("text") or ("" if "image/png" in data else data.get("text/plain"))


@pytest.mark.filterwarnings("default")  # of Jupyter, about itself
@pytest.mark.quick(lambda name: name == "invent")
@pytest.mark.parametrize("name", ["bfloat16", "invent", "port"])
def test_a_notebook_shows_what_it_prints(name):
    path = FOLDER / f"{name}.ipynb"
    result = NotebookRun(path, default_timeout=300).execute()
    assert result.error is None, result.error.trace
    shown = list(texts(nbformat.read(path, as_version=4)))
    assert shown == list(texts(result.nb))
    assert len(shown) > 3


def test_there_is_no_other_notebook():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == {"bfloat16", "invent", "port"}
