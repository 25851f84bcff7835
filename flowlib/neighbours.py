"""Who is next to whom in a set of velocities."""

from __future__ import annotations

import warnings

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from flowlib.flows import translation_velocities


def velocity_neighbours(
    group, velocities: Shaped[Tensor, "velocity axis"], radius: int
) -> Int[Tensor, "velocity neighbour"]:
    """For each v of V where its neighbours v + d stand in V; len(V) stands for "not in V".

    The offsets d go over a cube of `radius` steps to each side along each axis, in sorted order; a
    step along an axis is the smallest difference between two velocities there. Velocities that move
    the grid alike are one, so that in a V that is a group every v has all its neighbours.

    Raises:
        ValueError: two velocities move the grid alike.

    Warns:
        UserWarning: V has gaps of several sizes along an axis, so that some velocities have neighbours
            nearer than others, or none; the text says who has which.
    """
    steps, uneven = [], False
    for axis in velocities.double().unbind(1):
        gaps = torch.unique(axis).diff()
        steps.append(gaps.min() if len(gaps) else torch.tensor(1.0))
        uneven |= len(gaps) > 0 and not torch.allclose(gaps, gaps[0])
    offsets = translation_velocities(radius, group.dim) * torch.stack(steps)
    wanted = velocities.double()[:, None] + offsets  # (velocity, neighbour, axis)
    alike = group.same(velocities[:, None], velocities).sum(1) > 1
    if radius and alike.any():
        raise ValueError(
            f"V holds velocities that move {group} alike, {velocities[alike].tolist()}: to mix, give one "
            "of each"
        )
    same = group.same(wanted[:, :, None].to(velocities.dtype), velocities)
    absent = same.new_ones(*same.shape[:-1], 1)
    found = torch.cat([same, absent], -1).int().argmax(-1)  # the first that is the same
    if radius and uneven:
        heard = {
            _show(v): [_show(velocities[n]) for n in row if n < len(velocities)]
            for v, row in zip(velocities, found.tolist(), strict=True)
        }
        warnings.warn(
            f"V is uneven: a step of mixing is {[_show(s) for s in torch.stack(steps)]}, the smallest "
            "gap along each axis, so channels hear "
            + "; ".join(f"{v}: {', '.join(map(str, n))}" for v, n in heard.items()),
            stacklevel=4,
        )
    return found


def readers(neighbours: Int[Tensor, "velocity d"]) -> Int[Tensor, "velocity d"]:
    """Who reads whom: for u and d the v whose neighbour v + d is u; len(V) stands for nobody."""
    V = len(neighbours)
    v = torch.arange(V, device=neighbours.device)[:, None].expand_as(neighbours)
    nobody = torch.full_like(torch.cat([neighbours, neighbours[:1]]), V)
    return nobody.scatter(0, neighbours, v)[:V]


def _show(v: Tensor):
    numbers = [round(x, 6) for x in v.flatten().tolist()]
    return numbers[0] if len(numbers) == 1 else tuple(numbers)
