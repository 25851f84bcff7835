"""The chapters in an environment like Colab's, which `make colab` makes: nothing of ours is there."""

import ast
import json
import subprocess
from pathlib import Path

import pytest
from conftest import CHAPTERS, ROOT, cells, clean_environment, run

pytestmark = pytest.mark.colab

COLAB = ROOT / "build" / "colab"
TRAINS = "14_translating_mnist"
WIDGET = "application/vnd.jupyter.widget-view+json"
INSTALLED = """
import importlib.metadata as m, json
print(json.dumps({one.name.lower(): one.version for one in m.distributions()}))
"""
RUN = """
import nbclient, nbformat, sys
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def calls_a_widget(path):
    nodes = ast.walk(ast.parse("\n".join(cells(path, "code"))))
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return any(isinstance(f, ast.Name) and f.id.lower().endswith("widget") for f in calls)


WHOLE = [path for path in CHAPTERS if calls_a_widget(path) or path.stem == TRAINS]


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A layer over Colab's environment, in which the first cell may install; how to run it."""
    if not COLAB.exists():
        pytest.fail("there is no environment like Colab's: run make colab")
    folder = tmp_path_factory.mktemp("colab")
    python = folder / "venv" / "bin" / "python"
    below = COLAB / "bin" / "python"
    run(str(below), "-m", "venv", "--without-pip", str(folder / "venv"))
    packages = "import sysconfig; print(sysconfig.get_path('purelib'))"
    layer = Path(run(str(python), "-c", packages))
    (layer / "colab.pth").write_text(run(str(below), "-c", packages))
    here = {"cwd": folder, "env": clean_environment(python) | {"MPLCONFIGDIR": str(folder)}}

    repository = folder / "flowlib.git"
    run("git", "clone", "-q", "--bare", str(ROOT), str(repository))
    here["env"]["FLOWLIB_ADDRESS"] = f"git+file://localhost{repository}"
    return python, here


@pytest.fixture(scope="module")
def installed(colab):
    """The packages before the first cell, and after it."""
    python, here = colab
    ask = str(python), "-c", INSTALLED
    before = json.loads(run(*ask, **here))
    run(str(python), "-c", cells(CHAPTERS[0], "code")[0], **here)
    return before, json.loads(run(*ask, **here))


def test_the_first_cell_changes_nothing_that_is_there(installed):
    before, after = installed
    assert "flowlib" not in before and "flowlib" in after
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_each_chapter_imports(path, colab, installed):
    python, here = colab
    nodes = ast.walk(ast.parse("\n".join(cells(path, "code"))))
    imports = [ast.unparse(n) for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
    done = subprocess.run(
        [python, "-c", "\n".join(imports)], capture_output=True, text=True, **here
    )
    assert done.returncode == 0 and not done.stderr, done.stderr


@pytest.mark.parametrize("path", WHOLE, ids=lambda p: p.stem)
def test_a_chapter_runs_and_shows_its_widget(path, colab, installed, tmp_path):
    python, here = colab
    done = tmp_path / "done.ipynb"
    run(str(python), "-c", RUN, str(path), str(done), **here)
    outputs = [o for c in json.loads(done.read_text())["cells"] for o in c.get("outputs", ())]
    told = ["".join(o["text"]) for o in outputs if o.get("name") == "stderr"]
    assert [text for text in told if "This is NOT MNIST" not in text] == []  # stand-ins are said
    shown = [o["data"] for o in outputs if WIDGET in o.get("data", {})]
    assert bool(shown) == calls_a_widget(path)
