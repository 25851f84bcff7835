"""The grid of memories: the page computes its network itself, and computes what flowlib does."""

import json
import shutil
import subprocess

import pytest
import torch

import flowlib as fl
from flowlib.pages.widgets import page
from flowlib.pages.widgets.memories import MemoriesWidget


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_page_has_the_states_of_the_network():
    picture = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)).double()
    V, w, steps = fl.translation_velocities(1), (1, -2), 4
    rnn = fl.FERNN(fl.Translations((4, 5)), V, 1, 1).double().requires_grad_(False)
    rnn.input_conv.weight.zero_()[0, 0, 1, 1] = 1.0
    around = [[0, 0.05, 0], [0.05, 0.6, 0.05], [0, 0.05, 0]]
    rnn.state_conv.weight[0, 0] = torch.tensor(around, dtype=torch.float64)
    states = rnn(fl.flow(rnn.group, picture[None, None], w, steps))[0, :, :, 0].flatten(2)

    asked = json.dumps([picture.flatten().tolist(), w, V.tolist(), {
        "size": [4, 5], "keep": 0.6, "spread": 0.05, "steps": steps,
    }])  # fmt: skip
    text = page.KIT + page.read("fernn.js") + page.read("memories.js")
    text += f"\nconsole.log(JSON.stringify(memories(...{asked}).map((t) => t.map((h) => [...h]))));"
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=text, capture_output=True, text=True, check=True
    )
    found = torch.tensor(json.loads(done.stdout), dtype=torch.float64)
    torch.testing.assert_close(found, states, rtol=0, atol=1e-14)


def test_bad_input():
    for options, said in (
        ({"picture": torch.rand(3)}, "expected \\(H, W\\)"),
        ({"picture": -torch.ones(3, 3)}, "numbers from 0 on"),
        ({"picture": torch.rand(3, 3), "radius": 0}, "radius is 0"),
    ):
        with pytest.raises(ValueError, match=said):
            MemoriesWidget(**options)
