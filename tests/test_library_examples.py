"""The examples in the docstrings of the library."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import flowlib as fl

ROOMS = [
    m.name for m in pkgutil.iter_modules(fl.__path__) if not (m.ispkg or m.name.startswith("_"))
]


@pytest.mark.parametrize("room", ROOMS)
def test_examples(room, as_users_see_it):
    torch.manual_seed(0)
    module = importlib.import_module(f"flowlib.{room}")
    found = doctest.testmod(module, extraglobs={"fl": fl, "torch": torch})
    assert found.failed == 0


def test_every_public_name_has_one():
    names = set(fl.__all__) - {"LawBroken"}  # an exception
    assert [name for name in names if ">>>" not in getattr(fl, name).__doc__] == []
