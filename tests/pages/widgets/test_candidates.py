"""The candidates: what is packed, for which velocities it says that the law holds, and what it refuses."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.pages.examples import bump
from flowlib.pages.widgets import page
from flowlib.pages.widgets.candidates import CandidatesWidget

RING, T = fl.Translations((12,)), 5
VIDEO = fl.flow(RING, bump(12, center=3)[None], 1, T)
V = range(-3, 5)


def last(f):
    """The frame before, dark before frame 0."""
    return torch.cat([torch.zeros_like(f[:, :1]), f[:, :-1]], 1)


MAPS = {
    "double": lambda f: 2 * f,
    "every fourth": lambda f: f + last(f).unflatten(-1, (3, 4)).sum(-2).repeat(1, 1, 1, 3),
    "two frames": lambda f: f + last(f),
}


def test_both_sides_are_packed_and_the_law_holds_where_it_must():
    widget = CandidatesWidget(VIDEO, MAPS, V)
    every, fourth, none = (np.array(one["errors"]) < 1e-10 for one in widget.data["maps"])
    assert every.all()
    assert [w for w, holds in zip(V, fourth, strict=True) if holds] == [0, 4]
    assert [w for w, holds in zip(V, none, strict=True) if holds] == [0]
    assert "for double it holds for all of them" in widget.description
    assert "for every fourth it holds for w = 0, 4" in widget.description
    raw = np.frombuffer(widget.data["maps"][2]["results"]["bytes"], np.uint8) / 255
    results = torch.stack([MAPS["two frames"](fl.flow_video(RING, VIDEO, w)) for w in V]).numpy()
    assert np.abs(raw - (results / results.max()).ravel()).max() < 1 / 255


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_page_lets_a_video_flow():
    asked = json.dumps(VIDEO.flatten().tolist())
    text = page.KIT + page.read("candidates.js")
    text += f"\nconsole.log(JSON.stringify(flowing({asked}, [{T}, 12], -5)));"
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=text, capture_output=True, text=True, check=True
    )
    flowed = fl.flow_video(RING, VIDEO, -5).flatten()
    torch.testing.assert_close(
        torch.tensor(json.loads(done.stdout)).double(), flowed, rtol=0, atol=1e-7
    )


@pytest.mark.parametrize(
    ("video", "maps", "velocities", "message"),
    [
        (VIDEO[0], MAPS, V, r"video has shape \(5, 1, 12\), expected \(1, time, 1, N\)"),
        (VIDEO, {}, V, "0 maps"),
        (VIDEO, MAPS, range(1, 4), "whole numbers in a row, 0 among them"),
        (VIDEO, MAPS, [0, 2], "whole numbers in a row, 0 among them"),
        (VIDEO, {"less": lambda f: -f}, V, r"maps\['less'\] gives -1: only numbers from 0 on"),
        (
            VIDEO,
            {"halve": lambda f: f[..., ::2]},
            V,
            r"maps\['halve'\] turns shape .*\(1, 5, 1, 6\)",
        ),
    ],
)
def test_bad_input_is_refused(video, maps, velocities, message):
    with pytest.raises(ValueError, match=message):
        CandidatesWidget(video, maps, velocities)
