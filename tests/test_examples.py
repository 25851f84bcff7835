"""The examples in all docstrings of flowlib, run as they stand; and annotations, as tools read them."""

import doctest
import importlib
import inspect
import pkgutil
from dataclasses import is_dataclass
from typing import get_type_hints

import matplotlib.pyplot as plt
import pytest
import torch

import flowlib as fl
from flowlib.pages import channels, examples, measured, picture, plots
from flowlib.pages.widgets import pack, weights

MODULES = [m.name for m in pkgutil.walk_packages(fl.__path__, "flowlib.") if "__" not in m.name]


def own(module):
    """(name, thing) of all that the module defines, methods and properties of its classes too."""
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) == module.__name__:
            yield name, thing
            if inspect.isclass(thing):
                for inside, method in vars(thing).items():
                    here = getattr(method, "__module__", None) == module.__name__
                    if isinstance(method, property) or (inspect.isfunction(method) and here):
                        yield f"{name}.{inside}", method


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, monkeypatch, as_users_see_it):
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    torch.manual_seed(0)
    module = importlib.import_module(name)
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    written = 0
    for title, thing in own(module):
        names = {**vars(module), "fl": fl, "torch": torch}
        # module=False: the shape checks of the tests wrap functions, which are then of no module
        for found in finder.find(thing, title, module=False, globs=names):
            written += len(found.examples)
            runner.run(found)
    plt.close("all")
    assert runner.failures == 0 and runner.tries == written
    assert written == inspect.getsource(module).count(">>> "), "every example was found"


@pytest.mark.parametrize("name", MODULES)
def test_annotations_can_be_read(name):
    module = importlib.import_module(name)
    # What dataclasses write, __init__, repeats their fields: those are read of the class.
    made = {f"{n}.__init__" for n, thing in own(module) if is_dataclass(thing)}
    for title, thing in own(module):
        if title not in made and (inspect.isfunction(thing) or inspect.isclass(thing)):
            get_type_hints(thing)


def test_every_public_name_of_the_library_has_one():
    names = set(fl.__all__) - {"LawBroken"}  # an exception
    assert [name for name in names if ">>> " not in getattr(fl, name).__doc__] == []


@pytest.mark.parametrize("module", [channels, examples, measured, picture, plots, pack, weights])
def test_every_function_of_the_pages_has_one(module):
    functions = {name: f for name, f in own(module) if inspect.isfunction(f) and "." not in name}
    assert [n for n, f in functions.items() if n[0] != "_" and ">>> " not in f.__doc__] == []
