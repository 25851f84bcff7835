"""What a symmetry is: the elements of a group, their product and inverse, their action on signals.

A signal f is a function on a domain X, stored as a tensor whose last axes are the grid of X. An
element g acts by (g.f)(x) = f(g^-1 x): the content moves *with* g. Everything else in the package
is written against the contract `Group`: `product`, `inverse`, `identity`, `exp`; `act` on signals
on X, `act_lifted` on signals on the group, `project` from the group to X; and the kernels of the
convolutions that commute with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


class Group(ABC):
    """The contract: what a group must offer so that everything in flowlib works with it.

    An element is a vector of `dim` numbers. A new group writes `act`, `act_lifted`, `kernel_shape` and
    `kernel`, and gets the rest for elements that add up entry by entry; where the product is another
    one, as in a group that does not commute, it overrides `product` and `inverse`. Whether all of it
    obeys the laws is what `flowlib.check_my_group` tries.

    Args:
        grid: shape of the domain X, the last axes of a signal.
        shape: shape of the group, the last axes of a signal on the group: `grid`, with axes in front
            of it where needed (as the orientations of a rotation). None means `grid`.
        dim: the number of entries of an element, and of a velocity. None means one an axis of `grid`.
        period: for each entry the number after which it comes back to 0, e.g. 360 for degrees; None
            where elements never come back.
        whole: entries are whole numbers (int64); else any numbers (float64).
        periodic: the domain wraps around, so that a convolution reads on from the other side; else it
            reads zeros beyond the border.
        permutes: the action permutes the points, so that its transpose is its inverse. Convolutions
            then keep less for the backward pass, and give the same gradients.

    Raises:
        ValueError: a grid without an axis or with an empty one, or a shape that does not end in it.
        TypeError: a method of the contract is missing; all that are, are named.

    Source of the idea: Cohen & Welling 2016, section 4.

    Example: shifts of a ring by an even number of points.
        >>> class Even(fl.Group):
        ...     def __init__(self, n):
        ...         super().__init__((n,), period=(n // 2,))
        ...     def act(self, g, signal):
        ...         return fl.Translations(self.grid).act(2 * self.element(g), signal)
        ...     act_lifted = act
        ...     def kernel_shape(self, size, lifting):
        ...         return (size,)
        ...     def kernel(self, weight, size):
        ...         return weight
        >>> fl.check_my_group(Even(8))[:31]
        'Even((8,)) keeps the contract: '
    """

    def __init__(
        self,
        grid: tuple[int, ...],
        shape: tuple[int, ...] | None = None,
        dim: int | None = None,
        period: tuple[int | float, ...] | None = None,
        whole: bool = True,
        periodic: bool = True,
        permutes: bool = False,
    ):
        grid = tuple(int(n) for n in grid)
        shape = grid if shape is None else tuple(int(n) for n in shape)
        if not grid or min(shape) < 1 or shape[len(shape) - len(grid) :] != grid:
            raise ValueError(
                f"grid is {grid}, shape is {shape}: a grid has one axis or more, each of at least one "
                "point, and the shape of the group ends in it, e.g. (28, 28) and (4, 28, 28)"
            )
        self.grid, self.shape = grid, shape
        self.ndim, self.dim = len(grid), len(grid) if dim is None else dim
        if period is not None and len(period) != self.dim:
            raise ValueError(f"period is {period}: it wants {self.dim} numbers, one an entry")
        self.period, self.whole = None if period is None else tuple(period), whole
        self.periodic, self.permutes = periodic, permutes

    # --- what a new group writes ------------------------------------------------------------------

    @abstractmethod
    def act(self, g, signal: Shaped[Tensor, "*lead_grid"]) -> Shaped[Tensor, "*moved"]:
        """The moved signal on X, (g.f)(x) = f(g^-1 x).

        Args:
            g: elements, (*batch, dim). `batch` broadcasts against the signal's leading axes.
            signal: (*lead, *grid).

        Returns:
            (*lead', *grid), where lead' is lead broadcast with batch.
        """

    @abstractmethod
    def act_lifted(self, g, signal: Shaped[Tensor, "*lead_group"]) -> Shaped[Tensor, "*moved"]:
        """The moved signal on the group, (g.h)(g') = h(g^-1 g'); arguments as for `act`."""

    @abstractmethod
    def kernel_shape(self, size: int, lifting: bool) -> tuple[int, ...]:
        """The free numbers of a kernel, for one input and one output channel.

        Args:
            size: of the kernel, in points along an axis of the grid, odd.
            lifting: from X to the group; else from the group to the group.
        """

    @abstractmethod
    def kernel(self, weight: Float[Tensor, "out in *free"], size: int) -> Float[Tensor, "a b *k"]:
        """The kernel of an ordinary convolution over the axes of the grid, made of the free numbers.

        A signal on the group has as many planes, one after the other, as channels times group axes
        in front of the grid.
        """

    # --- what it gets -----------------------------------------------------------------------------

    @property
    def identity(self) -> Shaped[Tensor, " axis"]:
        """The element that moves nothing, zeros of shape (dim,)."""
        return torch.zeros(self.dim, dtype=torch.int64 if self.whole else torch.float64)

    def element(self, g, device=None) -> Shaped[Tensor, "*batch axis"]:
        """Numbers as elements of the group, (*batch, dim): int64 where whole, else float64.

        Raises:
            ValueError: the last axis has not `dim` entries, or an entry should be whole and is not.
        """
        exact = None if self.whole or isinstance(g, Tensor) else torch.float64
        g = torch.as_tensor(g, dtype=exact, device=device)
        g = g[None] if g.ndim == 0 and self.dim == 1 else g
        if g.ndim == 0 or g.shape[-1] != self.dim:
            wants = "1 entry" if self.dim == 1 else f"{self.dim} entries"
            example = "1, or numbers[:, None]" if self.dim == 1 else (1,) + (0,) * (self.dim - 1)
            raise ValueError(
                f"an element of {self} has {wants}, got shape {tuple(g.shape)}: write for example {example}"
            )
        if not self.whole:
            return g.double()
        if g.is_floating_point() and not torch.compiler.is_compiling():
            if not torch.equal(g, g.round()):
                raise ValueError(
                    f"the elements of {self} are whole numbers, such as whole pixels, got {g.tolist()}: "
                    f"the nearest element is {g.round().long().tolist()}"
                )
        return g.long()

    def product(self, g, h) -> Shaped[Tensor, "*batch axis"]:
        """The product gh, first h, then g: (gh).f = g.(h.f). Here the sum, reduced by the period."""
        g = self.element(g)
        return self._reduced(g + self.element(h, device=g.device))

    def inverse(self, g) -> Shaped[Tensor, "*batch axis"]:
        """The inverse g^-1. Here the negative, reduced by the period."""
        return self._reduced(-self.element(g))

    def same(self, g, h, tolerance: float | None = None) -> Bool[Tensor, "*batch"]:
        """Whether g and h are the same element, (*batch,): each entry up to its period and `tolerance`.

        None means exactly where entries are whole, and up to 1e-9 where they are not.
        """
        g = self.element(g)
        apart = g - self.element(h, device=g.device)
        if self.period is not None:
            apart = torch.minimum(self._reduced(apart), self._reduced(-apart))
        if tolerance is None:
            tolerance = 0 if self.whole else 1e-9
        return (apart.abs() <= tolerance).all(-1)

    def exp(self, velocity, time: int | Int[Tensor, "*time"] = 1) -> Shaped[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v), the element reached after `time` frames at `velocity`.

        A velocity is the element of one frame, psi_1(v), so this is its power psi_1(v)^t.

        Args:
            velocity: (*batch, dim).
            time: whole numbers; an int, or a tensor that broadcasts against (*batch, 1).
        """
        power = self.element(velocity)
        time = torch.as_tensor(time, device=power.device)
        power = torch.where(time < 0, self.inverse(power), power)
        result, left = torch.zeros_like(power), time.abs()
        while (left > 0).any():  # by squaring
            result = torch.where(left % 2 == 1, self.product(power, result), result)
            power, left = self.product(power, power), left // 2
        return result

    def random(self, shape: tuple[int, ...], generator=None) -> Shaped[Tensor, "*shape axis"]:
        """Random elements, (*shape, dim); without a period entries are drawn from -9 ... 9."""
        u = torch.rand(*shape, self.dim, generator=generator, dtype=torch.float64)
        low, width = (-9, 19) if self.period is None else (0, torch.tensor(self.period))
        g = low + width * u
        return g.floor().long() if self.whole else g

    def elements(self) -> Shaped[Tensor, "element axis"]:
        """Every element of the group, (element, dim), in the order of its entries.

        Raises:
            ValueError: there are infinitely many, because entries are not whole or never come back.
        """
        if self.period is None or not self.whole:
            raise ValueError(f"{self} has infinitely many elements: take some with random((20,))")
        axes = [torch.arange(int(n)) for n in self.period]
        return torch.cartesian_prod(*axes).reshape(-1, self.dim)

    def project(self, signal: Shaped[Tensor, "*lead_group"]) -> Shaped[Tensor, "*lead_grid"]:
        """A signal on the group as one on X: the mean over the axes in front of the grid."""
        extra = len(self.shape) - self.ndim
        in_front = tuple(range(-self.ndim - extra, -self.ndim))
        return signal.mean(in_front) if extra else signal

    def impulse(self, size: int) -> Float[Tensor, "*free"]:
        """The free numbers of the kernel that leaves a signal as it is: 1 at its centre."""
        kernel = torch.zeros(self.kernel_shape(size, lifting=False))
        kernel[(0,) * (kernel.ndim - self.ndim) + (size // 2,) * self.ndim] = 1
        return kernel

    def prepare(self, g, like: Tensor):
        """The element in the form in which the action is fast when it is used many times.

        What comes out is taken by `act_lifted` and `act_padded` in place of an element, and, where
        `permutes`, by `inverse` and `element`. A network calls this once for all frames of a video. Here
        nothing can be prepared: g itself.
        """
        return self.element(g, device=like.device)

    def act_padded(
        self,
        g,
        signal: Shaped[Tensor, "*lead_signal"],
        padding: int,
        lifted: bool = True,
        neighbours: Int[Tensor, "velocity d"] | None = None,
    ) -> Shaped[Tensor, "*moved"]:
        """The moved signal, with `padding` more points on every side of the grid, as a convolution reads.

        Args:
            g: elements, (*batch, dim), or what `prepare` gives; None moves nothing.
            signal: on the group if `lifted`, else on X.
            padding: in points; beyond the border stands the other side where the domain is periodic,
                else 0.
            neighbours: for signals (batch, velocity, channel, *group): each velocity sees those of its
                neighbours, side by side as channels; then g is (velocity, d, dim), or of size 1 there.
        """
        if neighbours is not None:
            seen = see(signal, neighbours)
            return self.act_padded(g[..., None, :], seen, padding, lifted).flatten(2, 3)
        if g is not None:
            signal = self.act_lifted(g, signal) if lifted else self.act(g, signal)
        if not self.periodic:
            return F.pad(signal, (padding,) * (2 * self.ndim))
        for axis, n in enumerate(self.grid, -self.ndim):
            around = torch.arange(-padding, n + padding, device=signal.device) % n
            signal = signal.index_select(axis, around)
        return signal

    def check(self, signal: Tensor, lifted: bool = False) -> None:
        """Raise a ValueError unless the last axes of the signal are those of the group, or of the grid."""
        last = self.shape if lifted else self.grid
        if tuple(signal.shape[-len(last) :]) != last:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, whose last {len(last)} axes should be "
                f"{'the shape of the group,' if lifted else 'the grid'} {last}: bring the signal to that "
                f"size, or make the group for {tuple(signal.shape[-len(last) :])}; this one is {self}"
            )

    def _reduced(self, g: Tensor) -> Tensor:
        if self.period is None:
            return g
        return g % torch.tensor(self.period, dtype=g.dtype, device=g.device)

    def __repr__(self) -> str:
        more = "" if self.shape == self.grid else f", shape={self.shape}"
        return f"{type(self).__name__}({self.grid}{more})"

    def __eq__(self, other: object) -> bool:
        """Of the same class, and with the same repr: what makes a group another one is told there."""
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def see(
    state: Shaped[Tensor, "batch velocity *rest"], neighbours: Int[Tensor, "velocity d"]
) -> Shaped[Tensor, "batch velocity d *rest"]:
    """The states of the neighbours; those of absent ones are 0."""
    state = torch.cat([state, torch.zeros_like(state[:, :1])], 1)
    return state[:, neighbours]
