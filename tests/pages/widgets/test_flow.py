"""The flow explorer without a browser: what it packs, and what it refuses."""

import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.pages.examples import flow_widget
from flowlib.pages.widgets.flow import FlowWidget, Orbit

SIZE, STEPS, FASTEST = 6, 4, 2
IMAGE = torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def frame(widget, orbit, s):
    """The picture that a page shows at s = t v."""
    kind = orbit["visits"][FASTEST * (STEPS - 1) + s]
    raw = np.frombuffer(orbit["frames"]["bytes"], np.uint8).reshape(-1, SIZE, SIZE)
    return raw[kind] / 255


def make(**generators):
    return flow_widget(IMAGE, generators, fastest=FASTEST, steps=STEPS)


def test_each_frame_is_the_element_acting():
    widget = make(diagonal=(1, 1), turn=(90,))
    shifts, turns = widget.data["orbits"]
    scale = IMAGE.max().item()
    for s in (-6, -1, 0, 5):
        moved = fl.Translations((SIZE, SIZE)).act((s, s), IMAGE[0]).numpy()
        turned = torch.rot90(IMAGE[0], s, dims=(0, 1)).numpy()  # counter-clockwise
        assert np.abs(frame(widget, shifts, s) - moved / scale).max() < 1 / 255
        assert np.abs(frame(widget, turns, s) - turned / scale).max() < 1 / 255


def test_equal_elements_are_packed_once():
    shifts, turns = make(right=(0, 1), turn=(90,)).data["orbits"]
    assert len(shifts["frames"]["bytes"]) == SIZE * SIZE * SIZE
    assert len(turns["frames"]["bytes"]) == 4 * SIZE * SIZE
    assert shifts["visits"][0] == shifts["visits"][SIZE]  # a shift by 6 is none


def test_the_marked_point_goes_with_the_picture():
    spot = torch.zeros(1, SIZE, SIZE, dtype=torch.float64)
    spot[0, 1, 3] = 1
    widget = flow_widget(spot, {"down": (1, 0), "turn": (90,)}, fastest=FASTEST, steps=STEPS)
    for orbit in widget.data["orbits"]:
        for s in (-5, 0, 1, 3):
            y, x = orbit["points"][FASTEST * (STEPS - 1) + s]
            assert frame(widget, orbit, s)[round(y) % SIZE, round(x) % SIZE] == 1


def test_first_choice_text_and_repr():
    widget = flow_widget(IMAGE, fastest=FASTEST, steps=STEPS, generator="turn", speed=-1, time=3)
    assert (widget.generator, widget.speed, widget.time) == ("turn", -1, 3)
    assert "6 shifts for down" in widget.description and "13 angles for turn" in widget.description
    expected = "FlowWidget(generators=[right, down, diagonal, turn], speeds=[-2..2], time=4)"
    assert repr(widget) == expected


GOOD = dict(elements=np.zeros((13, 2)), frames=np.zeros((13, 5, 5)), points=np.zeros((13, 2)))


@pytest.mark.parametrize(
    ("change", "steps", "message"),
    [
        ({}, 1, "1 orbits, 1 steps: give one orbit and two steps"),
        ({}, 6, r"frames has shape \(13, 5, 5\): expected \(2 S \+ 1, H, W\)"),
        (
            dict(elements=np.zeros((13, 3))),
            4,
            r"elements has shape \(13, 3\), expected \(s, 2\) or",
        ),
        (
            dict(elements=np.zeros((12, 1))),
            4,
            r"elements has shape \(12, 1\), expected \(s=13, axis=1",
        ),
        (
            dict(points=np.zeros((13, 3))),
            4,
            r"points has shape \(13, 3\), expected \(s=13, axis=2\)",
        ),
        (dict(frames=np.full((13, 5, 5), np.nan)), 4, "frames holds NaN"),
    ],
)
def test_bad_input_is_refused(change, steps, message):
    with pytest.raises(ValueError, match=message):
        FlowWidget({"right": Orbit(**{**GOOD, **change})}, steps)
