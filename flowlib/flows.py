"""What moves: velocities, the flow psi_t(v) they generate, and the flow of a signal into a video.

A flow is a one-parameter subgroup psi_t(v) = exp(t v). It acts on a sequence frame by frame,
(psi(v).f)_t = psi_t(v).f_t for t = 0, 1, 2, ...: a still picture becomes a moving one.
"""

from __future__ import annotations

import torch
from jaxtyping import Int, Shaped
from torch import Tensor


def translation_velocities(radius: int, ndim: int = 2) -> Int[Tensor, "velocity axis"]:
    """All whole-pixel velocities of at most `radius` pixels a frame along each axis.

    Args:
        radius: the largest speed along an axis, in pixels a frame; 0 gives the still velocity alone.
        ndim: 1 for a ring, 2 for a torus.

    Returns:
        (velocity, axis), sorted, (2 radius + 1) ** ndim velocities, 0 in the middle. The paper calls
        the sets for radius 1 and 2 on a torus V_1^T and V_2^T.
    """
    if radius < 0:
        raise ValueError(f"radius is {radius}: a set of velocities has a radius of 0 or more")
    speeds = torch.arange(-radius, radius + 1)
    return torch.cartesian_prod(*[speeds] * ndim).reshape(-1, ndim)


def velocity_set(group, velocities) -> Int[Tensor, "velocity axis"]:
    """A set of velocities as a sorted tensor (velocity, axis), after checks.

    Raises:
        ValueError: not a list of velocities of this group, empty, or one stands in it twice.
    """
    v = torch.as_tensor(velocities)
    v = v[:, None] if v.ndim == 1 and group.dim == 1 else v
    if v.ndim != 2 or v.shape[0] == 0 or v.shape[1] != group.dim:
        raise ValueError(
            f"velocities has shape {tuple(v.shape)}: {group} wants (velocity, {group.dim}), at "
            f"least one, as translation_velocities(radius=1, ndim={group.dim}) gives"
        )
    v = group.element(v)
    unique = torch.unique(v, dim=0)
    if len(unique) < len(v):
        raise ValueError(f"a velocity stands twice in {v.tolist()}: give each one once")
    return unique


def velocity_index(velocities: Int[Tensor, "velocity axis"], v) -> int:
    """The channel of velocity v in a set of velocities.

    Raises:
        ValueError: v is not in the set.
    """
    v = torch.as_tensor(v).reshape(-1)
    if v.numel() == velocities.shape[1]:
        hits = (velocities.cpu() == v).all(dim=1).nonzero()
        if len(hits):
            return int(hits[0])
    raise ValueError(
        f"velocity {tuple(v.tolist())} is not among the {len(velocities)} velocities "
        f"{velocities.tolist()[0]} ... {velocities.tolist()[-1]}: take one of them, or build the "
        f"network with translation_velocities(radius={int(v.abs().max())}, ndim={len(v)})"
    )


def flow(group, signal: Shaped[Tensor, ...], velocity, steps: int) -> Shaped[Tensor, ...]:
    """The video of a signal that flows: frame t is psi_t(v).signal, t = 0 ... steps - 1.

    Args:
        group: the group that moves it, e.g. Translations((28, 28)).
        signal: (*batch, channel, *grid).
        velocity: (axis,) for all signals, or (*batch, axis), one for each; in pixels a frame.
        steps: the number of frames, one at least. Frame 0 is the signal itself.

    Returns:
        (*batch, time, channel, *grid).

    Raises:
        ValueError: steps < 1, the signal has no channel axis, or is not on the group's grid.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}: a video has one frame or more")
    if signal.ndim < group.ndim + 1:
        raise ValueError(
            f"the signal has shape {tuple(signal.shape)}: it wants (*batch, channel, *grid), so add "
            "a channel axis, signal[None]"
        )
    frames = signal.unsqueeze(-2 - group.ndim)
    return flow_video(group, frames.repeat_interleave(steps, -2 - group.ndim), velocity)


def flow_video(group, video: Shaped[Tensor, ...], velocity, start: int = 0) -> Shaped[Tensor, ...]:
    """The action of a flow on a sequence, frame by frame: (psi(v).f)_t = psi_t(v).f_t.

    Args:
        group: the group that acts.
        video: (*batch, time, channel, *grid).
        velocity: (axis,) for all videos, or (*batch, axis), one for each; in pixels a frame.
        start: the time of the first frame, when the video is a piece of a longer one.

    Returns:
        The flowed video, of the same shape.
    """
    velocity = group.element(velocity, device=video.device)
    t = torch.arange(start, start + video.shape[-2 - group.ndim], device=video.device)
    g = group.exp(velocity.unsqueeze(-2), t[:, None])  # (*batch, time, axis)
    return group.act(g.unsqueeze(-2), video)
