"""What the tests of the site share: the pages, the browser, the built site on a loopback port.

Run as a program it prints the Chromium that the tests will use, or fails: `make` asks it.
"""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
FLAGS = [
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def toc_pages() -> list[str]:
    """Every page of the table of contents, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
    chapters = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    return [toc["root"], *chapters]


def cells(path: Path, kind: str) -> list[str]:
    """The sources of a chapter's cells of one kind, "markdown" or "code"."""
    notebook = json.loads(path.read_text(encoding="utf8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == kind]


def prose(path: Path) -> str:
    return "\n\n".join(cells(path, "markdown"))


def run(*command, **options) -> str:
    """What a program prints; the test fails with it where the program does."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **options)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def pinned(name: str) -> str:
    """The line of requirements.txt for a package."""
    return re.search(rf"^{name}==.*$", (ROOT / "requirements.txt").read_text(), flags=re.M)[0]


def clean_environment(python: Path) -> dict[str, str]:
    """The variables for programs of another environment, whose `python` this is."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return inherited | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}


def find_browser() -> str | None:
    asked = os.environ.get("BROWSER", "")
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    if "chrom" in asked:  # some editors put a script of their own in BROWSER
        names.insert(0, asked)
    for path in filter(None, map(shutil.which, names)):
        # A name may belong to a stub that only says where to get the browser.
        if subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files below a path of the server, and nothing beside it."""

    def __init__(self, *args, below: str = "", **options):
        self.below = below
        super().__init__(*args, **options)

    def translate_path(self, path):
        if not path.startswith(f"{self.below}/"):
            return ""
        return super().translate_path(path.removeprefix(self.below))

    def log_message(self, *args):
        pass


@contextmanager
def served(below: str = ""):
    """The address of the built site, at a path of a server."""
    if not (SITE / "index.html").exists():
        pytest.fail("there is no built site: run make book first")
    handler = functools.partial(Quiet, directory=str(SITE), below=below)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{below}"
        server.shutdown()


@pytest.fixture(scope="session")
def site():
    with served() as address:
        yield address


@pytest.fixture(scope="session")
def project_site():
    """The site as GitHub serves the pages of a project: below its name."""
    with served("/some/project") as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    path = find_browser()
    if path is None:
        pytest.fail("no Chromium found: run make browser, or set BROWSER=/path/to/chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


def settle(widget):
    """Waits until a widget that draws in the next frame has drawn."""
    widget.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def drawn(widget):
    """All that a widget shows: its pictures, and its words."""
    settle(widget)
    return widget.evaluate("w => [...w.querySelectorAll('canvas')].map(c => c.toDataURL())"), (
        widget.inner_text()
    )


if __name__ == "__main__":
    found = find_browser()
    print(found or "no Chromium found")
    sys.exit(found is None)
