import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    ROUNDING,
    all_groups,
    closed_velocities,
    element,
    seeds,
    signal,
    velocities,
)

import flowlib as fl
from flowlib.lab.bench import kept_states


def plain_loop(rnn, video):
    """h_t(v) = relu(U * f_t + W * psi_1(v).h_{t-1}(v)), straight from the formula, v by v."""
    ndim = rnn.group.ndim
    axes, pad = tuple(range(-ndim, 0)), (rnn.state_conv.kernel_size // 2,) * 2 * ndim
    conv = {1: F.conv1d, 2: F.conv2d}[ndim]

    def circular(x, layer):
        return conv(F.pad(x, pad, mode="circular"), layer.weight)

    h = {tuple(v): 0 * circular(video[:, 0], rnn.input_conv) for v in rnn.velocities.tolist()}
    states = []
    for frame in video.unbind(1):
        for v in h:
            moved = torch.roll(h[v], v, axes)
            h[v] = torch.relu(circular(frame, rnn.input_conv) + circular(moved, rnn.state_conv))
        states.append(torch.stack(list(h.values()), 1))
    return torch.stack(states, 1)


@pytest.mark.parametrize("shape, radius", [((9,), 2), ((9,), 4), ((7, 6), 1), ((5, 8), 2)])
def test_all_velocities_at_once_is_the_plain_loop(shape, radius, seeded):
    group = fl.Translations(shape)
    rnn = fl.FERNN(group, fl.translation_velocities(radius, len(shape)), 2, 3).double()
    video = torch.randn(2, 5, 2, *shape, dtype=torch.float64)
    torch.testing.assert_close(rnn(video), plain_loop(rnn, video), rtol=1e-13, atol=1e-14)


def test_gradients_are_those_of_the_plain_loop(seeded):
    group = fl.Translations((5, 6))
    rnn = fl.FERNN(group, fl.translation_velocities(1), 1, 2).double()
    video = torch.randn(2, 4, 1, 5, 6, dtype=torch.float64)
    ours = torch.autograd.grad(rnn(video).square().sum(), list(rnn.parameters()))
    oracle = torch.autograd.grad(plain_loop(rnn, video).square().sum(), list(rnn.parameters()))
    torch.testing.assert_close(ours, oracle)


@given(all_groups(), seeds, st.integers(0, 2), st.sampled_from([torch.relu, torch.tanh]))
def test_flow_equivariance_of_the_lifted_state(group, seed, radius, nonlinearity):
    """The theorem: exact for every w that leads from one velocity of V to another."""
    torch.manual_seed(seed)
    V = velocities(group, radius)
    rnn = fl.FERNN(group, V, 1, 2, nonlinearity=nonlinearity)
    w = V[seed % len(V)] - V[seed // 7 % len(V)]
    error = fl.flow_equivariance_error(rnn, signal(group, seed, 1, 4, 1), w)
    assert error.shape == (4,) and error.max() < ROUNDING


@given(closed_velocities(), seeds, st.integers(0, 2))
def test_flow_equivariance_when_velocities_are_a_group(closed, seed, mixing):
    """Every w has a partner for every channel, and mixing velocities costs nothing."""
    torch.manual_seed(seed)
    group, V = closed
    w = element(group, seed)
    assert len(fl.velocity_pairs(group, V, w)[0]) == len(V)
    rnn = fl.FERNN(group, V, 1, 2, velocity_mixing=mixing)
    assert fl.flow_equivariance_error(rnn, signal(group, seed, 1, 4, 1), w).max() < ROUNDING


@given(st.integers(1, 2), seeds, st.sampled_from([1, 2]))
def test_mixing_is_the_sum_over_neighbours(ndim, seed, mixing):
    """sum over |d| <= r of W_d * [psi_1(v).h(v + d)], velocity by velocity; outside V counts as 0."""
    torch.manual_seed(seed)
    group, radius, C = fl.Translations((7, 6)[:ndim]), 2 if ndim == 1 else 1, 2
    V = fl.translation_velocities(radius, ndim)
    rnn = fl.FERNN(group, V, 1, C, velocity_mixing=mixing).double()
    state = signal(group, seed, 2, len(V), C)
    drive = signal(group, seed + 1, 2, C)
    offsets = fl.translation_velocities(mixing, ndim)
    axes, pad = tuple(range(-ndim, 0)), (1,) * 2 * ndim
    conv = {1: F.conv1d, 2: F.conv2d}[ndim]
    for v, row in zip(V, rnn.update(state, drive).unbind(1), strict=True):
        total = drive
        for k, d in enumerate(offsets):
            if (v + d).abs().max() <= radius:
                neighbour = state[:, fl.velocity_index(V, v + d)]
                moved = F.pad(torch.roll(neighbour, v.tolist(), axes), pad, mode="circular")
                total = total + conv(moved, rnn.state_conv.weight[:, C * k : C * (k + 1)])
        torch.testing.assert_close(row, torch.relu(total))


def test_the_error_of_mixing_creeps_in_from_the_rim(seeded):
    """After t frames the outermost r t channels, and those whose partners are there, are wrong."""
    ring, radius, r, w = fl.Translations((31,)), 6, 2, 1
    V = fl.translation_velocities(radius, 1)
    rnn = fl.FERNN(ring, V, 1, 2, velocity_mixing=r, nonlinearity=torch.tanh).double()
    video = torch.randn(1, 4, 1, 31).double()
    moved = rnn(fl.flow_video(ring, video, w))
    still = fl.flow_video(ring, rnn(video)[0].movedim(1, 0), w).movedim(0, 1)
    for t in range(4):
        for v in range(-radius + w, radius + 1):
            error = (moved[0, t, v + radius] - still[t, v - w + radius]).norm()
            untouched = min(radius - v, v - w + radius) >= r * t
            assert (error < ROUNDING) == untouched, (t, v)


@given(all_groups(), seeds, st.integers(0, 2))
def test_group_averaging_is_the_fernn_that_does_not_mix(group, seed, radius):
    torch.manual_seed(seed)
    V, video = velocities(group, radius), signal(group, seed, 2, 4, 1)
    rnn = fl.GRNN(group, 1, 2).double()
    fernn = fl.FERNN(group, V, 1, 2).double()
    fernn.load_state_dict({**rnn.state_dict(), "velocities": fernn.velocities})
    averaged = fl.group_averaging(rnn, video, V)
    torch.testing.assert_close(averaged, fernn(video), rtol=0, atol=ROUNDING)


@given(all_groups(), seeds, st.integers(0, 1))
def test_static_equivariance(group, seed, radius):
    rnn = fl.FERNN(group, velocities(group, radius), 1, 2)
    video, g = signal(group, seed, 1, 4, 1), element(group, seed)
    assert fl.equivariance_error(rnn, video, g).max() < ROUNDING


def test_a_grnn_is_a_fernn_that_stands_still_and_it_fails(seeded):
    ring = fl.Translations(16)
    rnn = fl.GRNN(ring, 1, 4)
    assert rnn.velocities.tolist() == [[0]] and isinstance(rnn, fl.FERNN)
    error = fl.flow_equivariance_error(rnn, torch.rand(2, 6, 1, 16), 1)
    assert error[0] < ROUNDING, "no motion has happened yet in frame 0"
    assert (error[1:] > 0.05).all()


def test_a_state_carries_on(seeded):
    torus = fl.Translations((5, 5))
    rnn = fl.FERNN(torus, fl.translation_velocities(1), 1, 3)
    video = torch.randn(2, 6, 1, 5, 5)
    first = rnn(video[:, :4])
    torch.testing.assert_close(rnn(video[:, 4:], first[:, -1]), rnn(video)[:, 4:])
    stepped = rnn.step(first[:, -1], video[:, 4])
    torch.testing.assert_close(stepped, rnn(video)[:, 4])


def test_flow_on_is_the_next_frame_of_a_state_that_only_flows(seeded):
    ring = fl.Translations(7)
    rnn = fl.FERNN(ring, fl.translation_velocities(2, ndim=1), 1, 3)
    state = torch.randn(2, 5, 3, 7)
    for c, v in enumerate(range(-2, 3)):
        assert torch.equal(rnn.flow_on(state)[:, c], torch.roll(state[:, c], v, -1))


def test_everything_follows_the_network_to_its_device():
    """torch's "meta" device has no numbers, and refuses tensors of another device."""
    torus = fl.Translations((5, 6))
    model = fl.Forecaster(fl.FERNN(torus, fl.translation_velocities(1), 1, 2)).to("meta")
    state = model.rnn.step(model.rnn.initial_state(2), torch.zeros(2, 1, 5, 6, device="meta"))
    assert model.read(state).device.type == "meta"
    g = torus.product(model.rnn.velocities, torus.inverse(model.rnn.velocities))
    assert g.device.type == "meta"


def test_bad_input(as_users_see_it):
    torus = fl.Translations((6, 6))
    rnn = fl.FERNN(torus, fl.translation_velocities(1), 1, 2)
    with pytest.raises(ValueError, match=r"video has shape .* \(batch, time, channel, 6, 6\)"):
        rnn(torch.zeros(2, 1, 6, 6))
    with pytest.raises(ValueError, match="6, 6"):
        rnn(torch.zeros(2, 3, 1, 6, 5))
    with pytest.raises(ValueError, match="no time"):
        rnn(torch.zeros(2, 0, 1, 6, 6))
    with pytest.raises(ValueError, match="NaN"):
        rnn(torch.full((2, 3, 1, 6, 6), torch.nan))
    with pytest.raises(ValueError, match="this layer takes 1"):
        rnn(torch.zeros(2, 3, 2, 6, 6))
    with pytest.raises(ValueError, match="25 velocities, this network 9"):
        rnn(torch.zeros(2, 3, 1, 6, 6), torch.zeros(2, 25, 2, 6, 6))
    with pytest.raises(ValueError, match="0 \\(none\\) or more"):
        fl.FERNN(torus, fl.translation_velocities(1), velocity_mixing=-1)
    with pytest.raises(ValueError, match=r"ndim=2"):
        fl.FERNN(torus, fl.translation_velocities(1, ndim=1))


# --- what a researcher does with it ---------------------------------------------------------------

V1 = fl.translation_velocities(1)


@pytest.mark.parametrize(
    "options", [{}, {"velocity_mixing": 1}, {"velocity_mixing": 1, "separable": True}]
)
def test_with_velocities_shares_the_weights(options, seeded):
    torus, video = fl.Translations((9, 9)), torch.rand(1, 3, 1, 9, 9)
    slow = fl.FERNN(torus, V1, 1, 2, **options)
    fast = slow.with_velocities(fl.translation_velocities(3))
    again, V = fast.with_velocities(V1), fl.translation_velocities(3)
    torch.testing.assert_close(again(video), slow(video))
    assert all(a is b for a, b in zip(slow.parameters(), fast.parameters(), strict=True))
    assert len(slow.velocities) == 9 and len(fast.velocities) == 49
    # Far from the rim a channel computes what it would in the other V, or hears more.
    at_rest = fast(video)[:, :2, fl.velocity_index(V, (0, 0))], slow(video)[:, :2, 4]
    torch.testing.assert_close(*at_rest)
    with pytest.raises(ValueError, match="49 velocities, this network 9"):
        slow(video, fast.last(video))


def test_a_state_dict_of_another_v_is_refused():
    """With mixing, all names and shapes match, and the network would compute something else."""
    ring, odd, even = fl.Translations(12), [-1, 0, 1], [-2, 0, 2]
    one, two = (fl.FERNN(ring, V, 1, 2, velocity_mixing=1) for V in (odd, even))
    with pytest.raises(RuntimeError, match=r"with_velocities\(V\)"):
        two.load_state_dict(one.state_dict())
    assert two.velocities.flatten().tolist() == even
    one.load_state_dict(fl.FERNN(ring, odd, 1, 2, velocity_mixing=1).state_dict())
    turns = fl.Rotations(4, size=5)
    ten = fl.FERNN(turns, [-10.0, 0, 10], 1, 2).state_dict()
    with pytest.raises(RuntimeError, match="-20"):
        fl.FERNN(turns, [-20.0, 0, 20], 1, 2).load_state_dict(ten)


def test_input_is_checked_before_the_first_state_is_asked_for(as_users_see_it):
    rnn = fl.GRNN(fl.Translations(6), 1, 2)
    with pytest.raises(ValueError, match="NaN"):
        rnn.states(torch.full((1, 2, 1, 6), torch.nan))
    with pytest.raises(ValueError, match="velocity, channel"):
        fl.GRNN(fl.Translations(6), 1, 2, lifted=True).states(torch.zeros(1, 2, 1, 6))
    with pytest.raises(ValueError, match="checkpoint_every is 0"):
        fl.GRNN(fl.Translations(6), 1, 2, checkpoint_every=0)


def test_the_backward_pass_keeps_one_state_a_frame(seeded):
    torus, V, C, T = fl.Translations((28, 28)), fl.translation_velocities(2), 8, 10
    video, state = torch.rand(2, T, 1, 28, 28), 2 * 25 * C * 28**2
    rnn = fl.FERNN(torus, V, 1, C)
    assert kept_states(lambda: rnn.last(video), state) / T <= 1.10
    assert kept_states(lambda: rnn(video), state) / T <= 1.10
    ahead = fl.Forecaster(rnn, decoder_layers=4)
    assert kept_states(lambda: ahead(video[:, :5], 6), state) / T <= 1.7
    mixing = fl.FERNN(torus, V, 1, C, velocity_mixing=1)
    assert kept_states(lambda: mixing.last(video), state) / T <= 1.10
    every = fl.FERNN(torus, V, 1, C, checkpoint_every=4)
    assert kept_states(lambda: every.last(video), state) <= 3


@pytest.mark.parametrize("stacked", [False, True])
def test_checkpoints_change_no_gradient(stacked, seeded):
    torus, video = fl.Translations((5, 6)), torch.rand(2, 7, 1, 5, 6).double()

    def gradients(every):
        torch.manual_seed(1)
        rnn = fl.FERNN(torus, V1, 1, 2, checkpoint_every=every)
        if stacked:
            rnn = fl.Stack(rnn, fl.FERNN(torus, V1, 2, 2, lifted=True))
        model = fl.Forecaster(rnn, decoder_layers=1).double()
        loss = model(video, 5).square().sum()
        return loss.detach(), *torch.autograd.grad(loss, list(model.parameters()))

    for every in (1, 3, 20):
        torch.testing.assert_close(gradients(every), gradients(None), rtol=0, atol=1e-15)


def test_an_initial_state_can_be_written_to():
    """Place by place: it is no view of one zero."""
    state = fl.GRNN(fl.Translations(4), 1, 1).initial_state(2)
    state[0, 0, 0, 1] = 1.0
    assert state.sum() == 1
