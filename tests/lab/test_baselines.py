import pytest
import torch
from strategies import ROUNDING, element

import flowlib as fl
from flowlib.lab.baselines import (
    Convolution3d,
    LearnedMotionRNN,
    LearnedWarp,
    LSTMCell,
    MeanForecaster,
    TwiceFedForecaster,
)


@pytest.mark.parametrize("shape", [(7,), (6, 5)], ids=str)
def test_learned_motion_can_be_a_flow(shape, seeded):
    """With the shift by v as filter K_v it is the FERNN; with random filters the law is broken."""
    torus = fl.Translations(shape)
    V = fl.translation_velocities(2, ndim=len(shape))
    fernn = fl.FERNN(torus, V, 2, 3).double().requires_grad_(False)
    plus = LearnedMotionRNN(torus, V, 2, 3).double().requires_grad_(False)
    video = torch.randn(2, 5, 2, *shape, dtype=torch.float64)
    assert fl.flow_equivariance_error(plus, video, V[-1])[2:].min() > 1e-3
    plus.input_conv.load_state_dict(fernn.input_conv.state_dict())
    plus.state_conv.load_state_dict(fernn.state_conv.state_dict())
    plus.motion.zero_()
    for v, filter in zip(V.tolist(), plus.motion, strict=True):
        filter[tuple(2 + part for part in v)] = 1
    torch.testing.assert_close(plus(video), fernn(video), rtol=0, atol=1e-13)
    g = element(torus, 3)
    random = LearnedMotionRNN(torus, V, 2, 3)
    assert fl.equivariance_error(random, video, g).max() < ROUNDING


def test_learned_motion_wants_translations(as_users_see_it):
    with pytest.raises(ValueError, match="is for Translations"):
        LearnedMotionRNN(fl.Rotations(4), [0.0])
    with pytest.raises(ValueError, match="velocity_mixing is for a FERNN"):
        LearnedMotionRNN(fl.Translations((9,)), [-1, 0, 1], velocity_mixing=1)
    with pytest.raises(ValueError, match=r"filters of \[5, 5\] are larger than the grid \(4, 6\)"):
        LearnedMotionRNN(fl.Translations((4, 6)), fl.translation_velocities(2))


def test_the_3d_cnn_commutes_with_what_its_halving_allows(seeded):
    """Invariant to shifts by multiples of 4, as it halves the picture twice, and to no flow."""
    torus = fl.Translations((8, 8))
    cnn = Convolution3d(1, 4, classes=3).double().eval().requires_grad_(False)
    video = torch.rand(2, 5, 1, 8, 8).double()
    scores = cnn(video)
    assert scores.shape == (2, 3)
    moved = cnn(torus.act((4, -4), video))
    torch.testing.assert_close(moved, scores, rtol=0, atol=1e-14)
    assert (cnn(fl.flow_video(torus, video, (0, 1))) - scores).abs().max() > 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_learned_motion_in_half_precision(dtype, seeded):
    """Near float32, as far as the few digits go; the state keeps its type."""
    torus = fl.Translations((6, 5))
    plus = LearnedMotionRNN(torus, fl.translation_velocities(1), 1, 2).requires_grad_(False)
    video = torch.rand(2, 4, 1, 6, 5)
    exact = plus(video)
    half = plus.to(dtype)(video.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), exact, rtol=0, atol=0.03 * exact.abs().max().item())
    with torch.autocast("cpu", torch.bfloat16):
        plus.float()(video)


@pytest.mark.parametrize(
    "V", [[(0, 0)], [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]], ids=["grnn", "fernn"]
)
def test_a_conv_lstm_obeys_the_law_of_its_velocities(V, seeded):
    """It is what its formula says, and lifted to velocities that are a group it obeys the law of flows."""
    torus = fl.Translations((4, 5))
    rnn = fl.FERNN(torus, V, 1, 4, cell=LSTMCell, memory=0.7).double().requires_grad_(False)
    video = torch.rand(2, 5, 1, 4, 5, dtype=torch.float64)
    error = fl.flow_equivariance_error(rnn, video, (0, 1)).max()
    assert (error < ROUNDING) == (len(V) == 5)
    state = torch.rand(2, len(V), 4, 4, 5, dtype=torch.float64)
    h, c = state.split(2, 2)
    gates = rnn.input_conv(video[:, 0])[:, None] + rnn.state_conv(h)
    i, f, o, n = gates.split(2, 2)
    c = (f + torch.logit(torch.tensor(0.7))).sigmoid() * c + i.sigmoid() * n.tanh()
    after = rnn.cell(state, rnn.input_conv(video[:, 0])[:, None])
    torch.testing.assert_close(after, torch.cat([o.sigmoid() * c.tanh(), c], 2), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="memory is 1.*between 0 and 1"):
        fl.GRNN(torus, 1, 4, cell=LSTMCell, memory=1.0)
    with pytest.raises(ValueError, match="channels is 3.*even"):
        fl.GRNN(torus, 1, 3, cell=LSTMCell)


def test_heads_of_the_ablations(seeded):
    """The mean over velocities in place of the maximum; the last frame consumed twice."""
    rnn = fl.FERNN(fl.Translations((4, 5)), [(0, 0), (0, 1)], 1, 3)
    video = torch.rand(2, 4, 1, 4, 5)
    heads = [kind(rnn, 1) for kind in (fl.Forecaster, MeanForecaster, TwiceFedForecaster)]
    for head in heads[1:]:
        head.load_state_dict(heads[0].state_dict())
    plain, mean, twice = heads
    ahead = rnn.flow_on(rnn.last(video))
    torch.testing.assert_close(mean(video, 1)[:, 0], mean.decoder(ahead.mean(1)))
    state = rnn.step(rnn.last(video), video[:, -1])
    torch.testing.assert_close(twice(video, 1)[:, 0], plain.read(state))
    assert (plain(video, 1) - twice(video, 1)).abs().max() > 1e-4


def test_a_learned_warp_is_equivariant_at_rest_and_to_no_flow(seeded):
    """A field of whole numbers shifts the memory; what is inferred commutes with static shifts only."""
    torus = fl.Translations((6, 5))
    rnn = fl.MotionCompensatedRNN(torus, 1, 3, predictor=LearnedWarp).double()
    rnn.requires_grad_(False)
    warp, h = rnn.predictor, torch.randn(2, 1, 3, 6, 5, dtype=torch.float64)
    field = torch.tensor([2.0, -1.0]).double()[:, None, None].expand(2, 4, 2, 6, 5)
    torch.testing.assert_close(warp.move(field, h), torus.act((2, -1), h))
    video = torch.randn(2, 5, 1, 6, 5, dtype=torch.float64)
    assert fl.equivariance_error(rnn, video, (3, 1)).max() < 1e-13  # interpolation rounds once more
    assert fl.flow_equivariance_error(rnn, video, (0, 1))[2:].min() > 1e-2


def test_a_learned_warp_wants_a_torus(as_users_see_it):
    with pytest.raises(ValueError, match=r"wants|is for Translations\(\(H, W\)\)"):
        LearnedWarp(fl.Translations(7))
