"""Moving a sampled picture by what is no permutation of its points: interpolation.

A turn by a multiple of 90 degrees permutes the pixels of a square grid, and so does a shift by whole
pixels: both are exact. Every other motion reads the picture between its samples. Three ways to do
that, from rough and cheap to fine: "bilinear", "bicubic" (both local, zero outside the picture), and
"fourier" (the trigonometric polynomial through all samples; the picture is periodic).

Positions are (y, x), +y down; angles are in degrees, counter-clockwise as displayed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor

INTERPOLATIONS = ("bilinear", "bicubic", "fourier")


def check_interpolation(interpolation: str) -> None:
    """Raise a ValueError unless it is one of INTERPOLATIONS."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation is {interpolation!r}: it wants one of {INTERPOLATIONS}")


def quarter_turn(
    image: Shaped[Tensor, "*lead size size"], quarters: Int[Tensor, "*batch"]
) -> Shaped[Tensor, "*turned size size"]:
    """The image turned by quarters * 90 degrees, a permutation of its pixels.

    Args:
        image: (*lead, N, N), of any type.
        quarters: whole numbers, (*batch), broadcasting against `lead`.
    """
    size, device = image.shape[-1], image.device
    q = quarters[..., None, None] % 4
    cos = torch.tensor([1, 0, -1, 0], device=device)[q]
    sin = torch.tensor([0, 1, 0, -1], device=device)[q]
    p = 2 * torch.arange(size, device=device) - (size - 1)  # twice the distance from the centre
    y, x = p[:, None], p
    index = (sin * x + cos * y + size - 1) // 2 * size + (cos * x - sin * y + size - 1) // 2
    lead = torch.broadcast_shapes(quarters.shape, image.shape[:-2])
    image = image.expand(*lead, size, size).flatten(-2)
    return image.gather(-1, index.flatten(-2).expand_as(image)).unflatten(-1, (size, size))


def rotate(
    image: Float[Tensor, "*lead size size"],
    degrees: Float[Tensor, "*batch"],
    interpolation: str = "bilinear",
) -> Float[Tensor, "*turned size size"]:
    """The image turned about its centre: (R.f)(x) = f(R^-1 x).

    The nearest quarter turns are made exactly, only the rest, at most 45 degrees, is interpolated.
    "bilinear" and "bicubic" read zero outside the image. "fourier" turns by three shears, each a
    periodic shift of the rows or the columns (Unser, Thévenaz & Yaroslavsky 1995): for an odd size
    it loses nothing, since every shear can be undone, and up to 45 degrees the turn back undoes it;
    but what leaves the image comes in again on the other side.

    Args:
        image: (*lead, N, N).
        degrees: (*batch), broadcasting against `lead`.
        interpolation: one of INTERPOLATIONS.

    Raises:
        ValueError: an interpolation that is not offered.
    """
    check_interpolation(interpolation)
    quarters = torch.round(degrees / 90)
    if quarters.any():
        image = quarter_turn(image, quarters.long())
    rest = degrees - 90 * quarters
    if not (rest.any() or degrees.requires_grad):  # a gradient wants to know what is beside 0
        return image.expand(
            *torch.broadcast_shapes(rest.shape, image.shape[:-2]), *image.shape[-2:]
        )
    angle = torch.deg2rad(rest)[..., None, None]
    size = image.shape[-1]
    p = torch.arange(size, device=image.device, dtype=degrees.dtype) - (size - 1) / 2
    y, x = p[:, None], p
    if interpolation == "fourier":
        rows, columns = torch.tan(angle / 2) * y, -torch.sin(angle) * x
        sheared = shift(shift(image, rows, dim=-1), columns, dim=-2)
        return shift(sheared, rows, dim=-1)
    sin, cos = torch.sin(angle), torch.cos(angle)
    return _read(image, sin * x + cos * y, cos * x - sin * y, interpolation)


def translate(
    image: Float[Tensor, "*lead height width"],
    by: Float[Tensor, "*batch 2"],
    interpolation: str = "bilinear",
) -> Float[Tensor, "*moved height width"]:
    """The image shifted by any real (y, x) pixels on the torus: (a.f)(x) = f(x - a), periodic.

    Whole pixels are moved exactly, only the rest, at most half a pixel, is interpolated.

    Raises:
        ValueError: an interpolation that is not offered.
    """
    check_interpolation(interpolation)
    whole = torch.round(by)
    for dim in (-2, -1):
        image = _roll(image, whole[..., dim].long(), dim)
    rest = (by - whole)[..., None, None]
    if not (rest.any() or by.requires_grad):
        return image
    if interpolation == "fourier":
        return shift(shift(image, rest[..., 0, :, :], dim=-2), rest[..., 1, :, :], dim=-1)
    border = 3  # what the bicubic reads beyond the image
    height, width = image.shape[-2:]
    lead = image.shape[:-2]
    image = F.pad(image.reshape(-1, 1, height, width), (border,) * 4, mode="circular")
    image = image.reshape(*lead, *image.shape[-2:])
    y, x = (
        torch.arange(n, device=image.device, dtype=by.dtype) - (n - 1) / 2 for n in (height, width)
    )
    ones = torch.ones(height, width, device=image.device, dtype=by.dtype)
    return _read(
        image, y[:, None] * ones - rest[..., 0, :, :], x * ones - rest[..., 1, :, :], interpolation
    )


def shift(
    signal: Float[Tensor, "..."], by: Float[Tensor, "..."], dim: int = -1
) -> Float[Tensor, "..."]:
    """The signal shifted along one periodic axis by any real amount, band-limited.

    The trigonometric polynomial through the samples is moved and sampled again. Whole numbers give
    `torch.roll` up to rounding; shifts add up exactly, but for the highest frequency of an even
    length, whose sine cannot be told from zero on the grid: there a shift by half a sample loses it.

    Args:
        signal: any shape.
        by: in samples; broadcasts against the signal, with size 1 along `dim`.
        dim: the axis.
    """
    size = signal.shape[dim]
    spectrum = torch.fft.rfft(signal, dim=dim)
    shape = [1] * signal.ndim
    shape[dim] = -1
    k = torch.arange(spectrum.shape[dim], device=signal.device, dtype=by.dtype).reshape(shape)
    angle = -2 * torch.pi * k * by / size
    real, imaginary = torch.cos(angle), torch.sin(angle)
    if size % 2 == 0:
        imaginary = torch.where(2 * k == size, 0, imaginary)
    turned = spectrum * torch.complex(real, imaginary).to(spectrum.dtype)
    return torch.fft.irfft(turned, n=size, dim=dim)


def _roll(image: Tensor, by: Tensor, dim: int) -> Tensor:
    """`torch.roll` of (*lead, H, W) along dim -2 or -1 by (*batch) whole numbers."""
    size = image.shape[dim]
    x = torch.arange(size, device=image.device)
    index = ((x[:, None] if dim == -2 else x) - by[..., None, None]) % size
    shape = torch.broadcast_shapes(index.shape, image.shape)
    return image.expand(shape).gather(dim, index.expand(shape))


def _read(image: Tensor, y: Tensor, x: Tensor, interpolation: str) -> Tensor:
    """The image at positions (*batch, H, W), in pixels from its centre; zero outside."""
    height, width = image.shape[-2:]
    batch, lead = y.shape[:-2], image.shape[:-2]
    lead = torch.broadcast_shapes(batch, lead)
    batch = (1,) * (len(lead) - len(batch)) + tuple(batch)
    # Axes that share their positions are channels of one sampling; the others are its batch.
    shared = 0
    while shared < len(batch) and batch[len(batch) - 1 - shared] == 1:
        shared += 1
    outer = lead[: len(lead) - shared]
    positions = torch.stack([2 * x / width, 2 * y / height], -1).to(image.dtype)
    positions = positions.reshape(*batch[: len(outer)], *positions.shape[-3:])
    positions = positions.expand(*outer, *positions.shape[-3:]).reshape(-1, *positions.shape[-3:])
    planes = image.expand(*lead, height, width).reshape(len(positions), -1, height, width)
    read = F.grid_sample(planes, positions, interpolation, "zeros", align_corners=False)
    return read.reshape(*lead, *read.shape[-2:])
