"""The examples in the docstrings of the pages do what they say, and each function has one."""

import doctest
import inspect

import pytest

from flowlib.pages import channels, examples, measured, picture, plots
from flowlib.pages.widgets import pack

MODULES = [channels, examples, measured, picture, plots, pack]
FUNCTIONS = [
    (module, name)
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isfunction(thing) and thing.__module__ == module.__name__ and name[0] != "_"
]


@pytest.mark.parametrize("module, name", FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_example(module, name, capsys):
    text = inspect.getdoc(getattr(module, name))
    test = doctest.DocTestParser().get_doctest(text, dict(vars(module)), name, None, 0)
    assert test.examples, f"{name} has no example"
    failed = doctest.DocTestRunner().run(test).failed
    assert not failed, capsys.readouterr().out
    plots.plt.close("all")
