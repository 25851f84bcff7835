"""Sphinx extension: what other extensions write, with the roles and names that assistive technology needs.

A citation is an item of the list that docutils puts around it: `doc-biblioentry` is deprecated, and
its list asks for items. What opens a hidden cell is named by the words that stand on it.
"""

from docutils import nodes
from myst_nb import sphinx_ as myst_nb
from sphinx.writers.html5 import HTML5Translator


def replacing(visit, old: str, new: str):
    """A visitor that writes what another one writes, with one text in the place of another."""

    def visit_node(self, node):
        start = len(self.body)
        visit(self, node)
        self.body[start:] = ["".join(self.body[start:]).replace(old, new)]

    return visit_node


def setup(app) -> dict:
    app.setup_extension("myst_nb")
    citation = replacing(HTML5Translator.visit_citation, "doc-biblioentry", "listitem")
    app.add_node(nodes.citation, override=True, html=(citation, HTML5Translator.depart_citation))
    summary = replacing(myst_nb.visit_HideCellInput, ' aria-label="Toggle hidden content"', "")
    app.add_node(
        myst_nb.HideCodeCellNode, override=True, html=(summary, myst_nb.depart_HideCellInput)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
