"""Measurements of theorems: what is shown, and what is refused."""

import pytest
import torch

import flowlib as fl
from flowlib.pages.measured import measured


def test_measured_shows_the_worst_and_holds_it_to_its_bound(capsys):
    measured("thm-a", torch.tensor([1e-16, 3e-15]), note="ring")
    measured("thm-a", [0.7, 0.3], above=0.1)
    out = capsys.readouterr().out
    assert "thm-a: ring, 3e-15, at most 1e-14" in out and "thm-a: 0.3, at least 0.1" in out
    for bad in (torch.nan, 2e-14):
        with pytest.raises(fl.LawBroken, match="thm-a"):
            measured("thm-a", bad)
    with pytest.raises(fl.LawBroken):
        measured("thm-a", [0.05, 0.3], above=0.1)
