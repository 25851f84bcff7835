"""Experiments: what is compared, at which size, and how it is measured. One file a table.

An experiment is data. `flowlib.lab.run` does one row of it. `Row`, `Preset` and `Table` are what the
tables of all kinds share; `forecasters`, `forecasting` and `recognition` say the rest.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from flowlib.lab import ledger
from flowlib.lab.training import History, cosine
from flowlib.recurrent import FERNN


@dataclass(frozen=True)
class Row:
    """One model of a table.

    Attributes:
        title: for people.
        velocities: V; [0], or [(0, 0)], makes it a G-RNN; None takes those that the data move at.
        kind: FERNN, or a class derived from it, such as LearnedMotionRNN (the G-RNN+). Or a function
            that makes any other model, a baseline: see `build` of `forecasters` and `recognition`.
        width: times the channels of the preset.

    Example:
        >>> Row("G-RNN", [(0, 0)]).recurrent, Row("a baseline", kind=nn.Conv2d).recurrent
        (True, False)
    """

    title: str
    velocities: Tensor | list | None = None
    kind: Callable = FERNN
    width: int = 1

    @property
    def recurrent(self) -> bool:
        """Whether it is a FERNN of some kind, with velocities."""
        return isinstance(self.kind, type) and issubclass(self.kind, FERNN)


@dataclass(frozen=True)
class Preset:
    """The size of a run, the same for all rows of a table: plain data.

    Attributes:
        title: one line for people.
        size: height and width of the pictures, pixels.
        channels: of the hidden state, for each velocity.
        batch: videos in one update.
        updates: of training.
        record_every: updates between two validations.
        learning_rate: of Adam.
        own: model -> what it has otherwise, e.g. {"wide": {"learning_rate": 1e-4}}.
        schedule: the factor of the learning rate over training, see `flowlib.lab.training.cosine`.
    """

    title: str
    _: KW_ONLY
    size: int
    channels: int
    batch: int
    updates: int
    record_every: int
    learning_rate: float = 1e-3
    own: Mapping[str, Mapping] | None = None
    schedule: Callable[[float], float] = cosine

    def settings(self) -> dict:
        """All of it as plain data: what a row of the ledger keeps."""
        return _named(asdict(self))

    def of(self, model: str) -> Preset:
        """The preset of one model, with what it has otherwise.

        Example:
            >>> size = dict(size=8, channels=2, batch=4, updates=6, record_every=3)
            >>> Preset("", **size, own={"b": {"learning_rate": 0.1}}).of("b").learning_rate
            0.1
        """
        return replace(self, **(self.own or {}).get(model, {}))

    def training(self) -> dict:
        """What it says to `flowlib.lab.training.fit`."""
        return dict(
            updates=self.updates,
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            record_every=self.record_every,
        )


@dataclass(frozen=True)
class Task:
    """One experiment at one preset, with its data in memory: what a run needs to know.

    Attributes:
        preset: its sizes; a checkpoint of another size is refused.
        model: name -> untrained model.
        loss: (model, seed, number of the update, name of the model) -> training loss.
        validate: model -> validation loss.
        measure: trained model -> metrics, plain data, among them the one the table shows.
        source: which data it is, as the data themselves tell it.
        seeded: seed -> the task of that seed, where data are split by it.

    Raises:
        ValueError: no source.
    """

    preset: Preset
    model: Callable[[str], nn.Module]
    loss: Callable[[nn.Module, int, int, str], Tensor]
    validate: Callable[[nn.Module], float]
    measure: Callable[[nn.Module], dict]
    source: str
    seeded: Callable[[int], Task] | None = None

    def __post_init__(self):
        if not self.source:
            raise ValueError("source is empty: a row says which data it was measured on")

    @property
    def settings(self) -> dict:
        """Those of the preset."""
        return self.preset.settings()


@dataclass(frozen=True)
class Experiment:
    """What is compared: a table of the book, or one of your own.

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

    Raises:
        ValueError: a name that cannot be part of a file name.
    """

    name: str
    title: str
    models: Mapping[str, str]
    presets: Mapping[str, str]
    settings: Mapping[str, dict]
    metric: str
    prepare: Callable[[str, torch.device], Task]
    published: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    published_source: str = ""
    published_by_velocity: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self):
        for name in (self.name, *self.models, *self.presets):
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise ValueError(
                    f"the name {name!r} becomes part of a file name: it wants letters, digits, "
                    "'-', '_', '+' and '.', e.g. 'my-table'"
                )

    def rows(self, model: str, preset: str, **where) -> list[dict]:
        """The rows of the ledger for one model at one preset, as the preset is today."""
        found = ledger.rows(self.name, model=model, preset=preset, **where)
        today = _sizes(self.settings[preset], model)
        return [row for row in found if _sizes(row.get("settings", {}), model) == today]


@dataclass(frozen=True, kw_only=True)
class Table(ABC):
    """What an experiment is made of: rows, presets, and how its task is prepared.

    To ask something of your own, change one and give it a name:
    `dataclasses.replace(table, name="mine", presets={"quick": ...}).experiment()`.

    Attributes:
        name, title, published, published_source, published_by_velocity: see `Experiment`.
        rows: name -> Row.
        presets: name -> Preset.
    """

    metric: ClassVar[str]

    name: str
    title: str
    rows: Mapping[str, Row]
    presets: Mapping[str, Preset]
    published: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    published_source: str = ""
    published_by_velocity: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @abstractmethod
    def prepare(self, preset: str, device: torch.device) -> Task:
        """The task at a preset."""

    def experiment(self) -> Experiment:
        """The table as `run`, the ledger and the command line know it."""
        return Experiment(
            name=self.name,
            title=self.title,
            models={name: row.title for name, row in self.rows.items()},
            presets={name: p.title for name, p in self.presets.items()},
            settings={name: p.settings() for name, p in self.presets.items()},
            metric=self.metric,
            prepare=self.prepare,
            published=self.published,
            published_source=self.published_source,
            published_by_velocity=self.published_by_velocity,
        )


def by_name(*tables: Table) -> dict[str, Table]:
    """Tables by their names.

    Example:
        >>> from flowlib.lab.translating_mnist import TABLES
        >>> by_name(TABLES["augmentation"]) == {"augmentation": TABLES["augmentation"]}
        True
    """
    return {table.name: table for table in tables}


@dataclass(frozen=True)
class Result:
    """A trained model, how it was trained, and its row of the ledger."""

    model: nn.Module
    history: History
    row: dict


def _named(settings: dict) -> dict:
    """Settings with the names of functions in their place."""
    return {
        key: _named(value) if isinstance(value, dict) else getattr(value, "__name__", value)
        for key, value in settings.items()
    }


def _sizes(settings: dict, model: str) -> dict:
    """The settings of one model as they come back from a file, without the title and what is None: not
    used."""
    settings = {**settings, **(settings.get("own") or {}).get(model, {}), "own": None}
    used = {k: v for k, v in settings.items() if k != "title" and v is not None}
    return json.loads(json.dumps(used))
