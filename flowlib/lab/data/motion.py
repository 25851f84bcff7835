"""Tensors to videos: pictures that move at constant velocity, over a torus or about a centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.flows import velocity_set
from flowlib.translations import Translations

FIXED = 104  # the seed of velocities that are drawn once and for all
OWN = "own pictures"  # where pictures are from that nobody gave a name


@dataclass(frozen=True)
class Pictures:
    """Pictures that say where they are from.

    Attributes:
        images: (sample, channel, height, width), floats.
        source: which data they are, as it is to be called in a table.

    Example:
        >>> few = Pictures(torch.rand(10, 1, 7, 7), source="leaves")[:3]
        >>> len(few), few.source
        (3, 'leaves')
    """

    images: Float[Tensor, "sample channel height width"]
    source: str = OWN

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, part: slice) -> Pictures:
        """Some of them."""
        return Pictures(self.images[part], self.source)

    def to(self, device: torch.device | str) -> Pictures:
        """The same on a device."""
        return Pictures(self.images.to(device), self.source)


def told_source(*videos) -> str:
    """The one name of the data that these sources of videos tell; several, joined by "and".

    Raises:
        ValueError: one of them tells none.

    Example:
        >>> still = MovingImages(torch.rand(2, 1, 7, 7), [(0, 0)])
        >>> told_source(still, MovingImages(still.images, [(0, 1)], source="leaves"))
        'leaves and own pictures'
    """
    for source in videos:
        if not getattr(source, "source", None):
            raise ValueError(
                f"{type(source).__name__} does not tell where its pictures are from: it wants an "
                "attribute `source`, a name, as MovingImages has"
            )
    return " and ".join(sorted({source.source for source in videos}))


def check_images(images: Tensor) -> None:
    """Raises ValueError unless these are pictures that videos can be made of.

    Example:
        >>> check_images(torch.zeros(2, 7, 7))
        Traceback (most recent call last):
        ValueError: images has shape (2, 7, 7): it wants (sample, channel, height, width)
    """
    if not isinstance(images, Tensor):
        raise ValueError(
            f"images is a {type(images).__name__}: it wants a tensor, e.g. torch.as_tensor(images)"
        )
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            f"images has shape {tuple(images.shape)}: it wants (sample, channel, height, width)"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"images has dtype {images.dtype}: it wants floats, 0 to 1, e.g. images.float() / 255"
        )
    if not images.isfinite().all():
        raise ValueError("images holds NaN or infinite numbers: take them out")


def generator(*seed: int) -> torch.Generator:
    """A random generator on the CPU, so that one seed gives the same numbers on every device.

    Args:
        seed: numbers from 0 on, always as many, e.g. the run's seed and the update; different
            numbers give streams that have nothing to do with each other.

    Raises:
        ValueError: a negative number.

    Example:
        >>> a, b = (torch.rand(3, generator=generator(0, 7)) for _ in range(2))
        >>> torch.equal(a, b), torch.equal(a, torch.rand(3, generator=generator(0, 8)))
        (True, False)
    """
    if any(number < 0 for number in seed):
        raise ValueError(f"seed is {', '.join(map(str, seed))}: it wants numbers from 0 on")
    state = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(state[0]) << 32 | int(state[1]))


@dataclass(frozen=True)
class MovingImages:
    """Videos of pictures that flow: random picture, random start, random velocity.

    Attributes:
        images: (sample, channel, height, width); videos are made on their device.
        velocities: the set that velocities are drawn from, (velocity, axis): pixels a frame
            (v_y, v_x), or degrees a frame for rotations.
        objects: pictures in one video, each with its own start and velocity, laid over each other by
            the brighter pixel.
        canvas: (height, width) of the video, at least that of the pictures; none means the same.
        group: what moves the pictures; none means the translations of the canvas, where what leaves
            on one side comes in on the other.
        fixed: each picture has one velocity for ever, drawn once, instead of a new one each time: the
            data without augmentation.
        source: where the pictures are from; a row of the ledger says so.

    Raises:
        ValueError: pictures without samples, of a wrong shape, not of floats or not finite; a canvas
            smaller than they are, or velocities that the group has not.

    Example:
        >>> one_pixel = torch.zeros(1, 1, 1, 5)
        >>> one_pixel[..., 0] = 1
        >>> video = MovingImages(one_pixel, [(0, 2)]).draw(1, 3, 0)
        >>> (video.flatten(2).argmax(2).diff() % 5).tolist()  # the picture moves by 2 a frame
        [[2, 2]]
    """

    images: Float[Tensor, "sample channel height width"]
    velocities: Tensor | list
    objects: int = 1
    canvas: tuple[int, int] | None = None
    group: object = None
    fixed: bool = False
    source: str = OWN

    def __post_init__(self):
        check_images(self.images)
        shape = tuple(self.images.shape)
        canvas = tuple(self.canvas or shape[2:])
        if len(canvas) != 2:
            raise ValueError(f"canvas is {canvas}: it wants (height, width), e.g. {shape[2:]}")
        if canvas[0] < shape[2] or canvas[1] < shape[3]:
            raise ValueError(f"canvas {canvas} is smaller than the pictures, {shape[2:]}")
        if self.objects < 1:
            raise ValueError(f"objects is {self.objects}: a video shows one picture or more")
        object.__setattr__(self, "canvas", canvas)
        group = self.group or Translations(canvas)
        if group.grid != canvas:
            raise ValueError(f"{group} acts on pictures of {group.grid}, the canvas is {canvas}")
        object.__setattr__(self, "group", group)
        object.__setattr__(self, "velocities", velocity_set(group, self.velocities))

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` videos of `steps` frames, the same for the same seed.

        Raises:
            ValueError: no video or no frame is asked for.
        """
        if count < 1 or steps < 1:
            raise ValueError(f"count is {count}, steps is {steps}: one video of one frame at least")
        random = generator(*seed)
        group, device = self.group, self.images.device
        shape = (count, self.objects)
        which = torch.randint(len(self.images), shape, generator=random)
        speed = torch.randint(len(self.velocities), shape, generator=random)
        if self.fixed:
            speed = torch.randint(
                len(self.velocities), (len(self.images),), generator=generator(FIXED)
            )[which]
        start = group.random(shape, random)

        pictures = self.images[which.to(device)]
        room = [big - small for big, small in zip(self.canvas, pictures.shape[-2:], strict=True)]
        pictures = torch.nn.functional.pad(pictures, (0, room[1], 0, room[0]))
        time = torch.arange(steps)[:, None]
        g = start[:, :, None] + group.exp(self.velocities[speed][:, :, None], time)
        return group.act(g[..., None, :].to(device), pictures[:, :, None]).amax(1)
