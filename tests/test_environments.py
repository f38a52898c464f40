"""The environments of noxfile.py are those that pyproject.toml and the workflow speak of."""

from pathlib import Path

import pytest
import yaml

import noxfile

WORKFLOW = Path(noxfile.__file__).parent / ".github" / "workflows" / "test.yml"
RESULT = {
    "date": "2030-01-02",
    "machine": "Linux x86_64",
    "versions": {"python": "3.11.7", "numpy": "1.24.0", "ml_dtypes": "0.3.0"},
    "passed": True,
}


def test_the_workflow_runs_every_environment():
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["environments"]["strategy"]["matrix"]["include"]
    assert [(entry["environment"], entry["python"]) for entry in matrix] == [
        (environment.name, environment.python) for environment in noxfile.ENVIRONMENTS
    ]


def test_the_classifiers_name_the_pythons_that_are_tried():
    prefix = "Programming Language :: Python :: 3."
    named = {
        "3." + classifier.removeprefix(prefix)
        for classifier in noxfile.PROJECT["classifiers"]
        if classifier.startswith(prefix)
    }
    assert named == {environment.python for environment in noxfile.ENVIRONMENTS}


def test_every_lower_bound_is_tried():
    installed = {
        argument
        for environment in noxfile.ENVIRONMENTS
        for arguments in environment.installs
        for argument in arguments
    }
    extras = [extra for extra in noxfile.EXTRAS if extra not in ("all", "dev")]
    assert set(noxfile.oldest(*extras)) <= installed
    assert all("==" in requirement for requirement in noxfile.oldest(*extras))


@pytest.mark.parametrize("passed", [True, False])
def test_the_page_says_what_was_installed_and_whether_it_passed(tmp_path, passed):
    result = noxfile.json.dumps(RESULT | {"passed": passed})
    (tmp_path / "oldest.json").write_text(result, encoding="utf-8")
    text = noxfile.written(tmp_path)
    word = "passed" if passed else "**failed**"
    assert f"| `oldest` | 3.11.7 | 1.24.0 | – | – | – | – | 2030-01-02 | {word} |" in text
    assert "| `oldest` | – | – | – | – | – | 0.3.0 |" in text
    assert "- `pinned`\n" in text.partition("Not tried in this run:")[2]
