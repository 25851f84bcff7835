"""The rotations of the plane, and the filters that turn with them.

On a grid of pixels only quarter turns are exact. Filters are another matter: they are functions that
we know between the pixels too, so we turn the function and sample it afterwards.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from flowlib.groups import Group
from flowlib.sampling import check_interpolation, rotate, shift


class Turns(NamedTuple):
    """Rotations made ready for signals on the group: how pixels move, and how orientations do."""

    pixels: Float[Tensor, "*batch p p"]
    places: Float[Tensor, "*batch n n"]


class Rotations(Group):
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

    Example:
        >>> fl.Rotations(4, size=2).act(90, torch.tensor([[1.0, 2], [3, 4]])).tolist()
        [[2.0, 4.0], [1.0, 3.0]]
    """

    def __init__(self, orientations: int = 8, size: int = 28, interpolation: str = "bilinear"):
        if min(orientations, size) < 1:
            raise ValueError(f"{orientations} orientations, size {size}: each is 1 or more")
        check_interpolation(interpolation)
        self.orientations, self.interpolation = orientations, interpolation
        grid = (size, size)
        super().__init__(
            grid, (orientations, *grid), dim=1, period=(360,), whole=False, periodic=False
        )

    def __repr__(self) -> str:
        return f"Rotations({self.orientations}, size={self.grid[0]}, {self.interpolation!r})"

    def elements(self) -> Float[Tensor, "element axis"]:
        """The n orientations as angles, (n, 1): the finite subgroup C_n."""
        n = self.orientations
        return torch.arange(n, dtype=torch.float64)[:, None] * 360 / n

    def exp(self, velocity, time: int | Int[Tensor, "*time"] = 1) -> Float[Tensor, "*batch axis"]:
        """psi_t(v) = exp(t v) = t v, the angle after `time` frames at v degrees a frame, not reduced.

        Args and result as for `Group.exp`.
        """
        v = self.element(velocity)
        return v * torch.as_tensor(time, device=v.device)

    def act(
        self, g, signal: Float[Tensor, "*lead height width"]
    ) -> Float[Tensor, "*moved height width"]:
        """The turned signal on X: (g.f)(x) = f(R_g^-1 x).

        Args:
            g: angles in degrees, (*batch, 1), `batch` broadcasting against the leading axes.
            signal: (*lead, size, size).

        Raises:
            ValueError: the signal's last axes are not this grid.
        """
        self.check(signal)
        return rotate(signal, self.element(g, signal.device)[..., 0], self.interpolation)

    def act_lifted(
        self, g, signal: Float[Tensor, "*lead orientation height width"]
    ) -> Float[Tensor, "*moved"]:
        """The moved signal on the group: (g.h)(theta, x) = h(theta - g, R_g^-1 x).

        Args:
            g: angles in degrees, (*batch, 1), `batch` broadcasting against the leading axes; or
                `Turns`, which `prepare` makes of them.
            signal: (*lead, orientation, size, size).

        Raises:
            ValueError: the signal's last axes are not (orientation, size, size).
        """
        self.check(signal, lifted=True)
        if isinstance(g, Turns):
            turned = torch.einsum("...qp,...op->...oq", g.pixels, signal.flatten(-2))
            places = g.places
        else:
            g = self.element(g, signal.device)
            # One angle for all orientations of a signal; the same for all its places.
            turned = rotate(signal, g, self.interpolation).flatten(-2)
            places = self._orientation_matrices(g).to(signal.dtype)
        return torch.einsum("...ab,...bq->...aq", places, turned).unflatten(-1, self.grid)

    def prepare(self, g, like: Tensor) -> Turns:
        """The rotations as matrices, for signals of the type and device of `like`.

        Turning is linear, so the turned unit pictures are all there is to know. Multiplying by them
        costs as much with any interpolation, and a picture of 28 x 28 makes a matrix of 2.5 MB in
        float32. The gradient with respect to the angles is that of the interpolation.
        """
        g = self.element(g, like.device)
        pixels = turning_matrices(g[..., 0], self.grid[0], self.interpolation)
        return Turns(pixels.to(like.dtype), self._orientation_matrices(g).to(like.dtype))

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
        between = shift(eye, rest, dim=-2)
        if not g.requires_grad:  # whole steps exactly; a gradient wants to know what is beside them
            between = torch.where(rest.abs() > 1e-9, between, eye)
        source = (torch.arange(n, device=g.device) - whole.long()) % n  # (*batch, n)
        return between.gather(-2, source[..., None].expand_as(between))


def turning_matrices(
    degrees: Float[Tensor, "*batch"], size: int, interpolation: str
) -> Float[Tensor, "*batch pixel pixel"]:
    """`rotate` as matrices, which multiply a picture as one column of size x size pixels.

    Args:
        degrees: angles, (*batch), float64.
        size: height and width of the picture.
        interpolation: one of `flowlib.sampling.INTERPOLATIONS`.
    """
    units = torch.eye(size**2, dtype=degrees.dtype, device=degrees.device)
    turned = rotate(units.reshape(-1, size, size), degrees[..., None], interpolation)
    return turned.flatten(-2).mT


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
