"""Sphinx extension: the directive `throw-widget` puts the widget *Draw and throw* on a page of text.

A chapter shows a widget by running it; the front page runs nothing.
"""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class ThrowDirective(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        # Here, because Sphinx looks at all that is loaded when it starts, and torch then warns.
        from flowlib.lab.data.mnist import mnist
        from flowlib.pages.widgets.throw import ThrowWidget

        widget = ThrowWidget(mnist("test", size=13, limit=16).images)
        return [nodes.raw("", widget.to_html(), format="html")]


def setup(app) -> dict:
    app.add_directive("throw-widget", ThrowDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
