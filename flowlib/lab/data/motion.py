"""Tensors to videos: pictures that move at constant velocity, over a torus or about a centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.flows import velocity_set
from flowlib.groups import Translations

FIXED = 104  # the seed of velocities that are drawn once and for all


def generator(*seed: int) -> torch.Generator:
    """A random generator on the CPU, so that one seed gives the same numbers on every device.

    Args:
        seed: numbers from 0 on, always as many, e.g. the run's seed and the update; different
            numbers give streams that have nothing to do with each other.

    Raises:
        ValueError: a negative number.
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

    Raises:
        ValueError: pictures without samples or of a wrong shape, or a canvas smaller than they are.
    """

    images: Float[Tensor, "sample channel height width"]
    velocities: Tensor
    objects: int = 1
    canvas: tuple[int, int] | None = None
    group: object = None
    fixed: bool = False

    def __post_init__(self):
        shape = tuple(self.images.shape)
        if len(shape) != 4 or 0 in shape:
            raise ValueError(f"images has shape {shape}: it wants (sample, channel, height, width)")
        canvas = tuple(self.canvas or shape[2:])
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
