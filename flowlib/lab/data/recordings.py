"""Recordings to videos: clips that are cut from long films whose motion nobody drew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

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

    A clip in which a frame is the same as one of the two before it, so that it stands still or blinks, is
    not drawn, unless it is asked for: there a forecast would be a matter of memory.

    Attributes:
        recordings: `Recordings`.
        room: frames that follow the start of each clip, also of a shorter one, so that the same seed gives
            the same clips whatever their length; none means those that are asked for.
        moving: leave out clips that stand still, or blink, from one frame to the next.

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
        found = (
            self._moves.unfold(1, max(steps - 1, 1), 1).all(2)
            if steps > 1
            else self._moves.new_ones(frames.shape[:2])
        )
        found = found.nonzero()
        if not len(found):
            raise ValueError(f"no clip of {steps} frames moves from each frame to the next")
        return found

    @cached_property
    def _moves(self) -> Bool[Tensor, "recording step"]:
        """Whether a clip may hold each frame after the first: looked for once, not at every draw."""
        frames = self.recordings.frames
        moves = (frames[:, 1:] != frames[:, :-1]).flatten(2).any(2)
        moves[:, 1:] &= (frames[:, 2:] != frames[:, :-2]).flatten(2).any(2)
        return moves | (not self.moving)

    def choose(self, count: int, steps: int, *seed: int) -> Int[Tensor, "clip 2"]:
        """The starts of `count` clips, the same for the same seed."""
        starts = self.starts(steps)
        return starts[
            torch.randint(len(starts), (count,), generator=generator(*seed)).to(starts.device)
        ]

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` clips of `steps` frames, the same for the same seed."""
        which, time = self.times(count, steps, *seed)
        return self.recordings.frames[which, time]

    def times(
        self, count: int, steps: int, *seed: int
    ) -> tuple[Int[Tensor, "clip 1"], Int[Tensor, "clip time"]]:
        """Which recordings `count` clips are of, and at which times, the same for the same seed."""
        which, start = self.choose(count, steps, *seed).split(1, 1)
        return which, start + torch.arange(steps, device=start.device)


class Filmed(NamedTuple):
    """Clips, and how the camera moved.

    Attributes:
        seen: (clip, time, channel, height, width).
        camera: its steps from each frame to the next, (clip, time - 1, axis), pixels.
    """

    seen: Float[Tensor, "clip time channel height width"]
    camera: Int[Tensor, "clip step axis"]


@dataclass(frozen=True)
class FilmedClips(Clips):
    """Clips that tell the steps of the camera, of recordings that hold them.

    Example:
        >>> films = Recordings(torch.rand(2, 9, 1, 4, 5), camera=torch.ones(2, 8, 2).long())
        >>> FilmedClips(films).draw(3, 6, 0).camera.shape
        torch.Size([3, 5, 2])
    """

    def draw(self, count: int, steps: int, *seed: int) -> Filmed:
        """`count` clips of `steps` frames with the steps of the camera, the same for the same seed."""
        which, time = self.times(count, steps, *seed)
        films = self.recordings
        return Filmed(films.frames[which, time], films.camera[which, time[:, :-1]])


@dataclass(frozen=True)
class CameraAlone(FilmedClips):
    """Clips in which nothing moves but the camera, over a world that is a torus: the first frame of each
    clip that was filmed, moved against the camera.

    Attributes:
        way: from how far the camera had come at each frame after the first, (clip, step, axis), pixels of
            a recording, to how far it comes here.
        fold: pixels of a recording along y that make one of a clip, by their mean: so that a picture can
            move by a part of a pixel.

    Example: a camera that moves down sees a light move up, and come back from below.
        >>> light = torch.eye(4)[1].reshape(1, 1, 1, 4, 1).expand(1, 5, 1, 4, 1)
        >>> films = Recordings(light, camera=torch.tensor([[[1, 0], [0, 0], [1, 0], [1, 0]]]))
        >>> CameraAlone(films, moving=False).draw(1, 5, 0).flatten(2).argmax(2)
        tensor([[1, 0, 0, 3, 2]])
    """

    way: Callable[[Tensor], Tensor] = torch.clone
    fold: int = 1

    @property
    def group(self) -> Translations:
        """The shifts of a frame."""
        height, width = self.recordings.frames.shape[-2:]
        return Translations((height // self.fold, width))

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` clips of `steps` frames, the same for the same seed."""
        filmed = super().draw(count, max(steps, self.room or 0), *seed)
        first = filmed.seen[:, :1]
        moved = -self.way(filmed.camera.cumsum(1))[:, : steps - 1, None]
        video = torch.cat([first, Translations(first.shape[-2:]).act(moved, first)], 1)
        return avg_pool2d(video.flatten(0, 1), (self.fold, 1)).unflatten(0, (count, steps))
