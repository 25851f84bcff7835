"""A reader's machine: pip, torch and Jupyter, one notebook, and nothing of the repository."""

import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, pinned, run

CHAPTER = ROOT / "chapters" / "07_the_grnn_fails.ipynb"
REQUIREMENTS = ROOT / "requirements.txt"
THERE_ALREADY = "torch", "numpy", "matplotlib", "ipykernel"  # as in Colab

# Runs the notebook, then asks its kernel where flowlib came from.
RUN = """
import nbclient, nbformat, sys
notebook = nbformat.read(sys.argv[1], as_version=4)
notebook.cells.append(nbformat.v4.new_code_cell("print(fl.__file__)"))
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
print(notebook.cells[-1].outputs[0].text)
"""


@pytest.mark.slow
def test_chapter_installs_flowlib_and_runs(tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    repository, away = tmp_path / "flowlib.git", tmp_path / "away"
    away.mkdir()
    shutil.copy(CHAPTER, away)
    run("git", "clone", "-q", "--bare", str(ROOT), str(repository))
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))

    environment = clean_environment(python) | {
        "FLOWLIB_ADDRESS": f"git+file://localhost{repository}",  # pip before 24 wants a host
        "PIP_CONSTRAINT": str(REQUIREMENTS),
        "MPLCONFIGDIR": str(tmp_path),
    }
    here = {"cwd": away, "env": environment}
    pip = str(python), "-m", "pip"
    run(*pip, "install", "-q", *map(pinned, THERE_ALREADY), "nbclient", **here)
    torch_version = str(python), "-c", "import torch; print(torch.__version__)"
    before = run(*torch_version, **here)

    imported = run(str(python), "-c", RUN, CHAPTER.name, **here)

    assert Path(imported.splitlines()[-1]).is_relative_to(tmp_path / "venv")
    assert "site-packages" in imported
    assert run(*torch_version, **here) == before
    rows = "import flowlib.lab.ledger as ledger; print(len(ledger.rows('translating-mnist')))"
    assert int(run(str(python), "-c", rows, **here)) > 0, "the ledger travels with the package"
