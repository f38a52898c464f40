"""Results as files, tables and pages, and what changed between two of them."""

import json
import math
import re
from dataclasses import replace

import pytest

import unified_act as ua
from unified_act_conformance.scoreboard import (
    Cell,
    Results,
    board,
    cell_text,
    change_text,
    changes,
    find_frameworks,
    find_results,
    keep,
    kept,
    links,
    newest,
    remarks,
    scoreboard_page,
)

KEPT = kept()
GELU = Cell("F.gelu", "gelu", {}, "float32", 0, inputs=9, ulp=3.5, at=(1.5, 2.0, 2.5), many=2)
MISH = Cell("F.mish", "mish", {}, "float32", 0, inputs=9, ulp=0.5)


def results(version, *cells, framework="torch"):
    return Results(framework, {framework: version}, "a processor", "2026-11-30", cells)


def test_a_file_says_it_all_and_comes_back(tmp_path):
    old = results("2.13.0+cpu", GELU, replace(MISH, ends=((-math.inf, math.nan, -0.0),)))
    path = keep(old, tmp_path)
    assert path.name == "torch-2.13.0.json"
    text = path.read_text(encoding="utf-8")
    assert Results.of_text(text).text() == text
    assert len(text.splitlines()) == 10 + len(old.cells)
    assert find_results(str(path)).text() == text


def test_a_new_version_is_a_new_column(tmp_path):
    for version in ("2.9.1", "2.13.0", "2.10.0"):
        keep(results(version, GELU), tmp_path)
    keep(results("0.6.2", MISH, framework="jax"), tmp_path)
    names = ["torch-2.9.1", "torch-2.10.0", "torch-2.13.0", "jax-0.6.2"]
    assert [each.name for each in kept(tmp_path)] == names
    assert [each.name for each in newest(kept(tmp_path))] == ["torch-2.13.0", "jax-0.6.2"]


def test_unknown_results(tmp_path):
    with pytest.raises(ua.ParameterValueError, match="no results"):
        find_results("torch-0.1")
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ua.ParameterValueError, match="--keep"):
        find_results(str(tmp_path / "x.json"))


NAN = {"nan": 3, "fault": (9.0, math.nan, 9.0)}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (GELU, replace(GELU, ulp=3.6), None),
        (GELU, replace(GELU, ulp=1.1), "3.5 → 1.1 (better)"),
        (GELU, replace(GELU, ulp=2e7), "3.5 → 2.0e7"),
        (GELU, replace(GELU, **NAN), "3.5 → NaN"),
        (replace(GELU, **NAN), GELU, "NaN → 3.5 (better)"),
        (GELU, replace(GELU, why="no kernel"), "3.5 → –"),
        (
            GELU,
            replace(GELU, flushed=4),
            "now: takes 4 subnormal numbers for 0, or gets them wrong in another way",
        ),
        (GELU, replace(GELU, kinks=((0.0, 1.0, 0.0),)), "3.5 → 3.5*"),
        (MISH, replace(MISH, ulp=0.49), None),
    ],
)
def test_what_changed(before, after, told):
    found = changes(results("1", before), results("2", after))
    assert [change_text(change) for change in found] == ([told] if told else [])


def test_what_is_new_and_what_is_gone():
    found = changes(results("1", GELU), results("2", MISH))
    assert [(c.key[0], change_text(c)) for c in found] == [
        ("F.gelu", "is gone"),
        ("F.mish", "is new"),
    ]


def test_a_table_has_the_worst_of_each_activation():
    other = replace(GELU, symbol="torch.gelu", ulp=7.0)
    columns = [results("1", GELU, other, MISH), results("2", MISH, framework="jax")]
    found = board(columns, "float32", 0)
    assert {name: list(map(cell_text, row)) for name, row in found.rows.items()} == {
        "gelu": ["7.0", ""],
        "mish": ["0.5", "0.5"],
    }
    assert list(board(columns, "float32", 0, sort="name").rows) == ["gelu", "mish"]
    assert list(board(columns, "float32", 0, sort="jax").rows) == ["mish", "gelu"]
    assert list(board(columns, "float32", 0, activations=("mish",)).rows) == ["mish"]
    assert board(columns, "float16", 0).rows == {}
    with pytest.raises(ua.UnknownBackendError):
        board(columns, "float32", 0, sort="wurst")


def test_frameworks_by_name():
    assert [f.name for f in find_frameworks(["tf", "hf"])] == ["tensorflow", "transformers"]
    assert len(find_frameworks(["keras"])) == 3
    with pytest.raises(ua.UnknownBackendError, match="keras and ours stand for several"):
        find_frameworks(["theano"])


def test_reports_are_linked_where_something_is_wrong():
    right = Cell("F.silu", "silu", {}, "float32", 0, inputs=9, ulp=0.5)
    wrong = replace(right, ends=((-math.inf, math.nan, -0.0),))
    (link,) = links("torch", wrong)
    assert re.fullmatch(r"https://github.com/pytorch/pytorch/issues/\d+", link)
    assert links("torch", right) == links("jax", wrong) == {}


def test_remarks_say_where():
    worst = replace(
        GELU, **NAN, kinks=((0.0, 1.0, 0.0),), ends=((math.inf, 0.0, 1.0),), flushed=5, lost=6
    )
    text = "\n".join(remarks(worst))
    for words in ("NaN at 3 of 9", "at x = 1.5 it returned 2.0, exact is 2.5", "at an infinity"):
        assert words in text
    assert "takes 5 subnormal" in text
    assert "a number for 6 NaN" in text


def test_the_page_holds_all_cells():
    page = scoreboard_page([results("1", GELU, MISH)], ["torch-1"])
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert [cell[:4] for cell in data["cells"]] == [
        [0, "3.5", "0", "gelu"],
        [0, "0.5", "0", "mish"],
    ]
    assert data["columns"][0]["shown"]
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("each", KEPT, ids=lambda each: each.name)
def test_what_is_kept_is_whole(each):
    assert each.cells
    orders = {}
    for cell in each.cells:
        orders.setdefault((cell.symbol, cell.dtype), []).append(cell.order)
        assert cell.why or cell.inputs == (2**20 if cell.dtype == "float32" else 2**16)
    assert all(found == [0, 1, 2] for found in orders.values())


def test_what_changed_in_keras():
    """It takes where instead of a product: -inf · 0 is no longer NaN, but NaN gives 0."""
    found = changes(find_results("keras-jax-3.10.0"), find_results("keras-jax-3.15.1"))
    assert {change.key[0] for change in found} == {"keras.activations.relu(threshold=1.0)"}
    assert all("no longer: wrong at an infinity" in change_text(change) for change in found)


def test_what_is_kept_is_small():
    assert sum(len(each.text()) for each in KEPT) < 1.5 * 2**20
