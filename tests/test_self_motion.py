"""A network that knows its own motion: for any path it is the still network, seen from the camera."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, all_groups, element, seeds, signal, velocities

import flowlib as fl
from flowlib.pages.turns_and_shifts import TurnsAndShifts


def relative(left, right):
    return ((left - right).norm() / right.norm()).item()


def path(group, seed, batch, steps):
    return torch.stack([element(group, seed + k) for k in range(batch * steps)]).reshape(
        batch, steps, group.dim
    )


def from_camera(group, states, camera):
    """States (batch, time, velocity, ...) of the world, as they stand in the frame of the camera."""
    back = group.inverse(camera)[:, None]
    return fl.flow_video(group, states.movedim(2, 1), path=back, lifted=True).movedim(1, 2)


@given(all_groups(), seeds, st.sampled_from([fl.ElmanCell, fl.GatedCell]))
def test_any_path_leaves_no_trace(group, seed, cell):
    torch.manual_seed(seed)
    rnn = fl.FERNN(group, velocities(group, 1), 1, 2, cell=cell).double()
    world, camera = signal(group, seed, 2, 4, 1), path(group, seed, 2, 3)
    seen = fl.flow_video(group, world, path=group.inverse(camera))
    still = rnn(world)
    error = relative(fl.SelfMotion(rnn)(seen, camera), from_camera(group, still, camera))
    assert error < ROUNDING


@pytest.mark.parametrize("separable", [False, True])
def test_velocities_may_mix_and_gradients_know_the_path(separable, seeded):
    group, V = fl.Translations((5, 6)), fl.translation_velocities(1)
    rnn = fl.FERNN(group, V, 1, 2, velocity_mixing=1, separable=separable).double()
    world, camera = signal(group, 0, 2, 4, 1), torch.randint(-3, 4, (2, 3, 2))
    states = fl.SelfMotion(rnn)(fl.flow_video(group, world, path=-camera), camera)
    law = from_camera(group, rnn(world), camera)
    assert relative(states, law) < ROUNDING
    weights, target = list(rnn.parameters()), torch.randn_like(law)
    ours, theirs = (torch.autograd.grad((h * target).sum(), weights) for h in (states, law))
    torch.testing.assert_close(ours, theirs)


def test_without_it_the_path_is_in_the_state(seeded):
    group = fl.Translations((7, 6))
    rnn = fl.FERNN(group, fl.translation_velocities(1), 1, 2).double()
    world, camera = signal(group, 0, 2, 5, 1), torch.randint(-3, 4, (2, 4, 2))
    seen = fl.flow_video(group, world, path=-camera)
    assert relative(rnn(seen), from_camera(group, rnn(world), camera)) > 0.1


def test_paths_that_do_not_commute(seeded):
    """When the camera turns, velocity channels change places, and the law is exact."""
    group = TurnsAndShifts(5)
    assert "keeps the contract" in fl.check_my_group(group)
    V = torch.cat([torch.zeros(9, 1).long(), fl.translation_velocities(1)], 1)
    rnn = fl.FERNN(group, V, 1, 2, nonlinearity=torch.tanh).double()
    world, camera = signal(group, 0, 2, 5, 1), group.random((2, 4))
    kappa = [torch.zeros(2, 3).long()]
    for step in camera.unbind(1):
        kappa.append(group.product(kappa[-1], step))
    kappa = torch.stack(kappa, 1)
    seen = group.act(group.inverse(kappa)[:, :, None], world)
    states = fl.SelfMotion(rnn)(seen, camera)
    # h_t(v) = kappa_t^-1 . h_t[F](kappa_t v kappa_t^-1), whose channel is the turned velocity.
    turned = group.product(group.product(kappa[:, :, None], V), group.inverse(kappa)[:, :, None])
    channel = group.same(turned[..., None, :], V).int().argmax(-1)
    still = rnn(world).gather(2, channel[..., None, None, None].expand_as(states))
    law = group.act_lifted(group.inverse(kappa)[:, :, None, None], still)
    assert relative(states, law) < ROUNDING
    assert (
        relative(states, group.act_lifted(group.inverse(kappa)[:, :, None, None], rnn(world))) > 0.1
    )
    one = fl.FERNN(group, V[3:5], 1, 2).double()
    with pytest.raises(ValueError, match="not in V"):
        fl.SelfMotion(one)(seen, camera)


def test_a_state_is_gone_on_from_and_stacks_work(seeded):
    group, V = fl.Translations((5, 6)), fl.translation_velocities(1)
    stack = fl.Stack(fl.FERNN(group, V, 1, 2), fl.FERNN(group, V, 2, 3, lifted=True))
    for rnn in (stack, fl.GRNN(group, 1, 2)):
        moving = fl.SelfMotion(rnn.double())
        video, camera = signal(group, 1, 2, 5, 1), torch.randint(-2, 3, (2, 4, 2))
        states = moving(video, camera)
        assert states.shape[:2] == (2, 5)
    assert torch.equal(moving(video[:, 3:], camera[:, 2:], states[:, 2]), states[:, 3:])


def test_what_leaves_the_window_stays_and_returns(seeded):
    """Outside of the window no number of the memory changes; there and back again it is where it was."""
    group, V = fl.Translations((12, 11)), fl.translation_velocities(1)
    model = fl.WindowForecaster(fl.FERNN(group, V, 1, 2), (4, 5), 1).double()
    video, camera = (
        signal(group, 2, 1, 7, 1)[..., :4, :5],
        torch.tensor([[5, -6]] * 3 + [[-5, 6]] * 3),
    )
    moves = model.motion.moves(camera[None], video)
    moved = state = model.see(model.rnn.initial_state(1), video[:, 0], moves[0])
    untouched = torch.ones_like(state)  # by any frame since
    for frame, move in zip(video[:, 1:].unbind(1), moves, strict=True):
        state = model.see(state, frame, move)
        moved, untouched = (model.motion.flow_on(h, move) for h in (moved, untouched))
        untouched[model.middle] = 0
    kept = untouched.bool()
    assert moved[kept].any() and torch.equal(state[kept], moved[kept])
    assert not torch.equal(state, moved)


def test_a_window_as_large_as_the_world_is_no_window(seeded):
    group, V = fl.Translations((6, 5)), fl.translation_velocities(1)
    rnn = fl.FERNN(group, V, 1, 2).double()
    model = fl.WindowForecaster(rnn, (6, 5), 1).double()
    video, camera = signal(group, 3, 2, 4, 1), torch.randint(-2, 3, (2, 4, 2))
    state = fl.SelfMotion(rnn)(video, camera[:, :3])[:, -1]
    ahead = model.motion.flow_on(state, model.motion.moves(camera[:, 3:], video)[0])
    assert relative(model(video, camera)[:, 0], model.believe(ahead)) < ROUNDING


def test_bad_input(as_users_see_it):
    group = fl.Translations((6, 5))
    rnn = fl.GRNN(group, 1, 2)
    video, camera = torch.rand(2, 4, 1, 6, 5), torch.zeros(2, 3, 2).long()
    for wrong in (camera[:, :2], camera[:1], camera[..., :1]):
        with pytest.raises(ValueError, match=r"camera has shape .* it wants \(2, 3, 2\)"):
            fl.SelfMotion(rnn)(video, wrong)
    with pytest.raises(ValueError, match="at most"):
        fl.WindowForecaster(rnn, (7, 5))
    model = fl.WindowForecaster(rnn, (3, 3))
    with pytest.raises(ValueError, match="one step ahead"):
        model(video[..., :3, :3], camera)
    with pytest.raises(ValueError, match="context has shape"):
        model(video, camera)
