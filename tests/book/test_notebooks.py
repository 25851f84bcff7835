"""What holds for every chapter as a file, before it is run."""

import ast
import json
import re
import runpy

import pytest
from conftest import CHAPTERS, ROOT, cells, prose, toc_pages
from myst_parser.mdit_to_docutils.base import default_slugify

FIRST_CELL = runpy.run_path(str(ROOT / "book" / "first_cell.py"))

pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf8"))


def test_first_code_cell_is_the_common_one(path):
    assert FIRST_CELL["is_current"](read(path)), "run: python book/first_cell.py"


def test_only_checked_cells_hold_outputs(path):
    # nbval passes a tagged cell without an output, and compares nothing.
    for cell in (c for c in read(path)["cells"] if c["cell_type"] == "code"):
        checked = "nbval-check-output" in cell["metadata"].get("tags", [])
        assert bool(cell["outputs"]) == checked, "".join(cell["source"])
        # Nor does it take an output without a number: it calls such a cell unrun.
        assert (cell["execution_count"] is not None) == checked, "".join(cell["source"])
        for output in cell["outputs"]:
            text = output.get("text") or output.get("data", {}).get("text/plain")
            assert "".join(text or "").strip(), "".join(cell["source"])


def numbered(path):
    """Chapters have statements and exercises; an appendix, and the tour of all, may do without."""
    if not path.stem[:2].isdigit() or path.stem.startswith("00"):
        pytest.skip("an appendix, or the tour")


def test_is_written_in_a_chapters_shape(path):
    numbered(path)
    # Without the fenced blocks, where a # is no heading.
    text = re.sub(r"^(`{3,})[^\n]*\n.*?^\1[ \t]*$", "", prose(path), flags=re.M | re.S)
    titles = re.findall(r"^(#{1,2}) +(.+)$", text, flags=re.M)
    assert [level for level, _ in titles].count("#") == 1
    sections = [title.lower() for level, title in titles if level == "##"]
    for wanted in ("you will be able to", "summary", "exercises"):
        assert any(wanted in s.replace("you'll", "you will") for s in sections), wanted


def test_names_its_core(path):
    """One line of links, each to a section and with its title."""
    numbered(path)
    named = re.search(r"^\*\*The core:\*\* (.+)\.$", cells(path, "markdown")[0], flags=re.M)
    assert named, (
        "the first cell wants a line **The core:** [A section](#a-section), [Another](#another)."
    )
    titles = re.findall(r"\[(.+?)\]\(#.+?\)", named[1])
    assert named[1] == ", ".join(f"[{title}](#{default_slugify(title)})" for title in titles)
    sections = re.findall(r"^## +(.+)$", prose(path).partition("\n## Summary")[0], flags=re.M)
    assert not set(titles) - set(sections[1:])  # the first says what one will be able to do
    assert 1 <= len(titles) <= 4


def test_the_main_text_can_be_read_at_once(path):
    """At most 3,000 words before the exercises, formulas and directives included; the tour 2,000."""
    if not path.stem[:2].isdigit():
        pytest.skip("an appendix is no chapter")
    most = 2000 if path.stem.startswith("00") else 3000
    assert 500 < len(prose(path).partition("\n## Exercises")[0].split()) <= most


def test_statements_stand_in_labelled_boxes(path):
    numbered(path)
    # The options follow the opening line: the label is among them.
    boxes = re.findall(r"^[`:]{3,}\{prf:(\w+)\}[^\n]*\n((?::.*\n)*)", prose(path), flags=re.M)
    statements = [options for kind, options in boxes if kind != "proof"]
    assert statements
    assert all(":label:" in options for options in statements)


def test_every_exercise_has_a_solution(path):
    numbered(path)
    text = prose(path)
    box = r"^[`:]{3,}\{exercise(?:-start)?\}[^\n]*\n(?::(?!label).*\n)*:label: *(\S+)"
    exercises = re.findall(box, text, flags=re.M)
    solutions = re.findall(r"^[`:]{3,}\{solution(?:-start)?\} *(\S+)", text, flags=re.M)
    assert len(exercises) >= 4
    assert sorted(exercises) == sorted(solutions)


def test_draws_and_measures(path):
    code = "\n".join(cells(path, "code"))
    assert re.search(r"\bplots\.(show|animation)\(", code), "no figure"
    assert re.search(r"\b(fl\.check_\w+|measured)\(", code), "no law is checked"


def test_keeps_the_names_that_it_imports(path):
    """A list called `measured` would hide the function for the rest of the chapter."""
    tree = ast.parse("\n".join(cells(path, "code")))
    nodes = list(ast.walk(tree))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = {(a.asname or a.name).split(".")[0] for node in imports for a in node.names}
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    assert not imported & stored


def test_a_formula_below_an_item_has_a_line_between(path):
    """Else it is part of the item's text, and the page shows the signs $ around it."""
    assert not re.search(r"^ *(?:\d+\\?\.|-) .*\n *\$\$", prose(path), flags=re.M)


def test_names_no_path_of_a_machine(path):
    found = re.search(
        r"(?<![\w.])/(?:home|root|tmp|work|Users|content|mnt)/\w+|[A-Z]:\\\\Users", path.read_text()
    )
    assert not found, found


def test_is_in_the_table_of_contents(path):
    assert f"chapters/{path.stem}" in toc_pages()


def test_a_group_of_ones_own_is_short(path):
    """The contract asks little: the recipes keep to 40 lines of code."""
    for cell in cells(path, "code"):
        for found in re.finditer(
            r"^class \w+\(fl\.Group\):\n(?:(?: .*)?\n)*", cell + "\n", flags=re.M
        ):
            lines = [line for line in found[0].splitlines() if line.strip()]
            assert len(lines) <= 40, lines[0]
