"""What is checked at the public doors: shapes, types of numbers, NaN."""

from __future__ import annotations

from itertools import zip_longest

import torch
from jaxtyping import Shaped
from torch import Tensor


def check_signal(
    name: str, signal: Shaped[Tensor, "..."], lead: str, grid: tuple[int, ...]
) -> None:
    """Raise a ValueError unless `signal` is (*lead, *grid), without an empty axis and without NaN.

    NaN is looked for where reading data back costs nothing that matters: not while a model is compiled
    or exported.

    Args:
        name: what the caller calls the signal, for the message.
        lead: the leading axes by name, e.g. "batch time channel".
        grid: the shape that the last axes must have.
    """
    shape, names = tuple(signal.shape), lead.split()
    wanted = f"({', '.join(names)}, {', '.join(map(str, grid))})"
    if len(shape) != len(names) + len(grid) or shape[len(names) :] != tuple(grid):
        raise ValueError(f"{name} has shape {shape}: it wants {wanted}")
    if 0 in shape:
        empty = names[shape.index(0)]
        raise ValueError(f"{name} has shape {shape}, no {empty}: it wants {wanted}, each 1 or more")
    if torch.compiler.is_compiling() or signal.is_meta:
        return
    if signal.is_floating_point() and not torch.isfinite(signal).all():
        raise ValueError(f"{name} holds NaN or infinite values: look for them with torch.isfinite")


def broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that both are broadcast to. At every frame `torch.broadcast_shapes` would be felt: it is
    twenty times as slow. Shapes that do not fit are found by whoever expands to the result.

    Example:
        >>> broadcast((25, 1), (8, 1, 16))
        (8, 25, 16)
    """
    pairs = zip_longest(reversed(one), reversed(other), fillvalue=1)
    return tuple(m if n == 1 else n for n, m in pairs)[::-1]


def check_dtype(name: str, signal: Tensor, weight: Tensor) -> None:
    """Raise a ValueError unless the signal has numbers of the weight's type (autocast takes any)."""
    if signal.dtype != weight.dtype and not torch.is_autocast_enabled(signal.device.type):
        whole = not signal.is_floating_point()
        remedy = f"{name}.to({weight.dtype})" + (" / 255 for bytes" if whole else "")
        more = "" if whole else f", or the model to {signal.dtype}: model.to({signal.dtype})"
        raise ValueError(
            f"{name} holds {signal.dtype}, the weights are {weight.dtype}: give {remedy}{more}"
        )
