"""Sphinx extension: flowlib's docstrings as the plain text that they are.

In a docstring `*` and `|` are themselves, `name` is code, and an indented formula stays as it was
typed. reStructuredText reads all three otherwise. This runs before napoleon, which makes the lists
of arguments.
"""

import re

# `code` or a character that reStructuredText takes for the start of something.
MARK = re.compile(r"`(?P<code>[^`]+)`|[*|]")
SECTION = re.compile(r"(Args|Attributes|Example|Raises|Returns):$")


def to_rst(app, what, name, obj, options, lines: list[str]) -> None:
    out, section, doctest, formula = [], False, False, False
    for line in lines:
        indented = line.startswith("    ")
        if line.strip() and not indented:
            section = bool(SECTION.match(line))
        doctest = bool(line.strip()) and (doctest or line.lstrip().startswith(">>>"))
        was, formula = formula, indented and not section or (not line.strip() and formula)
        if formula != was:
            out += ["", "::", ""] if formula else [""]
        if not formula and not doctest:
            line = MARK.sub(lambda m: f"``{m['code']}``" if m["code"] else "\\" + m[0], line)
        out.append(line)
    lines[:] = out


def setup(app) -> dict:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", to_rst, priority=400)  # napoleon's is 500
    return {"parallel_read_safe": True}
