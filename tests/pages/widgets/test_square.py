"""The commuting square without a browser: what it packs, and what it refuses."""

import numpy as np
import pytest
import torch

from flowlib.pages.examples import bump, square_widget
from flowlib.pages.widgets.square import SquareWidget

N = 8
MAPS = {
    "square": lambda f: f**2,
    "blur": lambda f: (f.roll(1, -1) + f + f.roll(-1, -1)) / 3,
    "mask": lambda f: f * torch.linspace(-1, 1, N).double(),
}


def unpack(packed, *shape):
    raw = np.frombuffer(packed["bytes"], np.uint8).astype(float).reshape(shape)
    return (raw - packed["zero"]) / (127 if packed["zero"] else 255)


def test_both_ways_round_are_packed():
    widget = square_widget(MAPS, size=N)
    f, mask = bump(N, center=N // 2), MAPS["mask"]
    ways = unpack(widget.data["maps"][2]["ways"], 2, N, N)
    first_g = torch.stack([mask(f.roll(g, -1))[0] for g in range(N)])
    first_F = torch.stack([mask(f).roll(g, -1)[0] for g in range(N)])
    expected = torch.stack([first_g, first_F]).numpy()
    assert np.abs(ways - expected / np.abs(expected).max()).max() < 1 / 127
    differences = widget.data["maps"][2]["differences"]
    assert differences == pytest.approx((first_g - first_F).abs().amax(1).tolist(), rel=1e-2)


def test_words_tell_rounding_from_difference():
    widget = square_widget(MAPS, size=N)
    square, blur, mask = (one["equal"] for one in widget.data["maps"])
    assert all(square) and all(blur)
    assert mask[0] and not any(mask[1:])
    assert "for blur they are equal up to rounding for every g" in widget.description
    assert "for mask they differ by up to" in widget.description


def test_first_choice_and_repr():
    widget = square_widget(MAPS, size=N, title="A square", map="mask", g=3)
    assert (widget.title, widget.map, widget.g) == ("A square", "mask", 3)
    assert repr(widget) == "SquareWidget(maps=[square, blur, mask], N=8)"


def test_a_map_must_stay_on_the_ring():
    with pytest.raises(ValueError, match=r"maps\['halve'\] turns shape \(1, 8\) into \(1, 4\)"):
        square_widget({"halve": lambda f: f[:, ::2]}, size=N)


WAY = np.zeros((N, N))


@pytest.mark.parametrize(
    ("moved", "paths", "message"),
    [
        (WAY, {}, "paths is empty"),
        (WAY[:, 1:], {"F": (WAY, WAY)}, r"moved has shape \(8, 7\), expected \(g=8, N=8\)"),
        (WAY, {"F": (WAY,)}, r"paths\['F'\] has 1 ways: expected F\(g.f\) and g.F\(f\)"),
        (
            WAY,
            {"F": (WAY, WAY[1:])},
            r"paths\['F'\]\[1\] has shape \(7, 8\), expected \(g=8, N=8\)",
        ),
        (WAY, {"F": (WAY, WAY + np.nan)}, r"paths\['F'\] holds NaN"),
    ],
)
def test_bad_input_is_refused(moved, paths, message):
    with pytest.raises(ValueError, match=message):
        SquareWidget(moved, paths)
