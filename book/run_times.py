"""Sphinx extension: how long each chapter took on the machine that built the book.

The directive `run-times` becomes the name of the machine and a table of the chapters. The seconds
are those of the cache that the build reads (`book/execute.py` fills it). A chapter without seconds
is a warning, and a warning fails the build.
"""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from theorem_list import cell, chapter_link, pages, paragraph

LOG = logging.getLogger(__name__)


class run_times(nodes.General, nodes.Element):
    """The mark that becomes the table."""


class RunTimes(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the chapters fill this page: make it anew in every build
        return [run_times()]


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """This machine, and what the chapters ran with."""
    told = cpuinfo.read_text(encoding="utf8") if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*: *(.+)$", told, flags=re.M)
    processor = model[1] if model else platform.processor() or platform.machine()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    return (
        f"{processor}; cores: {os.cpu_count()}, threads of a chapter: {threads}; "
        f"Python {platform.python_version()}, torch {version('torch')}."
    )


def seconds(env, docname: str) -> float | None:
    """How long a page took to run; None if it has nothing to run."""
    return (NbMetadataCollector.get_doc_data(env)[docname].get("exec_data") or {}).get("runtime")


def row(name: nodes.Node | str, time: float) -> nodes.row:
    return nodes.row("", cell(paragraph(name)), cell(paragraph(f"{time:.0f} s")))


def table(app, page: str) -> nodes.table:
    rows, total = [], 0.0
    for docname in pages(app.env, app.env.config.root_doc):
        if Path(app.env.doc2path(docname)).suffix != ".ipynb":
            continue
        if not (time := seconds(app.env, docname)):
            LOG.warning("the cache does not know how long it took to run", location=docname)
            continue
        rows.append(row(chapter_link(app, page, docname), time))
        total += time
    rows.append(row(nodes.strong("", "All chapters, one after the other"), total))
    head = nodes.row("", *(cell(paragraph(text)) for text in ("Chapter", "Seconds")))
    group = nodes.tgroup("", cols=2)
    group += [nodes.colspec(colwidth=width) for width in (3, 1)]
    group += [nodes.thead("", head), nodes.tbody("", *rows)]
    return nodes.table("", group, classes=["flowlib-run-times", "colwidths-auto"])


def fill(app, doctree: nodes.document, page: str) -> None:
    """Put the machine and the table in the place of the mark."""
    for mark in list(doctree.findall(run_times)):
        mark.replace_self([paragraph(machine()), table(app, page)])


def setup(app) -> dict:
    app.add_node(run_times)
    app.add_directive("run-times", RunTimes)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
