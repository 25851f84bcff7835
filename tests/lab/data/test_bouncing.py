"""Elastic collisions: what physics conserves is conserved, for thousands of random starts at once."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

import flowlib as fl
from flowlib.lab.data.bouncing import BouncingImages, bounce, boxed, overlap

ROOM = torch.tensor([20.0, 31.0], dtype=torch.float64)


def starts(seed, count=2000, whole=False):
    """Random boxes that do not overlap, one in each half of the room, with random velocities."""
    random = torch.Generator().manual_seed(seed)
    u = torch.rand(4, count, 2, 2, generator=random, dtype=torch.float64)
    size = 2 + 8 * u[0]  # larger ones may rattle between wall and box more often than is allowed
    velocity = 10 * u[1] - 5
    half = torch.tensor([[20.0, 15.0], [20.0, 15.0]], dtype=torch.float64)
    if whole:
        size, velocity = size.floor(), velocity.round()
    position = u[2] * (half - size)
    position = position.floor() if whole else position
    position[:, 1, 1] += 16
    return position, velocity, size


@given(seeds, st.floats(0.1, 3))
def test_energy_is_conserved_and_nothing_overlaps_or_leaves(seed, time):
    position, velocity, size = starts(seed)
    after, then = bounce(position, velocity, size, ROOM, time)
    torch.testing.assert_close(then.square().sum((1, 2)), velocity.square().sum((1, 2)))
    assert overlap(after, size).max() < 1e-9
    assert after.min() > -1e-9 and (after + size - ROOM).max() < 1e-9


@given(seeds)
def test_momentum_is_conserved_where_no_wall_is_hit(seed):
    """In a room so large that the walls are far, the boxes meet and the momentum stays."""
    position, velocity, size = starts(seed)
    after, then = bounce(position + 1000, velocity, size, ROOM + 2000, 4.0)
    torch.testing.assert_close(then.sum(1), velocity.sum(1), rtol=0, atol=1e-12)
    torch.testing.assert_close(then.square().sum((1, 2)), velocity.square().sum((1, 2)))
    met = (then != velocity).any(-1).any(-1)
    assert 0.01 < met.double().mean() < 0.9
    centre, before = after.sum(1), position.sum(1) + 2000
    torch.testing.assert_close(centre, before + 4 * velocity.sum(1), rtol=0, atol=1e-9)


@given(seeds)
def test_time_can_be_turned_back(seed):
    """Turned around, everything comes back to where it was: no event was missed or made up."""
    position, velocity, size = starts(seed)
    after, then = bounce(position, velocity, size, ROOM, 2.0)
    back, again = bounce(after, -then, size, ROOM, 2.0)
    torch.testing.assert_close(back, position, rtol=0, atol=1e-9)
    torch.testing.assert_close(again, -velocity, rtol=0, atol=1e-12)


@given(seeds)
def test_whole_pixels_stay_whole(seed):
    position, velocity, size = starts(seed, whole=True)
    room = ROOM.floor()
    for _ in range(5):
        position, velocity = bounce(position, velocity, size, room)
        torch.testing.assert_close(position, position.round(), rtol=0, atol=1e-9)
        assert torch.equal(velocity, velocity.round())
        position = position.round()


def test_by_hand():
    """Two boxes of 2 run into each other at 1 and -1, from a gap of 4: they meet after 2 frames."""
    position = torch.tensor([[[4.0, 4.0], [4.0, 10.0]]]).double()
    velocity = torch.tensor([[[0.0, 1.0], [0.0, -1.0]]]).double()
    size = torch.full((1, 2, 2), 2.0).double()
    after, then = bounce(position, velocity, size, ROOM, 3.0)
    assert after.tolist() == [[[4.0, 5.0], [4.0, 9.0]]]
    assert then.tolist() == [[[0.0, -1.0], [0.0, 1.0]]]
    lower = position + torch.tensor([[0.0, 0.0], [3.0, 0.0]])  # one passes below the other
    after, then = bounce(lower, velocity, size, ROOM, 6.0)
    assert after[0, 0].tolist() == [4.0, 10.0] and torch.equal(then, velocity)


@pytest.fixture
def source():
    pictures = torch.zeros(3, 1, 8, 8)
    pictures[0, 0, 2:6, 3:5] = 0.7
    pictures[1, 0, 1:7, 1:7] = 0.8
    pictures[2, 0, 3, 4] = 0.9
    return BouncingImages(pictures, fl.translation_velocities(2), canvas=(12, 24))


def test_boxes_are_tight(source):
    boxes, sizes = boxed(source.images)
    assert sizes.tolist() == [[6, 4], [8, 8], [3, 3]]
    assert boxes[0, 0, :6, :4].tolist() == [[1, 1, 1, 1]] + [
        [1, *[source.images[0].max()] * 2, 1]
    ] * 4 + [[1] * 4]
    assert boxes[2].sum() == pytest.approx(8.9) and boxes[2, 0, 1, 1] == pytest.approx(0.9)


def test_videos(source):
    videos = source.draw(20, 6, 3)
    assert videos.shape == (20, 6, 1, 12, 24)
    assert torch.equal(videos, source.draw(20, 6, 3)) and not torch.equal(
        videos, source.draw(20, 6, 4)
    )
    border = videos.clone()
    border[..., 1:-1, 1:-1] = 0.5
    assert (border == 0.5).all(), "the border of one pixel is grey, and no box is on it"
    position, velocity, which = source.motion(20, 6, 3)
    size = source.sizes[which]
    video, t = videos[7, 4, 0], position[7, 4]
    for (y, x), (h, w) in zip(t.long().tolist(), size[7].long().tolist(), strict=True):
        assert (video[y, x : x + w] == 1).all() and (video[y + h - 1, x : x + w] == 1).all()
        assert (video[y : y + h, x] == 1).all() and (video[y : y + h, x + w - 1] == 1).all()
    velocity = source.motion(500, 6, 3)[1]
    speeds = {tuple(v) for v in velocity.flatten(0, 2).long().tolist()}
    assert speeds == {tuple(v) for v in fl.translation_velocities(2).tolist()}
    assert (velocity[:, 1:] != velocity[:, :-1]).any(), "something was hit"


def test_pairs_that_would_be_stuck_are_not_drawn(source):
    """Boxes of heights 8 and 6 fill a room of 14: such a pair is never drawn, all others are."""
    tight = BouncingImages(source.images, source.velocities, canvas=(16, 24))
    _, _, which = tight.motion(500, 2, 0)
    pairs = {tuple(pair) for pair in which.tolist()}
    assert pairs == {(a, b) for a in range(3) for b in range(3)} - {(0, 1), (1, 0)}


def test_bad_input(source, as_users_see_it):
    with pytest.raises(ValueError, match=r"at least \(10, 18\) for boxes of up to \(8, 8\)"):
        BouncingImages(source.images, source.velocities, canvas=(9, 30))
    with pytest.raises(ValueError, match=r"whole.*the nearest element is \[\[0, 0\], \[1, 1\]\]"):
        BouncingImages(source.images, [[0.4, 0], [0.6, 1.2]], canvas=(12, 24))
    with pytest.raises(ValueError, match=r"velocities has shape \(3,\)"):
        BouncingImages(source.images, [-1, 0, 1], canvas=(12, 24))
    with pytest.raises(ValueError, match="images has dtype torch.uint8: it wants floats"):
        BouncingImages((255 * source.images).byte(), source.velocities, canvas=(12, 24))
    one = torch.zeros(1, 2, 2).double()
    two = torch.tensor([[[0.0, 0.0], [10.0, 0.0]]]).double()  # one on the other, from wall to wall
    with pytest.raises(ValueError, match="fill the room of .* from wall to wall"):
        bounce(two, two + 1, torch.full((1, 2, 2), 10.0).double(), ROOM)
    jam = BouncingImages(source.images[1:2], source.velocities, canvas=(18, 24))
    with pytest.raises(ValueError, match="from wall to wall: take another canvas"):
        jam.draw(1, 2, 0)
    with pytest.raises(ValueError, match="overlap: start them apart"):
        bounce(one, one, one + 2, ROOM)
    with pytest.raises(ValueError, match="outside the room of"):
        bounce(one - 1, one, one + 2, ROOM)


def test_boxes_move_at_every_velocity_that_is_not_0():
    """Also at whole numbers that come as floats. (One that hits a wall half-way may be back in time.)"""
    picture = torch.zeros(1, 1, 8, 8)
    picture[..., 2:6, 3:5] = 1
    V = fl.translation_velocities(2).float()
    position, velocity, _ = BouncingImages(picture, V, canvas=(12, 24)).motion(200, 4, 0)
    moved = position.diff(dim=1).abs().amax(-1) > 0
    for v in V[V.any(1)]:
        assert moved[(velocity[:, :-1] == v).all(-1)].any()
