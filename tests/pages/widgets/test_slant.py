"""The slanted stripe: what the page draws is what flowlib does, and what it refuses."""

import json
import shutil
import subprocess

import pytest
import torch

import flowlib as fl
from flowlib.pages.widgets import page
from flowlib.pages.widgets.slant import SlantWidget


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_page_moves_the_picture_and_adds_up_its_columns():
    picture = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)).double()
    torus, v, a, steps = fl.Translations((4, 5)), -2, 3, 6
    video = fl.flow(torus, torus.act((0, a), picture[None, None]), (0, v), steps)[0, :, 0]
    text = page.KIT + page.read("slant.js") + (
        f"\nconst of = (t) => slid({json.dumps(picture.flatten().tolist())}, [4, 5], {v}, {a}, t);"
        f"\nconst both = (frame) => [frame, columns(frame, [4, 5])];"
        f"\nconsole.log(JSON.stringify(range({steps}).map((t) => both(of(t)))));"
    )  # fmt: skip
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=text, capture_output=True, text=True, check=True
    )
    frames, rows = zip(*json.loads(done.stdout), strict=True)
    frames, rows = torch.tensor(frames).double(), torch.tensor(rows).double()
    torch.testing.assert_close(frames, video.flatten(1), rtol=0, atol=1e-7)
    torch.testing.assert_close(rows, video.sum(1), rtol=0, atol=1e-6)
    assert not torch.allclose(rows[0], rows[1])


def test_bad_input():
    for options, said in (
        ({"picture": torch.rand(3)}, "expected \\(H, W\\)"),
        ({"picture": -torch.ones(3, 3)}, "numbers from 0 on"),
        ({"picture": torch.zeros(3, 3)}, "not all 0"),
        ({"picture": torch.ones(3, 3), "fastest": 0}, "fastest is 0"),
    ):
        with pytest.raises(ValueError, match=said):
            SlantWidget(**options)
