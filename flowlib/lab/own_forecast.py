"""The command `forecast`: train on the first frames of a reader's own video, and forecast its last ones."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.lab.data.video_file import MOST, check_file, read_video
from flowlib.lab.evaluation import flow_ness, mode
from flowlib.lab.files import told
from flowlib.lab.forecasters import ForecastPreset
from flowlib.lab.ledger import falls
from flowlib.lab.own_video import NETWORKS, QUICK, RECORDS, affordable, split, table
from flowlib.lab.rules import best_shifts
from flowlib.lab.run import run

# The options of the command: name -> (type, default, what it is).
OPTIONS = {
    "size": (int, 24, "pixels on the longer side, after reduction; default 24"),
    "every": (int, 1, "take every n-th frame; default 1"),
    "radius": (int, 2, "of V, the velocities of the FERNN, pixels a frame; default 2"),
    "minutes": (
        float,
        2.0,
        "about how long it may take, to a fifth, if nothing else runs; default 2",
    ),
    "updates": (int, None, "of each network, in place of --minutes"),
    "seed": (int, 0, "default 0"),
    "device": (str, "cpu", "cpu (default), cuda, ..."),
}
REST = 0.03  # a validation error that falls by less in the last fifth of training is at rest
LEAST_UPDATES = 20


@dataclass(frozen=True)
class Forecasts:
    """What `forecast` found; the page is made of these (`flowlib.pages.video_page.page`).

    Attributes:
        name: of the file.
        facts: what was done, word -> text.
        rows: name of a model -> (title, squared error of each step of the forecast, skill).
        repeated: which part of the frames to forecast was among those seen.
        falling: the networks that were still getting better when training ended.
        flowness: of the test part, see `flow_ness`, with shifts up to the radius.
        films: caption -> clips one after the other, (time, height, width): what happened, and forecasts,
            each after the frames that were seen.
        context, horizon: frames seen, and forecast, of each clip.
        winners: the velocity of V that explains best each step of the test part, by which the FERNN moves
            on, (time, axis), see `MovedOn.shares`.
        shifts: the best shift of each step, (time, axis), see `best_shifts`.
    """

    name: str
    facts: Mapping[str, str]
    rows: Mapping[str, tuple[str, list[float], float]]
    repeated: float
    falling: list[str]
    flowness: float
    films: Mapping[str, Tensor]
    context: int
    horizon: int
    winners: Tensor
    shifts: Tensor


def forecast(
    video: Path,
    size: int = 24,
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
        video, size, every: see `read_video`.
        radius: see `table`.
        minutes: about how long it may take, reading not counted; both networks get as many updates as
            fit.
        updates: so many in place of that.
        seed, device: see `flowlib.lab.run.run`.
        preset: its updates are not used.
        progress: show progress bars.

    Raises:
        ValueError: what `read_video` and `table` refuse, or too little time.
    """
    if not minutes > 0:
        raise ValueError(f"minutes is {minutes:g}: it wants a number above 0, e.g. 5")
    if updates is not None and updates < 5:
        raise ValueError(f"updates is {updates}: it wants 5 or more, e.g. 300")
    if seed < 0:
        raise ValueError(f"seed is {seed}: it wants 0 or more")
    frames, original, more = read_video(video, size, every, progress)
    test, validation = split(len(frames), preset.context + preset.horizon)
    made = partial(table, frames, video.name, radius=radius)
    if updates is None:
        updates = affordable(made(preset), minutes, device)
        if updates < LEAST_UPDATES:
            raise ValueError(
                f"{minutes:g} minutes are enough for {updates} updates, {LEAST_UPDATES} are the least: "
                f"take a smaller --size than {size}, or more --minutes"
            )
    preset = replace(preset, updates=updates, record_every=max(updates // RECORDS, 1))
    experiment = made(preset).experiment()
    results = {
        model: run(experiment, model, "quick", seed, device=device, progress=progress)
        for model in experiment.models
    }
    rows = {name: result.row for name, result in results.items()}
    models = {name: results[name].model for name in NETWORKS}
    fernn = models["fernn"]
    V = fernn.rnn.velocities
    shown = frames[-test:].to(V.device)
    steps = shown.unfold(0, 2, 1).movedim(-1, 1)  # (time, 2, channel, height, width)
    command = f"python -m flowlib forecast {shlex.quote(video.name)} --size {size} --every {every} "
    command += f"--radius {radius} --updates {updates} --seed {seed} --device {device}"
    train = len(frames) - validation - test
    facts = {
        "file": f"{video.name}: {original[0]} x {original[1]} pixels (height x width), {len(frames)} frames"
        + (every > 1) * f", one in {every},"
        + " are taken."
        + more * f" It has more: {MOST} are the most that are taken.",
        "reduced": f"To {shown.shape[2]} x {shown.shape[3]} pixels, by area means, in grey from 0 to 1.",
        "parts": f"The first {train} frames train, the next {validation} validate, the last {test} test. No "
        "frame is in two parts.",
        "clips": f"{preset.context} frames seen, {preset.horizon} forecast, at random starts. Of the test "
        f"part {preset.test} are measured; it has {test - preset.context - preset.horizon + 1} starts.",
        "edges": "The networks take the frame as a torus: what leaves on one side comes in on the other. A "
        "real frame has edges; there their forecast may be wrong. The best shift is looked for up to a third "
        "of the frame, where both frames show something; what it uncovers stays as it was.",
        "networks": f"G-RNN and FERNN have {preset.channels} channels and {rows['fernn']['parameters']} "
        f"parameters each, and {updates} updates of {preset.batch} clips; the weights with the lowest "
        "validation error are kept. Before training the G-RNN repeats the last frame, and the FERNN moves "
        f"it on by what fits best of |v| <= {radius}; both learn what to correct.",
        "time": f"{rows['g-rnn']['seconds']:.0f} s of training for the G-RNN, "
        f"{rows['fernn']['seconds']:.0f} s for the FERNN, on {rows['fernn']['device']}.",
        "the same again": command,
    }
    return Forecasts(
        name=video.name,
        facts=facts,
        rows={
            name: (experiment.models[name], row["metrics"]["mse_by_step"], row["metrics"]["skill"])
            for name, row in rows.items()
        },
        repeated=rows["fernn"]["metrics"]["repeat_share"],
        falling=[name for name in NETWORKS if falls(rows[name]) >= REST],
        flowness=flow_ness(shown[None], (radius, radius)).ratio,
        films=films(models, shown, preset),
        context=preset.context,
        horizon=preset.horizon,
        winners=torch.cat([V[fernn.shares(some).argmax(1)] for some in steps.split(64)]).cpu(),
        shifts=best_shifts(steps[:, 0], steps[:, 1]).cpu(),
    )


def page_path(video: Path, out: Path | None = None) -> Path:
    """Where the page goes: beside the video, into the folder `out`, or under the name `out`.

    Raises:
        ValueError: there is no such video, or the name is not one of a page.
        NotWrittenError: nothing can be written there.

    Example:
        >>> page_path(Path(__file__)).name
        'own_forecast-forecast.html'
    """
    check_file(video)
    name = f"{video.stem}-forecast.html"
    path = video.with_name(name) if out is None else out / name if out.is_dir() else out
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"out is {path}: it wants a folder, or a name that ends in .html")
    with told(path), tempfile.TemporaryFile(dir=path.parent):
        return path


@torch.no_grad()
def films(
    models: Mapping[str, nn.Module], frames: Tensor, preset: ForecastPreset, clips: int = 3
) -> dict[str, Float[Tensor, "time height width"]]:
    """Of each third the clip that changes most while it is seen, the liveliest first: what happened, and
    each network's forecast after the frames that it saw."""
    clip = torch.arange(preset.context + preset.horizon)
    change = frames.diff(dim=0).square().flatten(1).mean(1).cpu()
    change = change.unfold(0, preset.context - 1, 1).sum(1)[: len(frames) - len(clip) + 1]
    thirds = torch.arange(len(change)).tensor_split(clips)
    starts = [part[change[part].argmax()] for part in thirds if len(part)]
    starts.sort(key=lambda start: -change[start])
    videos = torch.stack([frames[start + clip] for start in starts])
    seen, made = videos[:, : preset.context], {"what happened": videos}
    for name, title in (("fernn", "FERNN"), ("g-rnn", "G-RNN")):
        model = models[name]
        with mode(model, training=False):
            made[title] = torch.cat([seen, model(seen, preset.horizon)], 1)
    return {title: video.flatten(0, 1)[:, 0].cpu() for title, video in made.items()}
