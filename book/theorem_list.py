"""Sphinx extension: all definitions and theorems of the book, each with what was measured.

The directive `theorem-list` leaves a mark on its page. When every page has been read, the mark
becomes a table. Its rows are the boxes of the chapters, in reading order; the residuals beside them
are what `measured` showed when the chapters ran. A theorem without a measurement is a
warning, and a warning fails the build.
"""

import re
from html.parser import HTMLParser
from string import ascii_uppercase

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx_proof.nodes import NODE_TYPES, unenumerable_node

LOG = logging.getLogger(__name__)
BOXES = (*NODE_TYPES.values(), unenumerable_node)
MEASURED = {"theorem", "lemma", "proposition", "corollary"}  # these must be


class theorem_list(nodes.General, nodes.Element):
    """The mark that becomes the table."""


class TheoremList(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # other pages fill this one: make it anew in every build
        return [theorem_list()]


class Measurements(HTMLParser):
    """The measurements in the HTML that a cell shows."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[dict] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes) -> None:
        mark = dict(attributes)
        if "flowlib-measured" in (mark.get("class") or "").split():
            self.found.append({key.removeprefix("data-"): mark[key] or "" for key in mark})


def pages(env, docname: str) -> list[str]:
    """This page and those below it, in reading order."""
    below = env.toctree_includes.get(docname, [])
    return [docname, *(page for child in below for page in pages(env, child))]


def letter_the_appendices(app, env) -> list[str]:
    """Number the boxes of the appendices A.1, A.2, ... and B.1: Sphinx has numbered them 1, 2, 3, ..."""
    appendices = (page for page in pages(env, env.config.root_doc) if "/appendix_" in page)
    for letter, docname in zip(ascii_uppercase, appendices, strict=False):
        for numbers in env.toc_fignumbers.get(docname, {}).values():
            numbers.update({label: (letter, n) for n, label in enumerate(numbers, 1)})
    return []  # no page is out of date by this


def sentence(measurement: dict) -> str:
    """How far from true, in words: "2e-16, at most 1e-14"."""
    residual, bound = float(measurement["residual"]), float(measurement["bound"])
    size = f"{residual:.0e}" if 0 < residual < 1e-3 else f"{residual:.2g}"
    if measurement["kind"] == "above":
        return f"{size}, must be at least {bound:g}"
    return f"{size}, at most {bound:g}"


def cell(*content: nodes.Node, columns: int = 1) -> nodes.entry:
    entry = nodes.entry("", *content)
    if columns > 1:
        entry["morecols"] = columns - 1
    return entry


def paragraph(*content: nodes.Node | str) -> nodes.paragraph:
    return nodes.paragraph("", "", *(nodes.Text(c) if isinstance(c, str) else c for c in content))


def title(box: nodes.Element) -> list[nodes.Node]:
    """The title of a box, without the brackets that sphinx-proof puts around it."""
    parts = [part.deepcopy() for part in box[0].children]
    for at, bracket in ((0, r"^ *\("), (-1, r"\)$")):
        if parts and isinstance(parts[at], nodes.Text):
            parts[at] = nodes.Text(re.sub(bracket, "", parts[at]))
    return parts


def box_row(app, page: str, docname: str, box: nodes.Element, measurements: list[dict]):
    """A box with a link to where it stands, and what was measured."""
    number = app.env.toc_fignumbers.get(docname, {}).get(box["countertype"], {})
    number = ".".join(map(str, number.get(box["label"], ())))
    name = nodes.Text(f"{box['realtype'].title()} {number}".strip())
    link = make_refnode(app.builder, page, docname, box["ids"][0], name)
    found = [
        paragraph(
            f"{one['note']}: " if one["note"] else "",
            nodes.inline("", sentence(one), classes=["flowlib-residual"]),
        )
        for one in measurements
    ]
    return nodes.row("", cell(paragraph(link, " ", *title(box))), cell(*found))


def chapter_link(app, page: str, docname: str) -> nodes.reference:
    """The number and the title of a chapter, with a link to it."""
    number = "".join(f"{n}. " for n in app.env.toc_secnumbers.get(docname, {}).get("", ()))
    name = nodes.Text(number + app.env.titles[docname].astext())
    return make_refnode(app.builder, page, docname, "", name)


def chapter_row(app, page: str, docname: str) -> nodes.row:
    link = chapter_link(app, page, docname)
    entry = cell(paragraph(nodes.strong("", "", link)), columns=2)
    return nodes.row("", entry, classes=["chapter"])


def rows(app, page: str):
    """The rows of the table, chapter by chapter."""
    env = app.env
    for docname in pages(env, env.config.root_doc):
        doctree = env.get_doctree(docname)
        boxes = [node for node in doctree.findall() if isinstance(node, BOXES)]
        html = "".join(n.astext() for n in doctree.findall(nodes.raw) if n["format"] == "html")
        measurements: dict[str, list[dict]] = {}
        for one in Measurements(html).found:
            measurements.setdefault(one["label"], []).append(one)
        for label in measurements.keys() - {box["label"] for box in boxes}:
            LOG.warning("measured, but no box here has this label: %s", label, location=docname)
        made = []
        for box in boxes:
            found = measurements.get(box["label"], [])
            if box["realtype"] in MEASURED and not found:
                LOG.warning(
                    "%s is not measured: a cell after it wants measured(...)",
                    box["label"],
                    location=(docname, box.line),
                )
            if found or box["realtype"] in MEASURED | {"definition"}:
                made.append(box_row(app, page, docname, box, found))
        if made:
            yield chapter_row(app, page, docname)
            yield from made


def fill(app, doctree: nodes.document, page: str) -> None:
    """Put the table in the place of the mark."""
    for mark in list(doctree.findall(theorem_list)):
        head = nodes.row("", *(cell(paragraph(text)) for text in ("Statement", "Measured")))
        group = nodes.tgroup("", cols=2)
        group += [nodes.colspec(colwidth=width) for width in (1, 1)]
        group += [nodes.thead("", head), nodes.tbody("", *rows(app, page))]
        mark.replace_self(nodes.table("", group, classes=["flowlib-theorems", "colwidths-auto"]))
        if any(group.findall(nodes.math)):  # formulas in titles: the page was read without them
            app.env.get_domain("math").data["has_equations"][page] = True


def setup(app) -> dict:
    app.add_node(theorem_list)
    app.add_directive("theorem-list", TheoremList)
    app.connect("doctree-resolved", fill)
    app.connect("env-get-updated", letter_the_appendices, priority=900)  # after Sphinx's numbers
    return {"parallel_read_safe": True, "parallel_write_safe": True}
