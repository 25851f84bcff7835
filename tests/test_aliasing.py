"""Nonlinearities on a finer grid."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, seeds

import flowlib as fl
from flowlib.aliasing import resample

odd = st.sampled_from([3, 5, 7])


@given(st.tuples(odd, odd), seeds, st.integers(1, 3), st.sampled_from([torch.relu, torch.sign]))
def test_it_commutes_with_shifts_by_parts_of_a_pixel(shape, seed, factor, nonlinearity):
    torch.manual_seed(seed)
    torus, sigma = fl.Translations(shape, "fourier"), fl.AntiAliased(nonlinearity, factor)
    f, by = torch.randn(3, *shape).double(), torch.randint(-9, 9, (2,)).double() / factor
    if nonlinearity is torch.sign:  # which a rounding turns round at 0: keep away from there
        fine = resample(f, tuple(factor * n for n in shape))
        f = f if fine.abs().min() > 1e-9 else 1 + 0 * f
    a, b = sigma(torus.act(by, f)), torus.act(by, sigma(f))
    assert (a - b).abs().max() < 10 * ROUNDING


@pytest.mark.parametrize("degree, factor", [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_polynomial_commutes_with_all_shifts_from_its_factor_on(degree, factor, seeded):
    ring, f = fl.Translations(9, "fourier"), torch.randn(9).double()

    def error(factor):
        sigma = fl.AntiAliased(lambda z: z**degree, factor, ndim=1)
        a, b = sigma(ring.act(0.3, f)), ring.act(0.3, sigma(f))
        return (a - b).norm() / b.norm()

    assert error(factor) < ROUNDING
    assert degree == 1 or error(factor - 1) > 1e-3


def test_a_network_obeys_the_law_for_half_pixels(seeded):
    torus = fl.Translations((5, 7), "fourier")
    V = [(0, 0), (0, 0.5), (0, 1), (0.5, 0.5)]
    rnn = fl.FERNN(torus, V, 1, 2, nonlinearity=fl.AntiAliased(torch.relu, 2))
    video = torch.rand(1, 4, 1, 5, 7).double()
    assert fl.flow_equivariance_error(rnn, video, (0, 0.5)).max() < 10 * ROUNDING
    coarse = fl.FERNN(torus, V, 1, 2)
    assert fl.flow_equivariance_error(coarse, video, (0, 0.5)).max() > 1e-3
    assert torch.equal(copy.deepcopy(rnn)(video.float()), rnn(video.float()))


def test_it_may_look_at_other_axes_and_stretches_nothing(seeded):
    h, k = torch.randn(2, 2, 3, 5, 7).double()
    largest = fl.AntiAliased(lambda h: h.amax(1), 3)
    assert largest(h).shape == (2, 5, 7)
    sigma = fl.AntiAliased()
    assert (sigma(h) - sigma(k)).norm() <= (h - k).norm()
    assert (fl.AntiAliased(torch.relu, 1)(h) - h.relu()).abs().max() < ROUNDING


def test_bad_input(as_users_see_it):
    with pytest.raises(ValueError, match=r"factor is 1\.5"):
        fl.AntiAliased(factor=1.5)
    with pytest.raises(ValueError, match="make it 5"):
        fl.AntiAliased()(torch.rand(4, 5))
