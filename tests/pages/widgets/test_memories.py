"""The grid of memories, and the window over it: the page computes what flowlib does."""

import pytest
import torch
from node import in_node

import flowlib as fl
from flowlib.pages.widgets.memories import MemoriesWidget, torus_network
from flowlib.pages.widgets.window import WindowWidget

PICTURE = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)).double()
MODULES = "fernn.js", "moving.js"


def network(V):
    """The network that is set by hand."""
    rnn = fl.FERNN(fl.Translations((4, 5)), V, 1, 1).double().requires_grad_(False)
    rnn.input_conv.weight.zero_()[0, 0, 1, 1] = 1.0
    around = [[0, 0.05, 0], [0.05, 0.6, 0.05], [0, 0.05, 0]]
    rnn.state_conv.weight[0, 0] = torch.tensor(around, dtype=torch.float64)
    return rnn


def given(steps):
    data = torus_network(PICTURE, 0.6, 0.05, 1, steps)
    del data["picture"]  # bytes
    return {"picture": PICTURE.flatten().tolist(), "data": data}


def test_the_page_has_the_states_of_the_network():
    V, w, steps = fl.translation_velocities(1), (1, -2), 4
    rnn = network(V)
    states = rnn(fl.flow(rnn.group, PICTURE[None, None], w, steps))[0, :, :, 0].flatten(2)
    asked = "memories(picture, w, V, data).map((t) => t.map((h) => [...h]))"
    found = in_node(MODULES, asked, w=w, V=V.tolist(), **given(steps))
    found = torch.tensor(found, dtype=torch.float64)
    torch.testing.assert_close(found, states, rtol=0, atol=1e-14)


@pytest.mark.parametrize("w", [(0, 0), (1, 0), (-1, 2)])
def test_the_window_reads_what_the_network_reads(w):
    """prop-truncation: its error is that of the reading, and it is the reading of the moving picture."""
    rnn, steps = network(fl.translation_velocities(1)), 4
    video = fl.flow(rnn.group, PICTURE[None, None], (0, 0), steps)
    error = fl.flow_equivariance_error(lambda f: rnn(f).amax(2), video, w, group=rnn.group)[-1]
    wide = "velocities(3), memories(picture, [0, 0], velocities(3), data).at(-1)"
    asked = f"readings(picture, w, 1, {wide}, data)"
    found = in_node([*MODULES, "window.js"], asked, w=w, **given(steps))
    assert found["error"] == pytest.approx(error.item(), abs=1e-14)
    assert found["check"] == 0
    assert (found["error"] == 0) == (w == (0, 0))


def test_bad_input():
    for options, said in (
        ({"picture": torch.rand(3)}, "expected \\(H, W\\)"),
        ({"picture": -torch.ones(3, 3)}, "numbers from 0 on"),
        ({"picture": torch.rand(3, 3), "radius": 0}, "radius is 0"),
    ):
        with pytest.raises(ValueError, match=said):
            MemoriesWidget(**options)
    with pytest.raises(ValueError, match="steps is 1: give"):
        WindowWidget(PICTURE, steps=1)
