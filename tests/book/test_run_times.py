"""The page of run times: every chapter has its seconds, and they add up."""

import re

import pytest
import run_times
from conftest import CHAPTERS, ROOT, toc_pages

PAGE = "book/run_times"


def test_the_page_asks_for_the_table():
    assert "```{run-times}" in (ROOT / f"{PAGE}.md").read_text(encoding="utf8")


def test_the_processor_is_the_one_that_the_system_names(tmp_path):
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: A fast one @ 3 GHz\nflags\t: fpu\n")
    assert run_times.machine(told).startswith("A fast one @ 3 GHz; cores: ")
    assert "torch 2" in run_times.machine(tmp_path / "no such file")


@pytest.mark.browser
def test_each_chapter_has_its_seconds(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/{PAGE}.html")
    rows = page.locator("article table.flowlib-run-times tbody tr").all()
    seconds = [int(re.fullmatch(r"(\d+) s", r.locator("td").last.inner_text())[1]) for r in rows]
    links = [row.locator("a").get_attribute("href") for row in rows[:-1]]
    chapters = [page for page in toc_pages() if page.startswith("chapters/")]
    assert [link.removeprefix("../") for link in links] == [f"{name}.html" for name in chapters]
    assert min(seconds) > 0
    assert abs(sum(seconds[:-1]) - seconds[-1]) <= len(CHAPTERS)  # each is rounded
