"""Layers in which a velocity channel hears its neighbours in V."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.convolution import GroupConvolution, convolve
from flowlib.groups import see
from flowlib.neighbours import velocity_neighbours


class ExactBuffers(nn.Module):
    """A module whose buffers are elements of a group or places in V: they follow it to its device, and
    are never rounded by `.bfloat16()` and the like."""

    def _apply(self, fn, recurse=True):
        exact = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, buffer in exact.items():
            if self._buffers[name].dtype != buffer.dtype:
                self._buffers[name] = buffer.to(self._buffers[name].device)
        return self


class VelocityConvolution(ExactBuffers, GroupConvolution):
    """Group convolution over velocities too: a channel also sees its neighbours in V.

        (W * h)(v) = sum over |d| <= r of W_d * [psi_1(v).h(v + d)],   v + d outside V counts as 0

    The memory of a neighbour moves by psi_1(v), the velocity of the channel that reads it.

    Args:
        group, in_channels, out_channels, kernel_size: as for `GroupConvolution`. There is no bias.
        velocities: V, (velocity, axis), sorted.
        radius: r, how many steps in V to each side along each of its axes.

    Warns:
        UserWarning: V is uneven; see `flowlib.flows.velocity_neighbours`.

    Transformation law: as that of the group convolution, with channels exchanged: exact for all v where
    V is a group under v - w, else up to what is missing at its rim.
    Source: Keller 2025 (arXiv 2507.14793), velocity mixing.

    Example:
        >>> VelocityConvolution(fl.Translations((6, 6)), fl.translation_velocities(2), 4, 4)
        VelocityConvolution(Translations((6, 6)), 36 -> 4 channels, kernel_size=3, 25 velocities see 9 each)
    """

    def __init__(self, group, velocities, in_channels, out_channels, kernel_size=3, radius=1):
        count = (2 * radius + 1) ** group.dim
        super().__init__(group, count * in_channels, out_channels, kernel_size)
        self.in_channels, self.radius = in_channels, radius
        self.set_velocities(velocities)

    def set_velocities(self, velocities: Tensor) -> None:
        """Take another V; the kernels, which know differences of velocities alone, stay."""
        neighbours = velocity_neighbours(self.group, velocities, self.radius)
        self.register_buffer("neighbours", neighbours, persistent=False)
        # How psi_1(v + d) moves on to psi_1(v), for memories that have moved already.
        step = self.group.exp(velocities, 1)
        there = torch.cat([step, torch.zeros_like(step[:1])])[neighbours]  # (velocity, d, axis)
        between = self.group.product(step[:, None], self.group.inverse(there))
        self.register_buffer("between", between, persistent=False)

    def forward(
        self, signal: Float[Tensor, "*lead_signal"], g=None, plus=None
    ) -> Float[Tensor, "*out"]:
        """W * h + plus, for h that has moved already, each v by psi_1(v); or for one that g = psi_1(v) moves.

        Args:
            signal: (batch, velocity, in_channel, *group).
            g: psi_1(v), (velocity, 1, dim); none says that the signal has moved.
            plus: what is added, (batch, _, out_channel, *group).

        Returns:
            (batch, velocity, out_channel, *group).
        """
        self.check(signal, self.in_channels)
        if g is not None:
            return convolve(self.group, signal, self.kernel(), g, plus, True, self.neighbours)
        seen = see(signal, self.neighbours)
        seen = self.group.act_lifted(self.between[:, :, None], seen).flatten(2, 3)
        return convolve(self.group, seen, self.kernel(), plus=plus)

    def extra_repr(self) -> str:
        count, seen = self.neighbours.shape
        return f"{super().extra_repr()}, {count} velocities see {seen} each"


class SeparableMixing(ExactBuffers):
    """Velocity mixing that is cheap: each hidden channel has its own weights over V, and no space.

        m(v) = sum over |d| <= r of a_d h(v + d),   channel by channel; v + d outside V counts as 0

    With a convolution W after it this is a velocity convolution of kernels W_d = W diag(a_d), and so it
    obeys the same law. At first each channel hears itself, and others a little.

    Args:
        group, velocities, radius: as for `VelocityConvolution`.
        channels: of the state.

    Example:
        >>> SeparableMixing(fl.Translations(9), fl.translation_velocities(2, ndim=1), channels=4)
        SeparableMixing(4 channels, 5 velocities hear 3 each)
    """

    def __init__(self, group, velocities, channels: int, radius: int = 1):
        super().__init__()
        self.group, self.radius, count = group, radius, (2 * radius + 1) ** group.dim
        self.set_velocities(velocities)
        share = torch.empty(count, channels).uniform_(-1 / count, 1 / count)
        share[count // 2] = 1
        self.share = nn.Parameter(share)

    def set_velocities(self, velocities: Tensor) -> None:
        """Take another V; the weights stay."""
        neighbours = velocity_neighbours(self.group, velocities, self.radius)
        self.register_buffer("neighbours", neighbours, persistent=False)

    def forward(
        self, state: Float[Tensor, "batch velocity channel *group"]
    ) -> Float[Tensor, "batch velocity channel *group"]:
        """m from h; a sum over V for each channel is one product of matrices."""
        V = len(self.neighbours)
        hears = F.one_hot(self.neighbours, V + 1)[..., :V].to(self.share.dtype)  # (v, d, v + d)
        a = torch.einsum("vdu,dc->cvu", hears, self.share)
        h = state.flatten(3).permute(2, 1, 0, 3)  # (channel, velocity, batch, place)
        mixed = (a @ h.flatten(2)).view_as(h)
        return mixed.permute(2, 1, 0, 3).reshape(state.shape)

    def extra_repr(self) -> str:
        count, seen = self.neighbours.shape
        return f"{self.share.shape[1]} channels, {count} velocities hear {seen} each"
