"""Forecasting moving pictures: what the MNIST tables share. Each table says what moves, and how.

Protocol of the author's public code: frames in, frames out, no teacher forcing, mean squared error of
the forecast, best validation error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from flowlib.lab.data.mnist import mnist
from flowlib.lab.data.motion import told_source
from flowlib.lab.evaluation import evaluate, last_frame, repeated, squared_error, still_picture
from flowlib.lab.experiment import Table, Task
from flowlib.lab.forecasters import build
from flowlib.lab.processes import my_part

VALIDATION, TEST, BY_VELOCITY = 101, 102, 103  # seeds of the fixed test videos, far from training's


@dataclass(frozen=True, kw_only=True)
class ForecastTable(Table):
    """One table of forecasts: its rows, its presets, and the videos.

    A source of videos is a `MovingImages`, a `BouncingImages`, `Clips` of recordings, or anything with
    `draw`, `group` and `source`, and `velocities` where a row leaves them open.

    Attributes:
        rows: name -> ForecastRow.
        presets: name -> ForecastPreset.
        videos: (pictures, preset, fixed) -> a source of videos; the pictures are what `read` gives.
        by_velocity: (pictures, preset) -> name of a velocity -> source of videos at that velocity;
            none measures no errors by velocity.
        group: preset -> the group of the networks; none means that of the videos.
        read: ("train" or "test", size) -> `Pictures` or `Recordings`; the last of training validate.
        held_out: how many of them; none means a tenth.
        by_row: whether errors are measured by the row of the frame, too.

    Example: pictures of one's own, and a baseline.
        >>> from flowlib.lab.data.motion import MovingImages, Pictures
        >>> from flowlib.lab.forecasters import TINY, ForecastRow
        >>> from flowlib.lab.run import run
        >>> class LastFrame(nn.Module):
        ...     def forward(self, context, steps):
        ...         return context[:, -1:].expand(-1, steps, -1, -1, -1)
        >>> table = ForecastTable(
        ...     name="leaves",
        ...     title="leaves in the wind",
        ...     rows={
        ...         "fernn": ForecastRow("FERNN, V = the velocities of the leaves"),
        ...         "last-frame": ForecastRow("the last frame", kind=lambda group, channels: LastFrame()),
        ...     },
        ...     presets={"tiny": TINY},
        ...     read=lambda split, size: Pictures(torch.rand(20, 1, size, size), source="leaves"),
        ...     videos=lambda pictures, preset, fixed: MovingImages(
        ...         pictures.images, [(0, 1), (1, 0)], source=pictures.source
        ...     ),
        ... )
        >>> row = run(table.experiment(), "last-frame", "tiny", progress=False).row
        >>> row["data"], row["updates"]
        ('leaves', 0)
    """

    metric = "test_mse"

    videos: Callable
    by_velocity: Callable | None = None
    group: Callable | None = None
    read: Callable = mnist
    held_out: int | None = None
    by_row: bool = False

    def floor(self, preset: str, count: int = 256) -> dict[str, float]:
        """What needs no network: errors of forecasts without motion, and how many frames repeat.

        Args:
            preset: its name.
            count: test videos to look at.

        Returns:
            The errors `still_mse`, of the mean of the frames seen, and `last_mse`, of the last one;
            and `repeat_share`, which part of the frames to forecast is among those seen.
        """
        p = self.presets[preset]
        source = self.videos(self.read("test", p.size), p, False)
        return _floor([source.draw(count, p.context + p.horizon, TEST, 0)], p.context)

    def prepare(self, preset: str, device: torch.device) -> Task:
        """The task at a preset, its pictures on the device.

        Raises:
            ValueError: videos that do not tell their source, or hold too few pictures.
        """
        p = self.presets[preset]
        train, test = self.read("train", p.size), self.read("test", p.size).to(device)
        held_out = self.held_out or max(len(train) // 10, 1)  # 6,000 of MNIST's 60,000
        pictures = train[:-held_out][: p.pictures].to(device)
        training = {fixed: self.videos(pictures, p, fixed) for fixed in (False, True)}
        validation = self.videos(train[-held_out:].to(device), p, False)
        testing = self.videos(test, p, False)
        source = told_source(training[False], training[True], validation, testing)
        group = self.group(p) if self.group else testing.group

        errors = partial(squared_error, context=p.context)

        def model(name):
            row = self.rows[name]
            if row.recurrent and row.velocities is None:
                row = replace(row, velocities=testing.velocities)
            if row.of_training:
                row = replace(row, kind=partial(row.kind, films=pictures))
            return build(group, row, p.of(name), in_channels=test.images.shape[1])

        def loss(model, seed, number, row):
            source = training[self.rows[row].fixed]
            videos = source.draw(p.batch, p.context + p.horizon, seed, number)
            return errors(model, my_part(videos)).mean()

        def drawn(source, horizon, seed, count):
            for done in range(0, count, p.batch * 2):
                yield source.draw(min(p.batch * 2, count - done), p.context + horizon, seed, done)

        def mean_error(model, source, horizon, seed, count):
            return evaluate(model, drawn(source, horizon, seed, count), errors).tolist()

        def validate(model):
            by_step = mean_error(model, validation, p.horizon, VALIDATION, p.test // 4)
            return sum(by_step) / p.horizon

        def measure(model):
            by_step = mean_error(model, testing, p.long, TEST, p.test)
            # The first `horizon` steps do not know how far the forecast will be carried on.
            metrics = {
                "test_mse": sum(by_step[: p.horizon]) / p.horizon,
                # A roll-out far beyond training may blow up; null stands for no finite number.
                "mse_by_step": [error if math.isfinite(error) else None for error in by_step],
                **_floor(drawn(testing, p.horizon, TEST, p.test), p.context),
            }
            metrics["skill"] = 1 - metrics["test_mse"] / metrics["still_mse"]
            if self.by_row:
                videos = drawn(testing, p.horizon, TEST, p.test)
                by_row = partial(squared_error, context=p.context, mean_over=(1, 2, 4))
                metrics["mse_by_row"] = evaluate(model, videos, by_row).tolist()
            if self.by_velocity:
                metrics["mse_by_velocity"] = {
                    name: sum(mean_error(model, source, p.horizon, BY_VELOCITY, p.test // 4))
                    / p.horizon
                    for name, source in self.by_velocity(test, p).items()
                }
            return metrics

        return Task(
            preset=p,
            model=model,
            loss=loss,
            validate=validate,
            measure=measure,
            source=source,
        )


def _floor(batches: Iterable[Tensor], context: int) -> dict[str, float]:
    """What `ForecastTable.floor` returns, of the videos of all batches."""

    def rules(_, videos):
        errors = [squared_error(rule, videos, context) for rule in (still_picture, last_frame)]
        return torch.stack([*errors, repeated(videos, context)], 1).mean(2)

    found = evaluate(nn.Identity(), batches, rules).tolist()
    return dict(zip(("still_mse", "last_mse", "repeat_share"), found, strict=True))
