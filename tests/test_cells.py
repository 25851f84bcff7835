"""The law holds for every cell that is the same for all velocities and commutes with the group."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, all_groups, closed_velocities, element, seeds, signal, velocities

import flowlib as fl


class Polynomial(fl.Cell):
    """An odd cell of a reader's own: products and powers of two convolutions, and two drives."""

    drives = 2

    def __init__(self, convolution, channels):
        super().__init__(channels)
        self.one, self.two = convolution(channels, channels), convolution(channels, channels)

    def forward(self, moved, drive):
        first, second = drive.chunk(2, dim=2)
        return (
            0.3 * moved + self.one(moved) * torch.sin(first) + self.two(moved.tanh() ** 2) - second
        )


CELLS = [fl.ElmanCell, fl.GatedCell, partial(fl.GatedCell, memory=0.9), Polynomial]


@given(all_groups(), seeds, st.sampled_from(CELLS))
def test_the_law(group, seed, cell):
    torch.manual_seed(seed)
    V = velocities(group, 1)
    rnn = fl.FERNN(group, V, 1, 2, cell=cell)
    w = V[seed % len(V)] - V[seed // 7 % len(V)]
    error = fl.flow_equivariance_error(rnn, signal(group, seed, 1, 4, 1), w)
    assert error.max() < ROUNDING
    assert (
        fl.equivariance_error(rnn, signal(group, seed, 1, 3, 1), element(group, seed)).max()
        < ROUNDING
    )


@given(closed_velocities(), seeds, st.sampled_from(CELLS), st.booleans())
def test_the_law_when_velocities_mix(closed, seed, cell, separable):
    torch.manual_seed(seed)
    group, V = closed
    rnn = fl.FERNN(group, V, 1, 2, cell=cell, velocity_mixing=1, separable=separable)
    error = fl.flow_equivariance_error(rnn, signal(group, seed, 1, 4, 1), element(group, seed))
    assert error.max() < ROUNDING


def test_a_cell_that_knows_its_velocity_breaks_it(seeded):
    class Knows(fl.ElmanCell):
        def advance(self, group, psi_1, state, drive):
            return super().advance(group, psi_1, state, drive) * torch.tensor(
                [1.0, 1.1, 1.2]
            ).reshape(3, 1, 1)

    rnn = fl.FERNN(fl.Translations(9), fl.translation_velocities(1, 1), 1, 2, cell=Knows)
    assert fl.flow_equivariance_error(rnn, torch.rand(1, 4, 1, 9), 1)[1:].min() > 1e-3


def test_at_once_is_one_after_the_other(seeded):
    """ElmanCell moves and convolves at once: the same as the contract's cell(moved, drive)."""
    torus, V = fl.Translations((5, 6)), fl.translation_velocities(1)
    for mixing in (0, 1):
        rnn = fl.FERNN(torus, V, 1, 2, velocity_mixing=mixing).double()
        state, drive = torch.rand(2, 9, 2, 5, 6).double(), torch.rand(2, 1, 2, 5, 6).double()
        psi_1 = rnn.psi_1(state)
        fast = rnn.cell.advance(torus, psi_1, state, drive)
        slow = rnn.cell(torus.act_lifted(psi_1, state), drive)
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-15)


def test_a_gated_cell_is_a_gru_at_every_place(seeded):
    """With kernels of one entry, no motion and no bias but b it is torch's own, place by place."""
    ring, C = fl.Translations(4), 3
    rnn = fl.GRNN(ring, 2, C, kernel_size=1, cell=fl.GatedCell, memory=0.7)
    gru = torch.nn.GRU(2, C, batch_first=True)
    order = torch.cat([torch.arange(C) + C, torch.arange(C), torch.arange(C) + 2 * C])  # r, z, n
    with torch.no_grad():
        gru.weight_ih_l0.copy_(rnn.input_conv.weight[order, :, 0])
        gru.weight_hh_l0.copy_(rnn.state_conv.weight[order, :, 0])
        gru.bias_hh_l0.zero_()
        gru.bias_ih_l0.zero_()
        gru.bias_ih_l0[C : 2 * C] = rnn.cell.bias
    video = torch.rand(2, 5, 2, 4)
    theirs = (
        gru(video.permute(0, 3, 1, 2).flatten(0, 1))[0].unflatten(0, (2, 4)).permute(0, 2, 3, 1)
    )
    torch.testing.assert_close(rnn(video)[:, :, 0], theirs)
    assert torch.sigmoid(rnn.cell.bias).tolist() == pytest.approx([0.7] * C)


@pytest.mark.parametrize("mixing", [0, 1])
def test_memory_is_a_share_of_the_identity(mixing, seeded):
    """With memory = 1 an untrained network keeps all, and hears no neighbour."""
    ring, V = fl.Translations(7), fl.translation_velocities(1, ndim=1)
    rnn = fl.FERNN(ring, V, 1, 2, memory=1.0, velocity_mixing=mixing)
    state = torch.rand(1, 3, 2, 7)
    kept = rnn.update(state, torch.zeros(1, 2, 7))
    assert torch.equal(kept, rnn.flow_on(state))
    torch.manual_seed(3)
    plain = fl.FERNN(ring, V, 1, 2)
    torch.manual_seed(3)
    half = fl.FERNN(ring, V, 1, 2, memory=0.5)
    more = half.state_conv.weight - 0.5 * plain.state_conv.weight
    assert torch.equal(more, 0.5 * torch.eye(2)[:, :, None] * torch.tensor([0, 1.0, 0]))


def test_bad_input(as_users_see_it):
    ring = fl.Translations(5)
    with pytest.raises(ValueError, match="memory is 2.*from 0 to 1"):
        fl.GRNN(ring, memory=2)
    with pytest.raises(ValueError, match="memory is 1.*between 0 and 1"):
        fl.GRNN(ring, cell=fl.GatedCell, memory=1)
    with pytest.raises(TypeError, match="forward"):
        fl.Cell(3)
