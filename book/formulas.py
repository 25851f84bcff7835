"""Sphinx extension: formulas are typeset when the book is built, by the MathJax that a page would load.

A page then holds its formulas drawn, with MathML beside them for those who listen, and needs no
script for them. MathJax comes from the package sphinx-mathjax-offline and runs in V8. A formula that
it cannot read is a warning, and a warning fails the build.
"""

import html
import re
import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from myst_parser.sphinx_ext.mathjax import html_visit_displaymath
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.ext.mathjax import html_visit_math
from sphinx.util import logging

LOG = logging.getLogger(__name__)
MATHJAX = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
PARTS = ["loader", "core", "adaptors/liteDOM", "input/tex-full", "output/chtml"]
PARTS += ["output/chtml/fonts/tex", "a11y/assistive-mml"]
FONTS = "output/chtml/fonts/woff-v2"
STYLE = "formulas.css"
# What Sphinx puts around a formula for MathJax to find.
TEX = re.compile(r"\\\((?P<inline>.*?)\\\)|\\\[(?P<display>.*)\\\]", re.DOTALL)
# What MathJax writes for old browsers, for itself, or where a line of style does it for all formulas.
IDLE = re.compile(
    r' (?:xmlns="[^"]*"|unselectable="on"|display="inline"|style="position: relative;"|'
    r'(?:data-mjx-)?texclass="\w*"|class="mjx-\w")'
)
# In a browser MathJax measures the height of an x around it; its own is low beside a screen's letters.
MORE_STYLE = """
mjx-container { position: relative; font-size: 118% }
.unbroken { white-space: nowrap }
"""
# MathJax by its parts: https://docs.mathjax.org/en/v3.2/server/direct.html
SCRIPT = """
const {input, output, a11y, handlers, adaptors} = MathJax._
const adaptor = adaptors.liteAdaptor.liteAdaptor()
a11y["assistive-mml"].AssistiveMmlHandler(handlers.html_ts.RegisterHTMLHandler(adaptor))
const tex = new input.tex_ts.TeX({
  packages: ["base", "ams", "newcommand", "boldsymbol"],
  formatError(_, error) { throw Error(error.message) },
})
const font = new output.chtml.fonts.tex_ts.TeXFont({fontURL: "formulas"})
const chtml = new output.chtml_ts.CHTML({font, adaptiveCSS: false})
const page = MathJax._.mathjax.mathjax.document("", {InputJax: tex, OutputJax: chtml})
function typeset(formula, display) { return adaptor.outerHTML(page.convert(formula, {display})) }
function style() { return adaptor.textContent(chtml.styleSheet(page)) }
"""


@cache
def mathjax() -> MiniRacer:
    engine = MiniRacer()
    engine.eval("globalThis.MathJax = {}")
    for part in PARTS:
        engine.eval((MATHJAX / f"{part}.js").read_text(encoding="utf8"))
    engine.eval(SCRIPT)
    return engine


@cache
def typeset(formula: str, display: bool) -> str:
    """A formula as HTML.

    Raises:
        ValueError: MathJax cannot read it.
    """
    try:
        made = IDLE.sub("", mathjax().call("typeset", formula, display))
    except JSEvalException as error:
        found = re.search(r"\bError: (.*)", str(error))
        raise ValueError(found[1] if found else str(error)) from error
    # A wide formula scrolls, and so by keyboard.
    return made.replace("<mjx-container", '<mjx-container tabindex="0"', 1) if display else made


def typesetting(visit):
    """A visitor that writes what another one writes, with TeX replaced by formulas."""

    def typeset_one(self, node):
        def formula(found: re.Match) -> str:
            display = found["display"] is not None
            try:
                return typeset(html.unescape(found["display" if display else "inline"]), display)
            except ValueError as error:
                LOG.warning("formula %s: %s", found[0], error, location=node)
                return found[0]

        start = len(self.body)
        try:
            visit(self, node)  # ends with SkipNode
        finally:
            self.body[start:] = [TEX.sub(formula, "".join(self.body[start:]))]

    return typeset_one, None


def hold_together(app, doctree, name) -> None:
    """A line may end behind a formula, which is a box, but not before the comma that follows it."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        mark = re.match(r"[.,;:?!)’”]+", after) if isinstance(after, nodes.Text) else None
        if mark:
            pair, parent = nodes.inline(classes=["unbroken"]), formula.parent
            # By place: texts are found by what they say, and another one may say the same.
            at = parent.index(formula)
            parent[at : at + 2] = [pair, nodes.Text(after[mark.end() :])]
            pair += [formula, nodes.Text(mark[0])]


def write_style(app, error) -> None:
    if error is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        style = mathjax().call("style") + MORE_STYLE
        (static / STYLE).write_text(style, encoding="utf8")
        shutil.copytree(MATHJAX / FONTS, static / "formulas", dirs_exist_ok=True)


def setup(app) -> dict:
    visitors = typesetting(html_visit_math), typesetting(html_visit_displaymath)
    app.add_html_math_renderer("typeset", *visitors)
    app.add_css_file(STYLE)
    app.connect("doctree-resolved", hold_together)
    app.connect("build-finished", write_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
