"""The rotations of the plane, and the filters that turn with them.

On a grid of pixels only quarter turns are exact. Filters are another matter: they are functions that
we know between the pixels too, so we turn the function and sample it afterwards.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from flowlib.sampling import check_interpolation, rotate, shift

FEW = 16  # so many angles are turned by matrices, which can be kept


class Rotations:
    """The rotations of the plane about the centre of a square picture.

    An element is an angle in degrees, shape (1,), positive counter-clockwise as displayed. Any angle
    acts. A multiple of 90 degrees permutes the pixels, which is exact; other angles interpolate.

    A signal on the group has one picture for each of n orientations 0, 360/n, ...: its last axes
    are (orientation, height, width). The angle g moves it by
        (g.h)(theta, x) = h(theta - g, R_g^-1 x):
    each picture turns, and the pictures change places. Multiples of 360/n move the orientations
    exactly; between them the orientation axis is interpolated by its Fourier series.

    Together with the shifts that a convolution adds these are the roto-translations: p4 for n = 4.

    Args:
        orientations: n, how many orientations a signal on the group has.
        size: height and width of the pictures.
        interpolation: how pictures are turned: "bilinear", "bicubic", or "fourier".

    Attributes:
        grid: (size, size), shape of the domain X, the pixels.
        shape: (orientations, size, size), the last axes of a lifted signal.
        ndim: number of axes of the grid, 2.
        dim: number of entries of an element and of a velocity, 1.

    Raises:
        ValueError: no orientation, no pixel, or an interpolation that is not offered.

    Source: Cohen & Welling 2016, section 4 (p4); Weiler & Cesa 2019 (any angle).
    """

    ndim, dim = 2, 1

    def __init__(self, orientations: int = 8, size: int = 28, interpolation: str = "bilinear"):
        if min(orientations, size) < 1:
            raise ValueError(f"{orientations} orientations, size {size}: each is 1 or more")
        check_interpolation(interpolation)
        self.orientations, self.interpolation = orientations, interpolation
        self.grid = (size, size)
        self.shape = (orientations, size, size)

    def __repr__(self) -> str:
        return f"Rotations({self.orientations}, size={self.grid[0]}, {self.interpolation!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rotations) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    @property
    def identity(self) -> Float[Tensor, " axis"]:
        """The rotation by 0 degrees, shape (1,)."""
        return torch.zeros(1, dtype=torch.float64)

    def elements(self) -> Float[Tensor, "element axis"]:
        """The n orientations as angles, (n, 1): the finite subgroup C_n."""
        n = self.orientations
        return torch.arange(n, dtype=torch.float64)[:, None] * 360 / n

    def random(self, shape: tuple[int, ...], generator=None) -> Float[Tensor, "*shape axis"]:
        """Random angles in [0, 360), (*shape, 1)."""
        return 360 * torch.rand(*shape, 1, generator=generator, dtype=torch.float64)

    def element(self, g, device=None) -> Float[Tensor, "*batch axis"]:
        """Angles in degrees as elements of the group: (*batch, 1), float64.

        Raises:
            ValueError: the last axis has not one entry.
        """
        g = torch.as_tensor(g, dtype=torch.float64, device=device)
        g = g[None] if g.ndim == 0 else g
        if g.shape[-1] != 1:
            raise ValueError(
                f"an element of {self} is one angle in degrees, shape (*batch, 1), got shape "
                f"{tuple(g.shape)}: write for example 90, or angles[:, None]"
            )
        return g

    def product(self, g, h) -> Float[Tensor, "*batch axis"]:
        """The product gh, first h, then g, in [0, 360). Rotations of the plane commute."""
        g = self.element(g)
        return (g + self.element(h, device=g.device)) % 360

    def inverse(self, g) -> Float[Tensor, "*batch axis"]:
        """The inverse g^-1, in [0, 360)."""
        return -self.element(g) % 360

    def same(self, g, h, tolerance: float = 1e-9) -> Bool[Tensor, "*batch"]:
        """Whether g and h are the same rotation, (*batch,), up to `tolerance` degrees."""
        apart = self.product(g, self.inverse(h))[..., 0]
        return torch.minimum(apart, 360 - apart) <= tolerance

    def exp(self, velocity, time: int | Int[Tensor, "*time"] = 1) -> Float[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v), the angle reached after `time` frames at v degrees a frame: t v.

        A velocity has shape (*batch, 1); `time` is an int or broadcasts against it. The result is
        not reduced modulo 360.
        """
        v = self.element(velocity)
        return v * torch.as_tensor(time, device=v.device)

    def act(
        self, g, signal: Float[Tensor, "*lead height width"], padding: int = 0
    ) -> Float[Tensor, "*moved"]:
        """The turned signal on X: (g.f)(x) = f(R_g^-1 x), with `padding` more zeros on each side.

        Args:
            g: angles in degrees, (*batch, 1), `batch` broadcasting against the leading axes.
            signal: (*lead, size, size).
            padding: how far the result goes on beyond the grid, in pixels; the plane is dark there.

        Raises:
            ValueError: the signal's last axes are not this grid.
        """
        self._check(signal, self.grid)
        g = self.element(g, device=signal.device)[..., 0]
        return F.pad(rotate(signal, g, self.interpolation), (padding,) * 4)

    def act_lifted(
        self, g, signal: Float[Tensor, "*lead orientation height width"], padding: int = 0
    ) -> Float[Tensor, "*moved"]:
        """The moved signal on the group: (g.h)(theta, x) = h(theta - g, R_g^-1 x).

        Args:
            g: angles in degrees, (*batch, 1), `batch` broadcasting against the leading axes.
            signal: (*lead, orientation, size, size).
            padding: zeros on each side of the pictures.

        Raises:
            ValueError: the signal's last axes are not (orientation, size, size).
        """
        self._check(signal, self.shape)
        g = self.element(g, device=signal.device)
        if g.numel() <= FEW:  # as the velocities of a network are, at every step
            pixels = turning_matrices(
                tuple(g.flatten().tolist()),
                self.grid[0],
                self.interpolation,
                signal.dtype,
                signal.device,
            )
            pixels = pixels.reshape(*g.shape[:-1], *pixels.shape[-2:])
            turned = torch.einsum("...qp,...op->...oq", pixels, signal.flatten(-2))
        else:
            turned = rotate(signal, g, self.interpolation).flatten(-2)  # the same for all places
        places = self._orientation_matrices(g).to(signal)
        turned = torch.einsum("...ab,...bq->...aq", places, turned).unflatten(-1, self.grid)
        return F.pad(turned, (padding,) * 4)

    def project(
        self, signal: Float[Tensor, "*lead orientation height width"]
    ) -> Float[Tensor, "*lead height width"]:
        """A signal on the group as one on X: the mean over orientations, which commutes with g."""
        return signal.mean(-3)

    def kernel_shape(self, size: int, lifting: bool) -> tuple[int, ...]:
        """The free numbers of a kernel, for one input and one output channel.

        They are the coefficients of circular harmonics, (basis,) for a lifting convolution and
        (orientation, basis) for a group convolution.
        """
        basis = circular_harmonics(size, self.orientations).shape[1]
        return (basis,) if lifting else (self.orientations, basis)

    def impulse(self, size: int) -> Float[Tensor, "*free"]:
        """The free numbers of a kernel that nearly leaves a signal as it is: the innermost ring."""
        kernel = torch.zeros(self.kernel_shape(size, lifting=False))
        ring = circular_harmonics(size, self.orientations)[0, 0]
        kernel[0, 0] = 1 / ring.sum()
        return kernel

    def kernel(self, weight: Float[Tensor, "out in *free"], size: int) -> Float[Tensor, "a b y x"]:
        """The kernel of an ordinary convolution over (channel, orientation) pairs.

        Output orientation theta has the filter turned by theta, and its orientation axis counted
        from theta: K[k theta, i phi](y) = W_ki(phi - theta, R_theta^-1 y).
        """
        n = self.orientations
        basis = circular_harmonics(size, n, weight.dtype, weight.device)
        if weight.ndim == 3:
            return torch.einsum("oib,tbyx->otiyx", weight, basis).flatten(0, 1)
        angle = torch.arange(n, device=weight.device)
        turned = weight[:, :, (angle - angle[:, None]) % n]  # (out, in, theta, phi, basis)
        return torch.einsum("oitpb,tbyx->otipyx", turned, basis).flatten(2, 3).flatten(0, 1)

    def _orientation_matrices(self, g: Tensor) -> Float[Tensor, "*batch n n"]:
        """How the orientations change places: whole steps permute them, the rest is a Fourier shift."""
        n, steps = self.orientations, g * self.orientations / 360
        whole, eye = torch.round(steps), torch.eye(n, dtype=g.dtype, device=g.device)
        rest = (steps - whole)[..., None]
        between = torch.where(rest.abs() > 1e-9, shift(eye, rest, dim=-2), eye)
        source = (torch.arange(n, device=g.device) - whole.long()) % n  # (*batch, n)
        return between.gather(-2, source[..., None].expand_as(between))

    def _check(self, signal: Tensor, last: tuple[int, ...]) -> None:
        if tuple(signal.shape[-len(last) :]) != last:
            raise ValueError(
                f"the signal has shape {tuple(signal.shape)}, whose last {len(last)} axes should be "
                f"{last}: make the group with Rotations({self.orientations}, "
                f"size={signal.shape[-1]}), or bring the signal to that size"
            )


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cached tensors meet gradients later
def turning_matrices(
    degrees: tuple[float, ...],
    size: int,
    interpolation: str,
    dtype=torch.float64,
    device="cpu",
) -> Float[Tensor, "angle pixel pixel"]:
    """`rotate` as matrices: turning is linear, so the turned unit pictures are all there is to know.

    Multiplying by them costs as much with any interpolation; a picture of 28 x 28 makes a matrix of
    2.5 MB in float32.
    """
    units = torch.eye(size**2, dtype=torch.float64).reshape(-1, size, size)
    angles = torch.tensor(degrees, dtype=torch.float64)[:, None]
    return rotate(units, angles, interpolation).flatten(2).mT.to(dtype=dtype, device=device)


@lru_cache(maxsize=64)
@torch.inference_mode(False)  # the cached tensors meet gradients later
def circular_harmonics(
    size: int, orientations: int, dtype=torch.float64, device="cpu"
) -> Float[Tensor, "orientation basis size size"]:
    """A basis of filters that can be turned by any angle, sampled at n orientations.

    In polar coordinates a basis function is a ring, exp(-(r - j)^2 / (2 0.5^2)) at radius
    j = 0, 1, ..., times cos(m phi) or sin(m phi), m = 0, 1, 2. Turning by theta puts phi - theta for
    phi, which is again in their span: the filter is turned before it is sampled, without
    interpolation. Higher frequencies m than 2 make finer filters, and larger errors: on so few pixels
    they are not what they were when they have turned.

    Returns:
        (orientation, basis, size, size), of norm about 1 each.

    Source: Weiler & Cesa 2019, section 2.6 and appendix.
    """
    p = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = p[:, None], p
    radius, angle = torch.hypot(y, x), torch.atan2(-y, x)  # +y is down
    theta = (
        torch.arange(orientations, dtype=torch.float64)[:, None, None] * 2 * torch.pi / orientations
    )
    basis = []
    for j in range(size // 2 + 1):
        ring = torch.exp(-0.5 * ((radius - j) / 0.5) ** 2)
        for m in range(3 if j else 1):
            scale = ring * (2 if m else 1) ** 0.5 / ring.norm()
            # At the centre there is no angle: only m = 0 may be seen there.
            scale = torch.where(radius == 0, float(m == 0), 1.0) * scale
            basis.append(scale * torch.cos(m * (angle - theta)))
            if m:
                basis.append(scale * torch.sin(m * (angle - theta)))
    return torch.stack(basis, 1).to(dtype=dtype, device=device)
