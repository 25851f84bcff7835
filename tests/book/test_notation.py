"""What the pages say about the code is true: names, tests and examples."""

import doctest
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import flowlib as fl
from flowlib.pages import plots

ROOT = Path(__file__).resolve().parents[2]

# Where names are looked up; for classes an instance, which has attributes that its class has not.
_TORUS = fl.Translations((3, 4))
_RNN = fl.FERNN(_TORUS, fl.translation_velocities(1), 1, 2)
OWNERS = {
    "fl": fl,
    "fl.Translations": _TORUS,
    "fl.Rotations": fl.Rotations(4, size=4),
    "fl.GroupConvolution": _RNN.state_conv,
    "fl.FERNN": _RNN,
    "fl.Group": _TORUS,
    "fl.ElmanCell": _RNN.cell,
    "fl.ScanCell": fl.ScanCell,
    "fl.SoftPredictor": fl.SoftPredictor,
    "fl.VelocityConvolution": fl.VelocityConvolution(_TORUS, _RNN.velocities, 2, 2),
    "fl.FlowPredictor": fl.FlowPredictor,
    "fl.Forecaster": fl.Forecaster(_RNN, 1),
    "fl.Classifier": fl.Classifier(_RNN, 2),
    "fl.SelfMotion": fl.SelfMotion(_RNN),
}


def page(name):
    return (ROOT / name).read_text(encoding="utf8")


def rows():
    lines = [line for line in page("book/notation.md").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def look_up(name):
    """`fl.thing`, `fl.Class.attribute`, or one of them with an argument in brackets."""
    path, _, argument = name.rstrip(")").partition("(")
    owner, _, last = path.rpartition(".")
    thing = getattr(OWNERS[owner], last)
    if argument:
        assert argument in inspect.signature(thing).parameters


def test_every_code_name_exists():
    for symbol, _, code, _ in rows():
        names = re.findall(r"`([^`]+)`", code)
        assert code == ", ".join(f"`{name}`" for name in names) or code == "-", symbol
        for name in names:
            look_up(name)


@pytest.mark.parametrize("name", ["fl.nothing", "fl.FERNN.radius", "fl.flow(v)"])
def test_a_wrong_name_is_found(name):
    with pytest.raises((AttributeError, AssertionError)):
        look_up(name)


def test_no_symbol_stands_twice():
    symbols = [part for row in rows() for part in re.findall(r"\$[^$]+\$", row[0])]
    assert len(symbols) > 30 and sorted(symbols) == sorted(set(symbols))


def test_conventions_name_tests_that_exist():
    named = re.findall(r"(tests/\w+\.py)::(\w+)", page("book/conventions.md"))
    assert len(named) > 10
    for file, test in named:
        assert f"def {test}(" in page(file), test


def test_examples_of_the_conventions():
    blocks = re.findall(r"^```pycon\n(.*?)^```", page("book/conventions.md"), flags=re.M | re.S)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "conventions", None, 0)
    assert doctest.DocTestRunner().run(examples).failed == 0 and examples.examples


def test_example_of_the_readme():
    exec(re.search(r"^```python\n(.*?)^```", page("README.md"), flags=re.M | re.S)[1], {})


def test_api_page_is_complete():
    for name in fl.__all__:
        assert re.search(rf"\bflowlib\.{name}\b", page("book/api.md")), name


def test_api_page_names_what_exists():
    text = page("book/api.md") + page("book/api_wings.md")
    named = re.findall(r"^\.\. auto\w+:: ([\w.]+)", text, flags=re.M)
    assert len(named) > 100 and len(set(named)) == len(named)
    for name in named:
        assert pkgutil.resolve_name(name) is not None
    for title in ("The library", "The lab", "The pages"):
        assert f"\n## {title}\n" in text
    for name in plots.__all__:
        assert f"flowlib.pages.plots.{name}" in named, name
