"""What a memory does with a frame: the cells of a recurrent network.

    h_t(v, .) = cell( psi_1(v).h_{t-1}(v, .),  U * f_t )

A cell is the same for all velocities, and commutes with the group. That is all that the theorem of flow
equivariance asks of it, so the law holds for every cell made of convolutions of the group and of
functions that act on each number by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Cell(nn.Module, ABC):
    """The contract of a cell: cell(moved, drive) is the new state.

    A network makes its cell by `cell(convolution, channels)`, where convolution(in_channels,
    out_channels) makes a layer of signals on the group that commutes with it, and that mixes
    velocities where the network was asked to.

    Args:
        channels: of the state.

    Attributes:
        drives: how many lifted frames it takes at once: the drive has drives x channels channels.
        mixes: whether it still works where velocities mix.
        mode: "sequential", frame by frame; or "parallel", for a cell that has `run`, see `ScanCell`.

    Example: a memory that fades, and adds each frame.
        >>> class Fading(fl.Cell):
        ...     def __init__(self, convolution, channels):
        ...         super().__init__(channels)
        ...     def forward(self, moved, drive):
        ...         return 0.5 * moved + drive
        >>> V = fl.translation_velocities(1, ndim=1)
        >>> rnn = fl.FERNN(fl.Translations(7), V, 1, 2, cell=Fading)
        >>> bool(fl.flow_equivariance_error(rnn, torch.rand(1, 4, 1, 7), velocity=1).max() < 1e-14)
        True
    """

    drives, mixes, mode = 1, True, "sequential"

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    @abstractmethod
    def forward(
        self,
        moved: Float[Tensor, "batch velocity channel *group"],
        drive: Float[Tensor, "batch _ drive_channel *group"],
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """The new state h_t.

        Args:
            moved: psi_1(v).h_{t-1}(v, .), the state as it stands in the new frame.
            drive: the lifted frame, U * f_t; its velocity axis has size 1 where it is the same for all.
        """

    def advance(self, group, psi_1, state: Tensor, drive: Tensor) -> Tensor:
        """The new state from the one before, which `psi_1` = psi_1(v) moves first. A cell that can do
        both at once overrides this."""
        return self(group.act_lifted(psi_1, state), drive)


class ElmanCell(Cell):
    """The cell of the paper: sigma( U * f_t + W * moved ).

    Args:
        convolution, channels: see `Cell`.
        nonlinearity: sigma, any map that acts on each number by itself.
        memory: m in [0, 1]: W starts as m times the identity plus 1 - m times random numbers, so that
            the untrained network remembers (Le, Jaitly & Hinton 2015); 0 is the paper's.

    Raises:
        ValueError: memory outside of [0, 1].

    Source: Elman 1990; for signals on a group Keller 2025 (arXiv 2507.14793), section 4.

    Example:
        >>> fl.GRNN(fl.Translations(5), 1, 2, nonlinearity=torch.tanh, memory=0.5).cell
        ElmanCell(
          2 channels, tanh
          (state_conv): GroupConvolution(Translations((5,)), 2 -> 2 channels, kernel_size=3)
        )
    """

    def __init__(
        self,
        convolution: Callable[[int, int], nn.Module],
        channels: int,
        nonlinearity: Callable[[Tensor], Tensor] = torch.relu,
        memory: float = 0.0,
    ):
        super().__init__(channels)
        check_memory(memory)
        self.nonlinearity = nonlinearity
        self.state_conv = convolution(channels, channels)
        if memory:
            layer, weight = self.state_conv, self.state_conv.weight
            own = weight.shape[1] // channels // 2 * channels  # where d = 0 is, when velocities mix
            with torch.no_grad():
                weight.mul_(1 - memory)
                for c in range(channels):
                    weight[c, own + c] += memory * layer.group.impulse(layer.kernel_size)

    def forward(self, moved: Tensor, drive: Tensor) -> Tensor:
        """sigma( drive + W * moved )."""
        return self.nonlinearity(self.state_conv(moved) + drive)

    def advance(self, group, psi_1, state: Tensor, drive: Tensor) -> Tensor:
        """The same, moving and convolving at once: nothing is kept but the state."""
        return self.nonlinearity(self.state_conv(state, psi_1, drive))

    def extra_repr(self) -> str:
        name = getattr(self.nonlinearity, "__name__", repr(self.nonlinearity))
        return f"{self.channels} channels, {name}"


class GatedCell(Cell):
    """A gated cell, after the GRU: it chooses, place by place, what to keep.

        z = s( U_z * f_t + W_z * moved + b ),   r = s( U_r * f_t + W_r * moved ),   s the logistic function
        n = sigma( U_n * f_t + r (W_n * moved) )
        h_t = z moved + (1 - z) n

    Args:
        convolution, channels: see `Cell`.
        nonlinearity: sigma.
        memory: the share z that an untrained cell keeps of the state, in (0, 1); b starts there.

    Raises:
        ValueError: memory outside of (0, 1).

    Source: Cho et al. 2014, with the reset after the product, as in torch.nn.GRU.

    Example: it reads three lifted frames, one for each of z, r and n.
        >>> rnn = fl.GRNN(fl.Translations(5), 1, 2, cell=fl.GatedCell, memory=0.9)
        >>> rnn.input_conv
        LiftingConvolution(Translations((5,)), 1 -> 6 channels, kernel_size=3)
    """

    drives = 3

    def __init__(
        self,
        convolution: Callable[[int, int], nn.Module],
        channels: int,
        nonlinearity: Callable[[Tensor], Tensor] = torch.tanh,
        memory: float = 0.5,
    ):
        super().__init__(channels)
        check_memory(memory, inside=True)
        self.nonlinearity = nonlinearity
        self.state_conv = convolution(channels, 3 * channels)
        self.bias = nn.Parameter(torch.logit(torch.full((channels,), float(memory))))

    def forward(self, moved: Tensor, drive: Tensor) -> Tensor:
        """z moved + (1 - z) n."""
        drive_z, drive_r, drive_n = drive.chunk(3, dim=2)
        past_z, past_r, past_n = self.state_conv(moved).chunk(3, dim=2)
        bias = self.bias.reshape(-1, *[1] * (moved.ndim - 3))
        z = torch.sigmoid(drive_z + past_z + bias)
        r = torch.sigmoid(drive_r + past_r)
        n = self.nonlinearity(drive_n + r * past_n)
        return z * moved + (1 - z) * n

    def extra_repr(self) -> str:
        return f"{self.channels} channels"


def check_memory(memory: float, inside: bool = False) -> None:
    if not 0 <= memory <= 1 or (inside and memory in (0, 1)):
        raise ValueError(
            f"memory is {memory}: it wants a share {'between 0 and 1' if inside else 'from 0 to 1'}"
        )
