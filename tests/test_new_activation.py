"""One more activation touches two files: its specification and its truth.

In a copy of the sources, both are given at the end of the file of their family; all the rest takes
it up by itself.
"""

import json
import shutil
from pathlib import Path

import pytest

import unified_act as ua

ROOT = Path(__file__).parents[1]
SOURCES = ("unified_act", "backends", "conformance", "docs", "examples")
SPECIFICATION = """

def _squared_sigmoid(xp: Any, x: Any) -> Any:
    share = xp.sigmoid(x)
    return share * share


ACTIVATIONS += (
    Activation(
        name="squared_sigmoid",
        forward=_squared_sigmoid,
        aliases=("sigmoid_squared",),
        limits=lambda: Limits((0.0, 1.0), (0.0, 0.0)),
        formula=r"\\sigma(x)^2",
        summary="Square of the sigmoid.",
    ),
)
"""
TRUTH = """

def squared_sigmoid() -> Formula:
    \"\"\"`sigmoid(x)^2`, and its derivatives as polynomials of the sigmoid.\"\"\"
    return Formula(
        (
            lambda x: logistic(x)[0] ** 2,
            lambda x: 2 * logistic(x)[0] * logistic_derivatives(x)[1],
            lambda x: 2 * logistic(x)[0] * logistic_derivatives(x)[1] * (2 - 3 * logistic(x)[0]),
            lambda x: (
                logistic(x)[0]
                * logistic_derivatives(x)[1]
                * (8 - 30 * logistic(x)[0] + 24 * logistic(x)[0] ** 2)
            ),
        )
    )


RECORDS += (Record("squared_sigmoid", squared_sigmoid),)
"""
PROGRAM = """
import json
import numpy as np, torch
import unified_act as ua
from docs import generate
from unified_act_conformance import check_activation
from unified_act_conformance.subject.cases import Subject
from unified_act_conformance.identify.identify import identify
from unified_act_conformance.truth.exact import truth_of

generate.porting_guide.pages = dict  # it calls the frameworks, and knows only of their own names
results = check_activation("squared_sigmoid", backends=["numpy", "torch"], dtypes=["float32"])
activation = ua.get_activation("Sigmoid-Squared")
print(json.dumps({
    "file": ua.__file__,
    "count": len(ua.list_activations()),
    "description": ua.describe("squared_sigmoid"),
    "page": generate.pages()["activations.md"],
    "truth": type(truth_of(Subject("squared_sigmoid"))).__name__,
    "results": [
        [r.case.backend, r.case.order, r.status] for r in results if hasattr(r, "case")
    ],
    "statuses": sorted({r.status for r in results}),
    "value": activation(np.zeros(1)).item(),
    "slope": ua.value_and_grad(activation, torch.zeros(1))[1].item(),
    "match": str(identify(lambda x: torch.sigmoid(x) ** 2, backend="torch").match),
}))
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for path, text in (
        ("unified_act/catalogue/saturating.py", SPECIFICATION),
        ("conformance/unified_act_conformance/truth/formulas/saturating.py", TRUTH),
    ):
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)
    return folder


@pytest.mark.exhaustive
def test_two_files_are_enough(sources, run_python):
    first = [sources, sources / "backends", sources / "conformance"]
    found = json.loads(run_python(PROGRAM, "-P", first=first).splitlines()[-1])
    assert Path(found["file"]).is_relative_to(sources)
    assert found["count"] == len(ua.list_activations()) + 1
    assert found["description"].startswith("squared_sigmoid (elementwise): Square of the sigmoid.")
    assert "| [`squared_sigmoid`](#squared_sigmoid) | `sigmoid_squared` |" in found["page"]
    assert "## squared_sigmoid" in found["page"]
    assert found["truth"] == "Catalogued"
    # NumPy differentiates nothing twice.
    assert sorted(map(tuple, found["results"])) == [
        ("numpy", 0, "passed"),
        ("numpy", 1, "passed"),
        ("numpy", 2, "unsupported"),
        *(("torch", order, "passed") for order in range(3)),
    ]
    assert found["statuses"] == ["passed", "unsupported"]
    assert (found["value"], found["slope"]) == (0.25, 0.25)
    assert "squared_sigmoid" in found["match"]


def test_a_wrong_one_does_not_pass(sources, run_python, tmp_path):
    """By its own truth, which is not its own definition."""
    for name in SOURCES[:3]:
        shutil.copytree(sources / name, tmp_path / name)
    path = tmp_path / "unified_act" / "catalogue" / "saturating.py"
    head, mark, tail = path.read_text(encoding="utf-8").partition("def _squared_sigmoid(")
    changed = tail.replace("share * share", "share * share * share")
    assert changed != tail
    path.write_text(head + mark + changed, encoding="utf-8")
    program = """
from unified_act_conformance import check_activation
try:
    check_activation("squared_sigmoid", backends=["numpy"], dtypes=["float32"])
except AssertionError as error:
    print(error)
"""
    first = [tmp_path, tmp_path / "backends", tmp_path / "conformance"]
    assert "results are wrong" in run_python(program, "-P", first=first)
