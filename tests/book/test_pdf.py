"""The book as one PDF, made of two of its pages: numbers, outline, links, and what a print leaves out."""

import io
import unicodedata

import pdf
import pytest
from conftest import SITE
from pypdf import PdfReader

pytestmark = pytest.mark.browser

PAGES = ["chapters/07_the_grnn_fails", "chapters/08_lifting_to_velocities"]


@pytest.fixture(scope="module")
def book(browser):
    file = io.BytesIO()
    pdf.make(browser, f"{SITE.as_uri()}/", {"Two chapters": PAGES}).write(file)
    return PdfReader(file)


@pytest.fixture(scope="module")
def texts(book):
    """The words of each sheet, ligatures as letters."""
    read = (unicodedata.normalize("NFKC", sheet.extract_text()) for sheet in book.pages)
    return [" ".join(text.split()) for text in read]


@pytest.fixture(scope="module")
def starts(book, texts):
    """The sheets on which the chapters begin."""
    front = book.page_labels.index("1")
    titles = "7. The G-RNN fails", "8. Lifting to velocities"
    return [next(n for n in range(front, len(texts)) if title in texts[n]) for title in titles]


def test_the_outline_leads_to_the_chapters_and_their_sections(book, texts, starts):
    part, (seven, sections, eight, _) = book.outline
    assert part.title == "Two chapters"
    assert [book.get_destination_page_number(chapter) for chapter in (seven, eight)] == starts
    assert {"Summary", "Exercises"} <= {section.title for section in sections}
    for section in sections:
        assert section.title in texts[book.get_destination_page_number(section)]


def test_the_sheets_are_numbered_and_the_contents_know_it(book, texts, starts):
    seven, eight = starts
    assert book.page_labels[seven] == "1"
    number = book.page_labels[eight]
    assert number == str(eight - seven + 1) and number in texts[eight].split()
    assert f"8. Lifting to velocities {number}" in " ".join(texts[:seven])


def test_links_stay_inside_or_lead_to_the_web(book, starts):
    inside, (seven, eight) = set(), starts
    for number, sheet in enumerate(book.pages):
        for link in (link.get_object() for link in sheet.get("/Annots", ())):
            if "/Dest" in link:
                inside.add((number, book.get_page_number(link["/Dest"][0].get_object())))
            else:
                assert link["/A"]["/URI"].startswith("http")
    assert any(a >= eight > b >= seven for a, b in inside), "chapter 8 leads to chapter 7"
    assert any(a < seven <= b for a, b in inside), "the contents lead to the chapters"


def test_a_print_shows_solutions_and_widgets_and_no_buttons(texts):
    text = " ".join(texts)
    assert "Solution to" in text
    assert "input velocity" in text  # the widget of chapter 8
    for left_out in ("Finds flowlib, and installs it", "Show code cell", "Play"):
        assert left_out not in text


def test_a_formula_keeps_the_sign_after_it_and_fits_the_page(browser):
    tab = browser.new_page()
    tab.set_content("""<article style="width: 100px"><section id="a"><h1>A</h1>
      <p><span class="math">x</span>). Then <span class="math">y</span> and <span class="math">z</span></p>
      <mjx-container display="true" style="display: block; overflow: auto"><div style="width: 200px">w</div>
      </mjx-container></section></article>""")
    assert tab.evaluate(pdf.PREPARE, "https://book/") == [["A", "a"]]
    assert tab.locator(".flowlib-kept").all_inner_texts() == ["x)."]
    assert tab.locator("p").inner_text() == "x). Then y and z"
    assert tab.locator("mjx-container").evaluate("f => f.scrollWidth <= f.clientWidth")
    tab.close()
