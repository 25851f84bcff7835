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
        g: the element, (axis,), or (batch, axis), one for each: pixels for a translation, degrees for
            a rotation.
        group: the group that acts; none takes `layer.group`.
        lifted: the signal lives on the group, its last axes are *group.

    Returns:
        One number for a signal; for a video, one a time step, (time,). A result that has as many
        axes as a signal on the group is moved as such.

    Raises:
        ValueError: no group is known.

    Example:
        >>> import flowlib as fl
        >>> layer = fl.GroupConvolution(fl.Translations((5, 6)), 1, 2)
        >>> bool(fl.equivariance_error(layer, torch.rand(3, 1, 5, 6), (1, -2)) < 1e-14)
        True
    """
    layer, group = _in_double(layer, group)
    signal, g = signal.double(), group.element(g, device=signal.device)
    axes = len(group.shape) if lifted else group.ndim

    def act(signal, lifted):
        lead = signal.ndim - (len(group.shape) if lifted else group.ndim)
        each = g.reshape(len(g), *[1] * (lead - 1), group.dim) if g.ndim == 2 else g
        return (group.act_lifted if lifted else group.act)(each, signal)

    with torch.no_grad():
        moved, result = layer(act(signal, lifted)), layer(signal)
        on_group = result.ndim - (signal.ndim - axes) >= len(group.shape)
        reference = act(result, on_group)
    return relative(moved, reference, per_time=signal.ndim == axes + 3)


def flow_equivariance_error(
    model, video: Tensor, velocity, group=None, start: int = 0, velocities=None
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
        velocity: w, (axis,) for all videos, or (batch, axis), one for each; pixels or degrees a frame:
            the motion that is added to the video.
        group: the group that acts; none takes `model.group`.
        start: the time of the first frame of the result, for a forecast the length of its context.
        velocities: V, (velocity, axis), of a lifted state; none takes `model.velocities`.

    Returns:
        (time,), relative to the norm of the right side at that time, over all videos.

    Raises:
        ValueError: no group is known, V is not known, or no v has a partner v - w in V.

    Source: Keller 2025 (arXiv 2507.14793), sections 3 and 4.

    Example:
        >>> import flowlib as fl
        >>> ring, V = fl.Translations(7), fl.translation_velocities(1, ndim=1)
        >>> fernn, video = fl.FERNN(ring, V, 1, 2), torch.rand(1, 4, 1, 7)
        >>> bool(fl.flow_equivariance_error(fernn, video, velocity=1).max() < 1e-14)
        True
    """
    if velocities is None:
        velocities = getattr(model, "velocities", None)
    model, group = _in_double(model, group)
    video = video.double()
    with torch.no_grad():
        moved = model(flow_video(group, video, velocity))
        still = model(video)
    axes = len(group.shape)
    if still.ndim < axes + 4 or still.shape[2] == 1:  # nothing to exchange
        lifted = still.ndim >= axes + 3
        if still.ndim == axes + 4:
            moved, still = moved[:, :, 0], still[:, :, 0]
        return relative(moved, flow_video(group, still, velocity, start, lifted), per_time=True)
    if velocities is None:
        raise ValueError(
            "the result is a lifted state, and the model has no attribute `velocities`: say which "
            "V it has, velocities=..."
        )
    # Samples with the same w exchange their channels alike; most often there is one w for all.
    w = group.element(velocity, device=video.device)
    difference, size = 0.0, 0.0
    for some in torch.unique(w.reshape(-1, group.dim), dim=0):
        here = (w == some).all(-1).expand(len(video))
        channels, partners = velocity_pairs(group, velocities, some)
        left = moved[here][:, :, channels]
        right = still[here][:, :, partners].movedim(2, 1)
        right = flow_video(group, right, some, start, lifted=True).movedim(1, 2)
        difference = difference + _squares(left - right)
        size = size + _squares(right)
    return _ratio(difference.sqrt(), size.sqrt())


def velocity_pairs(group, velocities: Tensor, w) -> tuple[list[int], list[int]]:
    """The channels v of V that have a partner v - w in V, and those partners, as indices.

    A velocity is its step, psi_1(v), and v - w is the step psi_1(w)^-1 psi_1(v). Velocities count as
    the same when they move the grid by the same element each frame, so on a ring of N points v and
    v + N are one, and all N velocities together are a group.

    Args:
        group: the group of the velocities.
        velocities: V, (velocity, axis).
        w: (axis,).

    Raises:
        ValueError: no v has a partner.

    Example:
        >>> from flowlib import Translations, translation_velocities
        >>> velocity_pairs(Translations(9), translation_velocities(1, ndim=1), 1)
        ([1, 2], [0, 1])
    """
    step = group.exp(velocities.cpu(), 1)
    w = group.element(w).cpu()
    back = group.product(group.inverse(group.exp(w, 1)), step)  # v - w
    same = group.same(back[:, None], step)
    pairs = [(v, int(row.nonzero()[0])) for v, row in enumerate(same) if row.any()]
    if not pairs:
        reach = (velocities.max(0).values - velocities.min(0).values).tolist()
        maker = "translation_velocities"
        if velocities.is_floating_point():
            maker = "rotation_velocities" if group.dim == 1 else "torch.tensor"
        raise ValueError(
            f"velocity {w.tolist()} leads from no velocity of the set to another, so that no channel "
            f"has a partner to compare: take a velocity of at most {reach} along each axis, or a "
            f"network with a larger set, {maker}(...)"
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


def relative(value: Tensor, reference: Tensor, per_time: bool) -> Tensor:
    """|value - reference| / |reference|, over all axes, or all but axis 1, time; 0 where equal."""
    value, reference = (x if per_time else x[:, None] for x in (value, reference))
    error = _ratio(_squares(value - reference).sqrt(), _squares(reference).sqrt())
    return error if per_time else error[0]


def _squares(x: Tensor) -> Tensor:
    """The sum of squares at each time, (batch, time, ...) to (time,)."""
    return x.movedim(1, 0).flatten(1).square().sum(1)


def _ratio(difference: Tensor, size: Tensor) -> Tensor:
    return torch.where(difference == 0, 0.0, difference / size)
