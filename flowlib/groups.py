"""What a symmetry is: the elements of a group, their product and inverse, their action on signals.

A signal f is a function on a domain X, stored as a tensor whose last axes are the grid of X. An
element g acts by (g.f)(x) = f(g^-1 x): the content moves *with* g. Everything else in the package
is written against what a group offers here: `product`, `inverse`, `identity`, `exp`; `act` on signals
on X, `act_lifted` on signals on the group, `project` from the group to X; and the kernels of the
convolutions that commute with it.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


class Translations:
    """The translations of a periodic grid: of a ring Z_N, or of a torus Z_H x Z_W.

    An element is an integer vector, one entry an axis in array order, (g_y, g_x) on a torus, in
    pixels: +y is down, +x is right. The translations are as many as the grid has points, so a
    signal on the group has the same shape as a signal on the domain.

    Args:
        shape: the grid, `(N,)` for a ring, `(H, W)` for a torus; an int N means `(N,)`.

    Attributes:
        grid: shape of the domain X.
        shape: shape of the group, the last axes of a lifted signal. Here the same as `grid`.
        ndim: number of axes of the grid.
        dim: dimension of the group, the number of entries of an element and of a velocity.

    Raises:
        ValueError: the grid has not one or two axes, or an axis without points.

    Example:
        >>> ring = Translations(5)
        >>> ring.act(2, torch.tensor([1, 0, 0, 0, 0])).tolist()
        [0, 0, 1, 0, 0]
    """

    def __init__(self, shape: int | tuple[int, ...]):
        shape = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
        if len(shape) not in (1, 2) or min(shape) < 1:
            raise ValueError(
                f"shape is {shape}: a grid has one axis, (N,) for a ring, or two, (H, W) for a "
                "torus, each of at least one point"
            )
        self.grid = self.shape = shape
        self.ndim = self.dim = len(shape)

    def __repr__(self) -> str:
        return f"Translations({self.grid})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Translations) and other.grid == self.grid

    def __hash__(self) -> int:
        return hash(self.grid)

    @property
    def identity(self) -> Int[Tensor, " axis"]:
        """The translation that moves nothing, shape (axis,)."""
        return torch.zeros(self.dim, dtype=torch.int64)

    def elements(self) -> Int[Tensor, "element axis"]:
        """Every element of the group, shape (element, axis), in array order."""
        axes = [torch.arange(n) for n in self.grid]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)

    def random(self, shape: tuple[int, ...], generator=None) -> Int[Tensor, "*shape axis"]:
        """Random elements, each as likely as any other: (*shape, axis)."""
        return torch.stack([torch.randint(n, shape, generator=generator) for n in self.grid], -1)

    def element(self, g, device=None) -> Int[Tensor, "*batch axis"]:
        """Whole numbers of pixels as elements of the group: (*batch, axis).

        Raises:
            ValueError: g has not one entry an axis, or is not a whole number of pixels.
        """
        g = torch.as_tensor(g, device=device)
        g = g[None] if g.ndim == 0 and self.dim == 1 else g
        if g.ndim == 0 or g.shape[-1] != self.dim:
            raise ValueError(
                f"an element of {self} has {self.dim} entries, one an axis, got shape "
                f"{tuple(g.shape)}: write for example {(1,) + (0,) * (self.dim - 1)}"
            )
        if g.is_floating_point():
            if not torch.equal(g, g.round()):
                raise ValueError(
                    f"a grid is translated by whole pixels, got {g.tolist()}: the nearest element "
                    f"is {g.round().long().tolist()}"
                )
        return g.long()

    def product(self, g, h) -> Int[Tensor, "*batch axis"]:
        """The product gh, first h, then g: (gh).f = g.(h.f). Entries in 0 ... N-1."""
        g = self.element(g)
        return (g + self.element(h, device=g.device)) % torch.tensor(self.grid, device=g.device)

    def inverse(self, g) -> Int[Tensor, "*batch axis"]:
        """The inverse g^-1, entries in 0 ... N-1."""
        g = self.element(g)
        return -g % torch.tensor(self.grid, device=g.device)

    def same(self, g, h, tolerance: float = 0) -> Bool[Tensor, "*batch"]:
        """Whether g and h are the same element, (*batch,): they move the grid alike."""
        return (self.product(g, self.inverse(h)) == 0).all(-1)

    def exp(self, velocity, time: int | Int[Tensor, "*time"] = 1) -> Int[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v), the element reached after `time` frames at `velocity`.

        Here it is t v. A velocity is in pixels a frame, shape (*batch, axis); `time` is an int or
        broadcasts against (*batch, 1). The result is not reduced modulo the grid.
        """
        v = self.element(velocity)
        return v * torch.as_tensor(time, device=v.device)

    def act(
        self, g, signal: Shaped[Tensor, "*lead_grid"], padding: int = 0
    ) -> Shaped[Tensor, "*moved"]:
        """The moved signal: (g.f)(x) = f(x - g), with `padding` more points on every side.

        Args:
            g: elements, (*batch, axis). `batch` broadcasts against the signal's leading axes.
            signal: (*lead, *grid), of any type.
            padding: how far the result goes on beyond the grid, in pixels. The domain is periodic,
                so the points outside repeat those inside; a convolution of radius r reads r of them.

        Returns:
            (*lead', *grid'), where lead' is lead broadcast with batch, and each axis of grid' is
            longer than that of grid by twice the padding.

        Raises:
            ValueError: the signal's last axes are not this grid.
        """
        if tuple(signal.shape[-self.ndim :]) != self.grid:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, whose last {self.ndim} axes should be "
                f"the grid {self.grid}: make the group with Translations({tuple(signal.shape)[-self.ndim :]})"
            )
        g = self.element(g, device=signal.device)
        # Where each point of the result is read: the position minus g, axis by axis, as one index
        # into the flattened grid. One gather then moves and pads every signal at once.
        index = g.new_zeros((*g.shape[:-1], *(1,) * self.ndim))
        for axis, size in enumerate(self.grid):
            x = torch.arange(-padding, size + padding, device=signal.device)
            x = (x - g[..., axis, None]) % size
            x = x.reshape(*x.shape[:-1], *(-1 if a == axis else 1 for a in range(self.ndim)))
            index = index * size + x
        out = index.shape[-self.ndim :]
        lead = torch.broadcast_shapes(g.shape[:-1], signal.shape[: -self.ndim])
        index = index.flatten(-self.ndim).expand(*lead, -1)
        signal = signal.expand(*lead, *self.grid).flatten(-self.ndim)
        return signal.gather(-1, index).reshape(*lead, *out)

    act_lifted = act  # a signal on the group lives on the same grid

    def project(self, signal: Shaped[Tensor, "*lead_grid"]) -> Shaped[Tensor, "*lead_grid"]:
        """A signal on the group as one on X: the same."""
        return signal

    def kernel_shape(self, size: int, lifting: bool) -> tuple[int, ...]:
        """The free numbers of a kernel, for one input and one output channel: all its entries."""
        return (size,) * self.ndim

    def impulse(self, size: int) -> Float[Tensor, "*free"]:
        """The free numbers of the kernel that leaves a signal as it is: 1 at the centre."""
        kernel = torch.zeros(self.kernel_shape(size, lifting=False))
        kernel[(size // 2,) * self.ndim] = 1
        return kernel

    def kernel(
        self, weight: Float[Tensor, "out in *free"], size: int
    ) -> Float[Tensor, "out in *k"]:
        """The kernel of an ordinary convolution: the weight itself."""
        return weight


def check_signal(name: str, signal: Shaped[Tensor, ...], lead: str, grid: tuple[int, ...]) -> None:
    """Raise a ValueError unless `signal` is (*lead, *grid), without an empty axis and without NaN.

    Args:
        name: what the caller calls the signal, for the message.
        lead: the leading axes by name, e.g. "batch time channel".
        grid: the shape that the last axes must have.
    """
    shape, names = tuple(signal.shape), lead.split()
    wanted = f"({', '.join(names)}, {', '.join(map(str, grid))})"
    if len(shape) != len(names) + len(grid) or shape[len(names) :] != tuple(grid):
        raise ValueError(f"{name} has shape {shape}: it wants {wanted}")
    if 0 in shape:
        empty = names[shape.index(0)]
        raise ValueError(f"{name} has shape {shape}, no {empty}: it wants {wanted}, each 1 or more")
    if signal.is_floating_point() and not torch.isfinite(signal).all():
        raise ValueError(f"{name} holds NaN or infinite values: look for them with torch.isfinite")
