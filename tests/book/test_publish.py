"""The address of the repository is set everywhere by one command, and taken back by it."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run

URL = "https://github.com/some-one/flow.book"
PUBLISH = runpy.run_path(str(ROOT / "book" / "publish.py"))


@pytest.fixture
def copy(tmp_path):
    """The files of the checkout, without the ledger and the tests."""
    names = run("git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard").splitlines()
    for name in names:
        if not name.startswith(("book/results/", "tests/")) and (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    PUBLISH["publish"]("", tmp_path)  # a published book is tested like another
    return tmp_path


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_an_address_is_set_and_taken_back(copy):
    before = contents(copy)
    PUBLISH["publish"](URL + ".git/", copy)
    published = contents(copy)
    changed = {str(name) for name in before if before[name] != published[name]}
    chapters = {str(p.relative_to(copy)) for p in (copy / "chapters").glob("*.ipynb")}
    assert changed == {*PUBLISH["PLACES"], "book/first_cell.py", *chapters}
    assert all(URL in published[name].decode() for name in before if str(name) in changed)
    PUBLISH["publish"](URL, copy)  # twice is once
    assert contents(copy) == published
    PUBLISH["publish"]("", copy)
    assert contents(copy) == before


@pytest.mark.parametrize("wrong", ["flow", "http://github.com/a/b", "https://github.com/a", "x y"])
def test_what_is_no_address_changes_nothing(copy, wrong):
    before = contents(copy)
    with pytest.raises(ValueError, match="write https://github.com/OWNER/NAME"):
        PUBLISH["publish"](wrong, copy)
    assert contents(copy) == before


@pytest.mark.slow
def test_every_button_of_a_built_page_leads_somewhere(copy):
    """With an address: to a file of the repository, on its branch. Without one there is no button."""
    (copy / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: chapters/01_why_motion\n"
    )
    for path in [*(copy / "book").glob("*.md"), *(copy / "chapters").glob("*.ipynb")]:
        if path.stem not in ("index", "01_why_motion"):
            path.unlink()
    config = yaml.safe_load((copy / "_config.yml").read_text(encoding="utf8"))
    own = config["sphinx"]["config"]
    # These two want all chapters.
    own["extensions"] = [e for e in own["extensions"] if e not in ("theorem_list", "chapter_map")]
    for url in (URL, ""):
        PUBLISH["publish"](url, copy)
        theme = yaml.safe_load((copy / "_config.yml").read_text(encoding="utf8"))
        own["html_theme_options"] = theme["sphinx"]["config"]["html_theme_options"]
        config["execute"]["execute_notebooks"] = "off"
        (copy / "test_config.yml").write_text(yaml.safe_dump(config))
        build = [Path(sys.executable).with_name("jupyter-book"), "build", "-q", "--all", "."]
        build += ["--config", "test_config.yml"]
        subprocess.run(build, cwd=copy, check=True, capture_output=True, timeout=300)
        for page in ("book/index.md", "chapters/01_why_motion.ipynb"):
            html = (copy / "_build/html" / page).with_suffix(".html")
            header = html.read_text(encoding="utf8")
            header = header.partition('class="article-header-buttons"')[2].partition("<article")[0]
            links = re.findall(r'href="([^"]+)"', header)
            there = [link for link in links if "github" in link]
            if not url:
                assert not there
                continue
            wanted = {URL, f"{URL}/edit/main/{page}"}
            if page.endswith(".ipynb"):
                place = URL.removeprefix("https://github.com/")
                wanted.add(f"https://colab.research.google.com/github/{place}/blob/main/{page}")
            issue = next(link for link in there if "/issues/new" in link)
            assert issue.startswith(f"{URL}/issues/new?") and page.split(".")[0] in issue
            assert {link.rstrip("/") for link in there} - {issue} == wanted
            (source,) = [link for link in links if "_sources" in link]
            assert (html.parent / source).exists()


def test_what_changed_is_listed_with_links_to_what_was_built(tmp_path):
    changed = runpy.run_path(str(ROOT / "book" / "changed.py"))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.example"]
    run(*git, "init", "-q")
    run(*git, "commit", "-q", "--allow-empty", "-m", "first")
    for name in ("chapters/01_a.ipynb", "chapters/02_b.ipynb", "flowlib/<x>.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one line\n")
    run(*git, "add", ".")
    run(*git, "commit", "-q", "-m", "second")
    (tmp_path / "html/chapters").mkdir(parents=True)
    (tmp_path / "html/chapters/01_a.html").touch()
    rows = changed["changed"]("HEAD~1", tmp_path)
    assert [row[1:] for row in rows] == [("1", "0")] * 3
    text = changed["page"](rows, tmp_path / "html")
    assert re.findall('href="([^"]+)"', text) == ["chapters/01_a.html"]
    assert "chapters/02_b.ipynb" in text and "flowlib/&lt;x&gt;.py" in text
    with pytest.raises(ValueError, match="git knows no 'nothing'"):
        changed["changed"]("nothing", tmp_path)
