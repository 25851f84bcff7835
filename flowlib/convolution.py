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
from jaxtyping import Float, Int
from torch import Tensor, nn

from flowlib.checks import broadcast, check_dtype
from flowlib.groups import see
from flowlib.neighbours import readers

# By the number of axes: the convolution, and the gradient of its kernel.
_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_KERNEL_GRADIENT = {1: nn.grad.conv1d_weight, 2: nn.grad.conv2d_weight, 3: nn.grad.conv3d_weight}


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
        ValueError: an even kernel size, no channel, or a grid of more than three axes.

    Transformation law: layer(group.act_lifted(g, h)) = group.act_lifted(g, layer(h)).
    Source: Cohen & Welling 2016, eq. 11; for turned filters Weiler & Cesa 2019.

    Example:
        >>> layer = GroupConvolution(fl.Translations((4, 5)), 2, 3)
        >>> layer(torch.zeros(7, 2, 4, 5)).shape
        torch.Size([7, 3, 4, 5])
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
        if group.ndim not in _CONVOLVE:
            raise ValueError(
                f"{group} has {group.ndim} axes: torch convolves up to {max(_CONVOLVE)}"
            )
        self.group, self.kernel_size = group, kernel_size
        size = (out_channels, in_channels, *group.kernel_shape(kernel_size, self.lifting))
        bound = 1 / math.sqrt(math.prod(size[1:]))
        self.weight = nn.Parameter(torch.empty(size).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        )

    def forward(
        self, signal: Float[Tensor, "*lead_signal"], g=None, plus=None
    ) -> Float[Tensor, "*out"]:
        """W * (g.signal) + plus.

        Moving, the border and convolving are one gather (for rotations one product) and one
        convolution, however many different elements g holds: this is what makes a FERNN with 25
        velocities affordable.

        Args:
            signal: (*lead, in_channel, *group).
            g: elements that move the signal first, as in `group.act_lifted`, the same for all
                channels: (*batch, 1, dim), batch broadcasting with `lead`; none moves nothing.
            plus: what is added, of the shape of the result or of size 1 in some of `lead`.

        Returns:
            (*lead, out_channel, *group).

        Raises:
            ValueError: a signal of another shape or type of numbers.
        """
        self.check(signal, self.weight.shape[1])
        out = convolve(self.group, signal, self.kernel(), g, plus, not self.lifting)
        return self._with_bias(out)

    def check(self, signal: Tensor, channels: int) -> None:
        """Raise a ValueError unless the signal has these channels, and the type of the weights."""
        axes = self.group.ndim if self.lifting else len(self.group.shape)
        if signal.ndim <= axes or signal.shape[-1 - axes] != channels:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, with "
                f"{signal.shape[-1 - axes] if signal.ndim > axes else 'no axis of'} channels: this "
                f"layer takes {channels}"
            )
        check_dtype("the signal", signal, self.weight)

    def kernel(self) -> Tensor:
        """The kernel of an ordinary convolution that does this one."""
        return self.group.kernel(self.weight, self.kernel_size)

    def _with_bias(self, out: Tensor) -> Tensor:
        if self.bias is None:
            return out
        return out + self.bias.reshape(-1, *[1] * len(self.group.shape))

    def extra_repr(self) -> str:
        out, seen = self.weight.shape[:2]
        bias = ", bias" if self.bias is not None else ""
        return f"{self.group}, {seen} -> {out} channels, kernel_size={self.kernel_size}{bias}"


class LiftingConvolution(GroupConvolution):
    """Lifting convolution X -> G, from a picture to a signal on the group.

    For translations it is the group convolution, since X and G are the same grid. For rotations one
    filter, turned to each orientation, makes one picture each,
        (W * f)_k(theta, x) = sum over i, y of W_ki(R_theta^-1 y) f_i(x + y).
    Arguments and result as for `GroupConvolution`; the signal is (*lead, in_channel, *grid).

    Transformation law: layer(group.act(g, f)) = group.act_lifted(g, layer(f)).
    Source: Cohen & Welling 2016, eq. 10.

    Example:
        >>> LiftingConvolution(fl.Rotations(8, size=9), 1, 3)(torch.zeros(7, 1, 9, 9)).shape
        torch.Size([7, 3, 8, 9, 9])
    """

    lifting = True


def convolve(
    group,
    signal: Float[Tensor, "*lead_signal"],
    kernel: Float[Tensor, "out in *k"],
    g=None,
    plus: Float[Tensor, "*added"] | None = None,
    lifted: bool = True,
    neighbours: Int[Tensor, "velocity d"] | None = None,
) -> Float[Tensor, "*out"]:
    """W * (g.signal) + plus, as `GroupConvolution.forward`, with the kernel as the group makes it.

    Where the group permutes points, only the signal and the kernel are kept for the backward pass.

    Args:
        lifted: the signal is on the group; else on X.
        neighbours: for signals (batch, velocity, channel, *group): each velocity sees those of its
            neighbours, side by side as channels.
    """
    if not group.permutes:
        signal = signal if neighbours is None else see(signal, neighbours).flatten(2, 3)
        padded = group.act_padded(g, signal, _padding(kernel), lifted)
        out = _planes(group, padded, kernel, lifted, True)
        return out if plus is None else out + plus
    if g is not None:
        axes = len(group.shape) if lifted else group.ndim
        lead = broadcast(g.shape[:-2], signal.shape[: -1 - axes])
        signal = signal.expand(*lead, *signal.shape[-1 - axes :])
    function = _Convolve if torch.compiler.is_compiling() else _ConvolveForward
    return function.apply(signal, kernel, plus, g, neighbours, group, lifted)


class _Convolve(torch.autograd.Function):
    """W * (g.h) + plus, which keeps h and W alone.

    Moving commutes with the convolution, W * (g.h) = g.(W * h). So both gradients are made of the
    gradient moved back, r = g^-1.gradient: that of h is r convolved with the transposed kernel, that of
    W correlates r with h. One gather moves r and pads it, and nothing is scattered.
    """

    @staticmethod
    def forward(signal, kernel, plus, g, neighbours, group, lifted):
        padded = group.act_padded(g, signal, _padding(kernel), lifted, neighbours)
        out = _planes(group, padded, kernel, lifted, True)
        return out if plus is None else out.add_(plus)

    @staticmethod
    def setup_context(ctx, inputs, output):
        signal, kernel, plus, *ctx.where = inputs
        ctx.added = None if plus is None else plus.shape
        ctx.save_for_backward(signal, kernel)

    @staticmethod
    def backward(ctx, gradient):
        signal, kernel = ctx.saved_tensors
        g, neighbours, group, lifted = ctx.where
        ndim = group.ndim
        signal, kernel = signal.to(gradient.dtype), kernel.to(gradient.dtype)  # under autocast
        count = 1 if neighbours is None else neighbours.shape[1]
        back = None if g is None else group.inverse(g)
        if neighbours is not None:  # the gradient of what u says stands at those who read it
            neighbours, back = readers(neighbours), group.element(back)
            back = torch.cat([back, back[..., :1, :, :]], -3)[..., neighbours, 0, :]
        moved = group.act_padded(back, gradient, _padding(kernel), True, neighbours)
        of_signal = of_kernel = of_plus = None
        if ctx.needs_input_grad[0]:
            of_signal = _planes(group, moved, _transposed(kernel, count), True, lifted)
        if ctx.needs_input_grad[1]:
            size = (kernel.shape[1] // count, count * kernel.shape[0], *kernel.shape[2:])
            moved, seen = _flat(moved, size[1], ndim), _flat(signal, size[0], ndim)
            of_kernel = _transposed(_KERNEL_GRADIENT[ndim](moved, size, seen), count)
        if ctx.needs_input_grad[2]:
            of_plus = sum_to(ctx.added, gradient, len(group.shape))
        return of_signal, of_kernel, of_plus, None, None, None, None


class _ConvolveForward(_Convolve):
    """The same with forward derivatives (`torch.func.jvp`), which torch.compile does not take."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Convolve.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2])

    @staticmethod
    def jvp(ctx, of_signal, of_kernel, of_plus, *_):
        (signal, kernel), where = ctx.saved_tensors, ctx.where
        total = 0.0 if of_plus is None else of_plus  # linear in each
        if of_signal is not None:
            total = total + _ConvolveForward.apply(of_signal, kernel, None, *where)
        if of_kernel is not None:
            total = total + _ConvolveForward.apply(signal, of_kernel, None, *where)
        return total


def _padding(kernel: Tensor) -> int:
    return kernel.shape[-1] // 2


def _flat(signal: Tensor, channels: int, ndim: int) -> Tensor:
    """All planes that a convolution sees at once as its channels, everything before as its batch."""
    return signal.reshape(-1, channels, *signal.shape[signal.ndim - ndim :])


def sum_to(shape: tuple[int, ...], gradient: Tensor, axes: int) -> Tensor:
    """The gradient of what was broadcast from `shape`: a sum over its axes of size 1. Over rows in the
    order of memory it is six times as fast as torch's own, which goes axis by axis."""
    rows = gradient.movedim(-1 - axes, -1)
    point = rows.shape[-1 - axes :]
    lead = gradient.ndim - 1 - axes
    total = rows.flatten(lead).sum_to_size(*shape[:lead], math.prod(point))
    return total.unflatten(-1, point).movedim(-1, -1 - axes)


def _transposed(kernel: Tensor, count: int) -> Tensor:
    """The kernel of the transposed convolution, (out, d x in) to (in, d x out), of `count` neighbours."""
    parts = kernel.unflatten(1, (count, -1)).transpose(0, 2).flatten(1, 2)
    return parts.flip(tuple(range(2, parts.ndim)))


def _planes(group, padded: Tensor, kernel: Tensor, lifted: bool, to_lifted: bool) -> Tensor:
    """The convolution of a padded signal, on the group or not, to one on the group or not."""
    ndim, shape = group.ndim, group.shape if to_lifted else group.grid
    lead = padded.shape[: padded.ndim - 1 - (len(group.shape) if lifted else ndim)]
    out = _CONVOLVE[ndim](_flat(padded, kernel.shape[1], ndim), kernel)
    return out.reshape(*lead, kernel.shape[0] // math.prod(shape[: len(shape) - ndim]), *shape)
