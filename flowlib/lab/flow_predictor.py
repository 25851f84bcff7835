"""One memory that a predicted flow moves, where velocities change at every frame, behind noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from flowlib.compensation import MotionCompensatedRNN
from flowlib.flows import translation_velocities
from flowlib.lab.baselines import LearnedWarp
from flowlib.lab.data.motion import Pictures
from flowlib.lab.data.wandering import WanderingImages
from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import TINY, ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.translating_mnist import ONE, STILL, V2, moving
from flowlib.lab.translating_mnist import PRESETS as TWO
from flowlib.predictor import CorrelationPredictor, FlowPredictor, LocalPredictor, SoftPredictor
from flowlib.translations import Translations

NOISE = 0.2  # two noisy frames tell their shift nine times in ten

LAPTOP = ForecastPreset(
    "13 x 13, noise 0.2, 8 frames in and 4 out, 8 channels: half a minute a row on two CPU cores",
    size=13, context=8, horizon=4, long=12, channels=8, decoder_layers=2,
    batch=8, updates=500, record_every=50, test=512,
)  # fmt: skip
PRESETS = {
    "tiny": TINY,
    "quick": replace(
        LAPTOP, title="the table's task, a third of its updates", updates=150, test=192
    ),
    "laptop": LAPTOP,
    "desk": replace(
        LAPTOP,
        title="the same with 16 channels, the paper's decoder, and ten times the updates",
        channels=16, decoder_layers=4, updates=5000, record_every=125, learning_rate=2e-3,
    ),
    "paper": replace(
        LAPTOP,
        title="28 x 28, 128 channels, for a GPU; the paper has no such table",
        size=28, channels=128, decoder_layers=4, batch=128, updates=20000, record_every=400,
        test=6000, learning_rate=1e-3,
    ),
}  # fmt: skip


def longer(preset: ForecastPreset) -> ForecastPreset:
    """The preset, with six times the updates for one row: who learns slowly is given a chance."""
    six = {"updates": 6 * preset.updates, "record_every": 6 * preset.record_every}
    return replace(preset, own={"fernn-v2-mixing-longer": six})


class Predicted(MotionCompensatedRNN):
    """A `MotionCompensatedRNN` as the row of a table makes it: the memory has the one velocity 0 of a
    G-RNN, and V is the predictor's affair.

    Example:
        >>> rnn = Predicted(Translations((6, 6)), [(0, 0)], 1, 4)
        >>> rnn(torch.rand(2, 5, 1, 6, 6)).shape
        torch.Size([2, 5, 1, 4, 6, 6])
    """

    kind: Callable[..., FlowPredictor] = CorrelationPredictor

    def __init__(self, group, velocities, in_channels, hidden_channels, **options):
        options["predictor"] = type(self).kind
        super().__init__(group, in_channels, hidden_channels, **options)


class SoftlyPredicted(Predicted):
    """The same with a `SoftPredictor`."""

    kind = SoftPredictor


class LocallyPredicted(Predicted):
    """The same with a `LocalPredictor`, which looks for velocities up to 2."""

    kind = partial(LocalPredictor, velocities=V2)


class Warped(Predicted):
    """The same with a `LearnedWarp`, for which no law of flows holds."""

    kind = LearnedWarp


def aligned_mean(seen: Tensor, steps: int) -> Tensor:
    """A forecast without a network: each frame is laid on the next by their best shift, all are averaged,
    and the last shift goes on.

    Args:
        seen: (video, time, channel, *grid).
        steps: frames to forecast.

    Example:
        >>> light = torch.eye(7)[:1]
        >>> video = torch.stack([light, light.roll(3, -1)])[None]  # at 0, at 3
        >>> aligned_mean(video, 2).argmax(-1).flatten().tolist()
        [6, 2]
    """
    return _aligned(seen, steps, 1.0)


def best_shift(seen: Tensor, steps: int) -> Tensor:
    """A forecast without a network: the last frame, moved on by the shift that led to it.

    Example:
        >>> light = torch.eye(7)[:1]
        >>> best_shift(torch.stack([light, light.roll(3, -1)])[None], 1).argmax().item()
        6
    """
    return _aligned(seen, steps, 0.0)


def _aligned(seen: Tensor, steps: int, keep: float) -> Tensor:
    group = Translations(tuple(seen.shape[3:]))
    predictor, total, weight = CorrelationPredictor(group).to(seen.device), seen[:, 0], 1.0
    g = group.identity.expand(len(seen), -1)
    for before, frame in zip(seen[:, :-1].unbind(1), seen[:, 1:].unbind(1), strict=True):
        g = predictor(before, frame, None)
        total = keep * group.act(g[:, None], total) + frame
        weight = keep * weight + 1
    ahead = group.exp(g[:, None], torch.arange(1, steps + 1, device=seen.device)[:, None])
    return group.act(ahead[:, :, None], total[:, None] / weight)


class Rule(nn.Module):
    """A rule as a model: called as a `Forecaster`, with nothing to train.

    Example:
        >>> Rule(best_shift)(torch.rand(1, 3, 1, 7, 7), 2).shape
        torch.Size([1, 2, 1, 7, 7])
    """

    def __init__(self, rule: Callable[[Tensor, int], Tensor]):
        super().__init__()
        self.rule = rule

    def forward(self, context: Tensor, steps: int) -> Tensor:
        """The frames that follow."""
        return self.rule(context, steps)


def wandering(
    pictures: Pictures, preset: ForecastPreset, fixed=False, velocities=V2, steady=False
) -> WanderingImages:
    return WanderingImages(
        pictures.images, velocities, preset.context, NOISE, steady, pictures.source
    )


def by_motion(pictures: Pictures, preset: ForecastPreset) -> dict[str, WanderingImages]:
    """The same pictures and the same noise at rest, at one velocity, at a new one in every frame, and at
    one that is larger than those of training."""
    far = translation_velocities(preset.size // 2)
    far = far[far.abs().amax(1) > 2]
    made = partial(wandering, pictures, preset)
    return {
        "at rest": made(velocities=STILL),
        "steady": made(steady=True),
        "changing": made(),
        "changing, faster": made(velocities=far),
    }


def rule(way: Callable) -> Callable:
    return lambda group, channels: Rule(way)


PREDICTED = {
    "predictor": ForecastRow("one memory, the best shift", STILL, kind=Predicted),
    "predictor-soft": ForecastRow("one memory, a soft shift", STILL, kind=SoftlyPredicted),
    "learned-warp": ForecastRow("one memory, a learned warp", STILL, kind=Warped),
}
LOCAL = {
    "predictor-local": ForecastRow("one memory, a shift a place", STILL, kind=LocallyPredicted)
}
RULES = {
    "best-shift": ForecastRow("the last frame, moved on", kind=rule(best_shift)),
    "aligned-mean": ForecastRow("all frames aligned, moved on", kind=rule(aligned_mean)),
}

TABLES = by_name(
    ForecastTable(
        name="changing-velocities",
        title="one digit behind noise, a new velocity |v| <= 2 at every frame, torus",
        rows={
            **{name: ONE[name] for name in ("g-rnn", "fernn-v2")},
            "fernn-v2-mixing": ForecastRow("FERNN-V2, velocity mixing", V2, mixing=1),
            "fernn-v2-mixing-longer": ForecastRow("the same, six times the updates", V2, mixing=1),
            **PREDICTED,
            **RULES,
        },
        presets={name: longer(preset) for name, preset in PRESETS.items()},
        videos=wandering,
        by_velocity=by_motion,
    ),
    ForecastTable(
        name="predicted-2",
        title="two digits, each with its own velocity, |v| <= 2, torus: one memory, a predicted flow",
        rows=PREDICTED | LOCAL | RULES,
        presets={name: TWO[name] for name in ("tiny", "laptop")},
        videos=partial(moving, V2, 2),
    ),
)
