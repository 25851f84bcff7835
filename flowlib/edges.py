"""Frames that have edges: the memory is larger than what is seen of the world."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.models import Forecaster


class MarginForecaster(Forecaster):
    """Forecasts frames that do not wrap around: the network lives on a larger torus, of which they are the
    middle, and is told which places it sees, if it is asked to.

        input_t = (f_t, 1) inside the frame, (0, 0) in the margin

    What leaves the frame goes on in the margin instead of coming in on the other side. The torus is a
    plane as long as nothing has come all the way round: with a margin of m pixels on each side, kernels that
    reach r pixels, a decoder that reaches d, and velocities up to s pixels a frame, states in the frame are
    those of the unbounded plane after frame t = 0, 1, ... as long as r + t (s + r) <= 2 m, and forecasts as
    long as r + t (s + r) + s + d <= 2 m. And on the plane the law of flows holds for the pair of frame and
    mask, or for the frame alone where there is no mask.

    Args:
        rnn: a `FERNN`, a `GRNN` or a `Stack`, with one input channel more than a frame has for the mask.
        frame: the shape of a frame, not larger than the grid of the group.
        decoder_layers: see `Forecaster`.
        mask: its value in the frame, 1 where it is told no other; False is none.

    Raises:
        ValueError: a frame that does not fit, or a network without a channel for the mask.

    Example:
        >>> world, V = fl.Translations((9, 9)), fl.translation_velocities(1)
        >>> model = fl.MarginForecaster(fl.FERNN(world, V, 2, 4), (5, 5))
        >>> model(torch.rand(3, 5, 1, 5, 5), steps=2).shape
        torch.Size([3, 2, 1, 5, 5])
    """

    def __init__(
        self,
        rnn: nn.Module,
        frame: tuple[int, ...],
        decoder_layers: int = 4,
        mask: bool | float = True,
    ):
        if rnn.in_channels < 1 + bool(mask):
            raise ValueError(
                "the network has one input channel: it wants one more than a frame has, for the mask"
            )
        super().__init__(rnn, decoder_layers, channels=rnn.in_channels - bool(mask))
        self.mask = mask
        self.middle = middle(rnn.group.grid, frame)

    def lay(self, frames: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Frames (*lead, channel, *frame) in the middle of the torus, and the mask as one more channel."""
        axis = -self.group.ndim - 1
        if self.mask:
            frames = torch.cat(
                [frames, torch.full_like(frames.narrow(axis, 0, 1), self.mask)], axis
            )
        laid = frames.new_zeros(*frames.shape[: axis + 1], *self.group.grid)
        laid[self.middle] = frames
        return laid

    def read(self, state, psi_1=None) -> Float[Tensor, "batch more *grid"]:
        """The frame to come, laid as one that was seen."""
        return self.lay(super().read(state, psi_1)[self.middle])

    def forward(
        self, context: Float[Tensor, "batch time channel *frame"], steps: int
    ) -> Float[Tensor, "batch steps channel *frame"]:
        """The `steps` frames that follow the context."""
        ahead = super().forward(self.lay(context), steps)
        return ahead[:, :, : ahead.shape[2] - bool(self.mask)][self.middle]


def middle(grid: tuple[int, ...], frame: tuple[int, ...]) -> tuple:
    """The index of what a frame shows of a grid: its middle.

    Raises:
        ValueError: a frame that does not fit.

    Example:
        >>> torch.arange(5)[middle((5,), (3,))].tolist()
        [1, 2, 3]
    """
    grid, frame = tuple(grid), tuple(frame)
    if len(frame) != len(grid) or any(w > n for w, n in zip(frame, grid, strict=True)):
        raise ValueError(f"the frame is {frame}: it wants {len(grid)} sides, at most {grid}")
    low = [(n - w) // 2 for n, w in zip(grid, frame, strict=True)]
    return (..., *(slice(a, a + w) for a, w in zip(low, frame, strict=True)))
