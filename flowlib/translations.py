"""The translations of a ring, of a torus, or of a periodic grid of more axes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from flowlib.checks import broadcast
from flowlib.groups import Group


class Translations(Group):
    """The translations of a periodic grid: of a ring Z_N, a torus Z_H x Z_W, or one of more axes.

    An element is an integer vector, one entry an axis in array order, (g_y, g_x) on a torus, in
    pixels: +y is down, +x is right. The translations are as many as the grid has points, so a
    signal on the group has the same shape as a signal on the domain.

    With interpolation="fourier" the entries are any numbers. Then an element moves the sum of waves
    through the samples: each wave is turned by a phase, which loses nothing on a grid of odd sizes.
    Whole pixels are moved as ever, up to rounding. Such a move is linear and orthogonal, and it is no
    permutation: between the pixels it does not commute with a nonlinearity (see `AntiAliased`).

    Args:
        shape: the grid, `(N,)` for a ring, `(H, W)` for a torus, `(D, H, W)` and so on; an int N means
            `(N,)`.
        interpolation: None for whole pixels, "fourier" for all real shifts.

    Attributes:
        grid: shape of the domain X.
        shape: shape of the group, the last axes of a lifted signal. Here the same as `grid`.
        ndim: number of axes of the grid.
        dim: dimension of the group, the number of entries of an element and of a velocity.

    Raises:
        ValueError: a grid without an axis, or an axis without points; an interpolation that is not
            offered, or one on an even axis, whose shortest wave is lost half a pixel on.

    Example:
        >>> ring = Translations(5)
        >>> ring.act(2, torch.tensor([1, 0, 0, 0, 0])).tolist()
        [0, 0, 1, 0, 0]
        >>> halves = Translations(5, interpolation="fourier")
        >>> f = torch.rand(5).double()
        >>> bool((halves.act(0.5, halves.act(1.5, f)) - ring.act(2, f)).abs().max() < 1e-14)
        True
    """

    def __init__(self, shape: int | tuple[int, ...], interpolation: str | None = None):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if interpolation not in (None, "fourier"):
            raise ValueError(
                f"interpolation is {interpolation!r}: translations take None, for whole pixels, or "
                "'fourier'; other rules lose at each step, so that their steps are no group"
            )
        if interpolation and any(n % 2 == 0 for n in shape):
            raise ValueError(
                f"the grid is {shape}: half a pixel on, the shortest wave of an even axis is lost, so "
                f"real shifts want odd sizes, such as {tuple(n + 1 - n % 2 for n in shape)}"
            )
        whole, self.interpolation = interpolation is None, interpolation
        super().__init__(shape, period=shape, whole=whole, permutes=whole)

    def exp(
        self, velocity, time: int | Shaped[Tensor, "*time"] = 1
    ) -> Shaped[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v) = t v. A velocity is in pixels a frame; the result is not reduced.

        Where real shifts are interpolated, `time` may be real as well.

        Args and result as for `Group.exp`.
        """
        v = self.element(velocity)
        return v * torch.as_tensor(time, device=v.device)

    def element(self, g, device=None) -> Shaped[Tensor, "*batch axis"]:
        """As `Group.element`; also of what `prepare` gives."""
        return super().element(g.g if isinstance(g, Shifts) else g, device)

    def inverse(self, g):
        """As `Group.inverse`; of what `prepare` gives it is as well prepared."""
        if isinstance(g, Shifts):
            return g.once("inverse", lambda: Shifts(self.inverse(g.g)))
        return super().inverse(g)

    def prepare(self, g, like: Tensor):
        """Elements whose tables of rows are made once for all frames; a compiler sees to that itself."""
        g = super().prepare(g, like)
        if self.interpolation:
            return self._phases(g)
        return g if torch.compiler.is_compiling() else Shifts(g)

    def act(self, g, signal: Shaped[Tensor, "*lead_grid"]) -> Shaped[Tensor, "*moved"]:
        """The moved signal: (g.f)(x) = f(x - g).

        Args:
            g: elements, (*batch, axis). `batch` broadcasts against the signal's leading axes.
            signal: (*lead, *grid), of any type; of floats where real shifts are interpolated.

        Returns:
            (*lead', *grid), where lead' is lead broadcast with batch.

        Raises:
            ValueError: the signal's last axes are not this grid, or it has no values between 0 and 1.
        """
        self.check(signal)
        if self.interpolation:
            return self._turn(g, signal)
        g = g if isinstance(g, Shifts) else self.element(g, device=signal.device)
        lead = broadcast(g.shape[:-1], signal.shape[: -self.ndim])
        function = _Move if torch.compiler.is_compiling() else _MoveForward
        return function.apply(signal.expand(*lead, *self.grid), g, self)

    def act_lifted(self, g, signal: Shaped[Tensor, "*lead_grid"]) -> Shaped[Tensor, "*moved"]:
        """The same as `act`: a signal on the group lives on the same grid."""
        return self.act(g, signal)

    def act_padded(
        self,
        g,
        signal: Shaped[Tensor, "*lead_grid"],
        padding: int,
        lifted: bool = True,
        neighbours: Int[Tensor, "velocity d"] | None = None,
    ) -> Shaped[Tensor, "*moved"]:
        """Moving, padding and seeing neighbours at once, as `Group.act_padded` says.

        In memory a point is a row of channels where all of them move together (torch's channels_last):
        moving copies rows, and convolutions are fastest so.
        """
        if self.interpolation:
            return super().act_padded(g, signal, padding, lifted, neighbours)
        self.check(signal)
        if not isinstance(g, Shifts):
            g = Shifts(self.element(self.identity if g is None else g, device=signal.device))
        if neighbours is None:
            lead = broadcast(g.g.shape[:-1], signal.shape[: -self.ndim])
            if not lead or (g.g.ndim > 1 and g.g.shape[-2] > 1):  # each channel on its own
                alone = signal.unsqueeze(-1 - self.ndim)
                return self.act_padded(g.g[..., None, :], alone, padding).squeeze(-1 - self.ndim)
            signal = signal.expand(*lead, *self.grid)
        lead = signal.shape[: -1 - self.ndim]
        index = g.once(
            (lead, padding, neighbours), lambda: self._rows_read(g.g, lead, padding, neighbours)
        )
        rows = signal.movedim(-1 - self.ndim, -1).flatten(0, -2)
        if neighbours is not None:  # who is absent is a plane of zeros, the last
            rows = torch.cat([rows, rows.new_zeros(math.prod(self.grid), rows.shape[1])])
        moved = rows.index_select(0, index.flatten())
        moved = moved.reshape(*index.shape[:-1], -1).movedim(-1, -1 - self.ndim)
        # A compiler chooses layouts itself. It is misled by one channel, whose layout is ambiguous.
        canonical = torch.contiguous_format
        return moved.clone(memory_format=canonical) if torch.compiler.is_compiling() else moved

    def _phases(self, g: Float[Tensor, "*batch axis"]) -> Shaped[Tensor, "..."]:
        """What real shifts multiply each wave with: exp(-2 pi i k g / N), in the order of `rfftn`."""
        angle = torch.zeros((), dtype=g.dtype, device=g.device)
        for axis, n in enumerate(self.grid, -self.ndim):
            frequency = torch.fft.rfftfreq if axis == -1 else torch.fft.fftfreq
            k = frequency(n, dtype=g.dtype, device=g.device).reshape(-1, *[1] * (-1 - axis))
            angle = angle + g[..., axis].reshape(*g.shape[:-1], *[1] * self.ndim) * k
        return torch.exp(-2j * math.pi * angle)

    def _turn(self, g, signal: Float[Tensor, "*lead_grid"]) -> Float[Tensor, "*moved"]:
        """The signal with each of its waves turned by its phase; g as for `act`, or phases."""
        if not signal.is_floating_point():
            raise ValueError(
                f"the signal holds {signal.dtype}, which has nothing between its values: a shift by "
                "parts of a pixel wants floats, such as signal.double()"
            )
        if not (isinstance(g, Tensor) and g.is_complex()):
            g = self._phases(self.element(g, device=signal.device))
        axes = tuple(range(-self.ndim, 0))
        exact = signal.to(
            torch.promote_types(signal.dtype, torch.float32)
        )  # no FFT in half precision
        waves = torch.fft.rfftn(exact, dim=axes)
        moved = torch.fft.irfftn(waves * g.to(waves.dtype), s=self.grid, dim=axes)
        return moved.to(signal.dtype)

    def _rows_read(self, g, lead, padding, neighbours) -> Int[Tensor, "..."]:
        """Which row of a signal (*lead, channel, *grid) each point of the moved and padded one is: that
        of the position minus g, axis by axis, in the plane of the neighbour d."""
        plane = torch.arange(math.prod(lead), device=g.device).reshape(*lead, 1)
        if neighbours is not None:
            V = lead[1]
            plane = (plane[:, :1] + neighbours).where(neighbours < V, math.prod(lead))
        within, g = 0, torch.atleast_2d(g)
        for axis, n in enumerate(self.grid):
            x = torch.arange(-padding, n + padding, device=g.device)
            x = (x[:, None] - g[..., None, :, axis]) % n
            points = (-1 if a == axis else 1 for a in range(self.ndim))
            within = n * within + x.reshape(*g.shape[:-2], *points, g.shape[-2])
        plane = plane.reshape(*plane.shape[:-1], *(1,) * self.ndim, -1)
        return math.prod(self.grid) * plane + within  # the only sum as large as the signal

    def kernel_shape(self, size: int, lifting: bool) -> tuple[int, ...]:
        """The free numbers of a kernel, for one input and one output channel: all its entries."""
        return (size,) * self.ndim

    def kernel(self, weight: Float[Tensor, "out in *k"], size: int) -> Float[Tensor, "out in *k"]:
        """The kernel of an ordinary convolution: the weight itself."""
        return weight

    def __repr__(self) -> str:
        more = f", interpolation={self.interpolation!r}" if self.interpolation else ""
        return f"Translations({self.grid}{more})"


class Shifts:
    """Translations that are made many times, and remember what they needed for it.

    Attributes:
        g: the elements, (*batch, axis).
        shape: theirs.
    """

    def __init__(self, g: Int[Tensor, "*batch axis"]):
        self.g, self.shape, self._made = g, g.shape, {}

    def once(self, name, make: Callable):
        """What `make` makes, made the first time that this name is asked for."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


class _Move(torch.autograd.Function):
    """A translation whose gradient is the translation back: one gather each way, no scatter, which on a
    GPU adds up in an order that differs from run to run."""

    @staticmethod
    def forward(signal, g, group):
        return group.act_padded(g, signal, 0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.g, ctx.group = inputs

    @staticmethod
    def backward(ctx, gradient):
        return ctx.group.act(ctx.group.inverse(ctx.g), gradient), None, None


class _MoveForward(_Move):
    """The same with forward derivatives (`torch.func.jvp`), which torch.compile does not take."""

    @staticmethod
    def jvp(ctx, of_signal, *_):
        return ctx.group.act(ctx.g, of_signal)
