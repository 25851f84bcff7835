import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, element, groups, seeds, signal

import flowlib as fl
from flowlib.pages.examples import leaky_network


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


def scores_change(classifier, video, changed):
    """|y[changed] - y[video]| relative to |y[video]|."""
    scores = classifier(video)
    return ((classifier(changed) - scores).norm() / scores.norm()).item()


@given(groups(), seeds, st.integers(0, 1))
def test_a_class_does_not_depend_on_the_place(group, seed, radius):
    torch.manual_seed(seed)
    rnn = fl.FERNN(group, fl.translation_velocities(radius, group.ndim), 1, 3)
    classifier, video = fl.Classifier(rnn, 4).double(), signal(group, seed, 2, 4, 1)
    moved = group.act(element(group, seed), video)
    assert scores_change(classifier, video, moved) < ROUNDING


@given(st.integers(1, 4), st.integers(1, 2), seeds)
def test_a_class_does_not_depend_on_the_velocity(radius, ndim, seed):
    """Exactly, when V holds all velocities of the grid."""
    radius = min(radius, 2) if ndim == 2 else radius
    torch.manual_seed(seed)
    group = fl.Translations((2 * radius + 1,) * ndim)
    rnn = fl.FERNN(group, fl.translation_velocities(radius, ndim), 1, 3)
    classifier, video = fl.Classifier(rnn, 4).double(), signal(group, seed, 2, 4, 1)
    moving = fl.flow_video(group, video, element(group, seed))
    assert scores_change(classifier, video, moving) < ROUNDING


def test_a_class_does_not_depend_on_quarter_turns(seeded):
    rotations = fl.Rotations(4, size=7)
    rnn = fl.FERNN(rotations, fl.rotation_velocities([-90, 0, 90, 180]), 1, 3)
    classifier, video = fl.Classifier(rnn, 4).double(), signal(rotations, 0, 2, 4, 1)
    for g in (-90, 90, 180):
        assert scores_change(classifier, video, rotations.act(g, video)) < ROUNDING
        assert scores_change(classifier, video, fl.flow_video(rotations, video, g)) < ROUNDING


@pytest.mark.parametrize("radius", [0, 1])
def test_a_class_depends_on_the_velocity_where_v_ends(radius, seeded):
    ring = fl.Translations(9)
    rnn = fl.FERNN(ring, fl.translation_velocities(radius, ndim=1), 1, 4)
    classifier, video = fl.Classifier(rnn, 3).double(), signal(ring, 0, 2, 6, 1)
    assert scores_change(classifier, video, fl.flow_video(ring, video, 2)) > 1e-3


def test_scores_by_hand():
    """One light that moves at 1, a memory that adds: the channel v = 1 has them all in one place."""
    ring = fl.Translations(4)
    rnn = leaky_network(ring, fl.translation_velocities(1, ndim=1), remember=[1.0])
    classifier = fl.Classifier(rnn, 2).double()
    light = torch.tensor([[[1.0, 0, 0, 0]]], dtype=torch.float64)
    # After frame 1 the channels -1, 0, 1 hold 0 1 0 1, 1 1 0 0 and 0 2 0 0: maximum 1 2 0 1, mean 1.
    scores = classifier(fl.flow(ring, light, velocity=1, steps=2))
    torch.testing.assert_close(scores[0], classifier.linear(torch.ones(1).double()))
    assert scores.shape == (1, 2)


def test_a_classifier_learns_and_counts(seeded):
    torus = fl.Translations((5, 6))
    classifier = fl.Classifier(fl.FERNN(torus, fl.translation_velocities(1), 2, 3), 4)
    scores = classifier(torch.rand(7, 3, 2, 5, 6))
    assert scores.shape == (7, 4)
    scores.square().sum().backward()
    assert all(p.grad.norm() > 0 for p in classifier.parameters())
    assert sum(p.numel() for p in classifier.parameters()) == 9 * (2 * 3 + 3 * 3) + 4 * 3 + 4


def test_bad_input(as_users_see_it):
    rnn = fl.GRNN(fl.Translations(8), 1, 2)
    with pytest.raises(ValueError, match="one frame or more"):
        fl.Forecaster(rnn)(torch.zeros(1, 2, 1, 8), steps=0)
    with pytest.raises(ValueError, match="0 or more"):
        fl.Forecaster(rnn, decoder_layers=-1)
    with pytest.raises(ValueError, match="no time"):
        fl.Forecaster(rnn)(torch.zeros(1, 0, 1, 8), steps=1)
    with pytest.raises(ValueError, match="1 or more"):
        fl.Classifier(rnn, classes=0)
    with pytest.raises(ValueError, match="no time"):
        fl.Classifier(rnn, 2)(torch.zeros(1, 0, 1, 8))
    with pytest.raises(ValueError, match=r"\(batch, time, channel, 8\)"):
        fl.Classifier(rnn, 2)(torch.zeros(1, 2, 1, 7))


def test_the_encoder_commutes_with_flows(seeded):
    torus = fl.Translations((6, 5))
    encoder = fl.FrameEncoder(torus, 2, 3)
    video = torch.randn(4, 5, 2, 6, 5).double()
    assert fl.flow_equivariance_error(encoder, video, (1, -2), group=torus).max() < ROUNDING
