"""Recognising actions while a camera pans: what the tables share. `actions` says what is compared.

Protocol of the author's paper: cross-entropy, best validation. The seed says which persons test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowlib.flows import translation_velocities
from flowlib.groups import Translations
from flowlib.lab.baselines import Convolution3d
from flowlib.lab.data.actions import Actions, Clips
from flowlib.lab.data.kth import KTH, split
from flowlib.lab.experiment import Sizes, Task
from flowlib.lab.training import cosine, evaluate
from flowlib.models import Classifier, FrameEncoder
from flowlib.recurrent import FERNN

VALIDATION, TEST = 201, 202  # seeds of the clips that are the same for all models
FOLDS = 3


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


@dataclass(frozen=True)
class Preset(Sizes):
    """The size of a run, the same for all rows of a table.

    Attributes:
        size: of the frames, pixels.
        steps: frames of a clip.
        every: frames of the video from one frame of the clip to the next.
        channels: of the hidden state, for each velocity, of the encoder and of the 3D-CNN.
        batch: clips in one update.
        updates: of training.
        record_every: updates between two validations.
        clips: of each sequence, for validation and test.
        background: keep what stands still in a clip, see `Clips`.
        normalise: see `Classifier`.
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
    background: bool = True
    normalise: bool = False
    learning_rate: float = 3e-3
    learning_rates: Mapping[str, float] | None = None
    schedule: Callable[[float], float] = cosine


@dataclass(frozen=True)
class Question:
    """What is asked: how the camera moves in training and in the test.

    Attributes:
        title: for people.
        training: options of `Clips` in training.
        test: options of `Clips` in the test and the validation.
        velocities: of the camera in training.
        faster: of the camera in a further test, measured by speed, the larger of |v_y| and |v_x|; the
            test accuracy stays at the velocities of training.
    """

    title: str
    training: Mapping[str, bool]
    test: Mapping[str, bool]
    velocities: Tensor = translation_velocities(2)
    faster: Tensor | None = None


def complete(actions: Actions) -> list[str]:
    """The persons who do all actions."""
    did = {(s.person, s.action) for s in actions.sequences}
    return [p for p in actions.persons if all((p, action) in did for action in actions.names)]


def fold(actions: Actions, seed: int) -> tuple[Actions, Actions, Actions]:
    """Training, validation and test, no person in two of them.

    KTH: the paper's split, for every seed. Others: of the persons who do all actions a third tests
    and another third validates, as the seed says, in three folds; everybody else trains.

    Raises:
        ValueError: fewer than three persons do all actions.
    """
    if actions.source == KTH:
        return tuple(actions.of(part) for part in split("paper"))
    able = complete(actions)
    if len(able) < FOLDS:
        raise ValueError(
            f"{actions.source} has {len(able)} persons who do all actions, and folds want {FOLDS}: "
            "add videos, or take the stick figures"
        )
    test, validation = (able[k % FOLDS :: FOLDS] for k in (seed, seed + 1))
    rest = [p for p in actions.persons if p not in test and p not in validation]
    return actions.of(rest), actions.of(validation), actions.of(test)


def build(row: Row, preset: Preset, classes: int) -> nn.Module:
    """The untrained model of a row."""
    channels = preset.channels * row.width
    if row.kind is Convolution3d:
        return Convolution3d(1, channels, classes)
    group = Translations((preset.size, preset.size))
    encoder = FrameEncoder(group, 1, preset.channels)
    rnn = row.kind(group, row.velocities, preset.channels, channels, nonlinearity=torch.tanh)
    return Classifier(rnn, classes, encoder, preset.normalise)


def prepare(
    rows: Mapping[str, Row], question: Question, p: Preset, actions: Actions, device: torch.device
) -> Task:
    """The task of a table at a preset; one fold of it is chosen by the seed."""
    actions = replace(actions, frames=actions.frames.to(device))

    @lru_cache
    def seeded(seed: int) -> Task:
        size = dict(steps=p.steps, every=p.every, background=p.background)
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
            model=lambda row: build(rows[row], p, len(actions.names)),
            loss=loss,
            validate=lambda model: mean(model, validation, VALIDATION)[0],
            measure=measure,
            training=p.training(),
            learning_rates=p.learning_rates or {},
            source=actions.source,
            settings=p.settings(),
        )

    return replace(seeded(0), seeded=seeded)
