"""What the first cell of a chapter asks pip for, without asking it."""

import importlib.util
import runpy
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

FIRST_CELL = runpy.run_path(str(ROOT / "book" / "first_cell.py"))


def with_address(address):
    return FIRST_CELL["SOURCE"].replace(f'or "{FIRST_CELL["ADDRESS"]}"', f'or "{address}"')


SOURCE = with_address("")
GIT = "git+https://host.example/owner/book@main"
# In any kernel, or a dependency of another of the packages; without scikit-learn a chapter warns.
THERE = {"ipython", "ipywidgets", "filelock", "scikit-learn"}


@pytest.fixture
def asked(monkeypatch):
    """Where flowlib is not installed: the arguments of pip, call by call."""
    calls = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append(command))
    monkeypatch.delenv("FLOWLIB_ADDRESS", raising=False)
    return calls


def requirement(asked):
    ((python, *pip, wanted),) = asked
    assert python == sys.executable and pip == ["-m", "pip", "install", "-q"]
    return Requirement(wanted)  # pip reads it as this does


def test_nothing_is_installed_where_all_is_there(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    exec(SOURCE, names := {})
    assert names["fl"].__name__ == "flowlib"


@pytest.mark.parametrize("address", [GIT, "file:///books/flow", "https://host.example/f-1.tar.gz"])
def test_an_address_is_asked_for_with_all_that_a_chapter_needs(asked, monkeypatch, address):
    monkeypatch.setenv("FLOWLIB_ADDRESS", address)
    exec(SOURCE, {})
    wanted = requirement(asked)
    assert (wanted.name, wanted.extras, wanted.url) == ("flowlib", {"book"}, address)


def test_a_folder_becomes_an_address(asked, monkeypatch, tmp_path):
    monkeypatch.setenv("FLOWLIB_ADDRESS", "the book")
    monkeypatch.chdir(tmp_path)
    exec(SOURCE, {})
    assert requirement(asked).url == (tmp_path / "the book").as_uri()


def test_the_address_of_the_book_is_used_and_the_readers_goes_first(asked, monkeypatch):
    published = with_address(GIT)
    exec(published, {})
    assert requirement(asked).url == GIT
    asked.clear()
    monkeypatch.setenv("FLOWLIB_ADDRESS", "file:///mine")
    exec(published, {})
    assert requirement(asked).url == "file:///mine"


def test_without_an_address_it_says_what_would_work(asked):
    with pytest.raises(ModuleNotFoundError, match=r"flowlib, .*pip install '\.\[book\]'"):
        exec(SOURCE, {})
    assert not asked


def test_it_looks_for_each_package_that_may_be_missing(asked, monkeypatch):
    looked = []
    monkeypatch.setattr(importlib.util, "find_spec", looked.append)
    with pytest.raises(ModuleNotFoundError):
        exec(SOURCE, {})
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {Requirement(one).name for one in extras["lab"] + extras["book"]}
    assert set(looked) == wanted - THERE
