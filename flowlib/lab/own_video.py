"""A reader's own video file: small grey frames, cut in time, forecast by rules and by networks.

The frames are taken as a torus, as all pictures of the book's networks are. Nothing is written into the
book's ledger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import interpolate
from tqdm.auto import tqdm

from flowlib.convolution import GroupConvolution
from flowlib.flows import translation_velocities
from flowlib.lab.data.motion import OWN, Pictures, check_images, generator
from flowlib.lab.data.videos import grey_frames
from flowlib.lab.evaluation import last_frame, mode, still_picture
from flowlib.lab.experiment import Result
from flowlib.lab.flow_predictor import best_shift, rule
from flowlib.lab.forecasting import ForecastPreset, ForecastRow, ForecastTable
from flowlib.lab.run import run, torch_device
from flowlib.lab.translating_mnist import STILL
from flowlib.models import Forecaster
from flowlib.predictor import CorrelationPredictor
from flowlib.translations import Translations

MOST = 3000  # frames that are read: two minutes at 25 a second
LEAST_UPDATES, MOST_UPDATES = 20, 500
GREY_LEVEL = 1 / 255  # a change that is smaller is none: it may be the codec's
SHARPNESS = 30.0  # between one velocity and a mixture of all; 10 blurs videos that hardly move
DARK = 1e-6  # a variance: a frame of one grey is explained by all velocities alike

QUICK = ForecastPreset(
    "8 frames in and 6 out, 8 channels",
    size=24, context=8, horizon=6, long=6, channels=8, decoder_layers=2,
    batch=8, updates=MOST_UPDATES, record_every=MOST_UPDATES // 10, test=128,
)  # fmt: skip
RULES = {
    "mean": ForecastRow("the mean of the frames seen", kind=rule(still_picture)),
    "last-frame": ForecastRow("the last frame", kind=rule(last_frame)),
    "best-shift": ForecastRow("the last frame, moved on", kind=rule(best_shift)),
}


@dataclass(frozen=True)
class Clips:
    """Videos that are cut from one recording, each at a random start.

    Attributes:
        images: its frames, (frame, channel, height, width), in their order.
        source: which recording it is.

    Raises:
        ValueError: what are no pictures.

    Example:
        >>> clock = torch.arange(9.0).expand(1, 4, 4, 9).movedim(3, 0)
        >>> Clips(clock).draw(2, 3, 0)[:, :, 0, 0, 0].diff().tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """

    images: Float[Tensor, "frame channel height width"]
    source: str = OWN

    def __post_init__(self):
        check_images(self.images)

    @property
    def group(self) -> Translations:
        """The translations of a frame, as a torus."""
        return Translations(tuple(self.images.shape[2:]))

    def draw(self, count: int, steps: int, *seed: int) -> Float[Tensor, "video time channel h w"]:
        """`count` clips of `steps` frames, the same for the same seed.

        Raises:
            ValueError: the recording is shorter.
        """
        if steps > len(self.images):
            raise ValueError(f"{self.source}: a clip of {steps} of {len(self.images)} frames")
        starts = len(self.images) - steps + 1
        start = torch.randint(starts, (count, 1), generator=generator(*seed))
        return self.images[(start + torch.arange(steps)).to(self.images.device)]


class MovedOn(Forecaster):
    """A forecaster that moves the last frame on and corrects it: a network that knows nothing yet is a rule.

        f^_{t+1} = sum over v of p_t(v, .) psi_1(v).f_t  +  R( max_v psi_1(v).h_t(v, .) )
        p_t = softmax over v of psi_1(v).S(h_t(v, .)) - 30 e(v),   e(v) = |f_s - psi_1(v).f_{s-1}|^2 / var f_s

    e(v) says how badly v explains the step to the last frame seen, s: one number for the whole frame, the
    same for all steps of a forecast. S, two convolutions, and R start at 0, so that an untrained G-RNN
    repeats the last frame, and an untrained FERNN moves it on by what fits best of V, or between two of
    V. `Forecaster` itself has to learn in its first hundreds of updates what a frame looks like. Arguments as
    for it; the group is translations.

    Law: as for `Forecaster`, for each of its parts obeys it. Exact when V is closed under v - w.

    Example: a light that moves by 1.
        >>> import flowlib as fl
        >>> ring = fl.Translations(9)
        >>> model = MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1)
        >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
        >>> model(video[:, :2], 2).argmax(-1).flatten().tolist()
        [2, 3]
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4):
        super().__init__(rnn, decoder_layers)
        group, hidden, size = rnn.group, rnn.hidden_channels, rnn.kernel_size
        self.score = nn.Sequential(
            GroupConvolution(group, hidden, hidden, size),
            nn.ReLU(),
            GroupConvolution(group, hidden, 1, size),
        )
        nn.init.zeros_(self.score[-1].weight)
        nn.init.zeros_(self.decoder[-1].weight)

    def copies(self, frame: Tensor) -> Float[Tensor, "batch velocity channel *grid"]:
        """psi_1(v).f for all v of V."""
        return self.group.act(self.rnn.velocities[:, None], frame[:, None])

    def evidence(self, seen: Tensor) -> Tensor:
        """- 30 e(v), (batch, velocity, 1, ...), of the last two frames of a video."""
        before, frame = seen[:, -2], seen[:, -1]
        wrong = (frame[:, None] - self.copies(before)).flatten(2).square().mean(2)
        wrong = wrong / (frame.flatten(1).var(1, correction=0)[:, None] + DARK)
        return -SHARPNESS * wrong.reshape(*wrong.shape, *[1] * (frame.ndim - 1))

    def shares(self, ahead: Tensor, evidence: Tensor) -> Float[Tensor, "batch velocity 1 *grid"]:
        """p_t, of the state that has flowed on."""
        scores = self.score(ahead.flatten(0, 1)).unflatten(0, ahead.shape[:2])
        return (scores + evidence).softmax(1)

    def forward(
        self, context: Float[Tensor, "batch time channel *grid"], steps: int
    ) -> Float[Tensor, "batch steps channel *grid"]:
        """The `steps` frames that follow the context, two frames or more."""
        state, psi_1 = self.rnn.last(context), self.rnn.psi_1(context)
        evidence, frames = self.evidence(context), [context[:, -1]]
        for step in range(steps):
            state = self.rnn.step(state, frames[-1], psi_1) if step else state
            ahead = self.rnn.flow_on(state, psi_1)
            moved = (self.shares(ahead, evidence) * self.copies(frames[-1])).sum(1)
            frames.append(moved + self.decoder(self.pool(ahead)))
        return torch.stack(frames[1:], 1)


def read_video(
    path: Path, size: int = QUICK.size, every: int = 1, progress: bool = True
) -> tuple[Float[Tensor, "frame 1 h w"], tuple[int, int], bool]:
    """The first frames of a video file, grey, in [0, 1], made smaller by area means.

    Args:
        path: of the file.
        size: pixels on the longer side; a video that is smaller stays as it is.
        every: take every n-th frame; at most `MOST` are taken.
        progress: show a progress bar.

    Returns:
        The frames; (height, width) of the file's; and whether it has more.

    Raises:
        ValueError: no such file, no video, or an argument below 1.
    """
    for name, value in (("size", size), ("every", every)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it wants 1 or more")
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise ValueError(f"{path} {what}: give the path of a video file")
    small, shape, more = [], (0, 0), False
    found = islice(grey_frames(path), 0, None, every)
    for frame in tqdm(found, desc="reading", unit=" frames", leave=False, disable=not progress):
        if more := len(small) == MOST:
            break
        if not small:
            shape = frame.shape
            scale = min(1, size / max(shape))
            sides = tuple(max(round(scale * side), 1) for side in shape)
        picture = torch.from_numpy(frame.copy())[None, None].float() / 255
        small.append(interpolate(picture, size=sides, mode="area")[0])
    if not small:
        raise ValueError(f"{path} has no frame that can be decoded")
    return torch.stack(small), shape, more


def split(frames: int, clip: int) -> tuple[int, int]:
    """How many of the last frames test, and how many before them validate: a fifth and a tenth, and a clip
    at least. The first frames train.

    Example:
        >>> split(1000, clip=14), split(60, clip=14)
        ((200, 100), (14, 14))
    """
    return max(frames // 5, clip), max(frames // 10, clip)


def table(
    frames: Tensor, name: str, preset: ForecastPreset = QUICK, radius: int = 2
) -> ForecastTable:
    """The table of one recording: three rules, a G-RNN, and a FERNN with all |v| <= radius.

    Args:
        frames: (frame, channel, height, width), in their order.
        name: of the recording.
        preset: its `size` is not used.
        radius: of V, pixels a frame along an axis.

    Raises:
        ValueError: too few frames, frames that are too small for the radius, or that do not change. It says
            which would do.

    Example:
        >>> found = table(torch.rand(60, 1, 8, 8), "noise").floor("quick", count=4)
        >>> found["last_mse"] > found["still_mse"]
        True
    """
    clip = preset.context + preset.horizon
    if len(frames) < 4 * clip:
        raise ValueError(
            f"{name} has {len(frames)} frames, {4 * clip} are the least: a clip has {clip}, one is kept to "
            "validate, one to test, and two to train; give a longer video, or take more of its frames"
        )
    if radius < 1 or min(frames.shape[2:]) < 2 * radius + 1:
        small = " x ".join(map(str, frames.shape[2:]))
        raise ValueError(
            f"radius is {radius}: it wants 1 or more, and frames of 2 radius + 1 pixels or more on each side; "
            f"those of {name} are reduced to {small}, so take a larger --size or a smaller --radius"
        )
    test, validation = split(len(frames), clip)
    changes = int((frames[-test:].diff(dim=0).abs().flatten(1).amax(1) > GREY_LEVEL).sum())
    if changes < test / 20:
        raise ValueError(
            f"{name} changes {changes} times in its last {test} frames, which test: there is nothing to "
            "forecast, and its flow-ness is undefined; give a video in which something moves to its end"
        )
    parts = {"train": frames[:-test], "test": frames[-test:]}
    V = translation_velocities(radius)
    return ForecastTable(
        name="own-video",
        title=f"{name}, as a torus",
        rows={
            **RULES,
            "g-rnn": ForecastRow("G-RNN", STILL, head=MovedOn),
            "fernn": ForecastRow(f"FERNN, |v| <= {radius}", V, head=MovedOn),
        },
        presets={"quick": preset},
        videos=lambda pictures, preset, fixed: Clips(pictures.images, pictures.source),
        read=lambda part, size: Pictures(parts[part], name),
        held_out=validation,
    )


@dataclass(frozen=True)
class Forecasts:
    """What `forecast` found.

    Attributes:
        name: of the file.
        frames: (train, validation, test), how many of each.
        original, size: (height, width) in the file, and of the reduced frames.
        more: whether the file has more frames than were read.
        preset: the sizes of the run.
        rows: name of a model -> its row, as for the ledger, with its title.
        flowness: error of the last frame over that of the best shift, on the test clips.
        films: caption -> clips one after the other, (time, height, width): what happened, and forecasts,
            each after the frames that were seen.
        velocities: V, (velocity, axis).
        winners: the share of each velocity in the forecast from each frame of the test part, (time,
            velocity), see `winning_shares`; entry t belongs to test frame t + context - 1.
        shifts: the best shift onto each of these frames from the one before, (time, axis).
        still_wins: how often velocity 0 has the largest share where such a frame is shown at rest.
    """

    name: str
    frames: tuple[int, int, int]
    original: tuple[int, int]
    size: tuple[int, int]
    more: bool
    preset: ForecastPreset
    rows: Mapping[str, dict]
    flowness: float
    films: Mapping[str, Tensor]
    velocities: Tensor
    winners: Tensor
    shifts: Tensor
    still_wins: float


def forecast(
    path: Path,
    size: int = QUICK.size,
    every: int = 1,
    radius: int = 2,
    minutes: float = 2.0,
    updates: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    preset: ForecastPreset = QUICK,
    progress: bool = True,
) -> Forecasts:
    """Train on the first frames of a video, forecast its last ones.

    Args:
        path, size, every: see `read_video`.
        radius: see `table`.
        minutes: about how long it may take, reading not counted; both networks get as many updates as fit, and
            at most `MOST_UPDATES`.
        updates: so many in place of that.
        seed, device: see `flowlib.lab.run.run`.
        preset: its updates are not used.
        progress: show progress bars.

    Raises:
        ValueError: what `read_video` and `table` refuse, or too little time.
    """
    if not minutes > 0 or (updates is not None and updates < 5):
        raise ValueError(f"minutes is {minutes:g}, updates is {updates}: above 0, and 5 or more")
    frames, original, more = read_video(path, size, every, progress)
    test, validation = split(len(frames), preset.context + preset.horizon)
    preset = replace(preset, size=size)
    made = partial(table, frames, path.name, radius=radius)
    if updates is None:
        updates = min(affordable(made(preset), minutes, device), MOST_UPDATES)
        if updates < LEAST_UPDATES:
            raise ValueError(
                f"{minutes:g} minutes are enough for {updates} updates, {LEAST_UPDATES} are the least: take a "
                f"smaller --size than {size}, or more --minutes"
            )
    preset = replace(preset, updates=updates, record_every=max(updates // 10, 1))
    experiment = made(preset).experiment()
    results = {
        model: run(experiment, model, "quick", seed, device=device, progress=progress)
        for model in experiment.models
    }
    rows = {name: {**r.row, "title": experiment.models[name]} for name, r in results.items()}
    fernn, V = results["fernn"].model, results["fernn"].model.rnn.velocities
    shown = frames[-test:].to(V.device)
    windows = shown.unfold(0, preset.context, 1).movedim(-1, 1)  # (time, context, channel, *grid)
    few = windows[:: len(windows) // 32 + 1, -1:].expand(-1, preset.context, -1, -1, -1)
    at_rest = V[winning_shares(fernn, few).argmax(1)] == 0
    last, shift = (rows[rule]["metrics"]["test_mse"] for rule in ("last-frame", "best-shift"))
    return Forecasts(
        name=path.name,
        frames=(len(frames) - validation - test, validation, test),
        original=original,
        size=tuple(frames.shape[2:]),
        more=more,
        preset=preset,
        rows=rows,
        flowness=last / shift if shift else math.inf,
        films=films(results, shown, preset),
        velocities=V.cpu(),
        winners=winning_shares(fernn, windows).cpu(),
        shifts=best_shifts(windows[:, -2], windows[:, -1]).cpu(),
        still_wins=at_rest.all(1).double().mean().item(),
    )


def affordable(table: ForecastTable, minutes: float, device: str) -> int:
    """How many updates both networks can have in so many minutes of this machine, measured by three of each.
    A sixth of the time is kept for validation and measurement."""
    task, spent = table.prepare("quick", torch_device(device)), 0.0
    for name in ("g-rnn", "fernn"):
        model = task.model(name).to(device)
        for number in range(3):
            started = time.monotonic()
            task.loss(model, 0, number, name).backward()
            sum(p.grad.sum() for p in model.parameters()).item()  # waits for a GPU
        spent += time.monotonic() - started  # of the last: the first ones warm up
    return int(minutes * 60 * 5 / 6 / spent)


@torch.no_grad()
def winning_shares(
    model: MovedOn, videos: Float[Tensor, "video time *frame"]
) -> Float[Tensor, "video velocity"]:
    """What share each velocity has in the frame that follows each video: p_t, mean over its places.

    By the law of flows these shares move by w with a video that moves by w, up to the rim of V.

    Example: a light that moves by 1, and a network that is not trained.
        >>> import flowlib as fl
        >>> ring = fl.Translations(9)
        >>> video = fl.flow(ring, torch.eye(9)[None, :1], velocity=1, steps=4)
        >>> winning_shares(MovedOn(fl.FERNN(ring, [-1, 0, 1], 1, 2), 1), video).round().tolist()
        [[0.0, 0.0, 1.0]]
    """
    shares = []
    with mode(model, training=False):
        for seen in videos.split(16):
            ahead = model.rnn.flow_on(model.rnn.last(seen))
            shares.append(model.shares(ahead, model.evidence(seen)).flatten(2).mean(2))
    return torch.cat(shares)


def best_shifts(
    before: Float[Tensor, "pair channel *grid"], frame: Float[Tensor, "pair channel *grid"]
) -> Shaped[Tensor, "pair axis"]:
    """The shift of the torus that lays each frame best onto the next, at most half the grid long.

    Example:
        >>> light = torch.eye(7)[:1, None]
        >>> best_shifts(light, light.roll(-2, -1)).item()
        -2
    """
    group = Translations(tuple(frame.shape[2:]))
    half = torch.tensor(group.grid, device=frame.device) // 2
    sides = torch.tensor(group.grid, device=frame.device)
    return (CorrelationPredictor(group).to(frame.device)(before, frame, None) + half) % sides - half


@torch.no_grad()
def films(
    results: Mapping[str, Result], frames: Tensor, preset: ForecastPreset, clips: int = 3
) -> dict[str, Float[Tensor, "time height width"]]:
    """Clips at equal distances, one after the other: what happened, and each network's forecast after the
    frames that it saw."""
    last = len(frames) - preset.context - preset.horizon
    starts = sorted({round(last * k / max(clips - 1, 1)) for k in range(clips)})
    clip = torch.arange(preset.context + preset.horizon)
    videos = torch.stack([frames[start + clip] for start in starts])
    seen, made = videos[:, : preset.context], {"what happened": videos}
    for name, title in (("fernn", "FERNN"), ("g-rnn", "G-RNN")):
        model = results[name].model
        with mode(model, training=False):
            made[title] = torch.cat([seen, model(seen, preset.horizon)], 1)
    return {title: video.flatten(0, 1)[:, 0].cpu() for title, video in made.items()}
