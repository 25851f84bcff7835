"""Formulas are typeset when the book is built."""

import re
from types import SimpleNamespace

import formulas
import pytest
from docutils import nodes
from docutils.utils import new_document


def written(visit, tex: str) -> str:
    """What a visitor writes that leaves its TeX for MathJax, as Sphinx's does."""
    visitor = SimpleNamespace(body=["before "])

    def leave(self, node):
        self.body.append(f'<span class="math">{tex}</span>')
        raise nodes.SkipNode

    with pytest.raises(nodes.SkipNode):
        visit(leave)[0](visitor, nodes.math())
    return "".join(visitor.body)


def test_tex_becomes_a_formula():
    html = written(formulas.typesetting, r"\(v &lt; \psi\)")
    assert html.startswith('before <span class="math"><mjx-container')
    assert r"\(" not in html and r"\psi" not in html
    assert re.search(
        r"<math><mi>v</mi><mo>&lt;</mo><mi>ψ</mi></math>", html
    )  # for those who listen


def test_a_formula_on_a_line_of_its_own():
    html = written(
        formulas.typesetting,
        r"\[\begin{split}\begin{aligned} a &= b \\ c &= d \end{aligned}\end{split}\]",
    )
    assert html.count("<mjx-mtr") >= 2 and 'display="true"' in html
    assert 'tabindex="0"' in html


def test_what_is_taken_away_has_no_style():
    style = formulas.mathjax().call("style")
    html = formulas.mathjax().call("typeset", r"\sum_n \mathcal{V}_n \big( x' \big)", True)
    taken = formulas.IDLE.findall(html)
    assert len(taken) > 10
    names = {name for mark in taken for name in re.findall(r'class="(.*?)"', mark)}
    assert names and not any(re.search(rf"\.{name}\b(?!-)", style) for name in names)
    assert "texclass" not in style


@pytest.mark.parametrize("tex", [r"\nosuchmacro", r"\frac{1}", r"x^{2"])
def test_what_mathjax_cannot_read_is_an_error(tex):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        formulas.typeset(tex, False)


def test_no_line_begins_with_the_comma_after_a_formula():
    """Also where the same words stand in the line before, behind no formula."""
    text = nodes.paragraph("", "", nodes.strong("", "u"), nodes.Text(", and "))
    text += [nodes.math("", "v"), nodes.Text(", and "), nodes.math("", "w")]
    document = new_document("page")
    document += text
    formulas.hold_together(None, document, "page")
    _, before, pair, rest, last = text.children
    assert before == ", and "
    assert pair["classes"] == ["unbroken"] and pair.astext() == "v,"
    assert rest == " and " and last.astext() == "w"
