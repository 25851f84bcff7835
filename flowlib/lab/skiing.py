"""Skiing taken apart: its pictures without its motion, its motion without its edges, and its odometer.

Four tables move still pictures of the game over a torus, each a little more like the game does. The
fifth is the game, for networks that are told the steps of the camera, also those to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from functools import partial

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from flowlib.lab.data.games import recordings
from flowlib.lab.data.motion import MovingImages
from flowlib.lab.data.recordings import CameraAlone, Filmed, FilmedClips, Recordings
from flowlib.lab.evaluation import evaluate, last_frame, repeated, still_picture
from flowlib.lab.experiment import by_name
from flowlib.lab.flow_predictor import best_shift, rule
from flowlib.lab.forecasters import ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.rules import moved_on
from flowlib.lab.translating_mnist import STILL
from flowlib.lab.window_mnist import Told, WindowPreset, WindowRow, WindowTable
from flowlib.lab.worlds import MARGIN, OWN, ROWS_OF_A_FRAME, SKIP, VELOCITIES, presets
from flowlib.lab.worlds import TABLES as WORLDS
from flowlib.self_motion import WindowForecaster

FOLD = 2  # rows of the screen for one of a frame: the picture moves by halves of a pixel
GAME = WORLDS["skiing"]
NAMES = "last-frame", "g-rnn", "fernn", "fernn-own", "fernn-mixing"
ROWS = {name: GAME.rows[name] for name in NAMES}
ROWS["best-shift"] = ForecastRow("the last frame, moved on", kind=rule(best_shift))


def constant(way: Tensor) -> Tensor:
    """The mean speed of each path, made larger to whole pixels of a frame, at all times.

    Example: 1 + 3 + 5 pixels of a recording in 3 steps are 1.5 of a frame.
        >>> constant(torch.tensor([[[1, 0], [4, 0], [9, 0]]])).tolist()
        [[[4, 0], [8, 0], [12, 0]]]
    """
    steps = torch.arange(1, way.shape[1] + 1, device=way.device)[:, None]
    return -(-way[:, -1:] // (FOLD * way.shape[1])) * FOLD * steps


def whole(way: Tensor) -> Tensor:
    """The same path in whole pixels of a frame."""
    return way // FOLD * FOLD


def of_camera(way: Callable, word: str, title: str) -> ForecastTable:
    """The pictures of the game, moved by this way of the camera."""

    def videos(films: Recordings, p: ForecastPreset, fixed=False) -> CameraAlone:
        return CameraAlone(films, p.context + p.long, way=way, fold=FOLD)

    def read(split: str, size: int) -> Recordings:
        count = None if size == ROWS_OF_A_FRAME["skiing"] else 2
        return recordings("skiing", SKIP, split, FOLD * size, count)

    return replace(GAME, name=f"skiing-{word}", title=title, rows=ROWS, videos=videos, read=read)


def still_frames(word: str, title: str, velocities: list) -> ForecastTable:
    """Frames of the game, each moved at a velocity drawn from these."""

    def videos(films: Recordings, p: ForecastPreset, fixed=False) -> MovingImages:
        return MovingImages(films.images, velocities, source=films.source)

    rows = {name: row for name, row in ROWS.items() if name != "fernn-own"}
    rows["g-rnn-wide"] = ForecastRow("G-RNN, kernels of 9", STILL, kernel_size=9)  # reach 4 pixels
    wide = {"learning_rate": 1e-3}  # at that of the others one seed of three fell silent
    sizes = {n: replace(p, own={**p.own, "g-rnn-wide": wide}) for n, p in GAME.presets.items()}
    return replace(
        GAME, name=f"skiing-{word}", title=title, rows=rows, presets=sizes, videos=videos
    )


def steps_held(
    steps: Shaped[Tensor, "batch step axis"], ahead: int
) -> Shaped[Tensor, "batch ahead axis"]:
    """`ahead` more steps at the mean of the last three, in whole pixels: the guess of who sees no player.

    Example: half a pixel a step, in whole ones.
        >>> steps_held(torch.tensor([[[3], [1], [0], [1]]]), 4).flatten().tolist()
        [1, 0, 1, 1]
    """
    speed = steps[:, -3:].double().mean(1, keepdim=True)
    way = (speed * torch.arange(ahead + 1, device=steps.device)[:, None]).round().to(steps.dtype)
    return way.diff(dim=1)


class SoFar(WindowForecaster):
    """Is told the steps that were seen; those to come are `steps_held`."""

    def forward(self, context: Tensor, camera: Tensor) -> Tensor:
        seen = camera[:, : context.shape[1] - 1]
        guess = steps_held(seen, camera.shape[1] - seen.shape[1])
        return super().forward(context, torch.cat([seen, guess], 1))


def told_preset(p: ForecastPreset) -> WindowPreset:
    """A preset of the game's table, with the margin around a frame."""
    window = p.size, 18
    canvas = tuple(n + 2 * m for n, m in zip(window, MARGIN["skiing"], strict=True))
    same = {f.name: getattr(p, f.name) for f in fields(p) if f.name not in ("_", "canvas", "speed")}
    return WindowPreset(**same, window=window, canvas=canvas, objects=0, pan=0)


def rules(_, clips: Filmed, context: int) -> Tensor:
    """Errors of three rules, which frames repeat, and which part was in sight in the last frame seen, (clip,
    rule, step). The odometer moves the last frame on by the steps of the camera."""
    seen, future = clips.seen[:, :context], clips.seen[:, context:]
    steps = future.shape[1]
    ahead = -clips.camera[:, context - 1 :].cumsum(1)
    forecasts = still_picture(seen, steps), last_frame(seen, steps), moved_on(seen[:, -1], ahead)
    errors = [(f - future).square().flatten(2).mean(2) for f in forecasts]
    in_sight = 1 - ahead[..., 0].abs().clamp(max=future.shape[-2]) / future.shape[-2]
    return torch.stack([*errors, repeated(clips.seen, context), in_sight], 1)


RULES = "still_mse", "last_mse", "odometer_mse", "repeat_share", "in_sight"


def floors(batches: Iterable[Filmed], p: WindowPreset) -> dict[str, float]:
    """What needs no network, see `rules`: means over the frames to forecast."""
    found = evaluate(nn.Identity(), batches, partial(rules, context=p.context))[:, : p.horizon]
    return dict(zip(RULES, found.mean(1).tolist(), strict=True))


# In the world of a camera that is told its steps the trees rest, and the skier goes down with it.
DOWN = [(-v, 0) for v, _ in OWN["skiing"]]
TABLES = by_name(
    still_frames(
        "eight",
        "Skiing's pictures on a torus, each at one of eight velocities",
        [v for v in VELOCITIES["skiing"] if any(v)],
    ),
    still_frames(
        "two", "Skiing's pictures on a torus, each at one of two velocities", [(-4, 0), (-3, 0)]
    ),
    of_camera(constant, "constant", "Skiing's pictures on a torus, each at one whole velocity"),
    of_camera(whole, "whole", "Skiing's pictures on a torus, moved as in the game by whole pixels"),
    WindowTable(
        name="skiing-told",
        title="Skiing, for networks that are told all steps of the camera",
        rows={
            "g-rnn": WindowRow("self-motion", STILL),
            "fernn": WindowRow("self-motion, and velocities down", DOWN),
            "told": WindowRow("told the steps as input", STILL, head=Told, in_channels=3),
            "so-far": WindowRow("self-motion, told the steps seen", STILL, head=SoFar),
        },
        presets={name: told_preset(p) for name, p in presets("skiing").items()},
        read=partial(recordings, "skiing", SKIP),
        videos=lambda films, p: FilmedClips(films, p.context + p.long),
        floors=floors,
    ),
)
