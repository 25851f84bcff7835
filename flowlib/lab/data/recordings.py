"""Recordings to videos: clips that are cut from long films whose motion nobody drew."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from flowlib.lab.data.motion import OWN, generator
from flowlib.translations import Translations


@dataclass(frozen=True)
class Recordings:
    """Long films that say where they are from.

    Attributes:
        frames: (recording, time, channel, height, width), floats.
        source: which data they are, as it is to be called in a table.
        camera: its steps from each frame to the next where they are known, (recording, time - 1, axis),
            pixels.

    Example:
        >>> few = Recordings(torch.rand(10, 30, 1, 7, 7), source="a garden")[:3]
        >>> len(few), few.source
        (3, 'a garden')
    """

    frames: Float[Tensor, "recording time channel height width"]
    source: str = OWN
    camera: Int[Tensor, "recording step axis"] | None = None

    @property
    def images(self) -> Float[Tensor, "frame channel height width"]:
        """All frames, one after the other."""
        return self.frames.flatten(0, 1)

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, part: slice) -> Recordings:
        """Some of them."""
        camera = None if self.camera is None else self.camera[part]
        return Recordings(self.frames[part], self.source, camera)

    def to(self, device: torch.device | str) -> Recordings:
        """The same on a device."""
        camera = None if self.camera is None else self.camera.to(device)
        return Recordings(self.frames.to(device), self.source, camera)


@dataclass(frozen=True)
class Clips:
    """Clips of recordings, each from a start that is drawn at random.

    A clip in which two frames that follow each other are the same is not drawn, unless it is asked for:
    there a forecast would be a matter of memory.

    Attributes:
        recordings: `Recordings`.
        room: frames that follow the start of each clip, also of a shorter one, so that the same seed gives
            the same clips whatever their length; none means those that are asked for.
        moving: leave out clips in which something stands still from one frame to the next.

    Raises:
        ValueError: recordings of another shape, or not of floats.

    Example:
        >>> clips = Clips(Recordings(torch.rand(2, 9, 1, 4, 5)))
        >>> clips.draw(3, 6, 0).shape, clips.group.grid
        (torch.Size([3, 6, 1, 4, 5]), (4, 5))
    """

    recordings: Recordings
    room: int | None = None
    moving: bool = True

    def __post_init__(self):
        frames = self.recordings.frames
        if frames.ndim != 5 or not frames.is_floating_point() or 0 in frames.shape:
            raise ValueError(
                f"recordings are {tuple(frames.shape)} of {frames.dtype}: they want "
                "(recording, time, channel, height, width), floats"
            )

    @property
    def source(self) -> str:
        """Where the recordings are from."""
        return self.recordings.source

    @property
    def group(self) -> Translations:
        """The shifts of a frame."""
        return Translations(tuple(self.recordings.frames.shape[-2:]))

    def starts(self, steps: int) -> Int[Tensor, "clip 2"]:
        """Where a clip of `steps` frames may begin: (recording, time).

        Raises:
            ValueError: nowhere.
        """
        frames, steps = self.recordings.frames, max(steps, self.room or 0)
        if steps > frames.shape[1]:
            raise ValueError(
                f"steps is {steps}, a recording has {frames.shape[1]} frames: take fewer"
            )
        moves = (frames[:, 1:] != frames[:, :-1]).flatten(2).any(2) | (not self.moving)
        found = (
            moves.unfold(1, max(steps - 1, 1), 1).all(2)
            if steps > 1
            else moves.new_ones(frames.shape[:2])
        )
        found = found.nonzero()
        if not len(found):
            raise ValueError(f"no clip of {steps} frames moves from each frame to the next")
        return found

    def choose(self, count: int, steps: int, *seed: int) -> Int[Tensor, "clip 2"]:
        """The starts of `count` clips, the same for the same seed."""
        starts = self.starts(steps)
        return starts[
            torch.randint(len(starts), (count,), generator=generator(*seed)).to(starts.device)
        ]

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` clips of `steps` frames, the same for the same seed."""
        which, start = self.choose(count, steps, *seed).unbind(1)
        time = start[:, None] + torch.arange(steps, device=start.device)
        return self.recordings.frames[which[:, None], time]
