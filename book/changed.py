"""A page of the built site that lists what a change touches: chapters, other pages, and the rest.

python book/changed.py BASE    writes _build/html/changed.html; BASE is a commit
"""

import html
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"


def changed(base: str, root: Path = ROOT) -> list[tuple[str, str, str]]:
    """What differs from a commit: (file, lines added, lines removed); "-" for what has no lines.

    Raises:
        ValueError: there is no such commit.
    """
    words = ["git", "-C", str(root), "diff", "--numstat", "--no-renames", f"{base}...HEAD"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"git knows no {base!r} here: {done.stderr.strip()}")
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return sorted((name, plus, minus) for plus, minus, name in rows)


def page(rows: list[tuple[str, str, str]], site: Path = SITE) -> str:
    """The page as HTML: pages of the site first, each with a link, then files without one."""

    def line(name, plus, minus):
        built = Path(name).with_suffix(".html")
        shown = html.escape(name)
        if (site / built).exists():
            shown = f'<a href="{html.escape(str(built))}">{shown}</a>'
        return f"<li>{shown} <small>+{plus} −{minus}</small></li>"

    def lines(wanted):
        return "\n".join(
            line(*r) for r in rows if r[0].startswith(("chapters/", "book/")) == wanted
        )

    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>What changed</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto }}
</style>
<h1>What changed</h1>
<h2>Pages</h2>
<ul>
{lines(True)}
</ul>
<h2>Code and the rest</h2>
<ul>
{lines(False)}
</ul>
</html>
"""


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        SITE.mkdir(parents=True, exist_ok=True)
        (SITE / "changed.html").write_text(page(changed(sys.argv[1])), encoding="utf8")
    except ValueError as error:
        sys.exit(f"changed: {error}")
    print(f"{SITE / 'changed.html'}")
