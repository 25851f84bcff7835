"""Sphinx extension: the directive `chapter-map` draws which chapter needs which.

Chapters and parts are those of `_toc.yml`. What a chapter needs are the links of its line "**You
need** ..."; nothing is written down twice. A box is a link to its chapter, and its name for screen
readers says what it needs: the drawing is its own text alternative.
"""

import html
import json
import re
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[1]
EXPERT = ("0", "6", "7", "8", "9")  # for who knows equivariant networks; then any other
WIDTH, LEFT, RIGHT, STEP = 398, 62, 350, 28  # the boxes stand between LEFT and RIGHT
TRACKS = {"newcomer": (366, "#3b82f6"), "expert": (388, "#e8590c")}  # where, and in which colour
STYLE = (
    ".flowlib-map a{color:inherit;text-decoration:none}"
    ".flowlib-map path{fill:none;stroke:currentColor;stroke-width:1.5}"
    ".flowlib-map .box{fill:currentColor;fill-opacity:.06;stroke-opacity:.45}"
    ".flowlib-map .need{opacity:.6;pointer-events:none}"
    ".flowlib-map a:is(:hover,:focus-visible) path{opacity:1;stroke:#e8590c;stroke-width:2.5}"
)


@dataclass
class Chapter:
    """A notebook of the table of contents; `needs` are the names of the chapters it asks for."""

    name: str
    part: str
    title: str
    needs: tuple[str, ...]

    @property
    def number(self) -> str:
        """As the book counts, "0" for the tour; empty for a page without a number."""
        found = re.match(r"\d+", self.name)
        return str(int(found[0])) if found else ""

    @property
    def paths(self) -> list[str]:
        """Whose path it is on: a newcomer reads every chapter, and may do without the tour."""
        there = {"newcomer": self.number not in ("", "0"), "expert": self.number in EXPERT}
        return [reader for reader, is_there in there.items() if is_there]


def chapters(root: Path = ROOT) -> dict[str, Chapter]:
    """The chapters in reading order, by their names.

    Raises:
        ValueError: one has no line of needs, or needs what is not there, what comes later, or itself.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    listed = [(part["caption"], page["file"]) for part in toc["parts"] for page in part["chapters"]]
    book: dict[str, Chapter] = {}
    for part, notebook in ((part, root / f"{file}.ipynb") for part, file in listed):
        if not notebook.exists():
            continue  # a page of text
        text = "".join(json.loads(notebook.read_text(encoding="utf8"))["cells"][0]["source"])
        line = re.search(r"^\*\*You need\*\*(.*)\*\*Time to run:", text, flags=re.M)
        if not line:
            raise ValueError(f"{notebook.stem} has no line '**You need** ... **Time to run:** ...'")
        needs = sorted(set(re.findall(r"\]\((\w+)\.ipynb", line[1])))
        title = re.match(r"# +(.+)", text)[1]
        book[notebook.stem] = Chapter(notebook.stem, part, title, tuple(needs))
    for chapter in book.values():
        for need in chapter.needs:
            if need not in book:
                raise ValueError(f"{chapter.name} needs {need}, which _toc.yml does not have")
            if chapter.number and book[need].number and need >= chapter.name:
                raise ValueError(f"{chapter.name} needs {need}, which does not come before it")
    try:
        TopologicalSorter({c.name: c.needs for c in book.values()}).prepare()
    except CycleError as circle:
        raise ValueError(
            f"these need each other: {', '.join(circle.args[1])} (a link that is no need belongs "
            "after **Time to run:**)"
        ) from circle
    return book


def all_needs(name: str, book: dict[str, Chapter]) -> set[str]:
    """All that a chapter needs, also what its needs need."""
    direct = set(book[name].needs)
    return direct.union(*(all_needs(need, book) for need in direct))


def arrows(name: str, book: dict[str, Chapter]) -> list[str]:
    """The needs of a chapter that are drawn: not those that another of its needs brings along."""
    needs = book[name].needs
    return [n for n in needs if not any(n in all_needs(other, book) for other in needs)]


def spoken(chapter: Chapter, book: dict[str, Chapter]) -> str:
    """The name of a box: what it shows, what the chapter needs, and whose path it is on."""
    needs = [book[need].number or book[need].title for need in chapter.needs]
    words = [f"{chapter.number} {chapter.title}".strip()]
    words.append(f"needs {' and '.join(needs)}" if needs else "needs no other")
    return ", ".join(words + [f"on the {reader}'s path" for reader in chapter.paths])


def arc(start: float, end: float) -> str:
    """From the left of one box to the left of another, with a head; a far one swings out wider."""
    out = LEFT - 14 * (abs(end - start) / STEP) ** 0.5
    curve = f"M{LEFT},{start:g}C{out:g},{start:g} {out:g},{end:g} {LEFT - 2},{end:g}"
    return f'<path class="need" d="{curve}m-5,-4l5,4l-5,4"/>'


def track(reader: str, stops: list[float], end: float) -> str:
    """The path of a reader: its name, a line through its stops, and a dotted one to the end."""
    x, color = TRACKS[reader]
    dots = "".join(f'<circle cx="{x}" cy="{y:g}" r="5" fill="{color}"/>' for y in stops)
    line = f'd="M{x},{stops[0]:g}V{stops[-1]:g}"'
    rest = f'd="M{x},{stops[-1]:g}V{end:g}" stroke-dasharray="2 6"'
    return (
        f'<text x="{x + 8}" y="{stops[0] - STEP / 2 - 4:g}" text-anchor="end">{reader}</text>{dots}'
        + "".join(f'<path {d} style="stroke:{color};stroke-width:3"/>' for d in (line, rest))
    )


def picture(book: dict[str, Chapter], address) -> str:
    """The SVG. `address(name)` is where the box of a chapter leads."""
    heads, rows, y, part = "", {}, 0.0, ""
    for name, chapter in book.items():
        if chapter.part != part:
            part, y = chapter.part, y + STEP
            heads += f'<text x="{LEFT}" y="{y - 6:g}" opacity=".8">{html.escape(part)}</text>'
        rows[name] = y + STEP / 2 - 2
        y += STEP
    boxes = "".join(
        f'<g role="listitem"><a href="{address(name)}" '
        f'aria-label="{html.escape(spoken(chapter, book), quote=True)}">'
        f'<path class="box" d="M{LEFT},{row - 11:g}H{RIGHT}v22H{LEFT}z"/>'
        f'<text x="{LEFT + 20}" y="{row + 5:g}" text-anchor="end">{chapter.number}</text> '
        f'<text x="{LEFT + 27}" y="{row + 5:g}">{html.escape(chapter.title)}</text>'
        f"{''.join(arc(rows[n] + 4, row - 4) for n in arrows(name, book))}</a></g>"
        for (name, chapter), row in zip(book.items(), rows.values(), strict=True)
    )
    stops = {r: [rows[c.name] for c in book.values() if r in c.paths] for r in TRACKS}
    tracks = "".join(track(r, stops[r], stops["newcomer"][-1]) for r in TRACKS)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="flowlib-figure flowlib-map" role="list" '
        'aria-label="Which chapter needs which, and two paths through the book" '
        f'viewBox="0 0 {WIDTH} {y:g}" width="{1.2 * WIDTH:g}" fill="currentColor" '
        f'font-family="system-ui, sans-serif" font-size="13.5"><style>{STYLE}</style>'
        f'<g aria-hidden="true">{heads}{tracks}</g>{boxes}</svg>'
    )


class ChapterMap(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapters fill this page: make it anew in every build
        builder, here = self.env.app.builder, self.env.docname
        book = chapters(Path(self.env.srcdir))
        drawing = picture(book, lambda name: builder.get_relative_uri(here, f"chapters/{name}"))
        return [nodes.raw("", drawing, format="html")]


def setup(app) -> dict:
    app.add_directive("chapter-map", ChapterMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
