"""Every statement of the book is measured, and the page that says so is complete."""

import json
import re
from collections import Counter

import pytest
from conftest import CHAPTERS, ROOT, prose

BOX = r"^[`:]{3,}\{prf:(\w+)\} *([^\n]*)\n(?::(?!label).*\n)*:label: *(\S+)"
MEASURED = r"\bmeasured\(\s*[\"']([\w-]+)[\"']"
STATEMENTS = "theorem", "lemma", "proposition", "corollary"
PAGE = "book/theorems"


def boxes(path):
    """(kind, title, label) of each box of a chapter."""
    return re.findall(BOX, prose(path), flags=re.M)


def statements():
    """(chapter, title, label) of all that has to be measured."""
    return [
        (path, title, label)
        for path in CHAPTERS
        for kind, title, label in boxes(path)
        if kind in STATEMENTS
    ]


def measurements(path):
    """(label, tags of the cell, the markdown before it) of each measurement of a chapter."""
    found, before = [], ""
    for cell in json.loads(path.read_text(encoding="utf8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            before += source + "\n\n"
        for label in re.findall(MEASURED, source) if cell["cell_type"] == "code" else ():
            found.append((label, cell["metadata"].get("tags", []), before))
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_statements_are_measured_where_they_stand(path):
    measured = measurements(path)
    wanted = {label for kind, _, label in boxes(path) if kind in STATEMENTS}
    assert wanted <= {label for label, _, _ in measured}
    for label, tags, before in measured:
        assert f":label: {label}\n" in before, f"{label} is measured before it is stated"
        # A number at rounding level is another one on another machine.
        assert "nbval-check-output" not in tags, label


def test_no_label_stands_twice():
    count = Counter(label for path in CHAPTERS for _, _, label in boxes(path))
    assert [label for label, times in count.items() if times > 1] == []


def test_references_lead_to_a_box():
    """{prf:ref} is for boxes; for an exercise it is {ref}."""
    labels = {label for path in CHAPTERS for _, _, label in boxes(path)}
    texts = {path.stem: prose(path) for path in CHAPTERS}
    texts |= {path.stem: path.read_text(encoding="utf8") for path in ROOT.glob("book/*.md")}
    for name, text in texts.items():
        assert set(re.findall(r"\{prf:ref\}`([^`]+)`", text)) <= labels, name


def test_the_page_asks_for_the_list():
    assert "```{theorem-list}" in (ROOT / f"{PAGE}.md").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def page(browser, site):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/{PAGE}.html")
    yield page
    context.close()


@pytest.mark.browser
def test_page_names_and_measures_every_statement(page):
    table = page.locator("article table.flowlib-theorems")
    text = " ".join(table.inner_text().split())
    for path, title, label in statements():
        row = table.locator(f"tr:has(a[href$='{path.stem}.html#{label}'])")
        assert row.count() == 1, label
        assert row.locator(".flowlib-residual").count() >= 1, label
        for words in re.split(r"\$[^$]*\$|[`*]", title):  # a formula has become a picture
            assert " ".join(words.split()) in text, label
    shown = table.locator(".flowlib-residual").count()
    assert shown >= sum(len(measurements(path)) for path in CHAPTERS)


@pytest.mark.browser
def test_links_of_the_page_lead_to_a_box(page):
    links = page.locator("article table.flowlib-theorems td a")
    assert links.count() > len(statements())
    targets = {link.evaluate("a => a.href") for link in links.all()}
    texts = {}
    for target in sorted(targets):
        address, _, anchor = target.partition("#")
        if address not in texts:
            answer = page.request.get(address)
            assert answer.ok, address
            texts[address] = answer.text()
        assert not anchor or f'id="{anchor}"' in texts[address], target


@pytest.mark.browser
def test_boxes_of_the_appendices_have_letters(page):
    table = page.locator("article table.flowlib-theorems")
    appendices = [path for path, _, _ in statements() if path.stem.startswith("appendix_")]
    for count, path in enumerate(appendices, 1):
        letter = json.loads(path.read_text(encoding="utf8"))["cells"][0]["source"][0][2]
        nth = appendices[:count].count(path)
        link = table.locator(
            f"a[href*='{path.stem}.html#']", has_text=f"Proposition {letter}.{nth}"
        )
        assert link.count() == 1, (path.stem, letter, nth)
