"""The cache of the book, filled in parallel: what the build finds in it, and what fails."""

import os

import execute
import nbformat
import pytest
from jupyter_cache import get_cache

pytestmark = pytest.mark.slow


@pytest.fixture
def chapters(tmp_path):
    """A folder with two chapters, each of which says what it was given."""
    for name in ("01_one", "02_two"):
        cell = nbformat.v4.new_code_cell(
            f"import os, time\nprint('{name}', os.environ['OMP_NUM_THREADS'], os.getcwd())"
        )
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), cell])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    return tmp_path


def fill(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cache = get_cache(str(folder / "cache"))
    return execute.fill(cache, folder, jobs=2, timeout=60), cache


def test_the_build_finds_each_chapter_executed(chapters, monkeypatch, capfd):
    failed, cache = fill(chapters, monkeypatch)
    assert not failed
    for path in chapters.glob("*.ipynb"):
        # As MyST-NB asks, which runs a chapter that it does not find.
        _, merged = cache.merge_match_into_notebook(nbformat.read(path, 4))
        (output,) = merged.cells[1].outputs
        assert output.text.split() == [path.stem, "1", os.path.realpath(chapters)]
    assert len(capfd.readouterr().out.splitlines()) == 2
    # A change of the text runs nothing; a change of the code that chapter alone.
    for path, kind in (("01_one", 0), ("02_two", 1)):
        notebook = nbformat.read(chapters / f"{path}.ipynb", 4)
        notebook.cells[kind].source += "\n# changed"
        nbformat.write(notebook, chapters / f"{path}.ipynb")
    assert not fill(chapters, monkeypatch)[0]
    assert capfd.readouterr().out.split()[0] == "02_two.ipynb"


def test_a_chapter_that_fails_is_shown_and_the_others_run(chapters, monkeypatch, capfd):
    notebook = nbformat.read(chapters / "02_two.ipynb", 4)
    notebook.cells[1].source = "answer = 6 * 7\n1 / (answer - 42)"
    nbformat.write(notebook, chapters / "02_two.ipynb")
    failed, cache = fill(chapters, monkeypatch)
    assert failed == ["02_two.ipynb"]
    assert [record.uri for record in cache.list_cache_records()] == [str(chapters / "01_one.ipynb")]
    shown = capfd.readouterr().err
    assert "02_two.ipynb failed" in shown
    assert "ZeroDivisionError" in shown and "1 / (answer - 42)" in shown
