"""Arrows go one way: the library knows neither wing, the wings do not know each other.

The sources are read, not run: an import that is hidden in a function is found too.
"""

import ast
import re

import pytest
from conftest import ROOT

PACKAGE = ROOT / "flowlib"
# A room uses only rooms before it. The core is what Parts I to IV stand on; past it are the rooms of Part V.
CORE = """
checks groups translations sampling rotations flows equivariance laws neighbours convolution mixing
cells loop recurrent stack models contract
""".split()
PAST = "aliasing scan predictor compensation edges self_motion probes report diagnosis".split()
ROOMS = CORE + PAST
# Imported where they are used: optional, or slow to import and seldom needed.
LAZY = {"requests", "sklearn", "ale_py", "av", "submitit", "openpiv"}
LATE = {
    ("flowlib.__main__", "flowlib.pages.video_page")
}  # one command needs matplotlib, the others not
README = (ROOT / "README.md").read_text(encoding="utf8")
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(source, package):
    """(module, whether inside a function) of each import of a source."""
    tree = ast.parse(source)
    kinds = ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda
    inside = {id(node) for f in ast.walk(tree) if isinstance(f, kinds) for node in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join([*(above if node.level else ()), *filter(None, [node.module])])
            # What is taken may be a name or, as in `from flowlib.lab import ledger`, a module.
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from ((name, id(node) in inside) for name in names)


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def of(path):
    package = ".".join(path.parent.relative_to(ROOT).parts)
    return list(imports(path.read_text(encoding="utf8"), package))


def wing(module):
    """ "lab" or "pages"; "library" for the rest of flowlib; None for others' modules."""
    parts = module.split(".")
    if parts[0] != "flowlib":
        return None
    return parts[1] if parts[1:] and parts[1] in ("lab", "pages") else "library"


def is_room(path):
    return path.parent == PACKAGE and path.stem not in ("__init__", "__main__")


def test_every_room_of_the_library_has_its_place():
    assert {path.stem for path in FILES if is_room(path)} <= set(ROOMS)
    listed = re.search(r"^    flowlib/\n((?:      .*\n)*)", README, flags=re.M)[1]
    assert re.findall(r"^      (\w+)\.py", listed, flags=re.M) == ROOMS, (
        "the README lists them in order"
    )


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_wing_uses_the_library_and_itself(path):
    if path == PACKAGE / "__main__.py":
        return  # the command line stands outside: it runs the lab
    here = wing(name_of(path))
    wrong = {module for module, _ in of(path) if wing(module) not in (None, "library", here)}
    assert not wrong, f"{name_of(path)} may not use {sorted(wrong)}"


@pytest.mark.parametrize("path", [path for path in FILES if is_room(path)], ids=name_of)
def test_a_room_uses_the_rooms_before_it(path):
    modules = [module.split(".") for module, _ in of(path)]
    used = {parts[1] if parts[1:] else "flowlib" for parts in modules if parts[0] == "flowlib"}
    before = ROOMS[: ROOMS.index(path.stem)]
    assert used <= set(before), f"{path.stem} may not use {sorted(used - set(before))}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_import_is_hidden_in_a_function(path):
    late = tuple(room for file, room in LATE if file == name_of(path))
    hidden = {m.split(".")[0] for m, inside in of(path) if inside and not m.startswith(late)}
    assert hidden <= LAZY, f"{name_of(path)} hides {sorted(hidden - LAZY)}"


def test_what_an_import_says():
    source = """
import numpy as np
from flowlib.lab import ledger
from .pack import array
from .. import plots
def late():
    import av
"""
    found = dict(imports(source, "flowlib.pages.widgets"))
    assert {"numpy", "flowlib.lab.ledger", "flowlib.pages.plots"} <= found.keys()
    assert "flowlib.pages.widgets.pack" in found
    assert [name for name, inside in found.items() if inside] == ["av"]


@pytest.mark.parametrize("rooms, most", [(CORE, 2000), (PAST, 1000)], ids=["core", "past"])
def test_the_library_is_an_evening_of_reading(rooms, most):
    """About 2,000 lines of code, without what explains them; what is past the core can wait."""
    code = 0
    for room in rooms:
        text = (ROOT / "flowlib" / f"{room}.py").read_text(encoding="utf8")
        told = {
            line
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            for line in range(node.lineno, node.end_lineno + 1)
        }
        lines = enumerate(map(str.strip, text.splitlines()), 1)
        code += sum(bool(s) and s[0] != "#" and n not in told for n, s in lines)
    assert most / 2 < code < most
