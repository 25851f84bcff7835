"""A frame that is a window: for a while the torus around it is a plane."""

import pytest
import torch

import flowlib as fl
from flowlib.edges import middle

FRAME, V = (5, 6), fl.translation_velocities(1)


def forecaster(margin, seed=0, **options):
    torch.manual_seed(seed)
    torus = fl.Translations(tuple(n + 2 * margin for n in FRAME))
    return fl.MarginForecaster(fl.FERNN(torus, V, 2, 3, **options).double(), FRAME, 1).double()


def states(model, video):
    """Inside of the frame."""
    return model.rnn(model.lay(video))[model.middle]


@pytest.mark.parametrize("margin", [1, 2, 3])
def test_the_torus_is_a_plane_until_something_came_round(margin):
    """Reach 1, speed 1: after frame t something came 1 + 2 t far, and it has to come 2 m + 1 far."""
    video = torch.rand(2, 6, 1, *FRAME).double()
    bias = dict(nonlinearity=torch.tanh)
    small, plane = states(forecaster(margin, **bias), video), states(forecaster(9, **bias), video)
    gap = (small - plane).abs().amax((0, 2, 3, 4, 5))
    exact = [1 + 2 * t <= 2 * margin for t in range(6)]
    assert [bool(g < 1e-14) for g in gap] == exact, gap


@pytest.mark.parametrize("margin", [2, 3, 5])
def test_forecasts_are_those_of_the_plane_too(margin):
    """The decoder reaches 2, the flow of the step to come 1: 3 more than the states."""
    video = torch.rand(2, 2, 1, *FRAME).double()
    small, plane = (forecaster(m, nonlinearity=torch.tanh)(video, 4) for m in (margin, 12))
    gap = (small - plane).abs().amax((0, 2, 3, 4))
    exact = [1 + 2 * t + 3 <= 2 * margin for t in range(1, 5)]
    assert [bool(g < 1e-14) for g in gap] == exact, gap


def test_frame_and_mask_flow_together(seeded):
    model = forecaster(6)
    laid = model.lay(torch.rand(2, 4, 1, *FRAME).double())
    assert fl.flow_equivariance_error(model.rnn, laid, (1, -1)).max() < 1e-14
    alone = laid.clone()
    alone[:, :, :1] = fl.flow_video(model.group, laid[:, :, :1], (1, -1))
    pairs = fl.velocity_pairs(model.group, V, torch.tensor((1, -1)))
    told = fl.flow_video(
        model.group, model.rnn(laid)[:, :, pairs[1]].movedim(2, 1), (1, -1), lifted=True
    )
    gap = model.rnn(alone)[:, :, pairs[0]].movedim(2, 1) - told
    assert gap.abs().max() > 1e-3, "a frame that moves under a mask that rests is no flow"


def test_what_is_forecast_is_consumed_as_it_was_seen(seeded):
    model, video = forecaster(3), torch.rand(2, 5, 1, *FRAME).double()
    ahead = model(video, 3)
    assert ahead.shape == (2, 3, 1, *FRAME)
    again = model(torch.cat([video, ahead[:, :1]], 1), 2)
    torch.testing.assert_close(again, ahead[:, 1:])


def test_bad_input_is_told():
    torus = fl.Translations((6, 6))
    with pytest.raises(ValueError, match="one input channel"):
        fl.MarginForecaster(fl.FERNN(torus, V, 1, 2), (5, 5))
    untold = fl.MarginForecaster(fl.FERNN(torus, V, 1, 2), (5, 5), mask=False)
    assert untold(torch.rand(1, 2, 1, 5, 5), 2).shape == (1, 2, 1, 5, 5)
    with pytest.raises(
        ValueError, match=r"the frame is \(7, 5\): it wants 2 sides, at most \(6, 6\)"
    ):
        fl.MarginForecaster(fl.FERNN(torus, V, 2, 2), (7, 5))
    assert middle((6,), (3,)) == (..., slice(1, 4))
