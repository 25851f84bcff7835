"""Noisy videos of a picture that takes another velocity at every frame, and what is behind the noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.flows import flow, velocity_set
from flowlib.lab.data.motion import OWN, check_images, generator
from flowlib.translations import Translations


@dataclass(frozen=True)
class WanderingImages:
    """Videos of a picture on a torus: the first frames noisy, the others clean, the last step goes on.

    Attributes:
        images: (sample, channel, height, width); videos are made on their device.
        velocities: the set that steps are drawn from, (velocity, 2), pixels a frame.
        context: frames with noise, two at least.
        noise: its standard deviation, fresh and independent at each pixel.
        steady: one step for the whole video; else each step of the context is drawn by itself. Frames
            after the context go on at its last step, so that they can be forecast.
        source: where the pictures are from; a row of the ledger says so.

    Raises:
        ValueError: pictures as `MovingImages` refuses them, velocities that are none of their torus, fewer
            than two frames of context, or a negative noise.

    Example:
        >>> light = torch.zeros(1, 1, 1, 9)
        >>> light[..., 0] = 1
        >>> videos = WanderingImages(light, [(0, -1), (0, 1), (0, 3)], context=5)
        >>> places = videos.draw(1, 8, 0).flatten(2).argmax(2)[0]
        >>> steps = (places.diff() + 1) % 9 - 1
        >>> len(set(steps[:4].tolist())) > 1, bool((steps[4:] == steps[3]).all())
        (True, True)
    """

    images: Float[Tensor, "sample channel height width"]
    velocities: Tensor | list
    context: int
    noise: float = 0.0
    steady: bool = False
    source: str = OWN

    def __post_init__(self):
        check_images(self.images)
        if self.context < 2 or self.noise < 0:
            raise ValueError(
                f"context is {self.context}, noise is {self.noise}: two frames or more, and 0 or more"
            )
        object.__setattr__(self, "velocities", velocity_set(self.group, self.velocities))

    @property
    def group(self) -> Translations:
        """The translations of the pictures."""
        return Translations(tuple(self.images.shape[2:]))

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` videos of `steps` frames, the same for the same seed.

        Raises:
            ValueError: no video, or no frame after the context.
        """
        if count < 1 or steps <= self.context:
            raise ValueError(
                f"count is {count}, steps is {steps}: one video, and more frames than the context of "
                f"{self.context}"
            )
        random, device = generator(*seed), self.images.device
        which = torch.randint(len(self.images), (count,), generator=random)
        start = self.group.random((count, 1), random)
        drawn = (count, 1 if self.steady else self.context - 1)
        path = self.velocities[torch.randint(len(self.velocities), drawn, generator=random)]
        path = path.expand(-1, self.context - 1, -1)
        path = torch.cat([path, path[:, -1:].expand(-1, steps - self.context, -1)], 1)
        pictures = self.group.act(start.to(device), self.images[which.to(device)])
        video = flow(self.group, pictures, path=path.to(device))
        shape = count, self.context, *video.shape[2:]
        video[:, : self.context] += self.noise * torch.randn(shape, generator=random).to(device)
        return video
