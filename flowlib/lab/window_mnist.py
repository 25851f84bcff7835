"""MNIST through a window: digits move on a torus, the window pans over it, and its path is known.

The network sees the first frames, and is told all steps of the camera. It forecasts what the window will
see. What never was in the window cannot be forecast by anybody; `known_mse` is the error of who forgets
nothing, knows the velocity of each digit, and has seen no more than the network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from flowlib.flows import translation_velocities
from flowlib.lab.data.mnist import mnist
from flowlib.lab.data.motion import Pictures, told_source
from flowlib.lab.data.window import Views, WindowedImages
from flowlib.lab.evaluation import evaluate, last_frame, repeated, still_picture
from flowlib.lab.experiment import Row, Table, Task, by_name
from flowlib.lab.forecasters import TINY, ForecastPreset
from flowlib.lab.forecasting import TEST, VALIDATION
from flowlib.lab.processes import my_part
from flowlib.models import Forecaster
from flowlib.self_motion import WindowForecaster
from flowlib.translations import Translations


class Unmoved(WindowForecaster):
    """The same network, but its memory does not move with the camera: it takes all steps for 0."""

    def forward(self, context: Tensor, camera: Tensor) -> Tensor:
        return super().forward(context, torch.zeros_like(camera))


class Told(Forecaster):
    """A recurrent network that gets the next step of the camera as two more channels of its input, and has
    to learn what it means. Each forecast is consumed as the next frame.

    Args:
        rnn: with three channels in.
        window: see `WindowForecaster`.
        decoder_layers: see `Forecaster`.
    """

    def __init__(self, rnn: nn.Module, window: tuple[int, int], decoder_layers: int):
        super().__init__(rnn, decoder_layers)
        self.middle = WindowForecaster(rnn, window, 0).middle

    def forward(self, context: Tensor, camera: Tensor) -> Tensor:
        state, ahead = self.rnn.initial_state(len(context)), []
        shown = list(context.unbind(1))
        for t, step in enumerate(camera.to(context.dtype).unbind(1)):
            frame = context.new_zeros(len(context), 3, *self.group.grid)
            frame[:, 1:] = step[..., None, None]
            frame[:, :1][self.middle] = (shown + ahead)[t]
            state = self.rnn.step(state, frame)
            if t >= len(shown) - 1:
                ahead.append(self.read(state)[:, :1][self.middle])
        return torch.stack(ahead, 1)


@dataclass(frozen=True, kw_only=True)
class WindowPreset(ForecastPreset):
    """The size of a run.

    Attributes:
        canvas: (height, width) of the world.
        window: (height, width) of what is seen of it.
        objects: digits in a world.
        pan: the largest step of the camera along an axis, pixels.
    """

    window: tuple[int, int]
    canvas: tuple[int, int] = (22, 22)
    objects: int = 3
    pan: int = 2
    speed: int = 1


@dataclass(frozen=True)
class WindowRow(Row):
    """One network.

    Attributes:
        head: what makes forecasts of it, from (rnn, window, decoder_layers).
        in_channels: of its input.
    """

    head: Callable[..., nn.Module] = WindowForecaster
    in_channels: int = 1


def map_of_the_world(views: Views, context: int) -> Tensor:
    """The forecast of who knows its own motion, and takes the world for one at rest: each frame is drawn
    into a map over what stood there, and the map is read where the window is going to be."""
    group, world = Translations(tuple(views.window.shape)), views.world
    drawn, frames = torch.zeros_like(world[:, 0]), []
    for t in range(world.shape[1]):
        if t:
            drawn = group.act(-views.camera[:, t - 1, None], drawn)
        if t < context:
            drawn = torch.where(views.window, world[:, t], drawn)
        else:
            frames.append(drawn)
    return views.crop(torch.stack(frames, 1))


RULES = ("still_mse", "last_mse", "known_mse", "map_mse", "repeat_share", "known_light", "light")


def rules(_, views: Views, context: int) -> Tensor:
    """What needs no network, (video, rule, step): errors of four rules, which frames repeat, and the light
    of the frames to forecast that was in the window before, and all of it."""
    seen, known = views.seen, views.crop(views.known(context))[:, context:]
    future, shown = seen[:, context:], seen[:, :context]
    steps = future.shape[1]
    forecasts = still_picture(shown, steps), last_frame(shown, steps), known
    forecasts += (map_of_the_world(views, context),)
    errors = [(f - future).square().flatten(2).mean(2) for f in forecasts]
    light = [frames.flatten(2).mean(2) for frames in (known, future)]
    return torch.stack([*errors, repeated(seen, context), *light], 1)


def floors(batches: Iterable[Views], p: WindowPreset) -> dict:
    """What needs no network, see `rules`: means over the frames to forecast, and two of them by step."""
    found = evaluate(nn.Identity(), batches, partial(rules, context=p.context))
    metrics = {name: row[: p.horizon].mean().item() for name, row in zip(RULES, found, strict=True)}
    metrics["never_seen"] = 1 - metrics.pop("known_light") / metrics.pop("light")
    return metrics | {"known_by_step": found[2].tolist(), "map_by_step": found[3].tolist()}


def digits(pictures: Pictures, p: WindowPreset) -> WindowedImages:
    """The source of views at a preset."""
    V = translation_velocities(p.speed)
    return WindowedImages(
        pictures.images, V, p.canvas, p.window, p.objects, p.pan, source=pictures.source
    )


@dataclass(frozen=True, kw_only=True)
class WindowTable(Table):
    """One table of forecasts through a window.

    Attributes:
        rows: name -> WindowRow.
        presets: name -> WindowPreset.
        read: see `ForecastTable`.
        videos: (pictures, preset) -> a source of views: each has what is `seen`, and the steps of the
            `camera`.
        floors: (batches of views, preset) -> what needs no network, name -> number or list, among them
            `still_mse`.
    """

    metric = "test_mse"

    read: Callable = mnist
    videos: Callable = digits
    floors: Callable = floors

    def prepare(self, preset: str, device: torch.device) -> Task:
        """The task at a preset, its pictures on the device."""
        p = self.presets[preset]
        train, test = self.read("train", p.size), self.read("test", p.size).to(device)
        held_out = max(len(train) // 10, 1)
        training, validation, testing = (
            self.videos(pictures, p)
            for pictures in (train[:-held_out].to(device), train[-held_out:].to(device), test)
        )

        def model(name):
            row, sizes = self.rows[name], p.of(name)
            rnn = row.kind(
                Translations(p.canvas),
                row.velocities,
                in_channels=row.in_channels,
                hidden_channels=sizes.channels * row.width,
                kernel_size=sizes.kernel_size,
                memory=sizes.memory or None,
            )
            return row.head(rnn, p.window, sizes.decoder_layers)

        def errors(model, pair):
            seen, camera = pair
            forecast = model(seen[:, : p.context], camera)
            return (forecast - seen[:, p.context :]).square().flatten(2).mean(2)

        def loss(model, seed, number, row):
            views = training.draw(p.batch, p.context + p.horizon, seed, number)
            return errors(model, [my_part(x) for x in (views.seen, views.camera)]).mean()

        def drawn(source, horizon, seed, count):
            for done in range(0, count, p.batch * 2):
                yield source.draw(min(p.batch * 2, count - done), p.context + horizon, seed, done)

        def mean_error(model, source, horizon, seed, count):
            pairs = ((v.seen, v.camera) for v in drawn(source, horizon, seed, count))
            return evaluate(model, pairs, errors)

        def validate(model):
            return mean_error(model, validation, p.horizon, VALIDATION, p.test // 4).mean().item()

        def measure(model):
            by_step = mean_error(model, testing, p.long, TEST, p.test)
            metrics = {"test_mse": by_step[: p.horizon].mean().item()}
            metrics |= self.floors(drawn(testing, p.long, TEST, p.test), p)
            # A roll-out far beyond training may blow up; null stands for no finite number.
            metrics["mse_by_step"] = [e if math.isfinite(e) else None for e in by_step.tolist()]
            metrics["skill"] = 1 - metrics["test_mse"] / metrics["still_mse"]
            return metrics

        source = told_source(training, validation, testing)
        return Task(p, model, loss, validate, measure, source)


LAPTOP = WindowPreset(
    "digits of 8 x 8 on 22 x 22 through 14 x 14, 10 frames in and 8 out, 8 channels: a minute or two a row",
    size=8, window=(14, 14), context=10, horizon=8, long=150, channels=8, decoder_layers=2,
    batch=8, updates=500, record_every=50, test=128,
)  # fmt: skip
PRESETS = {
    "tiny": WindowPreset(
        "a few updates, to try the machinery",
        **{
            name: getattr(TINY, name)
            for name in ("size", "context", "horizon", "long", "channels", "decoder_layers")
            + ("batch", "updates", "record_every", "test")
        },
        canvas=(11, 11),
        window=(7, 7),
    ),
    "quick": replace(
        LAPTOP, title="a sixth of the updates: half a minute", updates=80, record_every=20, test=32
    ),
    "laptop": LAPTOP,
    "desk": replace(
        LAPTOP,
        title="digits of 14 x 14 on 32 x 32 through 20 x 20, 16 channels: an hour a row",
        size=14,
        canvas=(32, 32),
        window=(20, 20),
        context=16,
        horizon=12,
        channels=16,
        updates=2000,
        record_every=50,
        test=256,
    ),
    "paper": replace(
        LAPTOP,
        title="digits of 28 x 28 on 50 x 50 through 32 x 32, 64 channels, for a GPU",
        size=28,
        canvas=(50, 50),
        window=(32, 32),
        context=50,
        horizon=20,
        channels=64,
        decoder_layers=4,
        batch=32,
        updates=20_000,
        record_every=400,
        test=1024,
        learning_rate=1e-3,
    ),
}
V1, STILL = translation_velocities(1), translation_velocities(0)
TABLES = by_name(
    WindowTable(
        name="window-mnist",
        title="three digits on a torus, seen through a window that pans",
        rows={
            "fernn": WindowRow("self-motion and velocity channels", V1),
            "no-velocities": WindowRow("self-motion, no velocity channels", STILL),
            "no-self-motion": WindowRow("velocity channels, no self-motion", V1, head=Unmoved),
            "told": WindowRow("neither, told the steps as input", STILL, head=Told, in_channels=3),
            "told-wide-4": WindowRow(
                "the same, 4 x channels", STILL, width=4, head=Told, in_channels=3
            ),
        },
        presets=PRESETS,
    )
)
