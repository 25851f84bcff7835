"""Docstrings are plain text; the API page shows them as they are typed."""

import plain_docstrings


def as_rst(text):
    lines = text.split("\n")
    plain_docstrings.to_rst(None, "function", "f", None, None, lines)
    return "\n".join(lines)


def test_code_stars_and_bars_are_themselves():
    assert as_rst("(batch, *grid), `state` and |v|") == r"(batch, \*grid), ``state`` and \|v\|"
    assert as_rst("`FERNN`s over one V") == r"``FERNN``\ s over one V"


def test_a_formula_stays_as_it_was_typed():
    text = as_rst("The law:\n\n    h_t = W * [h_{t-1}]\n\nfor all t.")
    assert "::\n\n    h_t = W * [h_{t-1}]\n" in text


def test_an_example_stays_as_it_was_typed():
    text = "Args:\n    a: of `b`.\n\nExample:\n    >>> a * b  # `c`\n    6"
    assert as_rst(text) == text.replace("`b`", "``b``")


def test_an_entry_for_two_names_is_two_entries():
    text = "Args:\n    size: of both.\n    a, b: see `f`.\n    c: it, and more, is: this."
    two = "    a: see ``f``.\n    b: see ``f``."
    assert as_rst(text) == text.replace("    a, b: see `f`.", two)
