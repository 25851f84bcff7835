"""The examples in the docstrings of flowlib.lab, run as they stand."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import flowlib.lab

MODULES = [m.name for m in pkgutil.walk_packages(flowlib.lab.__path__, "flowlib.lab.")]


def own(module):
    """(name, thing) of all that the module defines, methods and properties of its classes too."""
    for name, thing in vars(module).items():
        if getattr(thing, "__module__", None) == module.__name__:
            yield name, thing
            if inspect.isclass(thing):
                for inside, method in vars(thing).items():
                    if inspect.isfunction(method) or isinstance(method, property):
                        yield f"{name}.{inside}", method


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, monkeypatch):
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    module = importlib.import_module(name)
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    for title, thing in own(module):
        # module=False: the shape checks of the tests wrap functions, which are then of no module
        for examples in finder.find(thing, title, module=False, globs=dict(vars(module))):
            runner.run(examples)
    assert runner.failures == 0
