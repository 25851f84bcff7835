"""Moving pictures: the videos obey the flow, and are the same for the same seed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

import flowlib as fl
from flowlib.lab.data.motion import MovingImages

small = st.integers(1, 6)


@st.composite
def sources(draw):
    """One object, random pictures, on a canvas of their own size or larger."""
    height, width, radius, seed = draw(small), draw(small), draw(st.integers(0, 2)), draw(seeds)
    canvas = draw(st.none() | st.tuples(st.integers(height, 9), st.integers(width, 9)))
    pictures = torch.rand(3, 2, height, width, generator=torch.Generator().manual_seed(seed))
    return MovingImages(pictures, fl.translation_velocities(radius), canvas=canvas)


@given(sources(), seeds)
def test_each_frame_is_the_last_one_moved_on(source, seed):
    """f_{t+1} = psi_1(v) f_t with one v of V for the whole video."""
    videos = source.draw(4, 5, seed)
    assert videos.shape == (4, 5, 2, *source.canvas)
    for video in videos:
        moved = [source.group.act(v, video[:-1]) for v in source.velocities]
        assert any(torch.equal(m, video[1:]) for m in moved)


@given(sources(), seeds)
def test_no_brightness_is_lost(source, seed):
    """Every frame holds the pixels of one of the pictures, and nothing else but background."""
    room = source.canvas[0] * source.canvas[1] - source.images[0, 0].numel()
    background = torch.zeros(3, 2, room)
    pixels = torch.cat([source.images.flatten(2), background], 2).sort().values
    for frame in source.draw(4, 3, seed).flatten(0, 1):
        assert any(torch.equal(frame.flatten(1).sort().values, p) for p in pixels)


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=2), st.integers(1, 3))
def test_the_seed_makes_the_video(seed, objects):
    source = MovingImages(torch.rand(8, 1, 5, 5), fl.translation_velocities(2), objects)
    state = torch.get_rng_state()
    videos = source.draw(8, 3, *seed)
    assert torch.equal(source.draw(8, 3, *seed), videos)
    assert torch.equal(torch.get_rng_state(), state), "others' random numbers are left alone"
    for other in ((seed[0] + 1, seed[1]), (seed[0], seed[1] + 1)):
        assert not torch.equal(source.draw(8, 3, *other), videos)


def test_every_picture_velocity_and_start_occurs():
    V, size = fl.translation_velocities(2), 7
    pictures = torch.zeros(3, 1, size, size)
    pictures[:, 0, 0, 0] = torch.tensor([1.0, 2.0, 3.0])  # one point each
    videos = MovingImages(pictures, V).draw(500, 2, 0)
    where = videos.flatten(2).argmax(2)
    y, x = where // size, where % size
    speed = torch.stack([y[:, 1] - y[:, 0], x[:, 1] - x[:, 0]], -1)
    speed = (speed + 2) % size - 2
    assert torch.equal(torch.unique(speed, dim=0), V)
    assert len(where[:, 0].unique()) == size**2
    assert videos.amax((1, 2, 3, 4)).unique().tolist() == [1.0, 2.0, 3.0]


def test_two_objects_move_each_on_its_own():
    """Every video is the brighter pixel of two videos with one object, out of all there can be."""
    picture = torch.tensor([[1.0, 0.5], [0.25, 0.0]])[None, None]
    V, canvas = fl.translation_velocities(1), (4, 4)
    torus = fl.Translations(canvas)
    start = torch.nn.functional.pad(picture[0], (0, 2, 0, 2))
    one = torch.stack(
        [fl.flow(torus, torus.act(g, start), v, 3).flatten() for g in torus.elements() for v in V]
    )
    two = torch.maximum(one[:, None], one)  # (144, 144, pixels of all frames)
    videos = MovingImages(picture, V, objects=2, canvas=canvas).draw(20, 3, 0).flatten(1)
    for video in videos:
        assert (two == video).all(-1).any()
    assert not all((one == video).all(-1).any() for video in videos), "they do not lie together"


def test_bad_input(as_users_see_it):
    pictures, V = torch.rand(2, 1, 5, 4), fl.translation_velocities(1)
    with pytest.raises(ValueError, match=r"\(5, 4\).* wants \(sample, channel, height, width\)"):
        MovingImages(pictures[0, 0], V)
    with pytest.raises(ValueError, match=r"\(0, 1, 5, 4\)"):
        MovingImages(pictures[:0], V)
    with pytest.raises(ValueError, match=r"canvas \(9, 3\) is smaller than the pictures, \(5, 4\)"):
        MovingImages(pictures, V, canvas=(9, 3))
    with pytest.raises(ValueError, match=r"canvas is \(9,\): it wants \(height, width\)"):
        MovingImages(pictures, V, canvas=(9,))
    with pytest.raises(ValueError, match=r"torch.uint8: it wants floats, 0 to 1, .* / 255"):
        MovingImages((255 * pictures).byte(), V)
    with pytest.raises(ValueError, match=r"ndarray: it wants a tensor, e.g. torch.as_tensor"):
        MovingImages(pictures.numpy(), V)
    with pytest.raises(ValueError, match="images holds NaN or infinite numbers"):
        MovingImages(pictures / 0, V)
    with pytest.raises(ValueError, match="objects is 0"):
        MovingImages(pictures, V, objects=0)
    with pytest.raises(ValueError, match=r"velocities has shape \(3, 1\)"):
        MovingImages(pictures, fl.translation_velocities(1, ndim=1))
    source = MovingImages(pictures, V)
    with pytest.raises(ValueError, match="count is 0"):
        source.draw(0, 5, 0)
    with pytest.raises(ValueError, match="steps is 0"):
        source.draw(5, 0, 0)
    with pytest.raises(ValueError, match="seed is 3, -1: it wants numbers from 0 on"):
        source.draw(5, 5, 3, -1)
