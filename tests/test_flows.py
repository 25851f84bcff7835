import pytest
import torch
from hypothesis import given
from strategies import element, groups, seeds, signal

import flowlib as fl
from flowlib.flows import velocity_set


@given(groups(), seeds)
def test_a_flow_moves_the_same_way_each_frame(group, seed):
    v, f = element(group, seed, reach=3), signal(group, seed, 2, 1)
    video = fl.flow(group, f, v, steps=5)
    assert torch.equal(video[:, 0], f)
    for t in range(4):
        assert torch.equal(video[:, t + 1], group.act(v, video[:, t]))


@given(groups(), seeds)
def test_flows_compose_and_invert(group, seed):
    v, w = element(group, seed), element(group, seed + 1)
    video = signal(group, seed, 2, 4, 1)
    both = fl.flow_video(group, fl.flow_video(group, video, v), w)
    assert torch.equal(both, fl.flow_video(group, video, v + w))
    assert torch.equal(fl.flow_video(group, fl.flow_video(group, video, v), -v), video)


def test_a_velocity_for_each_video_and_a_late_start():
    ring, f = fl.Translations(6), torch.randn(2, 1, 6)
    v = torch.tensor([[1], [-2]])
    video = fl.flow(ring, f, v, steps=4)
    for b in range(2):
        assert torch.equal(video[b], fl.flow(ring, f[b], v[b], steps=4))
    late = fl.flow_video(ring, f[:, None].expand(2, 2, 1, 6), v, start=2)
    assert torch.equal(late, video[:, 2:])


@pytest.mark.parametrize("radius, ndim, count", [(0, 1, 1), (2, 1, 5), (0, 2, 1), (2, 2, 25)])
def test_velocity_sets_are_sorted_symmetric_and_hold_zero(radius, ndim, count):
    v = fl.translation_velocities(radius, ndim)
    assert v.shape == (count, ndim)
    assert torch.equal(v, torch.unique(v, dim=0))
    assert torch.equal(v, -v.flip(0))
    assert fl.velocity_index(v, [0] * ndim) == count // 2


def test_bad_input(as_users_see_it):
    torus, V = fl.Translations((4, 5)), fl.translation_velocities(1)
    with pytest.raises(ValueError, match="one frame or more"):
        fl.flow(torus, torch.zeros(1, 4, 5), (1, 0), steps=0)
    with pytest.raises(ValueError, match="add a channel axis"):
        fl.flow(torus, torch.zeros(4, 5), (1, 0), steps=2)
    with pytest.raises(ValueError, match=r"\(2, 0\) is not among.*radius=2"):
        fl.velocity_index(V, (2, 0))
    with pytest.raises(ValueError, match="0 or more"):
        fl.translation_velocities(-1)
    with pytest.raises(ValueError, match=r"wants \(velocity, 2\).*ndim=2"):
        velocity_set(torus, fl.translation_velocities(1, ndim=1))
    with pytest.raises(ValueError, match="stands twice"):
        velocity_set(torus, [(0, 1), (0, 1)])
    with pytest.raises(ValueError, match="whole pixels"):
        velocity_set(torus, [(0.0, 0.5)])


@given(groups(), seeds)
def test_a_path_takes_one_step_a_frame(group, seed):
    """Its own for each video; a constant path is a flow."""
    f, v = signal(group, seed, 2, 1), element(group, seed, reach=3)
    path = torch.stack(
        [torch.stack([element(group, seed + 9 * b + t) for t in range(3)]) for b in range(2)]
    )
    video = fl.flow(group, f, path=path)
    assert torch.equal(video[:, 0], f)
    for t in range(3):
        assert torch.equal(video[:, t + 1], group.act(path[:, t, None], video[:, t]))
    same = fl.flow(group, f, path=v.expand(4, -1))
    assert torch.equal(same, fl.flow(group, f, v, steps=5))
    assert torch.equal(
        fl.flow_video(group, same, path=-v.expand(4, -1)), fl.flow(group, f, 0 * v, 5)
    )


def test_uneven_velocities_say_who_hears_whom():
    with pytest.warns(UserWarning, match=r"V is uneven.* 0: 0, 1; 1: 0, 1; 3: 3"):
        fl.FERNN(fl.Translations(9), [0, 1, 3], velocity_mixing=1)


def test_advice_is_about_velocities_of_the_same_kind(as_users_see_it):
    turns = fl.rotation_velocities([-10, 0, 10])
    with pytest.raises(ValueError, match=r"rotation_velocities\(\[-20, 0, 20\]\)"):
        fl.velocity_index(turns, 20.0)
    with pytest.raises(ValueError, match=r"rotation_velocities\(\.\.\.\)"):
        fl.velocity_pairs(fl.Rotations(4), turns, 50.0)
    with pytest.raises(ValueError, match=r"rotation_velocities\(\[-10, 0, 10\]\)"):
        velocity_set(fl.Rotations(4), [])
    ring, f = fl.Translations(5), torch.zeros(1, 5)
    with pytest.raises(ValueError, match="a velocity and steps, or a path"):
        fl.flow(ring, f, 1)
    with pytest.raises(
        ValueError, match=r"one step from each frame to the next, \(\*batch, 2, 1\)"
    ):
        fl.flow_video(ring, f.expand(3, 1, 5), path=[[1]])
