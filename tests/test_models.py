import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, element, seeds, signal

import flowlib as fl


@given(st.integers(1, 3), seeds)
def test_the_forecast_of_a_flowing_video_is_the_flowing_forecast(radius, seed):
    """Through the hand-over from context to forecast, exactly, when V is a group."""
    torch.manual_seed(seed)
    ring = fl.Translations(2 * radius + 1)
    rnn = fl.FERNN(ring, fl.translation_velocities(radius, ndim=1), 1, 3)
    model = fl.Forecaster(rnn, decoder_layers=1).double()
    context, w = signal(ring, seed, 2, 3, 1), element(ring, seed)
    error = fl.flow_equivariance_error(
        lambda video: model(video, steps=4), context, w, group=ring, start=3
    )
    assert error.shape == (4,) and error.max() < ROUNDING


def test_consuming_the_last_frame_twice_breaks_it(seeded):
    """Why the hand-over is as it is: the author's code feeds the last context frame again."""
    ring = fl.Translations(9)
    model = fl.Forecaster(fl.FERNN(ring, fl.translation_velocities(4, ndim=1), 1, 4), 1).double()

    def twice(video):
        state = model.rnn.step(model.rnn(video)[:, -1], video[:, -1])
        return model.decoder(state.amax(1))[:, None]

    error = fl.flow_equivariance_error(twice, torch.rand(2, 4, 1, 9), 2, group=ring, start=4)
    assert error[0] > 1e-3


def test_forecasts_are_consumed_one_by_one(seeded):
    torus = fl.Translations((6, 5))
    model = fl.Forecaster(fl.FERNN(torus, fl.translation_velocities(1), 1, 3))
    context = torch.rand(2, 3, 1, 6, 5)
    future = model(context, steps=3)
    assert future.shape == (2, 3, 1, 6, 5)
    again = model(torch.cat([context, future[:, :2]], 1), steps=1)
    torch.testing.assert_close(again[:, 0], future[:, 2])


def test_size_of_the_paper():
    """739,584 parameters, whatever V is: what the author's public code has."""
    for radius in (0, 2):
        rnn = fl.FERNN(fl.Translations((28, 28)), fl.translation_velocities(radius), 1, 128)
        assert sum(p.numel() for p in fl.Forecaster(rnn).parameters()) == 739_584


def test_bad_input(as_users_see_it):
    rnn = fl.GRNN(fl.Translations(8), 1, 2)
    with pytest.raises(ValueError, match="one frame or more"):
        fl.Forecaster(rnn)(torch.zeros(1, 2, 1, 8), steps=0)
    with pytest.raises(ValueError, match="0 or more"):
        fl.Forecaster(rnn, decoder_layers=-1)
    with pytest.raises(ValueError, match="no time"):
        fl.Forecaster(rnn)(torch.zeros(1, 0, 1, 8), steps=1)
