"""Translating MNIST: one digit that moves at constant velocity over a torus; forecast what follows.

The one-digit table of the paper's review discussion, and velocity generalisation: the same models,
trained on slow digits, tested on fast ones. Protocol of the author's public code: 10 frames in, 10
frames out, no teacher forcing, mean squared error of the forecast, best validation error.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import torch

from flowlib.data.mnist import mnist
from flowlib.data.motion import MovingImages
from flowlib.experiments import Experiment, Task
from flowlib.flows import translation_velocities
from flowlib.groups import Translations
from flowlib.models import Forecaster
from flowlib.recurrent import FERNN
from flowlib.training import constant, cosine, evaluate

MODELS = {"g-rnn": "G-RNN", "fernn-v1": "FERNN-V1", "fernn-v2": "FERNN-V2"}
RADIUS = {"g-rnn": 0, "fernn-v1": 1, "fernn-v2": 2}
VALIDATION, TEST, BY_VELOCITY = 101, 102, 103  # seeds of the fixed test videos, far from training's


@dataclass(frozen=True)
class Preset:
    """The size of a run.

    Attributes:
        size: of the digits and of the torus, pixels. MNIST has 28; less is area averaging.
        context, horizon: frames seen, frames to forecast.
        long: frames to forecast when length generalisation is measured.
        channels: of the hidden state, for each velocity.
        decoder_layers: of the forecaster.
        batch, updates: of training.
        learning_rate, schedule: of Adam.
        record_every: updates between two validations.
        memory: added to the centre of the initial recurrent kernel, channel by channel, so that the
            untrained network remembers (Le, Jaitly, Hinton 2015); 0 is the paper's.
        test: number of test videos; a quarter of it for validation and for each velocity.
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
    schedule: object = cosine
    memory: float = 0.5


PRESETS = {
    "tiny": Preset(
        "a few updates, to try the machinery",
        size=7, context=3, horizon=2, long=4, channels=2, decoder_layers=1,
        batch=4, updates=6, record_every=3, test=8,
    ),
    "quick": Preset(
        "14 x 14, 5 frames in and 10 out, 16 channels: about a minute a model on two CPU cores",
        size=14, context=5, horizon=10, long=30, channels=16, decoder_layers=2,
        batch=6, updates=300, record_every=30, test=192, memory=0.9,
    ),
    "laptop": Preset(
        "14 x 14, 10 frames in and 10 out, 16 channels: minutes a row on two CPU cores",
        size=14, context=10, horizon=10, long=40, channels=16, decoder_layers=2,
        batch=16, updates=500, record_every=50, test=512,
    ),
    "paper": Preset(
        "the paper's protocol, for a GPU",
        size=28, context=10, horizon=10, long=70, channels=128, decoder_layers=4,
        batch=128, updates=50 * 422, record_every=422, test=6000,
        learning_rate=1e-3, schedule=constant, memory=0.0,
    ),
}  # fmt: skip


def build(preset: Preset, name: str) -> Forecaster:
    """The untrained forecaster of that name."""
    torus = Translations((preset.size, preset.size))
    velocities = translation_velocities(RADIUS[name])
    rnn = FERNN(torus, velocities, in_channels=1, hidden_channels=preset.channels)
    with torch.no_grad():
        weight = rnn.state_conv.weight
        remember = torch.nn.init.dirac_(torch.empty_like(weight))
        weight.mul_(1 - preset.memory).add_(preset.memory * remember)
    return Forecaster(rnn, preset.decoder_layers)


def prepare(radius: int, preset_name: str, device: torch.device) -> Task:
    """The task with digits trained at velocities up to `radius` along each axis."""
    p = PRESETS[preset_name]
    train, test = mnist("train", size=p.size), mnist("test", size=p.size)
    held_out = len(train) // 10  # 6,000 of MNIST's 60,000
    velocities = translation_velocities(radius)
    training = MovingImages(train.images[:-held_out].to(device), velocities)
    validation = MovingImages(train.images[-held_out:].to(device), velocities)
    testing = MovingImages(test.images.to(device), velocities)

    def errors(model, videos):
        """Squared error of each forecast frame, (video, time), mean over pixels."""
        context, future = videos[:, : p.context], videos[:, p.context :]
        return (model(context, future.shape[1]) - future).square().flatten(2).mean(2)

    def loss(model, seed, number):
        return errors(model, training.draw(p.batch, p.context + p.horizon, seed, number)).mean()

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
        by_velocity = {}
        for v in translation_velocities(2):
            one = MovingImages(testing.images, v[None])
            error = mean_error(model, one, p.horizon, BY_VELOCITY, p.test // 4)
            by_velocity[",".join(map(str, v.tolist()))] = sum(error) / p.horizon
        # The first `horizon` steps do not know how far the forecast will be carried on.
        return {
            "test_mse": sum(by_step[: p.horizon]) / p.horizon,
            "mse_by_step": by_step,
            "mse_by_velocity": by_velocity,
        }

    return Task(
        model=partial(build, p),
        loss=loss,
        validate=validate,
        measure=measure,
        training=dict(
            updates=p.updates,
            learning_rate=p.learning_rate,
            schedule=p.schedule,
            record_every=p.record_every,
        ),
        source=test.source,
        settings={**asdict(p), "schedule": p.schedule.__name__},
    )


EXPERIMENTS = [
    Experiment(
        name="translating-mnist",
        title="one digit, constant velocity, |v| <= 2, torus",
        models=MODELS,
        presets={name: p.title for name, p in PRESETS.items()},
        metric="test_mse",
        prepare=partial(prepare, 2),
        published={"g-rnn": (1.4e-3, 8.9e-6), "fernn-v2": (1.8e-4, 2.6e-6)},
        published_source="Keller 2025, public review discussion (one digit)",
    ),
    Experiment(
        name="velocity-generalisation",
        title="one digit, trained on |v| <= 1, tested on each velocity with |v| <= 2",
        models=MODELS,
        presets={name: p.title for name, p in PRESETS.items()},
        metric="test_mse",
        prepare=partial(prepare, 1),
        published={},
        published_source="Keller 2025 shows it as a picture, without numbers",
    ),
]
