"""Evaluation: means over samples, the mode that a model is in meanwhile, and what a forecast is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


@contextmanager
def mode(model: nn.Module, training: bool):
    """The model in training or evaluation mode; afterwards each of its parts is as it was before.

    Example:
        >>> model = nn.Dropout()
        >>> with mode(model, training=False):
        ...     model.training
        False
        >>> model.training
        True
    """
    before = [(part, part.training) for part in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for part, was in before:
            part.training = was


@torch.no_grad()
def evaluate(
    model: nn.Module, batches: Iterable, measure: Callable[[nn.Module, object], Tensor]
) -> Tensor:
    """The mean of `measure(model, batch)`, one row a sample, over all samples of all batches.

    Args:
        model: in evaluation mode meanwhile, without gradients; its mode is given back.
        batches: anything to loop over.
        measure: gives (sample, ...), e.g. the error of each sample at each time step.

    Returns:
        (...), in float64.

    Raises:
        ValueError: there is no sample.

    Example:
        >>> batches = torch.tensor([1.0, 2.0, 6.0]).split(2)
        >>> evaluate(nn.Identity(), batches, lambda model, batch: model(batch)).item()
        3.0
    """
    total, count = 0.0, 0
    with mode(model, training=False):
        for batch in batches:
            values = measure(model, batch).double()
            total, count = total + values.sum(0), count + len(values)
    if count == 0:
        raise ValueError("there is no batch to evaluate on: give one sample or more")
    return total / count


def squared_error(
    model: Callable,
    videos: Float[Tensor, "video time *frame"],
    context: int,
    mean_over: tuple[int, ...] | None = None,
) -> Float[Tensor, "*kept"]:
    """Squared error of each forecast frame, mean over its pixels, (video, step).

    Args:
        model: (seen, steps) -> frames.
        videos: the first `context` frames are seen, the others are forecast.
        mean_over: other axes than those of the pixels.

    Example: a picture that moves, and the forecast that it stands still.
        >>> video = torch.eye(3)[None, :, None]  # a spot on a ring of three places
        >>> squared_error(last_frame, video, context=1)
        tensor([[0.6667, 0.6667]])
    """
    seen, future = videos[:, :context], videos[:, context:]
    square = (model(seen, future.shape[1]) - future).square()
    return square.mean(mean_over or tuple(range(2, square.ndim)))


def still_picture(seen: Float[Tensor, "video time *frame"], steps: int) -> Tensor:
    """The forecast of who knows the pictures and no motion: the mean of the frames seen.

    Example:
        >>> still_picture(torch.tensor([[[0.0], [1.0]]]), steps=1).item()
        0.5
    """
    return seen.mean(1, keepdim=True).expand(-1, steps, *seen.shape[2:])


def last_frame(seen: Float[Tensor, "video time *frame"], steps: int) -> Tensor:
    """The forecast that nothing moves any more.

    Example:
        >>> last_frame(torch.tensor([[[0.0], [1.0]]]), steps=1).item()
        1.0
    """
    return seen[:, -1:].expand(-1, steps, *seen.shape[2:])


def repeated(
    videos: Float[Tensor, "video time *frame"], context: int
) -> Float[Tensor, "video step"]:
    """1 for each frame to forecast that is equal to one of the frames seen, else 0.

    Such a frame asks for memory, not for motion.

    Example: a spot that moves on by 1 a frame, on a ring of three places.
        >>> repeated(torch.eye(3)[[0, 1, 2, 0]][None], context=2)
        tensor([[0., 1.]])
    """
    seen, future = videos[:, None, :context], videos[:, context:, None]
    apart = (future - seen).flatten(3).abs().amax(3).amin(2)
    return (apart < 1e-4).to(videos.dtype)


class FlowNess(NamedTuple):
    """How much of what changes from frame to frame one shift of the whole frame explains.

    Attributes:
        last: mean squared error of copying the last frame.
        best: that of its best whole shift.
        speed: mean size of that shift along its longest axis, pixels a frame.
    """

    last: float
    best: float
    speed: float

    @property
    def ratio(self) -> float:
        """The ratio last / best, 1 where nothing flows as a whole, and infinite for a flow."""
        return self.last / self.best if self.best else float("inf")

    @property
    def explained(self) -> float:
        """The share 1 - best / last. It is 0 where nothing flows as a whole, and 1 for a flow."""
        return 1 - self.best / self.last


def flow_ness(
    videos: Float[Tensor, "video time channel height width"],
    radius: tuple[int, int],
    wraps: bool = False,
    steady: bool = False,
) -> FlowNess:
    """Each frame beside the one before it, moved by the shift that fits best.

    It is no forecast: the shift is chosen by who has seen the next frame. Pairs that are the same do not
    count.

    Args:
        videos: two frames or more.
        radius: the largest shift, (y, x).
        wraps: whether frames lie on a torus; else both errors are those of the inner part, into which no
            shift brings anything from beyond the rim.
        steady: one shift for all steps of a video, in place of one for each.

    Raises:
        ValueError: no frame changes, or a radius that leaves no inner part.

    Example: a spot that moves on by 1 a frame.
        >>> video = torch.eye(7)[None, :5, None, None]
        >>> flow_ness(video, (0, 2), wraps=True).explained
        1.0
    """
    before, after = videos[:, :-1].flatten(0, 1), videos[:, 1:].flatten(0, 1)
    changes = (before != after).flatten(1).any(1)
    before, after = before[changes], after[changes]
    rim = (0, 0) if wraps else radius
    inner = (..., *(slice(r, n - r) for r, n in zip(rim, videos.shape[-2:], strict=True)))
    if not len(after) or 0 in after[inner].shape:
        raise ValueError(
            f"{int(changes.sum())} of {len(changes)} pairs of frames change, and radius {radius} leaves "
            f"{tuple(after[inner].shape[-2:])} pixels: it wants a video that moves, and a smaller radius"
        )
    sides = (range(-r, r + 1) for r in radius)
    shifts = sorted(product(*sides), key=lambda s: max(map(abs, s)))  # of equals the smallest
    errors = [
        (before.roll(s, (-2, -1)) - after)[inner].double().square().flatten(1).mean(1)
        for s in shifts
    ]
    errors = torch.stack(errors, 1)
    if steady:
        video = changes.reshape(len(videos), -1).nonzero()[:, 0]
        total = errors.new_zeros(len(videos), len(shifts)).index_add(0, video, errors)
        which = total.argmin(1)[video]
        best = errors.gather(1, which[:, None])
    else:
        best, which = errors.min(1)
    sizes = torch.tensor([max(map(abs, s)) for s in shifts]).double()
    speed = sizes[which.cpu()].mean().item()
    return FlowNess(errors[:, 0].mean().item(), best.mean().item(), speed)
