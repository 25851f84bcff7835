"""Nonlinearities between the pixels: what a nonlinearity on each number makes too fine for the grid."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn


def resample(
    signal: Float[Tensor, "*lead_grid"], grid: tuple[int, ...]
) -> Float[Tensor, "*lead_other"]:
    """The signal on a finer or a coarser grid of the same torus, by its waves.

    Finer: the sum of waves through the samples is read at more places. Coarser: the waves that the
    coarse grid cannot show are left out first. The point 0 stays where it is.

    Args:
        signal: (*lead, *old), the coarser one of both grids odd along each axis.
        grid: the new sizes of the last axes.

    Raises:
        ValueError: the coarser grid has an even axis, whose shortest wave has no partner.

    Example:
        >>> fine = resample(torch.tensor([0.0, 1.0, 1.0]), (6,))
        >>> [round(x, 4) + 0.0 for x in fine.tolist()]  # half a point on, and back
        [0.0, 0.3333, 1.0, 1.3333, 1.0, 0.3333]
    """
    for axis, new in enumerate(grid, -len(grid)):
        matrix = resampling_matrix(signal.shape[axis], new, signal.dtype, signal.device)
        signal = (signal.movedim(axis, -1) @ matrix.mT).movedim(-1, axis)
    return signal


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cached tensors meet gradients later
def resampling_matrix(
    old: int, new: int, dtype=torch.float64, device="cpu"
) -> Float[Tensor, "new old"]:
    """`resample` along one axis. On grids as small as those of a network a product is faster than an FFT."""
    if old != new and min(old, new) % 2 == 0:
        raise ValueError(
            f"from {old} to {new} points: the coarser grid has an even axis, whose shortest wave is lost "
            f"between its points, so make it {min(old, new) + 1}"
        )
    waves = torch.fft.rfft(torch.eye(old, dtype=torch.float64, device=device), dim=0)
    # Waves too many are cut, and missing ones are 0: `irfft` does that.
    return (torch.fft.irfft(waves, n=new, dim=0) * (new / old)).to(dtype)


class AntiAliased(nn.Module):
    """A nonlinearity on a finer grid: upsample, apply sigma, leave out what is too fine, and go back.

    It commutes with all shifts by whole multiples of 1 / factor of a pixel, for any sigma, and with all
    real shifts for a polynomial sigma of degree d where factor >= (d + 1) / 2. In between, what is left
    of the aliasing falls with the factor.

    Args:
        nonlinearity: sigma, which treats all places alike and each by itself; it may look at the axes in
            front of the grid, as a maximum over velocities does.
        factor: points of the finer grid for one of the grid, along each axis.
        ndim: the number of axes of the grid, the last ones of a signal. They are odd.

    Raises:
        ValueError: a factor below 1; called with a grid of even sizes.

    Source: the factor for polynomials: Orszag 1971; in networks Karras et al. 2021, Michaeli et al. 2023.

    Example: half a pixel before or after a ReLU.
        >>> ring, f = fl.Translations(9, "fourier"), torch.randn(9).double()
        >>> sigma = AntiAliased(torch.relu, factor=2, ndim=1)
        >>> bool((sigma(ring.act(0.5, f)) - ring.act(0.5, sigma(f))).abs().max() < 1e-14)
        True
    """

    def __init__(
        self,
        nonlinearity: Callable[[Tensor], Tensor] = torch.relu,
        factor: int = 2,
        ndim: int = 2,
    ):
        super().__init__()
        if factor < 1 or factor != int(factor):
            raise ValueError(
                f"factor is {factor}: it wants a whole number from 1 on, so that each point of the grid "
                "is one of the finer grid"
            )
        self.nonlinearity, self.factor, self.ndim = nonlinearity, int(factor), ndim

    def forward(self, signal: Float[Tensor, "*lead_grid"]) -> Float[Tensor, "*other_grid"]:
        """The band-limited sigma(signal), on the grid of the signal."""
        grid = tuple(signal.shape[signal.ndim - self.ndim :])
        fine = resample(signal, tuple(self.factor * n for n in grid))
        return resample(self.nonlinearity(fine), grid)

    def extra_repr(self) -> str:
        name = getattr(self.nonlinearity, "__name__", repr(self.nonlinearity))
        return f"{name}, factor={self.factor}, ndim={self.ndim}"
