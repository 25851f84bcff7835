"""The front page: its moving picture shows what the networks do, its map what the chapters say."""

import re
import runpy
import shutil
import xml.etree.ElementTree as ET

import chapter_map
import pytest
from conftest import ROOT, toc_pages

SVG = "{http://www.w3.org/2000/svg}"


def test_front_picture_is_what_the_networks_do():
    front = runpy.run_path(str(ROOT / "book" / "front.py"))
    assert front["FILE"].read_text(encoding="utf8") == front["picture"](), (
        "run: python book/front.py"
    )


def test_the_map_has_every_chapter_and_leads_there():
    book = chapter_map.chapters()
    assert [f"chapters/{name}" for name in book] == [p for p in toc_pages() if "chapters/" in p]
    drawing = ET.fromstring(chapter_map.picture(book, lambda name: f"to/{name}"))
    boxes = drawing.findall(f".//{SVG}a")
    assert [box.get("href") for box in boxes] == [f"to/{name}" for name in book]
    for box, chapter in zip(boxes, book.values(), strict=True):
        shown = " ".join("".join(text.itertext()) for text in box.iter(f"{SVG}text")).strip()
        assert box.get("aria-label").startswith(f"{shown}, needs ")
        numbers = re.search("needs ([^,]*)", box.get("aria-label"))[1]
        assert len(numbers.split(" and ")) == max(1, len(chapter.needs))


def test_the_arrows_of_the_map_say_all_that_is_needed():
    book = chapter_map.chapters()
    drawn = {name: chapter_map.arrows(name, book) for name in book}
    assert sum(map(len, drawn.values())) < sum(len(chapter.needs) for chapter in book.values())

    def reached(name):
        return set(drawn[name]).union(*(reached(need) for need in drawn[name]))

    for name in book:
        assert reached(name) == chapter_map.all_needs(name, book)


def test_an_expert_skips_only_what_an_expert_knows():
    book = chapter_map.chapters()
    path = [chapter for chapter in book.values() if "expert" in chapter.paths]
    assert tuple(chapter.number for chapter in path) == chapter_map.EXPERT
    needed = set().union(*(chapter_map.all_needs(chapter.name, book) for chapter in path))
    known = {"1", "2", "3", "4", "5"}  # groups, convolutions, recurrent ones, flows of a group
    assert {book[name].number for name in needed} <= known | set(chapter_map.EXPERT)


@pytest.mark.parametrize(
    "line, why",
    [
        ("Nothing is needed.", "has no line"),
        ("**You need** [this](nowhere.ipynb). **Time to run:** none.", "does not have"),
        (
            "**You need** [this](23_what_was_reproduced.ipynb). **Time to run:** none.",
            "come before",
        ),
        ("**You need** [this](appendix_own_work.ipynb). **Time to run:** none.", "need each other"),
    ],
)
def test_needs_that_cannot_be_are_refused(tmp_path, line, why):
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    shutil.copytree(ROOT / "chapters", tmp_path / "chapters")
    chapter = tmp_path / "chapters" / "02_groups_and_actions.ipynb"
    text, found = re.subn(
        r"\*\*You need\*\*[^\"]*", line, chapter.read_text(encoding="utf8"), count=1
    )
    assert found
    chapter.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=why):
        chapter_map.chapters(tmp_path)
