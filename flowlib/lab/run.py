"""The registry of all experiments, and one function that does one row of one of them.

`run` trains one model at one preset from one seed, on any device, resuming where it was interrupted,
measures, and returns the row of the ledger.
"""

from __future__ import annotations

import os
import resource
import shlex
import sys
from pathlib import Path

import pooch
import torch

from flowlib.lab import actions, bouncing_mnist, rotating_mnist, translating_mnist
from flowlib.lab.experiment import Experiment, Result, Task
from flowlib.lab.training import fit


def experiments() -> dict[str, Experiment]:
    """All experiments by name."""
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
    """Train and measure one row. The row is returned, not written: see `flowlib.lab.ledger.append`.

    Args:
        experiment, model, preset: names, see `python -m flowlib list`.
        seed: of the initial weights and of the training data. Test data are the same for all seeds.
        device: "cpu", "cuda", ...
        checkpoint: file to resume from and to save to.
        task: the experiment's task, if it was already prepared at this preset.
        deadline: see `flowlib.lab.training.fit`.
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
