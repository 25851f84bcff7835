"""What moves: velocities, the flow psi_t(v) they generate, and the flow of a signal into a video.

A flow is a one-parameter subgroup psi_t(v) = exp(t v). It acts on a sequence frame by frame,
(psi(v).f)_t = psi_t(v).f_t for t = 0, 1, 2, ...: a still picture becomes a moving one.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
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


def rotation_velocities(degrees) -> Float[Tensor, "velocity axis"]:
    """Angular velocities, in degrees a frame, as a set: (velocity, 1), sorted, each once.

    Args:
        degrees: numbers, positive counter-clockwise, e.g. [-20, -10, 0, 10, 20]: the set that the
            paper calls V_2^R.

    Raises:
        ValueError: no numbers.
    """
    v = torch.as_tensor(degrees, dtype=torch.float64).flatten()
    if not len(v):
        raise ValueError("degrees is empty: a set has one velocity or more, e.g. [-10, 0, 10]")
    return torch.unique(v)[:, None]


def velocity_set(group, velocities) -> Shaped[Tensor, "velocity axis"]:
    """A set of velocities as a sorted tensor (velocity, axis), after checks.

    Raises:
        ValueError: not a list of velocities of this group, empty, or one stands in it twice.
    """
    v = torch.as_tensor(velocities)
    v = v[:, None] if v.ndim == 1 and group.dim == 1 else v
    if v.ndim != 2 or v.shape[0] == 0 or v.shape[1] != group.dim:
        raise ValueError(
            f"velocities has shape {tuple(v.shape)}: {group} wants (velocity, {group.dim}), at "
            f"least one, for example translation_velocities(radius=1, ndim={group.dim}) or "
            "rotation_velocities([-10, 0, 10])"
        )
    v = group.element(v)
    unique = torch.unique(v, dim=0)
    if len(unique) < len(v):
        raise ValueError(f"a velocity stands twice in {v.tolist()}: give each one once")
    return unique


def velocity_index(velocities: Shaped[Tensor, "velocity axis"], v) -> int:
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
        "network with a set that holds it, for example "
        f"translation_velocities(radius={int(v.abs().max())}, ndim={len(v)})"
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


def flow_video(
    group, video: Shaped[Tensor, ...], velocity, start: int = 0, lifted: bool = False
) -> Shaped[Tensor, ...]:
    """The action of a flow on a sequence, frame by frame: (psi(v).f)_t = psi_t(v).f_t.

    Args:
        group: the group that acts.
        video: (*batch, time, channel, *grid).
        velocity: (axis,) for all videos, or (*batch, axis), one for each; in pixels a frame.
        start: the time of the first frame, when the video is a piece of a longer one.
        lifted: the frames are signals on the group, (*batch, time, channel, *group).

    Returns:
        The flowed video, of the same shape.
    """
    axes = len(group.shape) if lifted else group.ndim
    velocity = group.element(velocity, device=video.device)
    t = torch.arange(start, start + video.shape[-2 - axes], device=video.device)
    g = group.exp(velocity.unsqueeze(-2), t[:, None]).unsqueeze(-2)  # (*batch, time, 1, axis)
    return group.act_lifted(g, video) if lifted else group.act(g, video)


def velocity_neighbours(
    group, velocities: Shaped[Tensor, "velocity axis"], radius: int
) -> Int[Tensor, "velocity neighbour"]:
    """For each v of V where its neighbours v + d stand in V; len(V) stands for "not in V".

    The offsets d go over a cube of `radius` steps to each side along each axis, in sorted order; a
    step along an axis is the smallest difference between two velocities there. Velocities that move
    the grid alike are one, so that in a V that is a group every v has all its neighbours.
    """
    steps = []
    for axis in velocities.double().unbind(1):
        gaps = torch.unique(axis).diff()
        steps.append(gaps.min() if len(gaps) else torch.tensor(1.0))
    offsets = translation_velocities(radius, group.dim) * torch.stack(steps)
    wanted = velocities.double()[:, None] + offsets  # (velocity, neighbour, axis)
    same = group.same(wanted[:, :, None].to(velocities.dtype), velocities)
    absent = same.new_ones(*same.shape[:-1], 1)
    return torch.cat([same, absent], -1).int().argmax(-1)  # the first that is the same
