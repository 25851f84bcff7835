"""Evaluation: means over samples, and the mode that a model is in meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager

import torch
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
