"""The registry of all experiments, and one function that does one row of one of them.

`run` trains one model at one preset from one seed, on any device, resuming where it was interrupted,
measures, and returns the row of the ledger.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from pathlib import Path

import torch

from flowlib.lab import (
    actions,
    bouncing_mnist,
    flow_predictor,
    half_pixels,
    rotating_mnist,
    scan_mnist,
    skiing,
    translating_mnist,
    window_mnist,
    worlds,
)
from flowlib.lab.evaluation import mode
from flowlib.lab.experiment import Experiment, Result, Table, Task
from flowlib.lab.memory import TrainingMemory
from flowlib.lab.processes import average_gradient, on_rank_0, rank_0_first, world_size
from flowlib.lab.training import History, fit

PRECISIONS = ("float32", "bfloat16")


def tables() -> dict[str, Table]:
    """The tables of the book by name, as data: to look at their videos, or to change one.

    Example:
        >>> list(tables())[:2]
        ['translating-mnist', 'velocity-generalisation']
    """
    rooms = (
        translating_mnist,
        rotating_mnist,
        bouncing_mnist,
        actions,
        scan_mnist,
        window_mnist,
        flow_predictor,
        half_pixels,
        worlds,
        skiing,
    )
    return {name: table for room in rooms for name, table in room.TABLES.items()}


def experiments() -> dict[str, Experiment]:
    """All experiments by name: the tables of the book, as `run` and the ledger know them.

    Example:
        >>> experiments()["kth-fixed"].metric
        'test_accuracy'
    """
    return {name: table.experiment() for name, table in tables().items()}


def in_book(experiment: Experiment) -> bool:
    """Whether it is a table of the book, which the command line knows, or a reader's own.

    Example:
        >>> in_book(experiments()["kth-fixed"])
        True
    """
    return experiments().get(experiment.name) == experiment


def find(kind: str, name: str, known: Mapping) -> object:
    """known[name], or a ValueError that names the known ones.

    Example:
        >>> find("preset", "big", {"quick": 1, "laptop": 2})
        Traceback (most recent call last):
        ValueError: there is no preset 'big': choose one of quick, laptop
    """
    if name not in known:
        raise ValueError(f"there is no {kind} {name!r}: choose one of {', '.join(known)}")
    return known[name]


def run(
    experiment: str | Experiment,
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
    """Train and measure one row. The row is returned, not written: see `flowlib.lab.ledger.append`.

    Args:
        experiment: a name, see `python -m flowlib list`, or an experiment of your own. The row of one's
            own has no command: `python -m flowlib` does not know it.
        model, preset: names, of the experiment's.
        seed: of the initial weights and of the training data. Test data are the same for all seeds.
        device: "cpu", "cuda", ...
        checkpoint: file to resume from and to save to.
        task: the experiment's task, if it was already prepared at this preset.
        deadline: see `flowlib.lab.training.fit`.
        precision: "float32", or "bfloat16": training under autocast, measured in float32.
        progress: show progress bars.

    Returns:
        The trained model, its history and its row. A model with nothing to train, such as one that
        repeats the last frame, is measured as it is, after 0 updates.

    Raises:
        ValueError: a name that is not known (the message lists those that are), one's own experiment
            with the name of a table of the book, a task of other sizes than the preset's, a device
            that is not there, a checkpoint of another run, or a batch that the processes cannot divide.
    """
    chosen = _chosen(experiment)
    find(f"model of {chosen.name}", model, chosen.models)
    find(f"preset of {chosen.name}", preset, chosen.presets)
    place = torch_device(device)
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}: it wants {' or '.join(PRECISIONS)}")
    task = task or rank_0_first(chosen.prepare, preset, place)
    _check_sizes(task, chosen, preset)
    task = task.seeded(seed) if task.seeded else task
    memory = TrainingMemory(place)
    torch.manual_seed(seed)
    network = task.model(model).to(place)
    identity = dict(experiment=chosen.name, model=model, preset=preset, seed=seed, data=task.source)

    def loss(net, number):
        half = torch.autocast(place.type, torch.bfloat16, enabled=precision == "bfloat16")
        with half, memory.update(net):
            return task.loss(net, seed, number, model)

    if any(p.requires_grad for p in network.parameters()):
        history = fit(
            network,
            loss,
            validate=task.validate,
            checkpoint=checkpoint,
            identity={**identity, "settings": task.settings, "precision": precision},
            deadline=deadline,
            label=f"{model}, seed {seed}",
            progress=progress,
            **task.preset.of(model).training(),
        )
    else:
        with mode(network, training=False), torch.no_grad():
            validation = on_rank_0(task.validate, network)
            first = average_gradient(network, loss(network, 0)).item()
        history = History(updates=[0], seconds=[0.0], loss=[first], validation=[validation])
    words = row_words(chosen.name, model, preset, seed, device, precision)
    row = {
        **identity,
        "settings": task.settings,
        "metrics": on_rank_0(task.measure, network),
        "curve": {
            "updates": history.updates,
            "validation": [v if math.isfinite(v) else None for v in history.validation],
        },
        "parameters": sum(p.numel() for p in network.parameters()),
        "updates": history.updates[-1],
        "best_update": history.updates[history.best],
        "seconds": round(history.seconds[-1], 1),
        "peak_memory_mb": memory.mb(network),  # see TrainingMemory
        "device": device_name(place),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "processes": world_size(),
        "command": _command(words) if in_book(chosen) else None,
    }
    return Result(network, history, row)


def _chosen(experiment: str | Experiment) -> Experiment:
    """The experiment, and a look at its name."""
    known = experiments()
    if not isinstance(experiment, Experiment):
        return find("experiment", experiment, known)
    if experiment.name in known and not in_book(experiment):
        raise ValueError(
            f"the experiment is called {experiment.name!r}, and is not the table of that name: give it "
            "a name of its own, so that its rows are not taken for that table's"
        )
    return experiment


def _check_sizes(task: Task, experiment: Experiment, preset: str) -> None:
    """Raises ValueError where the row would say another size than that of the run."""
    wanted, got = experiment.settings[preset], task.settings
    differ = [k for k in wanted.keys() | got.keys() if wanted.get(k) != got.get(k)]
    if differ:
        raise ValueError(
            f"the task is not {experiment.name} at {preset}: "
            + ", ".join(f"{k} is {got.get(k)}, not {wanted.get(k)}" for k in sorted(differ))
            + "; run an experiment of your own name: dataclasses.replace(table, name=..., "
            "presets=...).experiment()"
        )


def row_words(
    experiment: str, model: str, preset: str, seed: int, device: str, precision: str
) -> list[str]:
    """What runs one row, the words after `python -m flowlib`; arguments as for `run`.

    Example:
        >>> " ".join(row_words("augmentation", "g-rnn", "laptop", 1, "cuda", "float32"))
        'run augmentation --model g-rnn --preset laptop --seed 1 --device cuda'
    """
    words = ["run", experiment, "--model", model, "--preset", preset, "--seed", str(seed)]
    words += [] if device == "cpu" else ["--device", device]
    return words + ([] if precision == "float32" else ["--precision", precision])


def _command(words: list[str]) -> str:
    """What makes the row again."""
    launcher = "python" if world_size() == 1 else f"torchrun --nproc-per-node {world_size()}"
    return f"{launcher} -m flowlib {shlex.join(words)}"


def torch_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: it is not there.

    Example:
        >>> torch_device("cpu")
        device(type='cpu')
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"there is no device {name!r} here: choose cpu ({error})") from error
    return device


def device_name(device: torch.device) -> str:
    """What a row calls it: the name of the card on CUDA, else the type.

    Example:
        >>> device_name(torch.device("cpu"))
        'cpu'
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
