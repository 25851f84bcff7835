"""The scan: the same states frame by frame, all at once, and as a plain recurrence of numbers."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, all_groups, element, seeds, signal, velocities

import flowlib as fl

MODES = {mode: partial(fl.ScanCell, mode=mode) for mode in ("sequential", "parallel")}


def network(group, V, mode, inside=1, hidden=2, seed=0, **options):
    torch.manual_seed(seed)
    return fl.FERNN(group, V, inside, hidden, cell=MODES[mode], **options).double()


def stack(group, V, mode):
    return fl.Stack(network(group, V, mode), network(group, V, mode, inside=2, lifted=True, seed=1))


@given(all_groups(), seeds, st.sampled_from(list(MODES)))
def test_the_law(group, seed, mode):
    V = velocities(group, 1)
    rnn, video = network(group, V, mode, seed=seed), signal(group, seed, 1, 5, 1)
    w = V[seed % len(V)] - V[seed // 7 % len(V)]
    assert fl.flow_equivariance_error(rnn, video, w).max() < ROUNDING
    assert fl.equivariance_error(rnn, video, element(group, seed)).max() < ROUNDING


@given(st.integers(1, 40), seeds)
def test_a_scan_is_a_loop(time, seed):
    random = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 2, time, 3, dtype=torch.float64, generator=random)
    a[:, ::5] = 0
    state, states = torch.zeros(2, 3, dtype=torch.float64), []
    for gate, new in zip(a.unbind(1), b.unbind(1), strict=True):
        state = gate * state + new
        states.append(state)
    states = torch.stack(states, 1)
    error = (fl.linear_scan(a, b) - states).abs().max() / states.abs().max()
    assert error < 1e-13


@given(all_groups(), st.integers(1, 9), seeds)
def test_both_modes_are_one(group, time, seed):
    """States and all gradients, from a state that is not 0."""
    V = velocities(group, 1)
    nets = [network(group, V, mode) for mode in MODES]
    video = signal(group, seed, 2, time, 1)
    first = signal(group, seed + 1, 2, len(V), 2, lifted=True)
    found = []
    for net in nets:
        start = first.clone().requires_grad_()
        states = net(video, start)
        grads = torch.autograd.grad(states.square().sum(), [start, *net.parameters()])
        found.append([states, *grads])
    for one, other in zip(*found, strict=True):
        assert (one - other).abs().max() <= 1e-13 * other.abs().max().clamp(min=1)


def test_stacks_of_both_modes_are_one(seeded):
    ring, V = fl.Translations(9), fl.translation_velocities(1, 1)
    video = torch.rand(2, 6, 1, 9, dtype=torch.float64)
    one, other = (stack(ring, V, mode) for mode in MODES)
    torch.testing.assert_close(one(video), other(video), rtol=0, atol=1e-14)
    for net in (one, other):
        assert fl.flow_equivariance_error(net, video, 1).max() < ROUNDING


def test_gates_are_of_the_frame_alone(seeded):
    """The state enters linearly: twice the memory is twice what is kept of it."""
    torus, V = fl.Translations((5, 6)), fl.translation_velocities(1)
    rnn, frame = network(torus, V, "sequential"), torch.rand(2, 1, 5, 6, dtype=torch.float64)
    h = torch.rand(2, 9, 2, 5, 6, dtype=torch.float64)
    none = rnn.step(0 * h, frame)
    once, twice = rnn.step(h, frame) - none, rnn.step(2 * h, frame) - none
    torch.testing.assert_close(twice, 2 * once, rtol=0, atol=1e-15)
    a, _ = rnn.cell.gate(rnn.input_conv(frame)[:, None])
    assert a.shape[1] == 1 and 0 < a.min() and a.max() < 1


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_gradients(mode, lifted, seeded):
    """Also where the gates have the shape of the state: then no sum stands between their gradients."""
    ring, V = fl.Translations(4), [[0], [1]]
    rnn, lead = network(ring, V, mode, hidden=1, lifted=lifted), (1, 3, *[len(V)] * lifted)
    video = torch.rand(*lead, 1, 4, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(rnn, video, check_forward_ad=True)
    torch.autograd.gradgradcheck(rnn, video)


def test_what_it_keeps():
    """For the backward pass one state a frame, and little for the gates, which do not know V."""
    from flowlib.lab.bench import kept_states

    torus, V, time = fl.Translations((12, 12)), fl.translation_velocities(2), 6
    rnn, video = network(torus, V, "sequential", hidden=8), torch.rand(2, time, 1, 12, 12).double()
    kept = kept_states(lambda: rnn.last(video), 2 * len(V) * 8 * 144) / time
    assert kept < 1.3


@pytest.mark.parametrize(
    "options, mixing, words",
    [
        ({"memory": 1.0}, 0, "between 0 and 1"),
        ({"mode": "fast"}, 0, "'sequential' or 'parallel'"),
        ({}, 1, "velocity_mixing=0"),
    ],
)
def test_bad_input(options, mixing, words):
    with pytest.raises(ValueError, match=words):
        cell = partial(fl.ScanCell, **options)
        fl.FERNN(fl.Translations(5), [[0], [1]], cell=cell, velocity_mixing=mixing)
