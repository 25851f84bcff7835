"""Forecasting moving digits: what the MNIST tables share. Each table says what moves, and how.

Protocol of the author's public code: frames in, frames out, no teacher forcing, mean squared error of
the forecast, best validation error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from flowlib.lab.data.mnist import mnist
from flowlib.lab.experiment import Experiment, Sizes, Task
from flowlib.lab.training import constant, cosine, evaluate
from flowlib.models import Forecaster
from flowlib.recurrent import FERNN

VALIDATION, TEST, BY_VELOCITY = 101, 102, 103  # seeds of the fixed test videos, far from training's


@dataclass(frozen=True)
class Row:
    """One network of a table.

    Attributes:
        title: for people.
        velocities: V; [0], or [(0, 0)], makes it a G-RNN; None takes those that the data move at.
        mixing: radius of velocity mixing.
        width: times the channels of the preset.
        fixed: trained on one velocity for each picture, without augmentation.
    """

    title: str
    velocities: Tensor | list | None
    mixing: int = 0
    width: int = 1
    fixed: bool = False


@dataclass(frozen=True)
class Preset(Sizes):
    """The size of a run, the same for all rows of a table.

    Attributes:
        size: of the digits, pixels. MNIST has 28; less is area averaging.
        context: frames seen.
        horizon: frames to forecast.
        long: frames to forecast when length generalisation is measured.
        channels: of the hidden state, for each velocity.
        decoder_layers: of the forecaster.
        batch: videos in one update.
        updates: of training.
        record_every: updates between two validations.
        test: number of test videos; a quarter of it for validation and for each velocity.
        learning_rate: of Adam.
        schedule: its factor over training, see `flowlib.lab.training.cosine`.
        memory: added to the centre of the initial recurrent kernel, channel by channel, so that the
            untrained network remembers (Le, Jaitly, Hinton 2015); 0 is the paper's.
        orientations: of rotations.
        canvas: (height, width) of the video where it is not that of the digits.
        kernel_size: of all convolutions.
        pictures: how many pictures to train on; none means all there are.
        speed: the largest of the data, pixels a frame along an axis, where the table leaves it open.
    """

    title: str
    size: int
    context: int
    horizon: int
    long: int
    channels: int
    decoder_layers: int
    batch: int
    updates: int
    record_every: int
    test: int
    learning_rate: float = 4e-3
    schedule: Callable[[float], float] = cosine
    memory: float = 0.5
    orientations: int = 4
    canvas: tuple[int, int] | None = None
    kernel_size: int = 3
    pictures: int | None = None
    speed: int | None = None


TINY = Preset(
    "a few updates, to try the machinery",
    size=7, context=3, horizon=2, long=4, channels=2, decoder_layers=1,
    batch=4, updates=6, record_every=3, test=8,
)  # fmt: skip
PAPER = Preset(
    "the paper's protocol, for a GPU",
    size=28, context=10, horizon=10, long=80, channels=128, decoder_layers=4,
    batch=128, updates=50 * 422, record_every=422, test=6000,
    learning_rate=1e-3, schedule=constant, memory=0.0,
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """One table: its rows, its presets, and the videos.

    Attributes:
        name: on the command line.
        title: one line for people.
        rows: name -> Row.
        presets: name -> Preset.
        videos: (pictures, preset, fixed) -> a source of videos, with `draw` and `group`.
        by_velocity: (pictures, preset) -> name of a velocity -> source of videos at that velocity;
            none measures no errors by velocity.
        group: preset -> the group of the networks; none means that of the videos.
        published: see `Experiment`.
        published_source: see `Experiment`.
        published_by_velocity: see `Experiment`.
    """

    name: str
    title: str
    rows: Mapping[str, Row]
    presets: Mapping[str, Preset]
    videos: Callable
    by_velocity: Callable | None = None
    group: Callable | None = None
    published: Mapping = field(default_factory=dict)
    published_source: str = ""
    published_by_velocity: Mapping = field(default_factory=dict)

    def experiment(self) -> Experiment:
        """The table as the command line knows it."""
        return Experiment(
            name=self.name,
            title=self.title,
            models={name: row.title for name, row in self.rows.items()},
            presets={name: p.title for name, p in self.presets.items()},
            settings={name: p.settings() for name, p in self.presets.items()},
            metric="test_mse",
            prepare=partial(prepare, self),
            published=dict(self.published),
            published_source=self.published_source,
            published_by_velocity=dict(self.published_by_velocity),
        )


def build(group, row: Row, preset: Preset) -> Forecaster:
    """The untrained forecaster of a row."""
    rnn = FERNN(
        group,
        row.velocities,
        in_channels=1,
        hidden_channels=preset.channels * row.width,
        kernel_size=preset.kernel_size,
        velocity_mixing=row.mixing,
    )
    with torch.no_grad():
        weight = rnn.state_conv.weight
        own = weight.shape[1] // rnn.hidden_channels // 2 * rnn.hidden_channels  # where d = 0 is
        weight.mul_(1 - preset.memory)
        for channel in range(rnn.hidden_channels):
            weight[channel, own + channel] += preset.memory * group.impulse(preset.kernel_size)
    return Forecaster(rnn, preset.decoder_layers)


def prepare(table: Table, preset_name: str, device: torch.device) -> Task:
    """The task of a table at a preset."""
    p = table.presets[preset_name]
    train, test = mnist("train", size=p.size), mnist("test", size=p.size)
    held_out = len(train) // 10  # 6,000 of MNIST's 60,000
    pictures = train.images[:-held_out][: p.pictures].to(device)
    training = {fixed: table.videos(pictures, p, fixed) for fixed in (False, True)}
    validation = table.videos(train.images[-held_out:].to(device), p, False)
    testing = table.videos(test.images.to(device), p, False)
    group = table.group(p) if table.group else testing.group

    def errors(model, videos):
        """Squared error of each forecast frame, (video, time), mean over pixels."""
        context, future = videos[:, : p.context], videos[:, p.context :]
        return (model(context, future.shape[1]) - future).square().flatten(2).mean(2)

    def model(name):
        row = table.rows[name]
        if row.velocities is None:
            row = replace(row, velocities=testing.velocities)
        return build(group, row, p)

    def loss(model, seed, number, row):
        source = training[table.rows[row].fixed]
        return errors(model, source.draw(p.batch, p.context + p.horizon, seed, number)).mean()

    def mean_error(model, source, horizon, seed, count):
        batches = (
            source.draw(min(p.batch * 2, count - done), p.context + horizon, seed, done)
            for done in range(0, count, p.batch * 2)
        )
        return evaluate(model, batches, errors).tolist()

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
        }
        if table.by_velocity:
            metrics["mse_by_velocity"] = {
                name: sum(mean_error(model, source, p.horizon, BY_VELOCITY, p.test // 4))
                / p.horizon
                for name, source in table.by_velocity(test.images.to(device), p).items()
            }
        return metrics

    return Task(
        model=model,
        loss=loss,
        validate=validate,
        measure=measure,
        training=p.training(),
        source=test.source,
        settings=p.settings(),
    )
