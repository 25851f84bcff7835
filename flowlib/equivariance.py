"""How we know: the relative error of an equivariance law, computed in float64 and returned.

An exact law shows as an error of a few 1e-16, the rounding of float64; a broken one as an error of
order 1. Nothing is printed and nothing is judged here.
"""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.flows import flow_video


def equivariance_error(
    layer, signal: Tensor, g, group=None, lifted: bool = False
) -> Float[Tensor, "*time"]:
    """How far a layer is from commuting with one static element: |L(g.f) - g.L(f)| / |L(f)|.

    Args:
        layer: a module, copied to float64 first, or any function of a float64 signal.
        signal: (batch, channel, *grid), or a video (batch, time, channel, *grid).
        g: the element, (axis,): pixels for a translation, degrees for a rotation.
        group: the group that acts; none takes `layer.group`.
        lifted: the signal lives on the group, its last axes are *group.

    Returns:
        One number for a signal; for a video, one a time step, (time,). A result that has as many
        axes as a signal on the group is moved as such.

    Raises:
        ValueError: no group is known.
    """
    layer, group = _in_double(layer, group)
    signal = signal.double()
    axes = len(group.shape) if lifted else group.ndim
    with torch.no_grad():
        moved = layer((group.act_lifted if lifted else group.act)(g, signal))
        result = layer(signal)
        on_group = result.ndim - (signal.ndim - axes) >= len(group.shape)
        reference = (group.act_lifted if on_group else group.act)(g, result)
    return _relative(moved, reference, per_time=signal.ndim == axes + 3)


def flow_equivariance_error(
    model, video: Tensor, velocity, group=None, start: int = 0
) -> Float[Tensor, " time"]:
    """How far a sequence model is from commuting with a flow, at each time step.

    For a lifted state, (batch, time, velocity, channel, *group), the law is
        h_t[psi(w).f](v, .) = psi_t(w).h_t[f](v - w, .)
    compared over those v for which v - w is in V too. A model with one velocity (a G-RNN), or whose
    result is a sequence of signals on the group or on the grid, (batch, time, channel, *grid), has no
    channels to exchange: there the law is h_t[psi(w).f] = psi_t(w).h_t[f].

    Args:
        model: a module, copied to float64 first, or any function of a float64 video.
        video: (batch, time, channel, *grid).
        velocity: w, (axis,), pixels or degrees a frame: the motion that is added to the video.
        group: the group that acts; none takes `model.group`.
        start: the time of the first frame of the result, for a forecast the length of its context.

    Returns:
        (time,), relative to the norm of the right side at that time.

    Raises:
        ValueError: no group is known, or no v has a partner v - w in V.

    Source: Keller 2025 (arXiv 2507.14793), sections 3 and 4.
    """
    model, group = _in_double(model, group)
    video = video.double()
    with torch.no_grad():
        moved = model(flow_video(group, video, velocity))
        still = model(video)
    axes = len(group.shape)
    if still.ndim == axes + 4:  # a lifted state: exchange the channels, then move each
        channels, partners = [0], [0]
        if still.shape[2] > 1:
            channels, partners = velocity_pairs(group, model.velocities, velocity)
        moved, still = moved[:, :, channels].movedim(2, 1), still[:, :, partners].movedim(2, 1)
        reference = flow_video(group, still, velocity, start, lifted=True)
        return _relative(moved.movedim(1, 2), reference.movedim(1, 2), per_time=True)
    reference = flow_video(group, still, velocity, start, lifted=still.ndim == axes + 3)
    return _relative(moved, reference, per_time=True)


def velocity_pairs(group, velocities: Tensor, w) -> tuple[list[int], list[int]]:
    """The channels v of V that have a partner v - w in V, and those partners, as indices.

    Velocities count as the same when they move the grid by the same element each frame, so on a ring
    of N points v and v + N are one, and all N velocities together are a group.

    Raises:
        ValueError: no v has a partner.
    """
    step = group.exp(velocities.cpu(), 1)
    back = group.product(step, group.inverse(group.exp(w, 1)))  # v - w
    same = group.same(back[:, None], step)
    pairs = [(v, int(row.nonzero()[0])) for v, row in enumerate(same) if row.any()]
    if not pairs:
        reach = (velocities.max(0).values - velocities.min(0).values).tolist()
        raise ValueError(
            f"velocity {torch.as_tensor(w).tolist()} leads from no velocity of the set to another, "
            f"so that no channel has a partner to compare: take a velocity of at most {reach} along "
            "each axis, or a network with a larger translation_velocities(radius=...)"
        )
    channels, partners = zip(*pairs, strict=True)
    return list(channels), list(partners)


def _in_double(model, group):
    group = group if group is not None else getattr(model, "group", None)
    if group is None:
        raise ValueError("the model has no attribute `group`: say which group acts, group=...")
    if isinstance(model, nn.Module):
        model = copy.deepcopy(model).double().eval()
    return model, group


def _relative(value: Tensor, reference: Tensor, per_time: bool) -> Tensor:
    value, reference = (
        (x.movedim(1, 0) if per_time else x[None]).flatten(1) for x in (value, reference)
    )
    difference, size = (value - reference).norm(dim=1), reference.norm(dim=1)
    error = torch.where(difference == 0, 0.0, difference / size)
    return error if per_time else error[0]
