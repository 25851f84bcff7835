"""Recognising actions while a camera pans: what the tables share. `actions` says what is compared.

Protocol of the author's paper: cross-entropy, best validation. The seed says which persons test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from flowlib.flows import translation_velocities
from flowlib.lab.data.actions import Actions, Clips
from flowlib.lab.evaluation import evaluate, mode
from flowlib.lab.experiment import Preset, Row, Table, Task
from flowlib.lab.processes import my_part
from flowlib.models import Classifier, FrameEncoder
from flowlib.translations import Translations

VALIDATION, TEST = 201, 202  # seeds of the clips that are the same for all models
FOLDS = 3


@dataclass(frozen=True, kw_only=True)
class RecognitionPreset(Preset):
    """The size of a run, the same for all rows of a table of actions.

    Attributes:
        size: of the frames, pixels.
        steps: frames of a clip.
        every: frames of the video from one frame of the clip to the next.
        channels: of the hidden state, for each velocity, of the encoder and of the 3D-CNN.
        batch: clips in one update.
        clips: of each sequence, for validation and test.
        background: keep what stands still in a clip, see `Clips`.
        normalise: see `Classifier`.
    """

    steps: int
    every: int
    clips: int
    background: bool = True
    normalise: bool = False
    learning_rate: float = 3e-3


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
    """The persons who do all actions, sorted.

    Example:
        >>> from flowlib.lab.data.stick import stick
        >>> complete(stick(size=4, persons=2, takes=1, frames=2))
        ['person01', 'person02']
    """
    did = {(s.person, s.action) for s in actions.sequences}
    return [p for p in actions.persons if all((p, action) in did for action in actions.names)]


def fold(actions: Actions, seed: int) -> tuple[Actions, Actions, Actions]:
    """Training, validation and test, no person in two of them.

    Data that have a split of their own keep it for every seed. Else, of the persons who do all actions
    a third tests and another third validates, as the seed says, in three folds; everybody else trains.

    Raises:
        ValueError: fewer than three persons do all actions.

    Example:
        >>> from flowlib.lab.data.stick import stick
        >>> parts = fold(stick(size=4, persons=3, takes=1, frames=2), seed=1)
        >>> [part.persons for part in parts]
        [['person01'], ['person03'], ['person02']]
    """
    if actions.split:
        return tuple(actions.of(part) for part in actions.split)
    able = complete(actions)
    if len(able) < FOLDS:
        raise ValueError(
            f"{actions.source} has {len(able)} persons who do all actions, and folds want {FOLDS}: "
            "add videos, or take the stick figures"
        )
    test, validation = (able[k % FOLDS :: FOLDS] for k in (seed, seed + 1))
    rest = [p for p in actions.persons if p not in test and p not in validation]
    return actions.of(rest), actions.of(validation), actions.of(test)


def build(row: Row, preset: RecognitionPreset, classes: int) -> nn.Module:
    """The untrained model of a row: it gives a clip (batch, time, 1, height, width) class scores.

    A row whose `kind` is no FERNN calls it with (group, channels, classes); it returns such a model.

    Example:
        >>> size = dict(size=8, channels=2, batch=4, updates=4, record_every=2)
        >>> preset = RecognitionPreset("", **size, steps=4, every=1, clips=1)
        >>> model = build(Row("G-RNN", [(0, 0)]), preset, classes=6)
        >>> model(torch.rand(3, 4, 1, 8, 8)).shape
        torch.Size([3, 6])
    """
    group, channels = Translations((preset.size, preset.size)), preset.channels * row.width
    if not row.recurrent:
        return row.kind(group, channels, classes)
    encoder = FrameEncoder(group, 1, preset.channels)
    rnn = row.kind(group, row.velocities, preset.channels, channels, nonlinearity=torch.tanh)
    return Classifier(rnn, classes, encoder, preset.normalise)


def scores(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Cross-entropy of each clip, and whether the answer is right: (clip, 2).

    Example:
        >>> batch = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([1, 0])  # scores, labels
        >>> [[round(x, 2) for x in row] for row in scores(nn.Identity(), batch).tolist()]
        [[0.31, 1.0], [0.69, 1.0]]
    """
    clips, labels = batch
    out = model(clips)
    right = (out.argmax(1) == labels).float()
    return torch.stack([F.cross_entropy(out, labels, reduction="none"), right], 1)


@torch.no_grad()
def confusion_matrix(model: nn.Module, batches, classes: int) -> Int[Tensor, "done said"]:
    """How many clips of each class were taken for which.

    Args:
        model: clips -> scores (clip, class); it is in evaluation mode meanwhile.
        batches: (clips, labels), anything to loop over.
        classes: how many.

    Example:
        >>> batch = torch.eye(3), torch.tensor([0, 1, 0])  # scores, labels
        >>> confusion_matrix(nn.Identity(), [batch], classes=3).tolist()
        [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    """
    counts = torch.zeros(classes * classes, dtype=torch.int64)
    with mode(model, training=False):
        for clips, labels in batches:
            pairs = labels * classes + model(clips).argmax(1)
            counts += torch.bincount(pairs.cpu(), minlength=len(counts))
    return counts.reshape(classes, classes)


@dataclass(frozen=True, kw_only=True)
class RecognitionTable(Table):
    """One table of actions: its rows, its presets, the data and what is asked of them.

    Attributes:
        rows: name -> Row.
        presets: name -> RecognitionPreset.
        read: size of a frame -> `Actions`.
        question: how the camera moves.
    """

    metric = "test_accuracy"

    read: Callable[[int], Actions]
    question: Question

    def prepare(self, preset: str, device: torch.device) -> Task:
        """The task at a preset; one fold of the data is chosen by the seed.

        Raises:
            ValueError: too few persons for folds.
            DataUnavailableError: there are no data.
        """
        actions = self.read(self.presets[preset].size)
        actions = replace(actions, frames=actions.frames.to(device))
        seeded = lru_cache(partial(self._task, self.presets[preset], actions))
        return replace(seeded(0), seeded=seeded)

    def _task(self, p: RecognitionPreset, actions: Actions, seed: int) -> Task:
        """The task of one seed."""
        question, classes = self.question, len(actions.names)
        size = dict(steps=p.steps, every=p.every, background=p.background)
        parts = fold(actions, seed)
        training = Clips(parts[0], question.velocities, flip=True, **size, **question.training)
        validation, test = (
            Clips(part, question.velocities, **size, **question.test) for part in parts[1:]
        )

        def model(name):
            row = self.rows[name]
            if row.recurrent and row.velocities is None:
                row = replace(row, velocities=question.velocities)
            return build(row, p, classes)

        def loss(model, seed, number, row):
            clips, labels = map(my_part, training.draw(p.batch, seed, number))
            return F.cross_entropy(model(clips), labels)

        def mean(model, clips, seed):
            return evaluate(model, clips.each(p.clips, seed), scores).tolist()

        def measure(model):
            confusion = confusion_matrix(model, test.each(p.clips, TEST), classes)
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
            preset=p,
            model=model,
            loss=loss,
            validate=lambda model: mean(model, validation, VALIDATION)[0],
            measure=measure,
            source=actions.source,
        )
