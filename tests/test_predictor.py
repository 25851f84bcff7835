"""One memory that a predicted flow moves: the law for every path, and where it must fail."""

from functools import partial

import pytest
import torch
from hypothesis import given
from strategies import ROUNDING, element, groups, seeds, signal

import flowlib as fl
from flowlib.flows import positions

PREDICTORS = fl.CorrelationPredictor, fl.SoftPredictor, fl.LocalPredictor


def network(group, predictor, seed=0):
    torch.manual_seed(seed)
    rnn = fl.MotionCompensatedRNN(group, 2, 3, predictor=predictor, nonlinearity=torch.tanh)
    if isinstance(rnn.predictor, fl.SoftPredictor):  # all of its scores count
        for layer in (rnn.predictor.key, rnn.predictor.memory_key):
            torch.nn.init.uniform_(layer.weight, -0.5, 0.5)
    return rnn.double().requires_grad_(False)


def path_error(rnn, video, path):
    """How far h_t[gamma.f] is from gamma_t.h_t[f], for each frame."""
    g = positions(rnn.group, path)[:, :, None]
    left, right = rnn(rnn.group.act(g, video))[:, :, 0], rnn(video)[:, :, 0]
    right = rnn.group.act_lifted(g, right)
    sizes = [x.movedim(1, 0).flatten(1).norm(dim=1) for x in (left - right, right)]
    return sizes[0] / sizes[1]


@pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda p: p.__name__)
@given(group=groups(), seed=seeds)
def test_the_law_for_flows_and_for_steps_that_change(predictor, group, seed):
    rnn, video = network(group, predictor, seed), signal(group, seed, 2, 5, 2)
    if predictor is fl.CorrelationPredictor and min(group.grid) < 3:
        return  # on so few points two shifts may fit equally well
    assert fl.flow_equivariance_error(rnn, video, element(group, seed)).max() < ROUNDING
    path = torch.stack([element(group, seed + t) for t in range(4)]).expand(2, -1, -1)
    assert path_error(rnn, video, path).max() < ROUNDING


def test_motions_that_do_not_commute(seeded):
    """Turns about a centre and mirrors of a ring of 6: V is the group of both, the motion any of it."""

    class Dihedral(fl.Group):
        """x -> a + (-1)^s x on a ring."""

        def __init__(self):
            super().__init__((6,), dim=2, period=(6, 2), permutes=True)

        def product(self, g, h):
            (a, s), (b, r) = self.element(g).unbind(-1), self.element(h).unbind(-1)
            return self._reduced(torch.stack([a + torch.where(s % 2 == 1, -b, b), s + r], -1))

        def inverse(self, g):
            a, s = self.element(g).unbind(-1)
            return self._reduced(torch.stack([torch.where(s % 2 == 1, a, -a), s], -1))

        def act(self, g, signal):
            a, s = (x[..., None] for x in self.element(g).unbind(-1))
            x = torch.arange(6)
            back = torch.where(s % 2 == 1, a - x, x - a) % 6
            lead = torch.broadcast_shapes(back.shape[:-1], signal.shape[:-1])
            return signal.expand(*lead, 6).gather(-1, back.expand(*lead, 6))

        act_lifted = act

        def kernel_shape(self, size, lifting):
            return (size,)

        def kernel(self, weight, size):
            return weight + weight.flip(-1)

    group = Dihedral()
    assert "keeps the contract" in fl.check_my_group(group)
    V = group.elements()
    for predictor in (fl.CorrelationPredictor, fl.SoftPredictor):
        rnn = network(group, partial(predictor, velocities=V))
        video, path = signal(group, 3, 2, 6, 2), V[[8, 1, 3, 10, 5]].expand(2, -1, -1)
        both = group.product(V[8], V[1]), group.product(V[1], V[8])
        assert not group.same(*both)
        assert path_error(rnn, video, path).max() < ROUNDING


def test_the_law_fails_where_it_must(seeded):
    """For a V that the motion leads out of, and for a memory that stands still."""
    ring = fl.Translations(11)
    video, some = signal(ring, 0, 2, 6, 2), fl.translation_velocities(1, 1)
    for predictor in PREDICTORS:
        rnn = network(ring, partial(predictor, velocities=some))
        assert fl.flow_equivariance_error(rnn, video, 1)[2:].min() > 1e-2
    even = partial(fl.SoftPredictor, velocities=[0, 2, 4, 6])
    rnn, video = network(fl.Translations(8), even), signal(fl.Translations(8), 0, 2, 6, 2)
    assert fl.flow_equivariance_error(rnn, video, 2).max() < ROUNDING  # V + 2 = V
    assert fl.flow_equivariance_error(rnn, video, 1)[2:].min() > 1e-2


def test_a_flash_and_then_the_dark(seeded):
    """No flow moves the dark: who obeys the law has forgotten where the flash was."""
    ring = fl.Translations(7)
    flash = torch.zeros(1, 3, 2, 7).double()
    flash[0, 0, :, 2] = 1
    hard, soft = (network(ring, p) for p in PREDICTORS[:2])
    assert fl.flow_equivariance_error(hard, flash, 1)[1:].min() > 0.1
    assert fl.flow_equivariance_error(soft, flash, 1).max() < ROUNDING
    last = soft(flash)[0, 1:, 0]
    assert (last - last.mean(-1, keepdim=True)).abs().max() < 1e-15
    places = hard(flash)[0, 1:, 0]
    assert (places - places.mean(-1, keepdim=True)).abs().max() > 1e-2


def test_ties_of_a_picture_with_a_symmetry_cost_nothing(seeded):
    """Stripes fit onto themselves in three places, and so does their memory."""
    ring, path = fl.Translations(9), torch.tensor([[[4], [-1], [2], [2], [-4]]])
    stripes = torch.randn(1, 2, 3).double().repeat(1, 1, 3)
    rnn = network(ring, fl.CorrelationPredictor)
    still = fl.flow(ring, stripes, 0, 6)
    assert path_error(rnn, still, path).max() < ROUNDING
    grnn = fl.GRNN(ring, 2, 3, nonlinearity=torch.tanh).double()
    grnn.load_state_dict({k: v for k, v in rnn.state_dict().items() if "predictor" not in k})
    torch.testing.assert_close(rnn(still), grnn(still), rtol=0, atol=ROUNDING)


def test_forecasts_obey_the_law_and_hold_the_last_step(seeded):
    """The forecast of a video with a new step in each frame goes on at the last one."""
    torus, path = (
        fl.Translations((5, 6)),
        torch.tensor([[[1, 2], [-2, 0], [0, 1]]]).expand(2, -1, -1),
    )
    for predictor in PREDICTORS:
        model = fl.Forecaster(network(torus, predictor), 1).double().requires_grad_(False)
        video = signal(torus, 1, 2, 4, 2)
        left, right = model(fl.flow_video(torus, video, path=path), 3), model(video, 3)
        held = torch.cat([path, path[:, -1:].expand(-1, 3, -1)], 1)
        g = positions(torus, held)[:, 4:, None]
        torch.testing.assert_close(left, torus.act(g, right), rtol=0, atol=1e-13)


def test_spectra_are_the_sums_that_they_stand_for(seeded):
    """All shifts by Fourier transform, against all shifts one by one; and in half precision."""
    torus = fl.Translations((4, 5))
    fast, slow = (fl.SoftPredictor(torus, 2, 3, velocities=V) for V in (None, torus.elements()))
    a, b, h = torch.randn(2, 2, 4, 5), torch.randn(2, 2, 4, 5), torch.randn(2, 1, 3, 4, 5)
    weights = torch.rand(2, 20)
    torch.testing.assert_close(fast.correlation(a, b), slow.correlation(a, b))
    torch.testing.assert_close(fast.mixture(weights, h), slow.mixture(weights, h))
    assert fast.mixture(weights.bfloat16(), h.bfloat16()).dtype == torch.bfloat16


def test_rotations_that_are_told_their_velocities(seeded):
    turns, V = fl.Rotations(4, size=6), fl.rotation_velocities([-90, 0, 90, 180])
    for predictor in PREDICTORS[:2]:
        rnn = network(turns, partial(predictor, velocities=V))
        video = signal(turns, 0, 2, 4, 2)
        assert fl.flow_equivariance_error(rnn, video, [90]).max() < ROUNDING


def test_a_state_carries_on_and_gradients_arrive(seeded):
    torus, video = fl.Translations((5, 5)), torch.rand(2, 5, 1, 5, 5)
    for predictor in PREDICTORS:
        rnn = fl.MotionCompensatedRNN(torus, 1, 3, predictor=predictor, checkpoint_every=2)
        *_, last = rnn.states(video[:, :3])
        torch.testing.assert_close(rnn(video[:, 3:], last), rnn(video)[:, 3:])
        fl.Forecaster(rnn, 1)(video, 4).square().sum().backward()
        assert all(p.grad is not None for p in rnn.parameters())
        assert fl.Classifier(rnn, 3)(video).shape == (2, 3)


def test_bad_input(as_users_see_it):
    turns = fl.Rotations(4, size=5)
    with pytest.raises(ValueError, match="give velocities"):
        fl.MotionCompensatedRNN(turns)
    with pytest.raises(ValueError, match="wants Translations"):
        fl.LocalPredictor(turns, velocities=[0.0])
    with pytest.raises(ValueError, match="it wants False"):
        fl.MotionCompensatedRNN(fl.Translations(5), lifted=True)
    rnn = fl.MotionCompensatedRNN(fl.Translations(5), 1, 2)
    with pytest.raises(ValueError, match="a state is a tuple"):
        rnn(torch.zeros(1, 2, 1, 5), torch.zeros(1, 1, 2, 5))
    with pytest.raises(ValueError, match="make another network"):
        rnn.with_velocities([0, 1])
