"""The turning picture: which entry of the kernel is lit, and what its errors say of two real layers."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.pages.widgets import page
from flowlib.pages.widgets.turning import TurningWidget, quarter

C4 = fl.Rotations(4, size=7)


def layers():
    """A picture in its four turns, and what a lifting and a group convolution make of it."""
    torch.manual_seed(0)
    picture = torch.rand(7, 7).double()
    pictures = torch.stack([torch.rot90(picture, g) for g in range(4)])
    lift, group = (
        layer(C4, 1, 1, 3).double().requires_grad_(False)
        for layer in (fl.LiftingConvolution, fl.GroupConvolution)
    )
    responses = lift(pictures[:, None]).relu()
    kernel = C4.kernel(group.weight, 3)[0].reshape(4, 3, 3)  # that of the output at theta = 0
    return pictures, responses[:, 0], kernel, group(responses).relu()[:, 0], group


def test_what_two_layers_of_flowlib_make_turns_and_changes_places():
    *given, _ = layers()
    widget = TurningWidget(*given)
    for layer in (widget.data["responses"], widget.data["outputs"]):
        assert max(layer["errors"]) < 1e-14
        assert layer["unmoved"][0] < 1e-14 and min(layer["unmoved"][1:]) > 0.1
    assert "up to rounding" in widget.description
    pictures, responses, kernel, outputs = given
    still = TurningWidget(pictures, responses[:1].expand(4, -1, -1, -1), kernel, outputs)
    assert "up to rounding" not in still.description


def test_quarter_is_the_action_of_the_group():
    h = torch.rand(1, 4, 7, 7, generator=torch.Generator().manual_seed(0)).double()
    for g in range(4):
        acted = C4.act_lifted(90 * g, h)[0].numpy()
        assert np.abs(quarter(h[0].numpy(), g) - acted).max() < 1e-14


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_entry_that_is_lit_is_the_one_the_layer_uses():
    *_, kernel, _, group = layers()
    text = page.KIT + page.read("turning.js") + (
        "\nconst all = range(4).map((theta) => range(36).map((n) =>"
        " stored([Math.floor(n / 9), Math.floor(n / 3) % 3 - 1, n % 3 - 1], theta)));"
        "\nconsole.log(JSON.stringify(all));"
    )  # fmt: skip
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=text, capture_output=True, text=True, check=True
    )
    phi, p, q = torch.tensor(json.loads(done.stdout)).movedim(-1, 0)
    used = C4.kernel(group.weight, 3).reshape(4, 36)  # one row an output orientation
    torch.testing.assert_close(kernel[phi, p + 1, q + 1], used, rtol=0, atol=1e-14)


GOOD = [np.ones((4, 5, 5)), np.ones((4, 4, 5, 5)), np.ones((4, 3, 3)), np.ones((4, 4, 5, 5))]


@pytest.mark.parametrize(
    ("which", "value", "message"),
    [
        (0, np.ones((3, 5, 5)), r"pictures has shape \(3, 5, 5\), expected \(turn=4, H=5, W=5\)"),
        (1, np.ones((4, 5, 5)), r"responses has shape .*expected \(turn=4, orientation=4"),
        (2, np.ones((4, 2, 2)), "K is odd"),
        (3, -np.ones((4, 4, 5, 5)), "outputs go down to -1: only numbers from 0 on"),
        (3, np.full((4, 4, 5, 5), np.nan), "outputs holds NaN"),
    ],
)
def test_bad_input_is_refused(which, value, message):
    with pytest.raises(ValueError, match=message):
        TurningWidget(*[value if k == which else good for k, good in enumerate(GOOD)])
