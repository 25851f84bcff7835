"""Experiments: what is compared, at which size, and how it is measured. One file a table.

An experiment is data. `flowlib.lab.run` does one row of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import nn

from flowlib.lab import ledger
from flowlib.lab.training import History


class Sizes:
    """What the presets of all kinds of experiments can do: they are dataclasses of plain data, with a
    title, a learning rate and its schedule, and the numbers of updates."""

    def settings(self) -> dict:
        """All of it as plain data."""
        return {**asdict(self), "schedule": self.schedule.__name__}

    def training(self) -> dict:
        """What it says to `flowlib.lab.training.fit`."""
        names = ("updates", "learning_rate", "schedule", "record_every")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Task:
    """One experiment at one preset, with its data in memory: what a run needs to know.

    Attributes:
        model: name -> untrained model.
        loss: (model, seed, number of the update, name of the model) -> training loss.
        validate: model -> validation loss.
        measure: trained model -> metrics, plain data, among them the one the table shows.
        training: arguments of `flowlib.lab.training.fit`.
        learning_rates: model -> its learning rate, where it is not that of `training`.
        source: which data it is.
        settings: those of the preset; a checkpoint of another size is refused.
        seeded: seed -> the task of that seed, where data are split by it.
    """

    model: Callable[[str], nn.Module]
    loss: Callable[[nn.Module, int, int, str], torch.Tensor]
    validate: Callable[[nn.Module], float]
    measure: Callable[[nn.Module], dict]
    training: dict
    source: str
    settings: dict
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    seeded: Callable[[int], Task] | None = None


@dataclass(frozen=True)
class Experiment:
    """What is compared: a table of the book.

    Attributes:
        name: on the command line, and of its file in the ledger.
        title: one line for people.
        models: the rows of the table, name -> title.
        presets: name -> one line that says what it is.
        settings: name of a preset -> its sizes, plain data; rows of the ledger that were made with
            other sizes, before a preset was changed, do not count.
        metric: key of the metrics that the table shows.
        prepare: (preset, device) -> Task.
        published: model -> (mean, standard deviation) of the paper, standard deviation None where it
            is not given.
        published_source: where the published numbers stand.
        published_by_velocity: model -> name of a velocity -> mean of the paper.
    """

    name: str
    title: str
    models: dict[str, str]
    presets: dict[str, str]
    settings: dict[str, dict]
    metric: str
    prepare: Callable[[str, torch.device], Task]
    published: dict[str, tuple[float, float | None]]
    published_source: str
    published_by_velocity: dict[str, dict[str, float]] = field(default_factory=dict)

    def rows(self, model: str, preset: str, **where) -> list[dict]:
        """The rows of the ledger for one model at one preset, as the preset is today."""
        found = ledger.rows(self.name, model=model, preset=preset, **where)
        today = _sizes(self.settings[preset])
        return [row for row in found if _sizes(row.get("settings", {})) == today]


@dataclass(frozen=True)
class Result:
    """A trained model, how it was trained, and its row of the ledger."""

    model: nn.Module
    history: History
    row: dict


def _sizes(settings: dict) -> dict:
    """Settings as they come back from a file, without the title and what is None: not used."""
    used = {k: v for k, v in settings.items() if k != "title" and v is not None}
    return json.loads(json.dumps(used))
