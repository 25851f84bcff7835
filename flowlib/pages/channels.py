"""Velocity channels as pictures: each at its place, or the strongest in its colour."""

from __future__ import annotations

import torch
from matplotlib.colors import hsv_to_rgb
from torch import Tensor

from flowlib.pages.picture import drawable, heat


def _velocity_channels(channels: Tensor, velocities: Tensor) -> Tensor:
    """(time, velocity, height, width), ready to be drawn, or an error that says what is wanted."""
    channels = drawable("channels", channels, "(time, velocity, height, width)")
    if channels.shape[1] != len(velocities):
        raise ValueError(
            f"channels has {channels.shape[1]} velocity channels, but velocities has "
            f"{len(velocities)}: give the V of the network that made them"
        )
    return channels


def _brightest(channels: Tensor) -> Tensor | float:
    """The largest value, to divide by; 1 where all is dark."""
    return channels.max().item() or 1.0


def mosaic(channels: Tensor, velocities: Tensor, largest: float | None = None) -> Tensor:
    """Velocity channels as one video: each stands where its velocity points, v_y down, v_x right.

    Args:
        channels: (time, velocity, height, width), e.g. the mean over hidden channels of a state.
        velocities: V, (velocity, axis); one axis makes a row, a gap in V stays dark.
        largest: the value drawn brightest, 1; none takes the largest there is.

    Returns:
        (time, height', width', 3) in the colours of `heat`; thin lines separate the channels.

    Example:
        >>> V = torch.tensor([[y, x] for y in (-1, 0, 1) for x in (-1, 0, 1)])
        >>> mosaic(torch.rand(5, 9, 8, 8), V).shape
        torch.Size([5, 26, 26, 3])

    Raises:
        ValueError: other axes, or not a channel for each velocity.
    """
    channels = _velocity_channels(channels, velocities)
    time, _, height, width = channels.shape
    places = drawable("velocities", velocities, "(velocity, axis)").double()
    places = places - places.amin(0)
    gaps = torch.unique(places).diff()
    places = (places / (gaps.min() if len(gaps) else 1)).round().long()
    places = torch.cat([torch.zeros(len(places), 2 - places.shape[1]).long(), places], 1)
    rows, columns = (places.amax(0) + 1).tolist()
    out = torch.full((time, rows, columns, height + 1, width + 1), 0.35, dtype=channels.dtype)
    out[..., :-1, :-1] = 0
    out[:, places[:, 0], places[:, 1], :-1, :-1] = channels / (largest or _brightest(channels))
    out = out.movedim(2, 3).reshape(time, rows * (height + 1), columns * (width + 1))
    return heat(out[:, :-1, :-1])


def velocity_colors(velocities: Tensor) -> Tensor:
    """A colour for each velocity of the plane, (velocity, 3): hue is its direction, white is rest.

    Example:
        >>> velocity_colors(torch.tensor([[0, 0], [0, 1]])).tolist()  # rest, and to the right
        [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]

    Raises:
        ValueError: velocities of a ring, or angular ones: they have no direction.
    """
    v = drawable("velocities", velocities, "(velocity, 2)").double()
    if v.shape[1] != 2:
        raise ValueError(f"velocities has shape {tuple(v.shape)}: it wants (velocity, 2)")
    angle, speed = torch.atan2(v[:, 0], v[:, 1]), v.norm(dim=1)
    hue = (angle / (2 * torch.pi)) % 1
    hsv = torch.stack([hue, speed / speed.max().clamp(min=1), torch.ones_like(hue)], 1)
    return torch.from_numpy(hsv_to_rgb(hsv.numpy()))


def winners(channels: Tensor, velocities: Tensor) -> Tensor:
    """Which velocity channel is largest, and how large: (time, height, width, 3) in colours.

    Args:
        channels: (time, velocity, height, width), 0 or more.
        velocities: V, (velocity, 2).

    Example:
        >>> V = torch.tensor([[0, 0], [0, 1]])
        >>> winners(torch.tensor([0.0, 2.0]).reshape(1, 2, 1, 1), V).flatten().tolist()
        [1.0, 0.0, 0.0]

    Raises:
        ValueError: other axes, or not a channel for each velocity.
    """
    value, index = _velocity_channels(channels, velocities).max(1)
    return velocity_colors(velocities)[index] * (value / _brightest(value))[..., None]
