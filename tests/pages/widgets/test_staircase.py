"""The staircase of the rim: what is packed obeys the proposition of the book, and what is refused."""

import numpy as np
import pytest

from flowlib.pages.examples import staircase_widget
from flowlib.pages.widgets.staircase import StaircaseWidget


def test_the_error_comes_in_r_channels_a_frame():
    R, steps = 4, 6
    data = staircase_widget(R, mixing=(0, 1, 2), speeds=(1, 3), steps=steps).data
    errors, bounds = (np.array(data[name], dtype=float) for name in ("errors", "bounds"))
    v, t = np.arange(-R, R + 1), np.arange(steps)[:, None]
    for k, r in enumerate(data["radii"]):
        for i, w in enumerate(data["speeds"]):
            partner = np.abs(v - w) <= R
            assert (np.isnan(errors[k, i]) == ~partner).all()
            to_rim = np.minimum(R - np.maximum(v, v - w), R + np.minimum(v, v - w))[partner]
            found, exact = errors[k, i][:, partner], r * t <= to_rim
            assert found[exact].max() < 1e-15
            assert not (~exact).any() or found[~exact].min() > 1e-6
            if r:
                assert (found <= bounds[k, i, partner]).all()


GOOD = dict(radius=1, errors={1: {1: np.zeros((4, 3))}}, bounds={1: {1: np.ones(3)}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(errors={}), r"errors has the mixing radii \[\], bounds has \[1\]: give the same"),
        (dict(bounds={2: {1: np.ones(3)}}), r"bounds has \[2\]: give the same"),
        (dict(errors={1: {1: np.zeros((4, 2))}}), r"errors\[1\]\[1\] has shape \(4, 2\)"),
        (dict(bounds={1: {}}), r"bounds\[1\] lacks the input velocities \[1\]"),
        (dict(bounds={1: {1: np.full(3, np.nan)}}), "bounds holds NaN where v has its partner"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        StaircaseWidget(**{**GOOD, **change})
