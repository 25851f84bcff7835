"""Evaluation: means over samples, the mode that a model is in meanwhile, and what a forecast is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager

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
    model: Callable, videos: Float[Tensor, "video time *frame"], context: int
) -> Float[Tensor, "video step"]:
    """Squared error of each forecast frame, mean over its pixels.

    Args:
        model: (seen, steps) -> frames.
        videos: the first `context` frames are seen, the others are forecast.

    Example: a picture that moves, and the forecast that it stands still.
        >>> video = torch.eye(3)[None, :, None]  # a spot on a ring of three places
        >>> squared_error(last_frame, video, context=1)
        tensor([[0.6667, 0.6667]])
    """
    seen, future = videos[:, :context], videos[:, context:]
    return (model(seen, future.shape[1]) - future).square().flatten(2).mean(2)


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
