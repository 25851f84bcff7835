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

from flowlib.flows import velocity_neighbours
from flowlib.groups import check_dtype

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

    def forward(self, signal: Float[Tensor, "*lead_signal"], g=None) -> Float[Tensor, "*out"]:
        """W * signal, or W * (g.signal).

        Moving, the border and convolving are one gather (for rotations one product) and one
        convolution, however many different elements g holds: this is what makes a FERNN with 25
        velocities affordable.

        Args:
            signal: (*lead, in_channel, *group).
            g: elements that move the signal first, as in `group.act_lifted`, the same for all
                channels: (*batch, 1, dim), batch broadcasting with `lead`; none moves nothing.

        Returns:
            (*lead, out_channel, *group).

        Raises:
            ValueError: a signal of another shape or type of numbers.
        """
        self.check(signal, self.weight.shape[1])
        return self._with_bias(convolve(self.group, signal, self._kernel(), g, not self.lifting))

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

    def _kernel(self) -> Tensor:
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

    def forward(self, signal: Float[Tensor, "*lead_signal"], g=None) -> Float[Tensor, "*out"]:
        """W * h, for h that has moved already, each v by psi_1(v); or for one that g = psi_1(v) moves.

        Args:
            signal: (batch, velocity, in_channel, *group).
            g: psi_1(v), (velocity, 1, dim); none says that the signal has moved.

        Returns:
            (batch, velocity, out_channel, *group).
        """
        self.check(signal, self.in_channels)
        if g is not None:
            return convolve(self.group, signal, self._kernel(), g, True, self.neighbours)
        seen = _see(signal, self.neighbours).unflatten(2, (-1, self.in_channels))
        seen = self.group.act_lifted(self.between[:, :, None], seen).flatten(2, 3)
        return convolve(self.group, seen, self._kernel())

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


def convolve(
    group,
    signal: Float[Tensor, "*lead_signal"],
    kernel: Float[Tensor, "out in *k"],
    g=None,
    lifted: bool = True,
    neighbours: Int[Tensor, "velocity d"] | None = None,
) -> Float[Tensor, "*out"]:
    """W * (g.signal), as `GroupConvolution.forward`, with the kernel as the group makes it.

    Where the group permutes points, only the signal and the kernel are kept for the backward pass.

    Args:
        lifted: the signal is on the group; else on X.
        neighbours: for signals (batch, velocity, channel, *group): each velocity sees those of its
            neighbours, side by side as channels.
    """
    if not group.permutes:
        signal = signal if neighbours is None else _see(signal, neighbours)
        padded = group.act_padded(g, signal, _padding(kernel), lifted)
        return _planes(group, padded, kernel, lifted, True)
    if g is not None:
        axes = len(group.shape) if lifted else group.ndim
        lead = torch.broadcast_shapes(g.shape[:-2], signal.shape[: -1 - axes])
        signal = signal.expand(*lead, *signal.shape[-1 - axes :])
    function = _Convolve if torch.compiler.is_compiling() else _ConvolveForward
    return function.apply(signal, kernel, g, neighbours, group, lifted)


class _Convolve(torch.autograd.Function):
    """W * (g.h), which keeps h and W alone.

    Moving commutes with the convolution, W * (g.h) = g.(W * h). So both gradients are made of the
    gradient moved back, r = g^-1.gradient: that of h is r convolved with the transposed kernel, that of
    W correlates r with h. One gather moves r and pads it, and nothing is scattered.
    """

    @staticmethod
    def forward(signal, kernel, g, neighbours, group, lifted):
        seen = signal if neighbours is None else _see(signal, neighbours)
        padded = group.act_padded(g, seen, _padding(kernel), lifted)
        return _planes(group, padded, kernel, lifted, True)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.group, ctx.lifted = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, gradient):
        signal, kernel, g, neighbours = ctx.saved_tensors
        group, lifted, ndim = ctx.group, ctx.lifted, ctx.group.ndim
        signal, kernel = signal.to(gradient.dtype), kernel.to(gradient.dtype)  # under autocast
        axes = tuple(range(-ndim, 0))
        transposed = kernel.transpose(0, 1).flip(axes)
        back = group.act_padded(None if g is None else group.inverse(g), gradient, _padding(kernel))
        of_signal = of_kernel = None
        if ctx.needs_input_grad[0]:
            of_signal = _planes(group, back, transposed, True, lifted)
            if neighbours is not None:
                of_signal = _heard(of_signal, neighbours, signal.shape[2])
        if ctx.needs_input_grad[1]:
            seen = signal if neighbours is None else _see(signal, neighbours)
            back, seen = _flat(back, kernel.shape[0], ndim), _flat(seen, kernel.shape[1], ndim)
            of_kernel = _KERNEL_GRADIENT[ndim](back, transposed.shape, seen)
            of_kernel = of_kernel.transpose(0, 1).flip(axes)
        return of_signal, of_kernel, None, None, None, None


class _ConvolveForward(_Convolve):
    """The same with forward derivatives (`torch.func.jvp`), which torch.compile does not take."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Convolve.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:4])

    @staticmethod
    def jvp(ctx, of_signal, of_kernel, *_):
        signal, kernel, *where = ctx.saved_tensors
        where = (*where, ctx.group, ctx.lifted)
        total = 0.0  # linear in each of the two
        if of_signal is not None:
            total = total + _ConvolveForward.apply(of_signal, kernel, *where)
        if of_kernel is not None:
            total = total + _ConvolveForward.apply(signal, of_kernel, *where)
        return total


def _padding(kernel: Tensor) -> int:
    return kernel.shape[-1] // 2


def _flat(signal: Tensor, channels: int, ndim: int) -> Tensor:
    """All planes that a convolution sees at once as its channels, everything before as its batch."""
    return signal.reshape(-1, channels, *signal.shape[signal.ndim - ndim :])


def _planes(group, padded: Tensor, kernel: Tensor, lifted: bool, to_lifted: bool) -> Tensor:
    """The convolution of a padded signal, on the group or not, to one on the group or not."""
    ndim, shape = group.ndim, group.shape if to_lifted else group.grid
    lead = padded.shape[: padded.ndim - 1 - (len(group.shape) if lifted else ndim)]
    out = _CONVOLVE[ndim](_flat(padded, kernel.shape[1], ndim), kernel)
    return out.reshape(*lead, kernel.shape[0] // math.prod(shape[: len(shape) - ndim]), *shape)


def _see(state: Tensor, neighbours: Tensor) -> Tensor:
    """The channels of the neighbours side by side, (batch, velocity, d x channel, *group); absent ones
    are 0."""
    state = torch.cat([state, torch.zeros_like(state[:, :1])], 1)
    return state[:, neighbours].flatten(2, 3)


def _heard(gradient: Tensor, neighbours: Tensor, channels: int) -> Tensor:
    """The transpose of `_see`: what all readers of a velocity say, added up."""
    parts = gradient.unflatten(2, (-1, channels))
    total = torch.zeros_like(torch.cat([parts[:, :, 0], parts[:, :1, 0]], 1))
    for d, readers in enumerate(neighbours.unbind(1)):
        total = total.index_add(1, readers, parts[:, :, d])
    return total[:, :-1]
