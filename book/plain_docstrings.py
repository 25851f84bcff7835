"""Sphinx extension: flowlib's docstrings as the plain text that they are.

In a docstring `*` and `|` are themselves, `name` is code, and an indented formula stays as it was
typed. reStructuredText reads all three otherwise. This runs before napoleon, which makes the lists
of arguments; it knows one name an entry, so "a, b: see there" becomes two.
"""

import re

# `code`, also with an ending as in `FERNN`s, or a character that reStructuredText takes for the start
# of something.
MARK = re.compile(r"`(?P<code>[^`]+)`(?P<ending>\w)?|[*|]")
NAMES = re.compile(r"(?P<names>    \w+(?:, \w+)+): (?P<text>.+)")
SECTION = re.compile(r"(Args|Attributes|Example|Raises|Returns):$")


def escaped(mark: re.Match) -> str:
    if mark["code"] is None:
        return "\\" + mark[0]
    ending = "\\ " + mark["ending"] if mark["ending"] else ""
    return f"``{mark['code']}``{ending}"


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
            line = MARK.sub(escaped, line)
            if section and (entry := NAMES.fullmatch(line)):
                names = entry["names"].split(",")
                out += [f"    {name.strip()}: {entry['text']}" for name in names]
                continue
        out.append(line)
    lines[:] = out


def setup(app) -> dict:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", to_rst, priority=400)  # napoleon's is 500
    return {"parallel_read_safe": True}
