"""Convolutions that commute with a group: from the domain to the group, and on the group.

Lifting convolution takes a signal on X to a signal on G, group convolution takes G to G; both obey
layer(g.f) = g.layer(f). Like everywhere in deep learning, "convolution" here is cross-correlation:
(W * f)_k(x) = sum over i, y of W_ki(y) f_i(x + y), output channel k, input channel i. That changes
the name of the kernel's entries, not the equivariance.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_CONVOLVE = {1: F.conv1d, 2: F.conv2d}


class GroupConvolution(nn.Module):
    """Group convolution G -> G over the translations of a ring or a torus, and X -> G as well.

    For translations a signal on the domain and a signal on the group have the same shape, so that
    the lifting convolution and the group convolution are one class: an ordinary convolution whose
    border wraps around. Weights are drawn as in torch's own convolutions.

    Args:
        group: the group, e.g. Translations((28, 28)).
        in_channels, out_channels: number of channels.
        kernel_size: odd, so that the kernel has a centre; it may be larger than the grid.
        bias: add one number an output channel.

    Raises:
        ValueError: an even kernel size, or no channel.

    Transformation law: layer(group.act(g, f)) = group.act(g, layer(f)).
    Source: Cohen & Welling 2016, eq. 10 and 11.
    """

    def __init__(
        self, group, in_channels: int, out_channels: int, kernel_size: int = 3, bias: bool = False
    ):
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size is {kernel_size}: a kernel has a centre, so it is odd; the nearest "
                f"is {max(1, kernel_size + 1)}"
            )
        if min(in_channels, out_channels) < 1:
            raise ValueError(f"{in_channels} channels in, {out_channels} out: each is 1 or more")
        self.group, self.radius = group, kernel_size // 2
        size = (out_channels, in_channels, *(kernel_size,) * group.ndim)
        bound = 1 / math.sqrt(math.prod(size[1:]))
        self.weight = nn.Parameter(torch.empty(size).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        )

    def forward(
        self, signal: Float[Tensor, "*lead_grid"], g: Tensor | None = None
    ) -> Float[Tensor, "*out"]:
        """W * signal, or W * (g.signal).

        Moving, wrapping the border and convolving are one gather and one convolution, however many
        different elements g holds: this is what makes a FERNN with 25 velocities affordable.

        Args:
            signal: (*lead, in_channel, *group).
            g: elements that move the signal first, (*batch, axis), batch broadcasting with `lead`;
                none moves nothing.

        Returns:
            (*lead, out_channel, *group).
        """
        if signal.shape[-1 - self.group.ndim] != self.weight.shape[1]:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, with "
                f"{signal.shape[-1 - self.group.ndim]} channels: this layer takes "
                f"{self.weight.shape[1]}"
            )
        g = self.group.identity if g is None else g[..., None, :]  # one for all channels
        padded = self.group.act(g, signal, padding=self.radius)
        lead = padded.shape[: -1 - self.group.ndim]
        out = _CONVOLVE[self.group.ndim](
            padded.reshape(-1, *padded.shape[len(lead) :]), self.weight, self.bias
        )
        return out.reshape(*lead, *out.shape[1:])


# On translations the domain X and the group G are the same grid.
LiftingConvolution = GroupConvolution
