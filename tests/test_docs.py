"""The generated pages are what the specifications and tables say today."""

from docs import generate


def test_generated_pages_are_current(capsys):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_page_is_found(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "run `make docs`" in capsys.readouterr().out
