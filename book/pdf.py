"""The built site as one PDF: python book/pdf.py CHROMIUM FILE

Chromium prints each page of `_toc.yml`: figures, formulas and the first state of the widgets are
those of the site, and `book/static/flowlib.css` says how they look on paper. pypdf joins the prints,
gives them an outline, and leads the links between pages to where they are in the file. A title and
the contents stand in front, numbered i, ii, iii.
"""

import html
import io
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import ArrayObject, Fit, NameObject, NullObject

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
SCALE = 0.75  # letters of 9 points
VIEWPORT = {"width": 877, "height": 1300}  # what A4 is wide at this scale: widgets draw for it
FLAGS = ["--no-sandbox", "--disable-gpu"]  # as root, in a container

# Links within the book become "book:PAGE#ID". Each id is linked to once, because Chromium notes only
# the places that a link of the same page asks for. Returns title and id of the page and its sections.
PREPARE = """async (site) => {
  const article = document.querySelector("article");
  for (const link of article.querySelectorAll("a[href]")) {
    const { href } = new URL(link.getAttribute("href"), location); // in a drawing it is no property
    if (href.startsWith(site))
      link.setAttribute("href", "book:" + href.slice(site.length).replace(/[.]html(#|$)/, "$1"));
  }
  for (const formula of article.querySelectorAll("span.math")) {
    const sign = formula.nextSibling?.data?.match(/^[^\\s\\p{L}(]+/u); // the full stop that ends a line
    if (!sign) continue;
    const kept = Object.assign(document.createElement("span"), { className: "flowlib-kept" });
    formula.nextSibling.splitText(sign[0].length);
    formula.replaceWith(kept);
    kept.append(formula, kept.nextSibling);
  }
  for (const formula of article.querySelectorAll("mjx-container[display]"))
    if (formula.scrollWidth > formula.clientWidth) // on a screen it scrolls
      formula.style.zoom = formula.clientWidth / (formula.scrollWidth + 1);
  const titles = [...article.querySelectorAll("h1, h2")].map((heading) => {
    const text = heading.cloneNode(true);
    text.querySelectorAll(".headerlink, mjx-assistive-mml").forEach((part) => part.remove());
    return [text.textContent.trim(), heading.closest("section").id];
  });
  const places = document.createElement("div");
  places.className = "flowlib-places";
  for (const { id } of article.querySelectorAll("[id]:not(svg *)"))
    places.append(Object.assign(document.createElement("a"), { href: "#" + id }));
  article.append(places);
  await document.fonts.ready;
  return titles;
}"""
STARTED = "[...document.querySelectorAll('.flowlib-page')].every(p => p.querySelector('canvas'))"
# The running head, and the number at the foot.
SHEETS = """
html { counter-reset: page %d }
@page { @top-left { content: %s } @bottom-right { content: counter(page) } }
@page :first { @top-left { content: "" } }
"""
FRONT = """<!doctype html><html lang="en"><meta charset="utf-8"><style>
@page { font: 9pt sans-serif; margin: 20mm 30mm; size: A4 }
@page { @bottom-right { content: counter(page, lower-roman) } }
@page :first { @bottom-right { content: "" } }
body { color: #222832; font: 9.5pt/1.4 system-ui, sans-serif; margin: 0 }
header { break-after: page; padding-top: 60mm }
h1 { font-size: 34pt; font-weight: 400; line-height: 1.1 }
h2, h3 { break-after: avoid; font-weight: 400 }
h3 { font-size: 11pt; margin: 3mm 0 0.5mm }
a { color: inherit; display: flex; justify-content: space-between; text-decoration: none }
</style><header><h1>%s</h1><p>%s</p><p>%s</p></header><h2>Contents</h2>%s</html>"""


@dataclass
class Print:
    """A page of the site on paper; `first` sheets of the book come before it."""

    name: str
    sheets: PdfReader
    titles: list[tuple[str, str]]
    first: int

    @property
    def next(self) -> int:
        return self.first + len(self.sheets.pages)

    def places(self) -> dict[str, tuple[int, float | None]]:
        """The sheet, and the height on it, that a link "book:PAGE#ID" leads to."""
        top = {f"book:{self.name}": (self.first, None)}
        return top | {
            f"book:{self.name}#{id.removeprefix('/')}": (
                self.first + self.sheets.get_destination_page_number(place),
                place.top,
            )
            for id, place in self.sheets.named_destinations.items()
        }


def on_paper(tab: Page, **options) -> PdfReader:
    pdf = tab.pdf(prefer_css_page_size=True, print_background=True, **options)
    return PdfReader(io.BytesIO(pdf))


def print_page(tab: Page, site: str, name: str, first: int) -> Print:
    """A page of the site at the address `site`, which ends with a slash."""
    tab.goto(f"{site}{name}.html")
    tab.wait_for_function(STARTED)
    titles = tab.evaluate(PREPARE, site)
    head = json.dumps(titles[0][0], ensure_ascii=False)
    tab.add_style_tag(content=SHEETS % (first, head))
    return Print(name, on_paper(tab, scale=SCALE), titles, first)


def print_front(tab: Page, parts: dict[str, list[Print]]) -> PdfReader:
    """The title and the contents."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    contents = "".join(
        f"<h3>{html.escape(part)}</h3>"
        + "".join(
            f'<a href="book:{one.name}"><span>{html.escape(one.titles[0][0])}</span>'
            f"<span>{one.first + 1}</span></a>"
            for one in prints
        )
        for part, prints in parts.items()
    )
    made_of = (
        f"With flowlib {project['version']}. The pages of the site, printed: the code that draws the "
        "figures is left out, and a figure with sliders shows its first state."
    )
    tab.set_content(FRONT % (config["title"], config["author"], made_of, contents))
    return on_paper(tab)


def join(front: PdfReader, parts: dict[str, list[Print]]) -> PdfWriter:
    """One file, with an outline, page labels, and links that lead somewhere."""
    prints = [one for part in parts.values() for one in part]
    places = {name: at for one in prints for name, at in one.places().items()}
    book, before = PdfWriter(), len(front.pages)
    for reader in [front, *(one.sheets for one in prints)]:
        book.append_pages_from_reader(reader)

    for sheet in book.pages:
        kept = ArrayObject()
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            address = link.get("/A", {}).get("/URI", "")
            if address in places:
                number, top = places[address]
                target = book.pages[before + number].indirect_reference
                del link["/A"]
                link[NameObject("/Dest")] = ArrayObject(
                    [target, NameObject("/XYZ"), NullObject(), top or NullObject(), NullObject()]
                )
                kept.append(reference)
            elif address.startswith("http"):
                kept.append(reference)
        sheet[NameObject("/Annots")] = kept

    for part, chapters in parts.items():
        above = None
        for one in chapters:
            if part:
                sheet = before + one.first
                above = above or book.add_outline_item(title=part, page_number=sheet, bold=True)
            (title, _), *sections = one.titles
            chapter = book.add_outline_item(
                title=title, page_number=before + one.first, parent=above, is_open=False
            )
            for text, id in sections:
                number, top = places[f"book:{one.name}#{id}"]
                book.add_outline_item(
                    title=text, page_number=before + number, parent=chapter, fit=Fit.xyz(top=top)
                )
    book.set_page_label(0, before - 1, PageLabelStyle.LOWERCASE_ROMAN, start=1)
    book.set_page_label(before, len(book.pages) - 1, PageLabelStyle.DECIMAL, start=1)
    return book


def make(browser: Browser, site: str, parts: dict[str, list[str]]) -> PdfWriter:
    """The book of these pages of a built site, part by part."""
    tab = browser.new_page(viewport=VIEWPORT, device_scale_factor=2)
    tab.set_default_timeout(300_000)  # a busy machine is no error
    tab.emulate_media(media="print")
    prints: dict[str, list[Print]] = {}
    first = 0
    for part, names in parts.items():
        prints[part] = []
        for name in names:
            one = print_page(tab, site, name, first)
            prints[part].append(one)
            first = one.next
    book = join(print_front(tab, prints), prints)
    tab.close()
    return book


if __name__ == "__main__":
    chromium, file = sys.argv[1:]
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    parts = {part["caption"]: [c["file"] for c in part["chapters"]] for part in toc["parts"]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        book = make(browser, f"{SITE.as_uri()}/", {"": [toc["root"]]} | parts)
    book.write(file)
    print(f"{file}: {len(book.pages)} pages, {Path(file).stat().st_size / 1e6:.1f} MB")
