"""Videos of actions as one array, and clips drawn from them while a camera pans, whole batches at once.

`kth`, `weizmann` and `stick` make `Actions`; `Clips` draws from them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from flowlib.flows import velocity_set
from flowlib.lab.data.motion import FIXED, generator
from flowlib.translations import Translations


@dataclass(frozen=True)
class Sequence:
    """One person doing one action: frames `start` to `stop`, without the latter, of an array.

    Example:
        >>> len(Sequence("walking", "ida", "ida_walking_1", start=10, stop=35))
        25
    """

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
        split: the persons of training, validation and test, where the data come with a split; none
            leaves it to folds.
    """

    source: str
    names: tuple[str, ...]
    frames: UInt8[Tensor, "frame height width"]
    sequences: tuple[Sequence, ...]
    split: tuple[list[str], list[str], list[str]] | None = None

    @property
    def persons(self) -> list[str]:
        """Who is in it, sorted.

        Example:
            >>> from flowlib.lab.data.stick import stick
            >>> stick(size=4, persons=3, takes=1, frames=2).of(["person03", "person01"]).persons
            ['person01', 'person03']
        """
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

    Example:
        >>> camera(torch.tensor([[0, 1]]), 4, then=torch.tensor([[2, 0]]))[0].tolist()
        [[0, 0], [0, 1], [2, 1], [4, 1]]
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
        flip: mirror each clip left to right with probability 1/2.
        fixed: each sequence has one velocity for ever, the same for all models, instead of a new one
            each time: the data without augmentation.
        switch: the camera takes another velocity in the middle of the clip.
        background: keep what stands still. Without it the clip's mean over time is taken away, before
            the camera moves: the place where somebody was filmed does not tell who it is.
        standard: bring each clip to mean 0 and standard deviation 1, so that neither daylight nor film
            tells who it is; else values are those of the frames over 255.

    Raises:
        ValueError: all sequences are too short for a clip. Some are: they are left out, with a
            warning that counts them.

    Example:
        >>> from flowlib.lab.data.stick import stick
        >>> figures = stick(size=8, persons=2, takes=1, frames=12)
        >>> videos, labels = Clips(figures, [(0, 0), (0, 1)], steps=4).draw(3, 0)
        >>> videos.shape, labels.shape
        (torch.Size([3, 4, 1, 8, 8]), torch.Size([3]))
    """

    actions: Actions
    velocities: Tensor | list
    steps: int = 16
    every: int = 2
    flip: bool = False
    fixed: bool = False
    switch: bool = False
    background: bool = True
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
        """`count` clips of random sequences and their labels, the same for the same seed.

        Each action comes as often as any other, however many sequences there are of it.
        """
        often = torch.bincount(self.labels, minlength=len(self.actions.names))
        weights = 1 / often[self.labels]
        which = weights.multinomial(count, True, generator=generator(*seed, 1))
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
        if not self.background:
            clip = clip - clip.mean(1, keepdim=True)
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
