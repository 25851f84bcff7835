"""Training: one loop. Knows no model and no data set.

A batch is a function of its number, so that nothing random has to be stored: a run that was
interrupted goes on with the next number and comes to the same weights. Of several processes each
takes its part of that batch: see `flowlib.lab.processes`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from flowlib.lab.checkpoints import load_checkpoint, save_checkpoint
from flowlib.lab.evaluation import mode
from flowlib.lab.processes import average_gradient, check_model, on_rank_0, rank


class OutOfTime(Exception):
    """Training stopped at its deadline; the checkpoint goes on from there."""


@dataclass
class History:
    """What happened during training, as plain data.

    Attributes:
        updates: number of updates done at each record.
        seconds: training time until then, without validation.
        loss: mean training loss since the record before.
        validation: validation loss, empty when none was asked for.
        best: index of the record whose weights `fit` leaves in the model: that with the lowest
            validation loss; the last one where nothing was validated. A ValueError without a record.

    Example:
        >>> History(updates=[5, 10], loss=[3.0, 1.0], validation=[2.0, 4.0]).best
        0
        >>> History(updates=[5, 10], loss=[3.0, 1.0]).best
        1
    """

    updates: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        if not self.updates:
            raise ValueError(
                "the history has no record yet: train first, or with fewer updates a record"
            )
        v = self.validation
        if not v:
            return len(self.updates) - 1
        return min(range(len(v)), key=lambda i: (math.isnan(v[i]), v[i]))


def cosine(progress: float) -> float:
    """Learning rate factor: linear from 0 over the first 5 %, then half a cosine down to 0.

    Args:
        progress: the part of the training that is done, 0 to 1.

    Example:
        >>> [round(cosine(p), 3) for p in (0.0, 0.025, 0.5, 1.0)]
        [0.0, 0.5, 0.5, 0.0]
    """
    return min(progress / 0.05, 0.5 + 0.5 * math.cos(math.pi * progress))


def constant(progress: float) -> float:
    """Learning rate factor 1, as in the paper.

    Example:
        >>> constant(0.5)
        1.0
    """
    return 1.0


def fit(
    model: nn.Module,
    loss: Callable[[nn.Module, int], Tensor],
    updates: int,
    *,
    learning_rate: float = 1e-3,
    schedule: Callable[[float], float] = constant,
    clip: float = 1.0,
    validate: Callable[[nn.Module], float] | None = None,
    record_every: int = 50,
    checkpoint: str | Path | None = None,
    identity: dict | None = None,
    save_seconds: float = 30.0,
    deadline: float | None = None,
    label: str = "training",
    progress: bool = True,
) -> History:
    """Train with Adam; resume from the checkpoint if it is there; end with the best weights.

    Args:
        model: trained in place. At the end it holds the weights of the record with the lowest
            validation loss, or the last ones when `validate` is None. It is in training mode
            meanwhile, in evaluation mode for `validate`, and in the end in the mode that it came in.
        loss: (model, number of the update) -> scalar. The same number must give the same batch.
        updates: number of updates in all.
        learning_rate: of Adam, times schedule(progress), with progress from 0 to 1.
        clip: the gradient is scaled down to this norm.
        validate: model -> validation loss, called at each record.
        record_every: updates between two records of the history.
        checkpoint: file to resume from and to save to; none keeps nothing.
        identity: what this run is (plain data); a checkpoint of another run is refused.
        save_seconds: time between two checkpoints; one is also written when training is interrupted
            (by KeyboardInterrupt).
        deadline: the time.monotonic() at which to save and stop; none trains to the end.
        label: what the progress bar says.
        progress: show the progress bar.

    Returns:
        The history of the whole run, the part before an interruption included.

    Raises:
        ValueError: the checkpoint belongs to another run or another model, or is damaged; no update is
            asked for, or the model has nothing to train, or normalises over a batch of which several
            processes have a part each.
        OutOfTime: the deadline came first.
        FloatingPointError: the loss or its gradient is not finite; the checkpoint keeps good weights.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> model, x = nn.Linear(1, 1), torch.ones(1, 1)
        >>> history = fit(model, lambda m, k: (m(x) - 3).square().mean(), 200,
        ...               learning_rate=0.1, record_every=100, progress=False)
        >>> history.updates, round(model(x).item(), 2)
        ([100, 200], 3.0)
    """
    if updates < 1 or record_every < 1:
        raise ValueError(f"updates is {updates}, record_every is {record_every}: each is 1 or more")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            f"the model {type(model).__name__} has no parameter that wants a gradient: there is nothing "
            "to train; measure it as it is"
        )
    check_model(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history, done, seconds, running, best = History(), 0, 0.0, [], None
    identity = {**(identity or {}), "updates": updates, "learning_rate": learning_rate}

    def saved_state() -> dict | None:
        if checkpoint is not None and Path(checkpoint).exists():
            return load_checkpoint(checkpoint, model, identity)

    if state := on_rank_0(saved_state):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history = History(**state["history"])
        done, seconds, running, best = (state[k] for k in ("done", "seconds", "running", "best"))

    def save():
        if checkpoint is not None and rank() == 0:
            save_checkpoint(
                checkpoint,
                model,
                identity,
                optimizer=optimizer.state_dict(),
                history=asdict(history),
                done=done,
                seconds=seconds,
                running=running,
                best=best,
            )

    def gradient() -> float:
        """The loss of the next update, whose gradient is now in the parameters."""
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * schedule((done + 0.5) / updates)
        value = loss(model, done)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        value = average_gradient(model, value)
        norm = nn.utils.clip_grad_norm_(model.parameters(), clip)
        if not (torch.isfinite(value) and torch.isfinite(norm)):
            kept = checkpoint is not None and Path(checkpoint).exists()
            raise FloatingPointError(
                f"the loss of update {done} is {value.item()}, its gradient's norm {norm.item()}, "
                f"run {identity}: lower the learning rate or the clipping norm; last good "
                f"weights: {checkpoint if kept else 'not saved'}"
            )
        return value.item()

    def validation() -> list[float]:
        """The validation loss, if one was asked for."""
        with mode(model, training=False):
            return [] if validate is None else [on_rank_0(validate, model)]

    bar = tqdm(
        total=updates, initial=done, desc=label, disable=not progress or rank() > 0, leave=False
    )
    whole, saved = True, time.monotonic()  # whole: weights and history are of the same update
    with bar, mode(model, training=True):
        try:
            while running or done < updates:
                if running and (done % record_every == 0 or done == updates):
                    found = validation()
                    whole = False
                    history.updates.append(done)
                    history.seconds.append(seconds)
                    history.loss.append(sum(running) / len(running))
                    history.validation += found
                    running = []
                    if found and history.best == len(history.validation) - 1:
                        best = {k: v.detach().clone() for k, v in model.state_dict().items()}
                    whole = True
                    bar.set_postfix(loss=f"{(history.validation or history.loss)[-1]:.2e}")
                else:
                    started = time.monotonic()
                    value = gradient()
                    whole = False
                    optimizer.step()
                    running.append(value)
                    done += 1
                    whole = True
                    seconds += time.monotonic() - started
                    bar.update()
                if time.monotonic() - saved > save_seconds:
                    save()
                    saved = time.monotonic()
                late = deadline is not None and on_rank_0(lambda: time.monotonic() > deadline)
                if late and (running or done < updates):
                    save()
                    raise OutOfTime(f"{label}: {done} of {updates} updates done")
        except KeyboardInterrupt:
            if whole:  # else the last checkpoint stays
                save()
            raise
    save()
    if best is not None:
        model.load_state_dict(best)
    return history
