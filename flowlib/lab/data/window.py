"""Tensors to videos of a world that is seen in part: digits move on a torus, and a window pans over it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from flowlib.flows import positions, velocity_set
from flowlib.lab.data.motion import OWN, check_images, generator
from flowlib.translations import Translations


@dataclass(frozen=True)
class Views:
    """What a camera sees, and what is there.

    Attributes:
        layers: each object by itself, as it stands in the frame of the camera, (video, object, time,
            channel, *world).
        places: by how much each is moved there, (video, object, time, axis).
        camera: c_t, its steps from each frame to the next, (video, time - 1, axis), pixels.
        window: the pixels of the world's frame that are seen, (height, width).
    """

    layers: Float[Tensor, "video object time channel height width"]
    places: Int[Tensor, "video object time axis"]
    camera: Int[Tensor, "video step axis"]
    window: Bool[Tensor, "height width"]

    @property
    def world(self) -> Float[Tensor, "video time channel height width"]:
        """All of the world, in the frame of the camera. The brighter of two objects covers the other."""
        return self.layers.amax(1)

    @property
    def seen(self) -> Float[Tensor, "video time channel height width"]:
        """What the window shows of it."""
        return self.crop(self.world)

    def crop(self, world: Tensor) -> Tensor:
        """The part of it that the window shows."""
        y, x = (self.window.any(axis).nonzero().flatten() for axis in (1, 0))
        return world[..., y[0] : y[-1] + 1, x[0] : x[-1] + 1]

    def known(self, context: int) -> Float[Tensor, "video time channel height width"]:
        """The world as the best memory has it: of each object what was in the window in one of the first
        `context` frames, at its true velocity. What never was there is dark."""
        group = Translations(tuple(self.window.shape))
        back = group.inverse(self.places[:, :, :context, None])
        seen = group.act(back, self.window[None, None, None, None].float()).amax(2, keepdim=True)
        return (self.layers * group.act(self.places[..., None, :], seen)).amax(1)


@dataclass(frozen=True)
class WindowedImages:
    """Views of pictures that flow over a torus, each with its own velocity, through a window that pans.

    The camera takes a step a frame, and now and then begins to take another one. Its window is in the
    middle of its frame.

    Attributes:
        images: (sample, channel, height, width).
        velocities: the set that the velocities of the objects are drawn from, pixels a frame.
        world, window: (height, width) of the torus, and of what is seen of it.
        objects: in a world.
        pan: the largest step of the camera along an axis, pixels.
        turn: how likely it is, in each frame, that the camera draws a new step.
        source: where the pictures are from.

    Raises:
        ValueError: pictures that are none, a window or a picture larger than the world, or no object.

    Example: the middle of the world is what the window shows.
        >>> views = WindowedImages(torch.rand(4, 1, 3, 3), [(0, 1)], (8, 8), (4, 4)).draw(2, 5, 0)
        >>> torch.equal(views.seen, views.world[..., 2:6, 2:6]), views.camera.shape
        (True, torch.Size([2, 4, 2]))
    """

    images: Float[Tensor, "sample channel height width"]
    velocities: Tensor | list
    world: tuple[int, int]
    window: tuple[int, int]
    objects: int = 2
    pan: int = 2
    turn: float = 0.25
    source: str = OWN

    def __post_init__(self):
        check_images(self.images)
        inside = zip(self.world, self.window, self.images.shape[-2:], strict=True)
        if self.objects < 1 or any(n < max(w, size) for n, w, size in inside):
            raise ValueError(
                f"{self.objects} pictures of {tuple(self.images.shape[-2:])} and a window {self.window} "
                f"on a world {self.world}: it wants one picture or more, and a world that holds both"
            )
        object.__setattr__(self, "velocities", velocity_set(self.group, self.velocities))

    @property
    def group(self) -> Translations:
        """The shifts of the world."""
        return Translations(self.world)

    def draw(self, count: int, steps: int, *seed: int) -> Views:
        """`count` views of `steps` frames, the same for the same seed."""
        random, group, device = generator(*seed), self.group, self.images.device
        shape = (count, self.objects)
        which = torch.randint(len(self.images), shape, generator=random)
        speed = torch.randint(len(self.velocities), shape, generator=random)
        start = group.random(shape, random)
        choice = torch.randint(-self.pan, self.pan + 1, (count, steps, 2), generator=random)
        turns = torch.rand(count, steps, generator=random) < self.turn
        turns[:, 0] = True
        latest = torch.where(turns, torch.arange(steps), 0).cummax(1).values
        camera = choice.gather(1, latest[..., None].expand_as(choice))[:, 1:]

        room = [big - small for big, small in zip(self.world, self.images.shape[-2:], strict=True)]
        pictures = self.images[which.to(device)]
        pictures = torch.nn.functional.pad(pictures, (0, room[1], 0, room[0]))
        flowed = (
            start[:, :, None] + self.velocities[speed][:, :, None] * torch.arange(steps)[:, None]
        )
        places = group.product(flowed, -positions(group, camera)[:, None]).to(device)
        window = torch.zeros(self.world, dtype=torch.bool, device=device)
        low = [(n - w) // 2 for n, w in zip(self.world, self.window, strict=True)]
        window[tuple(slice(a, a + w) for a, w in zip(low, self.window, strict=True))] = True
        layers = group.act(places[..., None, :], pictures[:, :, None])
        return Views(layers, places, camera.to(device), window)
