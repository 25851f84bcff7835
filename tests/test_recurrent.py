import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, element, groups, seeds, signal

import flowlib as fl


def plain_loop(rnn, video):
    """h_t(v) = relu(U * f_t + W * psi_1(v).h_{t-1}(v)), straight from the formula, v by v."""
    ndim = rnn.group.ndim
    axes, pad = tuple(range(-ndim, 0)), (rnn.state_conv.radius,) * 2 * ndim
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


@given(groups(), seeds, st.integers(0, 2), st.sampled_from([torch.relu, torch.tanh]))
def test_flow_equivariance_of_the_lifted_state(group, seed, radius, nonlinearity):
    """The theorem: exact for every w that leads from one velocity of V to another."""
    torch.manual_seed(seed)
    V = fl.translation_velocities(radius, group.ndim)
    rnn = fl.FERNN(group, V, 1, 2, nonlinearity=nonlinearity)
    w = element(group, seed, reach=2 * radius)
    error = fl.flow_equivariance_error(rnn, signal(group, seed, 1, 4, 1), w)
    assert error.shape == (4,) and error.max() < ROUNDING


@given(st.integers(1, 4), seeds)
def test_all_velocities_of_a_ring_are_a_group(radius, seed):
    """With all N velocities of Z_N every w has a partner for every channel."""
    ring = fl.Translations(2 * radius + 1)
    V = fl.translation_velocities(radius, ndim=1)
    w = element(ring, seed)
    assert len(fl.velocity_pairs(ring, V, w)[0]) == len(V)
    rnn = fl.FERNN(ring, V, 1, 2)
    assert fl.flow_equivariance_error(rnn, signal(ring, seed, 1, 4, 1), w).max() < ROUNDING


@given(groups(), seeds, st.integers(0, 1))
def test_static_equivariance(group, seed, radius):
    rnn = fl.FERNN(group, fl.translation_velocities(radius, group.ndim), 1, 2)
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
    with pytest.raises(ValueError, match=r"ndim=2"):
        fl.FERNN(torus, fl.translation_velocities(1, ndim=1))
