"""Sphinx extension: a page loads what it uses, and no more.

The theme links an icon script of 1.5 MB beside the icon fonts that do the same, the index of the
search on every page, and style sheets for all that it could draw. When the pages are written, the
script and the index go, a style whose classes no page and no script names goes, and the
icon fonts keep the icons that are left.
"""

import logging
import re
from pathlib import Path

import tinycss2
from fontTools import subset

NOT_NEEDED = re.compile(r"\s*<script[^>]* src=\"[^\"]*\bfontawesome\.js[^>]*></script>")
# The index is for the page that searches.
SEARCH = re.compile(
    r"\s*<script[^>]* src=\"[^\"]*\b(searchtools|language_data|searchindex)\.js[^>]*></script>"
)
logging.getLogger("fontTools").setLevel(logging.WARNING)
WORD = re.compile(r"[\w-]+")
ICON = re.compile('"(.)"')  # the parser has read the escapes
MADE_BY_SCRIPT = "bs-"  # Bootstrap puts these together: bs-tooltip-auto


def classes(selector: list) -> set[str]:
    """The classes that an element must have. What stands in brackets, such as :not(.a), does not count."""
    pairs = zip(selector, selector[1:], strict=False)
    return {name.value for dot, name in pairs if dot == "." and name.type == "ident"}


def selectors(prelude: list) -> list[list]:
    parts: list[list] = [[]]
    for token in prelude:
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def pruned(rules: list, words: set[str]) -> str:
    """Style rules without those that need a class that is not among the words."""
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            used = [
                tinycss2.serialize(part)
                for part in selectors(rule.prelude)
                if all(c in words or c.startswith(MADE_BY_SCRIPT) for c in classes(part))
            ]
            if used:
                kept.append(f"{','.join(used)}{{{tinycss2.serialize(rule.content)}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inside = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            if inside := pruned(inside, words):
                condition = tinycss2.serialize(rule.prelude)
                kept.append(f"@{rule.at_keyword}{condition}{{{inside}}}")
        else:
            kept.append(rule.serialize())
    return "".join(kept)


def with_icons(font: Path, icons: list[int]) -> None:
    """Leave the given icons in a font, and nothing else."""
    options = subset.Options(flavor="woff2")
    loaded = subset.load_font(font, options)
    maker = subset.Subsetter(options)
    maker.populate(unicodes=icons)
    maker.subset(loaded)
    subset.save_font(loaded, font, options)


def lighten(app, error) -> None:
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    static = site / "_static"
    (static / "scripts" / "fontawesome.js").unlink(missing_ok=True)
    words: set[str] = set()
    for page in site.rglob("*.html"):
        text = NOT_NEEDED.sub("", page.read_text(encoding="utf8"))
        if page != site / "search.html":
            text = SEARCH.sub("", text)
        page.write_text(text, encoding="utf8")
        words.update(WORD.findall(text))
    for script in static.rglob("*.js"):
        words.update(WORD.findall(script.read_text(encoding="utf8")))
    icons = set()
    for sheet in static.rglob("*.css"):
        rules = tinycss2.parse_stylesheet(
            sheet.read_text(encoding="utf8"), skip_comments=True, skip_whitespace=True
        )
        style = pruned(rules, words)
        sheet.write_text(style, encoding="utf8")
        icons.update(map(ord, ICON.findall(style)))
    for font in static.rglob("fa-*.woff2"):
        with_icons(font, icons)
        font.with_suffix(".ttf").unlink()  # for browsers of before 2018


def setup(app) -> dict:
    app.connect("build-finished", lighten, priority=900)  # when all others have copied their files
    return {"parallel_read_safe": True, "parallel_write_safe": True}
