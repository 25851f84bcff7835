"""The library alone: with torch, numpy and jaxtyping it imports, and runs the README's ten lines."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, pinned, run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ASKED = {"torch", "numpy", "jaxtyping"}
TEN_LINES = re.search(
    r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf8"), flags=re.M | re.S
)[1]

# Stands in front of a program: what is not in ALLOWED cannot be imported.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}: it is blocked", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocker())
"""
WINGS_STAY_OUT = """
import sys
wings = [name for name in sys.modules if name.startswith(("flowlib.lab", "flowlib.pages"))]
assert not wings, wings
"""


def closure(names):
    """The distributions that these need, as installed here, themselves included."""
    found, waiting = set(), {canonicalize_name(name) for name in names}
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            wanted = map(Requirement, requires(name) or [])
        except PackageNotFoundError:  # needed elsewhere only, on another platform
            continue
        for one in wanted:
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(one.name)} - found
    return found


def blocked():
    """The top-level modules here that an environment of the library alone would not have."""
    allowed = closure(ASKED) | {"flowlib"}
    return {
        module
        for module, distributions in packages_distributions().items()
        if not allowed & {canonicalize_name(one) for one in distributions}
    }


def alone(program):
    """Runs a program where everything else is blocked."""
    command = [sys.executable, "-c", BLOCKER + program, ",".join(sorted(blocked()))]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_library_asks_for_three_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert {Requirement(one).name for one in project["dependencies"]} == ASKED


OUT_OF_REACH = ["matplotlib", "IPython", "pooch", "tqdm", "sklearn", "av", "anywidget", "requests"]


def test_what_others_need_is_out_of_reach():
    program = """
import importlib
for name in NAMES + ["flowlib.lab.data.files", "flowlib.pages.plots"]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        print(error.name)
"""
    found = alone(program.replace("NAMES", repr(OUT_OF_REACH))).stdout.split()
    assert found == [*OUT_OF_REACH, "pooch", "matplotlib"]


def test_ten_lines_need_nothing_else():
    done = alone(TEN_LINES + WINGS_STAY_OUT)
    assert done.returncode == 0, done.stderr
    grnn, fernn = map(float, done.stdout.split())
    assert grnn > 0.1 and fernn < 1e-12


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What is committed, and the wheel and the source distribution that are made of it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    run("git", "clone", "-q", str(ROOT), str(source))
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(source))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return source, wheel, sdist


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_the_ledger_and_no_more(built):
    source, wheel, _ = built
    names = zipfile.ZipFile(wheel).namelist()
    package = [path.relative_to(source) for path in source.glob("flowlib/**/*")]
    wanted = {str(path) for path in package if path.suffix in (".py", ".js", ".css", ".json")}
    ledger = {path.name for path in source.glob("book/results/*.jsonl")}
    assert {name for name in names if name.startswith("flowlib/")} == wanted
    rest = {Path(name) for name in names if not name.startswith("flowlib/")}
    assert {path.name for path in rest if path.suffix == ".jsonl"} == ledger
    outside = {path for path in rest if ".dist-info" not in path.parts[0]}
    assert all("share/flowlib/results" in path.as_posix() for path in outside), outside


@pytest.mark.slow
def test_an_empty_environment_needs_three_packages(built, tmp_path):
    """The wheel, then the source distribution; neither may bring anything along."""
    python = tmp_path / "venv" / "bin" / "python"
    away = {"cwd": tmp_path, "env": clean_environment(python)}
    pip = str(python), "-m", "pip", "install", "-q"
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    run(*pip, *map(pinned, sorted(ASKED)), **away)
    for archive in built[1:]:
        run(*pip, "--no-deps", "--force-reinstall", str(archive), **away)
        out = run(str(python), "-c", f"{TEN_LINES}\nprint(fl.__file__)" + WINGS_STAY_OUT, **away)
        grnn, fernn, file = out.split()
        assert float(grnn) > 0.1 and float(fernn) < 1e-12
        assert Path(file).is_relative_to(tmp_path / "venv")
        results = tmp_path / "venv" / "share" / "flowlib" / "results"
        assert list(results.glob("*.jsonl")) and list(Path(file).parent.rglob("*.js"))
