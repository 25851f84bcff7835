"""Everything that knows where the book is published, set at once.

python book/publish.py https://github.com/OWNER/NAME    buttons, badges, first cells, citation
python book/publish.py ""                               takes all of it back

What it writes stands between two lines, `published` and `end published`. Nothing else is touched.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FORM = r"https://github\.com/([A-Za-z0-9-]+)/([A-Za-z0-9._-]+)"
BRANCH = "main"

# file -> what stands in its marked places, in their order; {url}, {owner}, {name} and {branch} are filled in.
PLACES = {
    "_config.yml": [
        """\
      repository_url: {url}
      repository_branch: {branch}
      use_repository_button: true
      use_issues_button: true
      use_edit_page_button: true
      launch_buttons: {{colab_url: "https://colab.research.google.com"}}
"""
    ],
    "README.md": [
        """\
[![The book](https://img.shields.io/badge/read-the_book-e8590c)](https://{owner}.github.io/{name}/)
[![Tests]({url}/actions/workflows/book.yml/badge.svg)]({url}/actions/workflows/book.yml)
[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{owner}/{name}/blob/{branch}/chapters/01_why_motion.ipynb)
"""
    ],
    "CITATION.cff": [
        """\
repository-code: {url}
url: https://{owner}.github.io/{name}/
"""
    ],
    "pyproject.toml": [
        """\
[project.urls]
Book = "https://{owner}.github.io/{name}/"
Repository = "{url}"
Issues = "{url}/issues"
"""
    ],
}


def parts(url: str) -> dict[str, str]:
    """The address of a repository, and what it is made of.

    Raises:
        ValueError: it is not the address of a repository on GitHub.
    """
    url = url.strip().removesuffix("/").removesuffix(".git")
    found = re.fullmatch(FORM, url)
    if not found:
        raise ValueError(
            f"{url!r} is not the address of a repository: write https://github.com/OWNER/NAME, or "
            "nothing to take the address back"
        )
    return dict(url=url, owner=found[1], name=found[2], branch=BRANCH)


def filled(text: str, blocks: list[str], path: str) -> str:
    """The text with its marked places filled, from one marker line to the next."""
    pieces = re.split(r"(?m)(^.*\bpublished\b(?: -->)?\n)", text)
    if len(pieces) != 4 * len(blocks) + 1:
        raise ValueError(
            f"{path} wants {len(blocks)} places between `published` and `end published`"
        )
    for k, block in enumerate(blocks):
        pieces[4 * k + 2] = block
    return "".join(pieces)


def publish(url: str, root: Path = ROOT) -> None:
    """Write the address into all files of a checkout; "" takes it back."""
    known = parts(url) if url.strip() else None
    for name, blocks in PLACES.items():
        path = root / name
        blocks = [block.format(**known) if known else "" for block in blocks]
        path.write_text(filled(path.read_text(encoding="utf8"), blocks, name), encoding="utf8")
    cell = root / "book" / "first_cell.py"
    address = f"git+{known['url']}" if known else ""
    text = re.sub(
        r'(?m)^ADDRESS = ".*"$', f'ADDRESS = "{address}"', cell.read_text(encoding="utf8")
    )
    cell.write_text(text, encoding="utf8")
    subprocess.run([sys.executable, cell], check=True)


if __name__ == "__main__":
    try:
        publish(*(sys.argv[1:] or [""]))
    except ValueError as error:
        sys.exit(f"publish: {error}")
