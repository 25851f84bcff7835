"""Experiments: what is compared, at which size, and how it is measured. One file a table.

An experiment is data. `run` does one row of it: trains one model at one preset from one seed, on
any device, resuming where it was interrupted, measures, and writes the row to the ledger.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pooch
import torch
from torch import nn

from flowlib import ledger
from flowlib.training import History, fit


class Sizes:
    """What the presets of all kinds of experiments can do: they are dataclasses of plain data, with a
    title, a learning rate and its schedule, and the numbers of updates."""

    def settings(self) -> dict:
        """All of it as plain data."""
        return {**asdict(self), "schedule": self.schedule.__name__}

    def training(self) -> dict:
        """What it says to `flowlib.training.fit`."""
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
        training: arguments of `flowlib.training.fit`.
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


def experiments() -> dict[str, Experiment]:
    """All experiments by name."""
    from flowlib.experiments import actions, bouncing_mnist, rotating_mnist, translating_mnist

    rooms = (translating_mnist, rotating_mnist, bouncing_mnist, actions)
    return {e.name: e for room in rooms for e in room.EXPERIMENTS}


def find(kind: str, name: str, known) -> object:
    """known[name], or a ValueError that names the known ones."""
    if name not in known:
        raise ValueError(f"there is no {kind} {name!r}: choose one of {', '.join(known)}")
    return known[name]


def checkpoint_path(experiment: str, model: str, preset: str, seed: int) -> Path:
    """Where a run keeps its checkpoint: FLOWLIB_CHECKPOINTS, else in the user's cache folder."""
    folder = (
        os.environ.get("FLOWLIB_CHECKPOINTS") or Path(pooch.os_cache("flowlib")) / "checkpoints"
    )
    return Path(folder) / f"{experiment}-{model}-{preset}-{seed}.pt"


def run(
    experiment: str,
    model: str,
    preset: str = "quick",
    seed: int = 0,
    device: str = "cpu",
    checkpoint: str | Path | None = None,
    task: Task | None = None,
    deadline: float | None = None,
    precision: str = "float32",
    progress: bool = True,
) -> Result:
    """Train and measure one row. The row is returned, not written: see `flowlib.ledger.append`.

    Args:
        experiment, model, preset: names, see `python -m flowlib list`.
        seed: of the initial weights and of the training data. Test data are the same for all seeds.
        device: "cpu", "cuda", ...
        checkpoint: file to resume from and to save to.
        task: the experiment's task, if it was already prepared at this preset.
        deadline: see `flowlib.training.fit`.
        precision: "float32", or "bfloat16": training under autocast, measured in float32.
        progress: show progress bars.

    Raises:
        ValueError: a name that is not known (the message lists those that are), a device that is
            not there, or a checkpoint of another run.
    """
    chosen = find("experiment", experiment, experiments())
    find(f"model of {experiment}", model, chosen.models)
    find(f"preset of {experiment}", preset, chosen.presets)
    place = torch_device(device)
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision is {precision!r}: it wants float32 or bfloat16")
    task = task or chosen.prepare(preset, place)
    task = task.seeded(seed) if task.seeded else task
    torch.manual_seed(seed)
    network = task.model(model).to(place)
    identity = dict(experiment=experiment, model=model, preset=preset, seed=seed, data=task.source)
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)

    def loss(net, number):
        with torch.autocast(place.type, torch.bfloat16, enabled=precision == "bfloat16"):
            return task.loss(net, seed, number, model)

    rate = {"learning_rate": task.learning_rates[model]} if model in task.learning_rates else {}
    history = fit(
        network,
        loss,
        validate=task.validate,
        checkpoint=checkpoint,
        identity={**identity, "settings": task.settings, "precision": precision},
        deadline=deadline,
        label=f"{model}, seed {seed}",
        progress=progress,
        **{**task.training, **rate},
    )
    command = f"python -m flowlib run {experiment} --model {model} --preset {preset} --seed {seed}"
    command += "" if device == "cpu" else f" --device {shlex.quote(device)}"
    command += "" if precision == "float32" else f" --precision {precision}"
    row = {
        **identity,
        "settings": task.settings,
        "metrics": task.measure(network),
        "parameters": sum(p.numel() for p in network.parameters()),
        "updates": history.updates[-1],
        "best_update": history.updates[history.best],
        "seconds": round(history.seconds[-1], 1),
        "peak_memory_mb": peak_memory_mb(place),
        "device": device_name(place),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "command": command,
    }
    return Result(network, history, row)


def torch_device(name: str) -> torch.device:
    """The device of that name, after a look whether it is there."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"there is no device {name!r} here: choose cpu ({error})") from error
    return device


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def peak_memory_mb(device: torch.device) -> float:
    """Highest memory in use so far: of the device on CUDA, of the whole process elsewhere."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
