"""Action recognition while the camera pans: KTH, what there is of it, Weizmann, and stick figures.

Four questions, each a table: the camera's velocity is fixed for each sequence; it is drawn anew each
time; it changes in the middle of a clip; it is faster than in training.
Protocol of the author's paper: cross-entropy, best validation. The seed says which persons test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowlib.data.actions import Actions, Clips
from flowlib.data.kth import KTH, SUBSET, kth, split
from flowlib.data.stick import stick
from flowlib.data.weizmann import weizmann
from flowlib.experiments import Experiment, Task
from flowlib.flows import translation_velocities
from flowlib.models import Classifier, Convolution3d, FrameEncoder
from flowlib.recurrent import FERNN, LearnedMotionRNN
from flowlib.training import constant, cosine, evaluate

STILL, V1, V2 = (translation_velocities(radius) for radius in range(3))
VALIDATION, TEST = 201, 202  # seeds of the clips that are the same for all models


@dataclass(frozen=True)
class Row:
    """One model of a table.

    Attributes:
        title: for people.
        kind: FERNN (with V = {0} a G-RNN), LearnedMotionRNN (the G-RNN+) or Convolution3d.
        velocities: V.
        width: times the channels of the preset.
    """

    title: str
    kind: type = FERNN
    velocities: Tensor | None = None
    width: int = 1


ROWS = {
    "3d-cnn": Row("3D-CNN", Convolution3d),
    "g-rnn": Row("G-RNN", FERNN, STILL),
    "g-rnn-plus": Row("G-RNN+", LearnedMotionRNN, V2),
    "fernn-v1": Row("FERNN-V1^T", FERNN, V1),
    "fernn-v2": Row("FERNN-V2^T", FERNN, V2),
    "g-rnn-wide": Row("G-RNN, 25 x channels", FERNN, STILL, width=25),
}


@dataclass(frozen=True)
class Preset:
    """The size of a run, the same for all rows of a table.

    Attributes:
        size: of the frames, pixels.
        steps, every: frames of a clip, and frames of the video from one to the next.
        channels: of the hidden state, for each velocity, of the encoder and of the 3D-CNN.
        batch: clips in one update.
        updates: of training.
        record_every: updates between two validations.
        clips: of each sequence, for validation and test.
        learning_rate: of Adam; `learning_rates` has those of single models.
        schedule: its factor over training.
    """

    title: str
    size: int
    steps: int
    every: int
    channels: int
    batch: int
    updates: int
    record_every: int
    clips: int
    learning_rate: float = 3e-3
    learning_rates: Mapping[str, float] | None = None
    schedule: Callable[[float], float] = cosine

    def settings(self) -> dict:
        """All of it as plain data."""
        return {**asdict(self), "schedule": self.schedule.__name__}


PRESETS = {
    "tiny": Preset(
        "a few updates, to try the machinery",
        size=8, steps=4, every=2, channels=2, batch=4, updates=4, record_every=2, clips=1,
    ),
    "quick": Preset(
        "16 x 16, 12 frames, 6 channels: a first size, still near chance on real videos",
        size=16, steps=12, every=2, channels=6, batch=8, updates=120, record_every=20, clips=1,
    ),
    "laptop": Preset(
        "24 x 24, 16 frames, 4 channels: a first size, still near chance on real videos",
        size=24, steps=16, every=2, channels=4, batch=8, updates=150, record_every=15, clips=2,
    ),
    # 500 epochs of the 1,528 training sequences of the paper's split of KTH, in batches of 32.
    "paper": Preset(
        "the paper's protocol, for a GPU",
        size=32, steps=16, every=2, channels=128, batch=32, updates=500 * 48, record_every=48,
        clips=1, learning_rate=3e-4, schedule=constant,
        learning_rates={"3d-cnn": 1e-3, "g-rnn-plus": 1e-4},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """What is asked: how the camera moves in training and in the test.

    Attributes:
        title: for people.
        training: options of `Clips` in training.
        test: options of `Clips` in the test and the validation.
        velocities: of the camera in training.
        faster: of the camera in the test, where they are others; measured by speed.
    """

    title: str
    training: Mapping[str, bool]
    test: Mapping[str, bool]
    velocities: Tensor = V2
    faster: Tensor | None = None


QUESTIONS = {
    "fixed": Question("one camera velocity a sequence", dict(fixed=True), dict(fixed=True)),
    "redrawn": Question("camera velocities drawn anew", {}, {}),
    "switch": Question(
        "the camera changes its velocity half-way", dict(switch=True), dict(switch=True)
    ),
    "faster": Question("trained at 0 and 1, tested up to 2", {}, {}, V1, V2),
}


def data(name: str, size: int) -> Actions:
    """Sequences by the name of the experiment: kth (or what there is of it), weizmann, stick."""
    if name == "stick":
        return stick(size)
    return kth(size) if name == "kth" else weizmann(size)


def fold(actions: Actions, seed: int) -> tuple[Actions, Actions, Actions]:
    """Training, validation and test, no person in two of them.

    KTH: the paper's split, for every seed. The subset: one of the persons who do all six actions
    tests, another validates, as the seed says. Others: a third of the persons tests, another third
    validates.
    """
    if actions.source == KTH:
        return tuple(actions.of(part) for part in split("paper"))
    complete = [
        person
        for person in actions.persons
        if {s.action for s in actions.sequences if s.person == person} == set(actions.names)
    ]
    count = len(complete) // 3 if actions.source != SUBSET else 1
    parts = [complete[k::3] if count > 1 else complete[k : k + 1] for k in range(3)]
    test, validation = parts[seed % 3], parts[(seed + 1) % 3]
    rest = [p for p in actions.persons if p not in test and p not in validation]
    return actions.of(rest), actions.of(validation), actions.of(test)


def build(row: Row, preset: Preset, classes: int) -> nn.Module:
    """The untrained model of a row."""
    from flowlib.groups import Translations

    channels = preset.channels * row.width
    if row.kind is Convolution3d:
        return Convolution3d(1, channels, classes)
    group = Translations((preset.size, preset.size))
    encoder = FrameEncoder(group, 1, preset.channels)
    rnn = row.kind(group, row.velocities, preset.channels, channels, nonlinearity=torch.tanh)
    return Classifier(rnn, classes, encoder)


def prepare(name: str, question: Question, preset_name: str, device: torch.device) -> Task:
    """The task of a table at a preset; one fold of it is chosen by the seed."""
    p = PRESETS[preset_name]
    actions = data(name, p.size)
    actions = replace(actions, frames=actions.frames.to(device))

    @lru_cache
    def seeded(seed: int) -> Task:
        size = dict(steps=p.steps, every=p.every)
        parts = fold(actions, seed)
        training = Clips(parts[0], question.velocities, flip=True, **size, **question.training)
        validation, test = (
            Clips(part, question.velocities, **size, **question.test) for part in parts[1:]
        )

        def scores(model, batch):
            return torch.stack(
                [
                    F.cross_entropy(out := model(batch[0]), batch[1], reduction="none"),
                    (out.argmax(1) == batch[1]).float(),
                ],
                1,
            )

        def loss(model, seed, number, row):
            clips, labels = training.draw(p.batch, seed, number)
            return F.cross_entropy(model(clips), labels)

        def mean(model, clips, seed):
            return evaluate(model, clips.each(p.clips, seed), scores).tolist()

        def measure(model):
            model.eval()
            confusion = torch.zeros(len(actions.names), len(actions.names), dtype=torch.int64)
            with torch.no_grad():
                for clips, labels in test.each(p.clips, TEST):
                    pairs = labels * len(actions.names) + model(clips).argmax(1)
                    confusion += torch.bincount(pairs.cpu(), minlength=confusion.numel()).reshape(
                        confusion.shape
                    )
            metrics = {
                "test_accuracy": (confusion.diagonal().sum() / confusion.sum()).item(),
                "chance": (confusion.sum(1).max() / confusion.sum()).item(),
                "confusion": confusion.tolist(),
            }
            if question.faster is not None:
                speed = question.faster.abs().amax(1)
                metrics["accuracy_by_speed"] = {
                    str(s): mean(
                        model, replace(test, velocities=question.faster[speed == s]), TEST
                    )[1]
                    for s in speed.unique().tolist()
                }
            return metrics

        return Task(
            model=lambda row: build(ROWS[row], p, len(actions.names)),
            loss=loss,
            validate=lambda model: mean(model, validation, VALIDATION)[0],
            measure=measure,
            training=dict(
                updates=p.updates,
                learning_rate=p.learning_rate,
                schedule=p.schedule,
                record_every=p.record_every,
            ),
            learning_rates=p.learning_rates or {},
            source=actions.source,
            settings=p.settings(),
        )

    return replace(seeded(0), seeded=seeded)


PUBLISHED = {
    "fixed": {
        "3d-cnn": (0.626, 0.02),
        "g-rnn-plus": (0.639, 0.02),
        "g-rnn": (0.665, 0.03),
        "fernn-v1": (0.698, 0.03),
        "fernn-v2": (0.716, 0.04),
    },
    "redrawn": {
        "3d-cnn": (0.742, 0.015),
        "g-rnn-plus": (0.662, 0.037),
        "g-rnn": (0.684, 0.041),
        "fernn-v1": (0.694, 0.049),
        "fernn-v2": (0.751, 0.009),
    },
    "switch": {
        "3d-cnn": (0.59, 0.016),
        "g-rnn-plus": (0.62, 0.043),
        "g-rnn": (0.65, 0.034),
        "fernn-v1": (0.69, 0.036),
        "fernn-v2": (0.69, 0.017),
    },
    "faster": {},
}
DATA = {
    "kth": "KTH, or the part of it that is there",
    "weizmann": "Weizmann",
    "stick": "stick figures, synthetic",
}
EXPERIMENTS = [
    Experiment(
        name=f"{name}-{asked}",
        title=f"{title}: {question.title}",
        models={row: told.title for row, told in ROWS.items()},
        presets={k: p.title for k, p in PRESETS.items() if name == "kth" or k != "paper"},
        settings={k: p.settings() for k, p in PRESETS.items()},
        metric="test_accuracy",
        prepare=partial(prepare, name, question),
        published=PUBLISHED[asked] if name == "kth" else {},
        published_source="Keller 2025 and its public review discussion, on the whole of KTH",
    )
    for name, title in DATA.items()
    for asked, question in QUESTIONS.items()
]
