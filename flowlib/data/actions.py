"""Videos of actions: many short sequences in one array, and clips drawn from them while a camera pans.

`kth`, `weizmann` and `stick` make `Actions`; `Clips` draws from them, whole batches as tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pooch
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm.auto import tqdm

from flowlib.data.motion import FIXED, generator
from flowlib.flows import velocity_set
from flowlib.groups import Translations

CACHE_FORMAT = 1


@dataclass(frozen=True)
class Sequence:
    """One person doing one action: frames `start` to `stop`, without the latter, of an array."""

    action: str
    person: str
    video: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Actions:
    """Sequences of actions, all in one array of small grey frames.

    Attributes:
        source: which data they are, as it is to be called in a table.
        names: the actions, in the order of their labels.
        frames: (frame, height, width), 0 to 255.
        sequences: where in it who does what.
    """

    source: str
    names: tuple[str, ...]
    frames: UInt8[Tensor, "frame height width"]
    sequences: tuple[Sequence, ...]

    @property
    def persons(self) -> list[str]:
        """Who is in it, sorted."""
        return sorted({s.person for s in self.sequences})

    def of(self, persons: Iterable[str]) -> Actions:
        """The sequences of some persons.

        Raises:
            ValueError: nobody of them is in it.
        """
        wanted = set(persons)
        chosen = tuple(s for s in self.sequences if s.person in wanted)
        if not chosen:
            raise ValueError(
                f"no sequence of {sorted(wanted)} is in {self.source}: it has {self.persons}"
            )
        return replace(self, sequences=chosen)


def camera(
    velocity: Int[Tensor, "clip axis"], steps: int, then: Int[Tensor, "clip axis"] | None = None
) -> Int[Tensor, "clip time axis"]:
    """By how much a panning camera has moved the picture at each time, 0 at first.

    Args:
        velocity: pixels a frame of the clip, (v_y, v_x).
        steps: frames.
        then: the velocity of the second half, from frame steps // 2 on; none keeps the first.
    """
    by = velocity[:, None].repeat(1, steps, 1)
    if then is not None:
        by[:, steps // 2 :] = then[:, None]
    by[:, 0] = 0
    return by.cumsum(1)


@dataclass(frozen=True)
class Clips:
    """Clips of sequences: every `every`-th frame from a random start, seen by a panning camera.

    The camera moves the picture over the torus: what leaves on one side comes in on the other. That
    is crude, and it is what the paper does.

    Attributes:
        actions: where from; clips are made on the device of `frames`.
        velocities: the set that the camera's velocity is drawn from, (velocity, 2), (v_y, v_x).
        steps: frames of a clip.
        every: frames of the video from one frame of the clip to the next.
        flip: mirror every second clip, by chance, left to right.
        fixed: each sequence has one velocity for ever, the same for all models, instead of a new one
            each time: the data without augmentation.
        switch: the camera takes another velocity in the middle of the clip.
        standard: bring each clip to mean 0 and standard deviation 1, so that neither daylight nor film
            tells who it is; else values are 0 to 1.

    Raises:
        ValueError: all sequences are too short for a clip. Some are: they are left out, with a
            warning that counts them.
    """

    actions: Actions
    velocities: Tensor
    steps: int = 16
    every: int = 2
    flip: bool = False
    fixed: bool = False
    switch: bool = False
    standard: bool = True

    def __post_init__(self):
        object.__setattr__(self, "velocities", velocity_set(self.group, self.velocities))
        long = [s for s in self.actions.sequences if len(s) >= self.span]
        short = len(self.actions.sequences) - len(long)
        if not long:
            raise ValueError(
                f"no sequence of {self.actions.source} has {self.span} frames: take fewer steps than "
                f"{self.steps}, or every={max(1, self.every - 1)}"
            )
        if short:
            warnings.warn(
                f"{self.actions.source}: {short} of {short + len(long)} sequences are shorter than "
                f"{self.span} frames and are left out",
                stacklevel=3,
            )
        object.__setattr__(self, "actions", replace(self.actions, sequences=tuple(long)))

    @property
    def span(self) -> int:
        """Frames of the video that a clip covers."""
        return (self.steps - 1) * self.every + 1

    @property
    def group(self) -> Translations:
        """The translations of the frame as a torus, which networks of this data act with."""
        return Translations(tuple(self.actions.frames.shape[1:]))

    def __len__(self) -> int:
        return len(self.actions.sequences)

    @property
    def labels(self) -> Int[Tensor, " sequence"]:
        """The number of each sequence's action."""
        return torch.tensor([self.actions.names.index(s.action) for s in self.actions.sequences])

    def draw(
        self, count: int, *seed: int
    ) -> tuple[Float[Tensor, "clip time 1 h w"], Int[Tensor, " clip"]]:
        """`count` clips of random sequences and their labels, the same for the same seed."""
        which = torch.randint(len(self), (count,), generator=generator(*seed, 1))
        return self.clips(which, generator(*seed, 2))

    def each(self, per: int, *seed: int, batch: int = 32):
        """`per` clips of every sequence, in batches (clips, labels): for tests."""
        for start in range(0, per * len(self), batch):
            which = torch.arange(start, min(start + batch, per * len(self))) % len(self)
            yield self.clips(which, generator(*seed, start))

    def clips(
        self, which: Int[Tensor, " clip"], random: torch.Generator
    ) -> tuple[Float[Tensor, "clip time 1 h w"], Int[Tensor, " clip"]]:
        """One clip of each of these sequences, and the labels."""
        device = self.actions.frames.device
        sequences = self.actions.sequences
        start = torch.tensor([s.start for s in sequences])[which]
        room = torch.tensor([len(s) - self.span for s in sequences])[which]
        u = torch.rand(len(which), 2, generator=random)
        first = start + (u[:, 0] * (room + 1)).long()
        frame = first[:, None] + self.every * torch.arange(self.steps)
        clip = self.actions.frames[frame.to(device)].float()[:, :, None]
        if self.standard:
            all_of_it = (1, 2, 3, 4)
            mean, std = clip.mean(all_of_it, keepdim=True), clip.std(all_of_it, keepdim=True)
            clip = (clip - mean) / std.clamp(min=1)
        else:
            clip = clip / 255
        if self.flip:
            mirrored = (u[:, 1] < 0.5).to(device)[:, None, None, None, None]
            clip = torch.where(mirrored, clip.flip(-1), clip)
        speed = torch.randint(len(self.velocities), (2, len(which)), generator=random)
        if self.fixed:
            once = torch.randint(
                len(self.velocities), (2, len(sequences)), generator=generator(FIXED)
            )
            speed = once[:, which]
        velocity, then = self.velocities[speed]
        g = camera(velocity, self.steps, then if self.switch else None)
        moved = self.group.act(g[:, :, None].to(device), clip)
        return moved, self.labels[which].to(device)


def small_grey(frames: UInt8[np.ndarray, "frame h w"], size: int) -> UInt8[np.ndarray, "frame s s"]:
    """Frames shrunk to size x size by area averaging."""
    small = interpolate(torch.from_numpy(frames)[:, None].float(), size=(size, size), mode="area")
    return small[:, 0].round().to(torch.uint8).numpy()


def decode(file, limit: int | None = None) -> UInt8[np.ndarray, "frame h w"]:
    """All frames of a video, grey, (frame, height, width).

    Args:
        file: a path, or an open binary file.
        limit: stop after so many frames.

    Raises:
        ValueError: it is no video, or not one frame can be decoded.
    """
    import av  # here, because only videos need it

    name = getattr(file, "name", str(file))
    frames = []
    try:
        with av.open(str(file) if isinstance(file, Path) else file) as container:
            for frame in container.decode(video=0):
                frames.append(frame.to_ndarray(format="gray"))
                if len(frames) == limit:
                    break
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"{name} cannot be decoded as a video ({error})") from error
    if not frames:
        raise ValueError(f"{name} has no frame that can be decoded")
    return np.stack(frames)


def build(
    source: str,
    names: tuple[str, ...],
    size: int,
    files: dict[str, str],
    read: Callable[[str], UInt8[np.ndarray, "frame h w"]],
    ranges: Callable[[str, int], list[tuple[str, str, int, int]]],
) -> Actions:
    """The sequences of many videos as one array, made once and kept in the cache folder.

    Args:
        source, names: see `Actions`.
        size: height and width of the frames.
        files: name of a video -> what changes when its file does, e.g. its size and date.
        read: name of a video -> its frames. A ValueError leaves the video out, counted in a warning.
        ranges: (name of a video, number of its frames) -> (action, person, start, stop) of its
            sequences, stop not included; a stop beyond the end is cut, counted in a warning.
    """
    recipe = json.dumps([source, size, sorted(files.items()), CACHE_FORMAT])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder = Path(os.environ.get("FLOWLIB_CACHE") or pooch.os_cache("flowlib")) / "actions"
    array, index = folder / f"{key}.npy", folder / f"{key}.json"
    if not (array.exists() and index.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(array, index, size, files, read, ranges)
    told = json.loads(index.read_text())
    for text, count in told["troubles"].items():
        warnings.warn(f"{source}: {count} {text}", stacklevel=3)
    if not told["sequences"]:
        raise ValueError(f"no video of {source} could be read: {told['troubles']}")
    frames = torch.from_numpy(np.load(array))
    return Actions(source, names, frames, tuple(Sequence(*row) for row in told["sequences"]))


def _make(array: Path, index: Path, size: int, files, read, ranges) -> None:
    """Read all videos and write array and index, each in one step; an interruption leaves neither."""
    parts, rows, troubles, done = [], [], Counter(), 0
    for name in tqdm(sorted(files), desc="videos", leave=False, disable=len(files) < 50):
        try:
            video = read(name)
        except ValueError as error:
            troubles[f"video that cannot be read, left out ({error})"] += 1
            continue
        parts.append(small_grey(video, size))
        for action, person, start, stop in ranges(name, len(video)):
            if stop > len(video):
                troubles["sequence that runs past the end of its video, cut"] += 1
            if start < min(stop, len(video)):
                rows.append([action, person, name, done + start, done + min(stop, len(video))])
        done += len(video)
    frames = np.concatenate(parts) if parts else np.zeros((0, size, size), np.uint8)
    told = json.dumps({"sequences": rows, "troubles": troubles})
    for path, write in (
        (array, lambda file: np.save(file, frames)),
        (index, lambda file: file.write(told.encode())),
    ):
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(part, "wb") as file:
                write(file)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
