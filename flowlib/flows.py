"""What moves: velocities, the flow psi_t(v) they generate, and the flow of a signal into a video.

A flow is a one-parameter subgroup psi_t(v) = exp(t v). It acts on a sequence frame by frame,
(psi(v).f)_t = psi_t(v).f_t for t = 0, 1, 2, ...: a still picture becomes a moving one.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor


def translation_velocities(radius: int, ndim: int = 2) -> Int[Tensor, "velocity axis"]:
    """All whole-pixel velocities of at most `radius` pixels a frame along each axis.

    Args:
        radius: the largest speed along an axis, in pixels a frame; 0 gives the still velocity alone.
        ndim: the number of axes, 1 for a ring, 2 for a torus.

    Returns:
        (velocity, axis), sorted, (2 radius + 1) ** ndim velocities, 0 in the middle. The paper calls
        the sets for radius 1 and 2 on a torus V_1^T and V_2^T. Parts of a pixel, for a group that
        takes them, are parts of it: `translation_velocities(2).double() / 2`.

    Raises:
        ValueError: a negative radius.

    Example:
        >>> translation_velocities(1, ndim=1).flatten().tolist()
        [-1, 0, 1]
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

    Example:
        >>> rotation_velocities([10, 0, -10]).flatten().tolist()
        [-10.0, 0.0, 10.0]
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
    exact = None if group.whole or isinstance(velocities, Tensor) else torch.float64
    v = torch.as_tensor(velocities, dtype=exact)
    v = v[:, None] if v.ndim == 1 and group.dim == 1 else v
    if v.ndim != 2 or v.shape[0] == 0 or v.shape[1] != group.dim:
        raise ValueError(
            f"velocities has shape {tuple(v.shape)}: {group} wants (velocity, {group.dim}), at "
            f"least one, {_example(group.dim, group.whole)}"
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

    Example:
        >>> velocity_index(translation_velocities(radius=1), (0, 1))
        5
    """
    exact = torch.float64 if velocities.is_floating_point() and not isinstance(v, Tensor) else None
    v = torch.as_tensor(v, dtype=exact).reshape(-1)
    if v.numel() == velocities.shape[1]:
        hits = (velocities.cpu() == v).all(dim=1).nonzero()
        if len(hits):
            return int(hits[0])
    raise ValueError(
        f"velocity {tuple(v.tolist())} is not among the {len(velocities)} velocities "
        f"{velocities.tolist()[0]} ... {velocities.tolist()[-1]}: take one of them, or build the "
        f"network with a set that holds it, {_example(*_kind(velocities), v)}"
    )


def _kind(velocities: Tensor) -> tuple[int, bool]:
    """Of which kind the velocities of a set are: how many entries, and whether they are whole."""
    return velocities.shape[1], not velocities.is_floating_point()


def _example(dim: int, whole: bool, v: Tensor | None = None) -> str:
    """What a reader would write for a set of velocities of this kind, with v in it."""
    if whole:
        radius = 1 if v is None or not v.numel() else math.ceil(v.abs().max())
        return f"for example translation_velocities(radius={radius}, ndim={dim})"
    some = 10.0 if v is None or not v.numel() else float(v.flatten()[0])
    if dim > 1:
        return f"for example {[[-abs(some)] * dim, [0] * dim, [abs(some)] * dim]}"
    return f"for example rotation_velocities([{-abs(some):g}, 0, {abs(some):g}])"


def flow(
    group, signal: Shaped[Tensor, "..."], velocity=None, steps: int | None = None, *, path=None
) -> Shaped[Tensor, "..."]:
    """The video of a signal that flows: frame t is psi_t(v).signal, t = 0 ... steps - 1.

    Args:
        group: the group that moves it, e.g. Translations((28, 28)).
        signal: (*batch, channel, *grid).
        velocity: (axis,) for all signals, or (*batch, axis), one for each; in pixels a frame.
        steps: the number of frames, one at least. Frame 0 is the signal itself.
        path: in place of velocity and steps, for motion that changes: one step from each frame to the
            next, (time, axis) for all signals or (*batch, time, axis). `time` steps make time + 1
            frames.

    Returns:
        (*batch, time, channel, *grid).

    Raises:
        ValueError: steps < 1, the signal has no channel axis, or is not on the group's grid; neither a
            velocity with steps nor a path is given, or both are.

    Example:
        >>> from flowlib import Translations
        >>> ring, light = Translations(5), torch.tensor([[1, 0, 0, 0, 0]])
        >>> flow(ring, light, velocity=2, steps=4)[:, 0].argmax(1).tolist()
        [0, 2, 4, 1]
        >>> flow(ring, light, path=[[2], [-1], [-1]])[:, 0].argmax(1).tolist()
        [0, 2, 1, 0]
    """
    if (path is None) == (velocity is None) or (path is None) == (steps is None):
        raise ValueError("flow wants a velocity and steps, or a path")
    if path is not None:
        path = group.element(path, device=signal.device)
        steps = path.shape[-2] + 1 if path.ndim > 1 else 1
    if steps < 1:
        raise ValueError(f"steps is {steps}: a video has one frame or more")
    if signal.ndim < group.ndim + 1:
        raise ValueError(
            f"the signal has shape {tuple(signal.shape)}: it wants (*batch, channel, *grid), so add "
            "a channel axis, signal[None]"
        )
    frames = signal.unsqueeze(-2 - group.ndim)
    frames = frames.repeat_interleave(steps, -2 - group.ndim)
    return flow_video(group, frames, velocity, path=path)


def flow_video(
    group,
    video: Shaped[Tensor, "..."],
    velocity=None,
    start: int = 0,
    lifted: bool = False,
    *,
    path=None,
) -> Shaped[Tensor, "..."]:
    """The action of a flow on a sequence, frame by frame: (psi(v).f)_t = psi_t(v).f_t.

    Args:
        group: the group that acts.
        video: (*batch, time, channel, *grid).
        velocity: (axis,) for all videos, or (*batch, axis), one for each; in pixels a frame.
        start: the time of the first frame, when the video is a piece of a longer one.
        lifted: the frames are signals on the group, (*batch, time, channel, *group).
        path: in place of a velocity, one step from each frame to the next, (*batch, time - 1, axis):
            frame t is moved by step t-1, ..., step 0, the later ones on the left.

    Returns:
        The flowed video, of the same shape.

    Raises:
        ValueError: neither a velocity nor a path, or both; a path that is not one step shorter than
            the video; a video that is not on the group's grid.

    Example: a light that moves at 1 is brought to rest.
        >>> ring, light = fl.Translations(5), torch.tensor([[0, 0, 1, 0, 0]])
        >>> moving = fl.flow(ring, light, velocity=1, steps=3)
        >>> fl.flow_video(ring, moving, -1)[:, 0].argmax(1).tolist()
        [2, 2, 2]
    """
    axes = len(group.shape) if lifted else group.ndim
    time = video.shape[-2 - axes] if video.ndim >= axes + 2 else 0
    if (path is None) == (velocity is None):
        raise ValueError("flow_video wants a velocity or a path")
    if path is None:
        velocity = group.element(velocity, device=video.device)
        t = torch.arange(start, start + time, device=video.device)
        g = group.exp(velocity.unsqueeze(-2), t[:, None])  # (*batch, time, axis)
    else:
        path = group.element(path, device=video.device)
        if path.ndim < 2 or path.shape[-2] != time - 1 or start:
            raise ValueError(
                f"path has shape {tuple(path.shape)}, start is {start}, the video {time} frames: a path "
                f"has one step from each frame to the next, (*batch, {time - 1}, {group.dim}), from time 0"
            )
        g = positions(group, path)
    g = g.unsqueeze(-2)  # the same for all channels
    return group.act_lifted(g, video) if lifted else group.act(g, video)


def positions(
    group, path: Shaped[Tensor, "*batch step axis"]
) -> Shaped[Tensor, "*batch time axis"]:
    """Where the steps of a path lead: the identity, step 0, step 1 after step 0, and so on.

    Args:
        group: the group that the steps are elements of.
        path: (*batch, step, axis).

    Returns:
        (*batch, step + 1, axis).

    Example:
        >>> from flowlib import Translations
        >>> positions(Translations(5), torch.tensor([[2], [2], [-1]])).flatten().tolist()
        [0, 2, 4, 3]
    """
    g = [path.new_zeros(*path.shape[:-2], path.shape[-1])]
    for step in path.unbind(-2):
        g.append(group.product(step, g[-1]))
    return torch.stack(g, -2)
