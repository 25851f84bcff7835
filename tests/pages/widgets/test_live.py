"""The widgets with living networks, without a browser: what they are given, what they refuse."""

import json

import pytest
import torch

from flowlib.lab.run import experiments
from flowlib.lab.translating_mnist import PRESETS
from flowlib.pages.widgets.breaking import BreakWidget
from flowlib.pages.widgets.throw import FILE, ThrowWidget, thrown
from flowlib.pages.widgets.train import TrainWidget
from flowlib.pages.widgets.weights import from_dict, to_dict

PICTURES = torch.rand(3, 1, 13, 13, generator=torch.Generator().manual_seed(0))


def test_the_trained_weights_are_small_and_say_what_made_them():
    assert FILE.stat().st_size < 300_000
    networks = thrown()
    table = experiments()["translating-mnist"]
    for data in networks.values():
        row = data["row"]
        assert row["settings"] == table.settings[row["preset"]], "run: python book/thrown.py"
        model = from_dict(data)
        assert model.rnn.group.grid == 2 * (PRESETS[row["preset"]].size,)
        assert {**to_dict(model), "row": row} == data
    sizes = {
        name: sum(p.numel() for p in from_dict(d).parameters()) for name, d in networks.items()
    }
    assert sizes["G-RNN"] == sizes["FERNN"]
    assert [len(networks[name]["velocities"]) for name in ("G-RNN", "FERNN")] == [1, 25]


def test_what_was_saved_becomes_networks():
    widget = TrainWidget(PICTURES, PICTURES, "noise")
    with pytest.raises(ValueError, match="nothing is saved yet"):
        widget.networks()
    widget.saved = json.dumps({"FERNN": thrown()["FERNN"]})
    assert len(widget.networks()["FERNN"].rnn.velocities) == 25


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (PICTURES[:, 0], r"has shape \(3, 13, 13\), expected \(sample, 1, height, width\)"),
        (PICTURES[..., 1:], r"has pictures of \(13, 12\), expected \(13, 13\)"),
        (2 * PICTURES, r"holds numbers outside of \[0, 1\]"),
        (PICTURES * torch.nan, r"holds numbers outside of \[0, 1\]"),
    ],
)
@pytest.mark.parametrize(
    "make", [ThrowWidget, BreakWidget, lambda pictures: TrainWidget(PICTURES, pictures, "noise")]
)
def test_other_pictures_are_refused(make, pictures, message):
    with pytest.raises(ValueError, match=message):
        make(pictures)
