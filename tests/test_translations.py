"""Real shifts of an odd grid."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, seeds

import flowlib as fl
from flowlib.flows import velocity_set
from flowlib.sampling import shift

odd = st.sampled_from([1, 3, 5, 7])
grids = st.one_of(st.tuples(odd), st.tuples(odd, odd))


def close(a, b, rounding=ROUNDING):
    return bool((a - b).norm() <= rounding * (b.norm() + 1))


@given(grids, seeds)
def test_real_shifts_are_an_orthogonal_group_that_holds_the_whole_ones(shape, seed):
    group, pixels = fl.Translations(shape, "fourier"), fl.Translations(shape)
    random = torch.Generator().manual_seed(seed)
    f = torch.randn(2, *shape, dtype=torch.float64, generator=random)
    g, h = group.random((2,), random)
    moved = group.act(g, f)
    assert close(group.act(h, moved), group.act(g + h, f))
    assert close(group.act(-g, moved), f) and close(moved.square().sum(), f.square().sum())
    assert close(group.act(g.round(), f), pixels.act(g.round().long(), f))
    one = f
    for axis, by in enumerate(g, -len(shape)):
        one = shift(one, by, axis)
    assert close(moved, one)
    assert close(group.act_lifted(group.prepare(g, f), f), moved)


@given(grids, seeds)
def test_a_linear_network_obeys_the_law_for_real_velocities(shape, seed):
    torch.manual_seed(seed)
    group = fl.Translations(shape, interpolation="fourier")
    w = torch.rand(group.dim).double() * 4 - 2
    V = torch.stack([0 * w, w, 2.5 * w + 0.1, 1.5 * w + 0.1])
    rnn = fl.FERNN(group, V, 1, 2, nonlinearity=lambda z: z)
    video = torch.randn(2, 4, 1, *shape).double()
    assert fl.flow_equivariance_error(rnn, video, w).max() < 10 * ROUNDING


def test_the_contract_holds_and_relu_breaks_it_between_the_pixels():
    group = fl.Translations((3, 5), "fourier")
    assert "keeps the contract" in fl.check_my_group(group, nonlinearity=lambda z: z)
    assert "keeps the contract" in fl.check_my_group(group, elements=[[0, 0], [1, -2], [2, 4]])
    with pytest.raises(fl.LawBroken, match="the law of a FERNN"):
        fl.check_my_group(group)


def test_whole_motions_are_exact_whatever_the_channels(seeded):
    """psi_t(w) permutes, so sigma may be anything; the channels may stand between the pixels."""
    torus = fl.Translations((5, 7), "fourier")
    V = fl.translation_velocities(2).double() / 2
    video = torch.rand(1, 4, 1, 5, 7).double()
    for options in ({}, {"cell": fl.GatedCell}, {"velocity_mixing": 1}):
        rnn = fl.FERNN(torus, V, 1, 2, **options)
        if "velocity_mixing" not in options:
            assert fl.flow_equivariance_error(rnn, video, (1, 0)).max() < 10 * ROUNDING
        assert fl.flow_equivariance_error(rnn, video, (0.5, 0)).max() > 1e-3


def test_kinds_of_numbers_and_gradients(seeded):
    torus = fl.Translations((3, 5), "fourier")
    f = torch.rand(2, 3, 5)
    assert torus.act((0.5, 0), f).dtype == torch.float32
    assert torus.act((0.5, 0), f.bfloat16()).dtype == torch.bfloat16
    by = torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    f = f.double().requires_grad_()
    assert torch.autograd.gradcheck(torus.act, (by, f))
    rnn = fl.FERNN(torus, [(0, 0), (0, 0.5)], 1, 2).bfloat16()
    assert rnn(torch.rand(1, 2, 1, 3, 5).bfloat16()).dtype == torch.bfloat16
    assert repr(torus) != repr(fl.Translations((3, 5))) and torus != fl.Translations((3, 5))


def test_bad_input(as_users_see_it):
    with pytest.raises(ValueError, match=r"such as \(29, 29\)"):
        fl.Translations((28, 29), "fourier")
    with pytest.raises(ValueError, match="take None, for whole pixels, or 'fourier'"):
        fl.Translations(5, interpolation="bilinear")
    torus = fl.Translations((3, 5), "fourier")
    with pytest.raises(ValueError, match=r"torch\.int64, which has nothing between"):
        torus.act((0, 0.5), torch.zeros(3, 5, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"\[\[-10\.0, -10\.0\], \[0, 0\], \[10\.0, 10\.0\]\]"):
        velocity_set(torus, [0.5, 1.0])
