"""Memory: how much the training of a row takes (its own, not that of the process so far), and blocks
that are kept for the next update."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# Of the size of the weights: themselves, their gradient, and the two means of Adam.
COPIES = 4


@contextmanager
def kept_for_backward() -> Iterator[dict[int, Tensor]]:
    """What autograd keeps for the backward pass of what is computed meanwhile: address -> tensor.

    Tensors that share their memory count once. Let go of the tensors when they are counted.

    Example:
        >>> x = torch.ones(5, requires_grad=True)
        >>> with kept_for_backward() as kept:
        ...     y = (2 * x).exp()  # exp keeps its result
        >>> [tensor.shape for tensor in kept.values()]
        [torch.Size([5])]
    """
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield kept


def keep_blocks() -> bool:
    """Let this process keep the memory it lets go of, up to 2 GB, and use it again.

    glibc gives each large block back to the system, and the next update gets it anew, page by page:
    with small networks up to half of the time of an update on a CPU. Elsewhere nothing is done.

    Returns:
        Whether it is kept.

    Source: mallopt(3), M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.

    Example:
        >>> keep_blocks() == (sys.platform == "linux")
        True
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    trim, mmap, largest = -1, -3, 2**31 - 1
    return all([mallopt(trim, largest), mallopt(mmap, largest // 2)])


class TrainingMemory:
    """The memory of training, in tensors.

    On CUDA it is the most that was allocated since this was made, on top of what was there, such as
    the data of a task. Elsewhere nobody counts what is allocated, and it is what has to be there at
    once: the weights, their gradient, Adam's two means, and what one update keeps for its backward
    pass. What comes and goes within a layer is not in it.

    Args:
        device: where the training takes place.

    Example:
        >>> memory, layer = TrainingMemory(torch.device("cpu")), nn.Linear(1000, 500, bias=False)
        >>> with memory.update(layer):  # the input is kept, 2,000 x 1,000 numbers, 8 MB
        ...     _ = layer(torch.ones(2000, 1000))
        >>> memory.mb(layer)  # and 4 x 500,000 numbers, 8 MB
        16.0
    """

    def __init__(self, device: torch.device):
        self.device, self.kept = device, None
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self.before = torch.cuda.memory_allocated(device)

    @contextmanager
    def update(self, model: nn.Module):
        """Around the forward pass of an update; the first one is counted."""
        if self.kept is not None or self.device.type == "cuda":
            yield
            return
        with kept_for_backward() as kept:
            yield
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        storages = {at: t.untyped_storage() for at, t in kept.items() if at not in weights}
        self.kept = sum(storage.nbytes() for storage in storages.values())

    def mb(self, model: nn.Module) -> float | None:
        """Megabytes; None where there was no update to count, as in a run that was resumed at its end."""
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self.device)
            return round(max(peak - self.before, 0) / 1e6, 1)
        if self.kept is None:
            return None
        trained = [p for p in model.parameters() if p.requires_grad]
        weights = sum(p.nbytes for p in trained)
        return round((COPIES * weights + self.kept) / 1e6, 3)
