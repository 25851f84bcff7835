"""Several processes that train one network, as `torchrun` starts them; one process where it did not.

Each takes its part of the batch that one process would draw, so the mean over the batch stays what it
is: the parts are equally large, and the mean of their means is the mean over all samples.

    loss = 1/B sum_b loss_b = 1/N sum_n (1/(B/N) sum_{b in part n} loss_b)

The gradient likewise. Only the order of the summands differs from that of one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# While rank 0 measures, the others wait. Who waits for a dead process is told so, or ended by torchrun.
PATIENCE = timedelta(days=2)
SAFE = "2.8"  # the first torch whose process groups let go of the interpreter when they end


def world_size() -> int:
    """How many processes train together.

    Example:
        >>> world_size(), rank()
        (1, 0)
    """
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0; rank 0 alone validates, measures and writes."""
    return dist.get_rank() if dist.is_initialized() else 0


@contextmanager
def process_group(device: str = "cpu"):
    """Meanwhile the processes that `torchrun` started work together; without it nothing happens.

    Args:
        device: "cuda" gives each process of a machine a card of its own.

    Raises:
        ValueError: there are fewer cards than processes, or torch is older than 2.8, whose processes
            may hang where the group ends (it held the interpreter while it waited for its own threads).

    Example:
        >>> with process_group():
        ...     world_size()
        1
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    if torch.__version__ < SAFE:
        raise ValueError(
            f"torch is {torch.__version__}: several processes want {SAFE} or newer, older ones may hang at "
            "the end; take one process, or a newer torch"
        )
    if device == "cuda":
        card, cards = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if card >= cards:
            raise ValueError(
                f"process {card} of this machine finds no card, there are {cards}: start as many "
                "processes as there are cards, or use --device cpu"
            )
        torch.cuda.set_device(card)
    backend = "cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def on_rank_0(function: Callable, *arguments):
    """What the function gives, or raises, on rank 0, in all processes; the others wait.

    Example:
        >>> on_rank_0(max, 1, 2)
        2
    """
    if world_size() == 1:
        return function(*arguments)
    told = [None, None]
    if rank() == 0:
        try:
            told = [function(*arguments), None]
        except Exception as error:
            told = [None, error]
    dist.broadcast_object_list(told)
    result, error = told
    if error is not None:
        raise error
    return result


def rank_0_first(function: Callable, *arguments):
    """What the function gives, in each process; rank 0 goes ahead, and the others find what it fetched.

    Example:
        >>> rank_0_first(max, 1, 2)
        2
    """
    own = []
    on_rank_0(lambda: own.append(function(*arguments)))
    return own[0] if own else function(*arguments)


def my_part(batch: Tensor) -> Tensor:
    """The samples of this process: (sample, ...) -> (sample / world size, ...).

    Raises:
        ValueError: the parts would not be equally large.

    Example:
        >>> my_part(torch.ones(4, 2)).shape  # of one process: all of them
        torch.Size([4, 2])
    """
    samples, parts = len(batch), world_size()
    if samples % parts:
        near = max(n for n in range(1, parts) if samples % n == 0)
        fewer = samples // parts * parts
        raise ValueError(
            f"the batch is {samples}, of {parts} processes: it wants parts of one size, so take "
            f"{near} process{'es' * (near > 1)}, or a batch of "
            f"{f'{fewer} or ' * (fewer > 0)}{fewer + parts}"
        )
    return batch.chunk(parts)[rank()]


def average_gradient(model: nn.Module, loss: Tensor) -> Tensor:
    """Replaces each gradient by its mean over the processes; returns the mean loss, without gradient."""
    loss = loss.detach()
    if world_size() == 1:
        return loss
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([loss.reshape(1), *(g.flatten() for g in gradients)])
    dist.all_reduce(flat)
    flat /= world_size()
    for gradient, mean in zip(
        gradients, flat[1:].split([g.numel() for g in gradients]), strict=True
    ):
        gradient.copy_(mean.reshape(gradient.shape))
    return flat[0]


def check_model(model: nn.Module) -> None:
    """Raises ValueError for a model that several processes would train otherwise than one."""
    if world_size() == 1:
        return
    for name, part in model.named_modules():
        if isinstance(part, _BatchNorm):
            raise ValueError(
                f"the model {type(model).__name__} has batch normalisation ({name}): its statistics "
                f"would be those of a part of the batch in each of {world_size()} processes; train "
                "it in one process"
            )
