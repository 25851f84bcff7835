"""The first code cell of every chapter, and the one place for flowlib's address.

python book/first_cell.py            writes the cell into all chapters
python book/first_cell.py --check    fails where a chapter's cell differs
"""

import json
import sys
from pathlib import Path

# Where pip finds flowlib: "git+https://HOST/OWNER/REPOSITORY", or a folder or a wheel.
# Empty as long as the repository has no public address.
ADDRESS = ""

HEADING = "# Finds flowlib, and installs it where it is missing (as in Colab).\n"
# It looks for what a chapter needs, not for flowlib alone: the library may be there without it.
# A folder becomes a file address: what follows `flowlib[book] @` must be one.
SOURCE = f"""{HEADING}import importlib.util
import os
import subprocess
import sys
from pathlib import Path

needed = "flowlib", "anywidget", "av", "matplotlib", "pooch", "tqdm"
missing = [
    name for name in needed if importlib.util.find_spec(name) is None
]
if missing:
    address = os.environ.get("FLOWLIB_ADDRESS") or "{ADDRESS}"
    if not address:
        raise ModuleNotFoundError(
            f"missing: {{', '.join(missing)}}. From a copy of this book's repository run: "
            "pip install '.[book]' (or set FLOWLIB_ADDRESS to a git address, git+https://...)"
        )
    if "://" not in address:
        address = Path(address).resolve().as_uri()
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, f"flowlib[book] @ {{address}}"], check=True)

import flowlib as fl"""
TAGS = ["hide-cell"]
CHAPTERS = Path(__file__).resolve().parents[1] / "chapters"


def first_code_cell(notebook: dict) -> dict | None:
    return next((c for c in notebook["cells"] if c["cell_type"] == "code"), None)


def is_current(notebook: dict) -> bool:
    cell = first_code_cell(notebook)
    return (
        cell is not None
        and "".join(cell["source"]) == SOURCE
        and cell["metadata"].get("tags") == TAGS
    )


def write(notebook: dict) -> None:
    cell = first_code_cell(notebook)
    if cell is None or not "".join(cell["source"]).startswith(HEADING):
        # An author's own cell stays: ours goes in front of it, after the text that opens the page.
        at = notebook["cells"].index(cell) if cell else len(notebook["cells"])
        cell = {"cell_type": "code", "id": "first-cell", "execution_count": None, "outputs": []}
        notebook["cells"].insert(at, cell)
    cell["metadata"] = {**cell.get("metadata", {}), "tags": TAGS}
    cell["source"] = SOURCE.splitlines(keepends=True)


def main(check: bool) -> int:
    stale = []
    for path in sorted(CHAPTERS.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf8"))
        if is_current(notebook):
            continue
        stale.append(path.name)
        if not check:
            write(notebook)
            # The layout of nbformat and jupytext, so that a diff shows the cell only.
            text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
            path.write_text(text + "\n", encoding="utf8")
    if stale:
        print("first cell", "differs in:" if check else "written to:", *stale)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
