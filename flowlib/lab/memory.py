"""How much memory a run took, on top of what was in use before it."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import torch

PROC = Path("/proc/self")  # what Linux tells a process about itself


class PeakMemory:
    """The most memory in use since this was made, less what was in use then.

    On CUDA it is that of tensors on the device; elsewhere the resident memory of the process, where the
    system tells and resets its peak (Linux). What was read before, such as the data of a task, does not
    count.

    Args:
        device: where the run takes place.

    Example:
        >>> memory = PeakMemory(torch.device("cpu"))
        >>> megabytes = memory.mb()  # None where the system does not tell
        >>> megabytes is None or megabytes >= 0
        True
    """

    def __init__(self, device: torch.device):
        self.device = device
        gc.collect()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            self.before = torch.cuda.memory_allocated(device)
            return
        try:
            if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
                trim(0)  # else what earlier runs gave back would be used again, and not be counted
            (PROC / "clear_refs").write_text("5")  # the peak begins anew
            self.before = _resident("VmRSS")
        except OSError:
            self.before = None

    def mb(self) -> float | None:
        """Megabytes, or None where the system does not tell."""
        if self.before is None:
            return None
        cuda = self.device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self.device) if cuda else _resident("VmHWM")
        return round(max(peak - self.before, 0) / 1e6, 1)


def _resident(key: str) -> int:
    """A number of bytes from the process's own status."""
    for line in (PROC / "status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"the system does not tell {key}")
