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
    """Group convolution G -> G: the linear maps of signals on the group that commute with it.

    For translations this is an ordinary convolution whose border wraps around,
        (W * h)_k(x) = sum over i, y of W_ki(y) h_i(x + y).
    For rotations the filter turns with the orientation theta that it makes, and sees the orientations
    phi from there,
        (W * h)_k(theta, x) = sum over i, phi, y of W_ki(phi - theta, R_theta^-1 y) h_i(phi, x + y).
    Weights are drawn as in torch's own convolutions.

    Args:
        group: the group, e.g. Translations((28, 28)) or Rotations(8).
        in_channels, out_channels: number of channels.
        kernel_size: odd, so that the kernel has a centre; it may be larger than the grid.
        bias: add one number an output channel.

    Raises:
        ValueError: an even kernel size, or no channel.

    Transformation law: layer(group.act_lifted(g, h)) = group.act_lifted(g, layer(h)).
    Source: Cohen & Welling 2016, eq. 11; for turned filters Weiler & Cesa 2019.
    """

    lifting = False

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
        self.group, self.kernel_size = group, kernel_size
        size = (out_channels, in_channels, *group.kernel_shape(kernel_size, self.lifting))
        bound = 1 / math.sqrt(math.prod(size[1:]))
        self.weight = nn.Parameter(torch.empty(size).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        )

    def forward(
        self, signal: Float[Tensor, "*lead_signal"], g: Tensor | None = None
    ) -> Float[Tensor, "*out"]:
        """W * signal, or W * (g.signal).

        Moving, the border and convolving are one gather (for rotations one resampling) and one
        convolution, however many different elements g holds: this is what makes a FERNN with 25
        velocities affordable.

        Args:
            signal: (*lead, in_channel, *group).
            g: elements that move the signal first, (*batch, axis), batch broadcasting with `lead`;
                none moves nothing.

        Returns:
            (*lead, out_channel, *group).
        """
        group = self.group
        axes = group.ndim if self.lifting else len(group.shape)
        if signal.ndim <= axes or signal.shape[-1 - axes] != self.weight.shape[1]:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, with "
                f"{signal.shape[-1 - axes] if signal.ndim > axes else 'no axis of'} channels: this "
                f"layer takes {self.weight.shape[1]}"
            )
        g = group.identity if g is None else g[..., None, :]  # one for all channels
        act = group.act if self.lifting else group.act_lifted
        padded = act(g, signal, padding=self.kernel_size // 2)
        lead = padded.shape[: -1 - axes]
        kernel = group.kernel(self.weight, self.kernel_size)
        planes = padded.reshape(-1, kernel.shape[1], *padded.shape[-group.ndim :])
        out = _CONVOLVE[group.ndim](planes, kernel)
        out = out.reshape(*lead, self.weight.shape[0], *group.shape)
        if self.bias is not None:
            out = out + self.bias.reshape(-1, *[1] * len(group.shape))
        return out


class LiftingConvolution(GroupConvolution):
    """Lifting convolution X -> G, from a picture to a signal on the group.

    For translations it is the group convolution, since X and G are the same grid. For rotations one
    filter, turned to each orientation, makes one picture each,
        (W * f)_k(theta, x) = sum over i, y of W_ki(R_theta^-1 y) f_i(x + y).
    Arguments and result as for `GroupConvolution`; the signal is (*lead, in_channel, *grid).

    Transformation law: layer(group.act(g, f)) = group.act_lifted(g, layer(f)).
    Source: Cohen & Welling 2016, eq. 10.
    """

    lifting = True
