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

    Args:
        shape: the grid, `(N,)` for a ring, `(H, W)` for a torus, `(D, H, W)` and so on; an int N means
            `(N,)`.

    Attributes:
        grid: shape of the domain X.
        shape: shape of the group, the last axes of a lifted signal. Here the same as `grid`.
        ndim: number of axes of the grid.
        dim: dimension of the group, the number of entries of an element and of a velocity.

    Raises:
        ValueError: a grid without an axis, or an axis without points.

    Example:
        >>> ring = Translations(5)
        >>> ring.act(2, torch.tensor([1, 0, 0, 0, 0])).tolist()
        [0, 0, 1, 0, 0]
    """

    def __init__(self, shape: int | tuple[int, ...]):
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        super().__init__(shape, period=shape, permutes=True)

    def exp(self, velocity, time: int | Int[Tensor, "*time"] = 1) -> Int[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v) = t v. A velocity is in pixels a frame; the result is not reduced.

        Args and result as for `Group.exp`.
        """
        v = self.element(velocity)
        return v * torch.as_tensor(time, device=v.device)

    def element(self, g, device=None) -> Int[Tensor, "*batch axis"]:
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
        return g if torch.compiler.is_compiling() else Shifts(g)

    def act(self, g, signal: Shaped[Tensor, "*lead_grid"]) -> Shaped[Tensor, "*moved"]:
        """The moved signal: (g.f)(x) = f(x - g).

        Args:
            g: elements, (*batch, axis). `batch` broadcasts against the signal's leading axes.
            signal: (*lead, *grid), of any type.

        Returns:
            (*lead', *grid), where lead' is lead broadcast with batch.

        Raises:
            ValueError: the signal's last axes are not this grid.
        """
        self.check(signal)
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

    def _rows_read(self, g, lead, padding, neighbours) -> Int[Tensor, "*lead *padded d"]:
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
        return f"Translations({self.grid})"


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
