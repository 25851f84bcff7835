"""Checkpoints: tensors and plain data only, replaced in one step, in files small enough to carry.

A large state is cut into parts; the checkpoint itself then is a small file that names them. A row has one
place for its checkpoint, and one process at a time.
"""

from __future__ import annotations

import copy
import hashlib
import io
import os
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pooch
import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from flowlib.lab.files import told, write_whole
from flowlib.lab.processes import on_rank_0

CHECKPOINT_FORMAT = 1
PART_BYTES = 15_000_000  # no file is larger


class RowIsRunningError(RuntimeError):
    """Another process does this row at this moment."""


def checkpoint_path(experiment: str, model: str, preset: str, seed: int) -> Path:
    """Where a run keeps its checkpoint: FLOWLIB_CHECKPOINTS, else in the user's cache folder.

    Args:
        experiment: its name; see `run` for the others.

    Example:
        >>> checkpoint_path("translating-mnist", "g-rnn", "tiny", 0).name
        'translating-mnist-g-rnn-tiny-0.pt'
    """
    folder = (
        os.environ.get("FLOWLIB_CHECKPOINTS") or Path(pooch.os_cache("flowlib")) / "checkpoints"
    )
    return Path(folder) / f"{experiment}-{model}-{preset}-{seed}.pt"


@contextmanager
def row_lock(experiment: str, model: str, preset: str, seed: int):
    """Nobody else does this row meanwhile: else there would be two rows for one seed, and two runs
    would write one checkpoint. Arguments as for `checkpoint_path`.

    Raises:
        RowIsRunningError: somebody does it already.
    """
    path = checkpoint_path(experiment, model, preset, seed).with_suffix(".lock")
    lock = FileLock(path)

    def take() -> None:
        with told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)

    try:
        on_rank_0(take)
    except Timeout as error:
        raise RowIsRunningError(
            f"another process runs {experiment} {model} {preset} {seed} at this moment: wait until "
            "its row is in the ledger, or run another row"
        ) from error
    try:
        yield
    finally:
        lock.release()


def save_checkpoint(path: str | Path, model: nn.Module, identity: dict, **state) -> None:
    """Write a model and what belongs to it in one step: an interruption leaves the old file.

    Args:
        path: of the file; a large one has its parts beside it.
        model: its state is saved.
        identity: which run it is, plain data.
        state: more, tensors and plain data only.

    Raises:
        NotWrittenError: it cannot be written; what was there stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_checkpoint(f"{folder}/run.pt", nn.Linear(2, 1), {"seed": 0}, done=5)
        ...     load_checkpoint(f"{folder}/run.pt", nn.Linear(2, 1), {"seed": 0})["done"]
        5
    """
    path = Path(path)
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    state = {"identity": identity, "model": model.state_dict(), **state}
    file = io.BytesIO()
    torch.save({"format": CHECKPOINT_FORMAT, **state}, file)
    content, parts = file.getvalue(), []
    if len(content) > PART_BYTES:
        digest = hashlib.sha256(content).hexdigest()
        for number, start in enumerate(range(0, len(content), PART_BYTES)):
            part = path.with_name(f"{path.name}.{digest[:12]}.{number}")
            write_whole(part, content[start : start + PART_BYTES])
            parts.append(part)
        file = io.BytesIO()
        torch.save({"parts": [part.name for part in parts], "sha256": digest}, file)
        content = file.getvalue()
    write_whole(path, content)
    for old in _parts(path):
        if old not in parts:
            old.unlink()


def remove_checkpoint(path: str | Path) -> None:
    """Delete a checkpoint and its parts, if it is there."""
    path = Path(path)
    path.unlink(missing_ok=True)
    for part in _parts(path):
        part.unlink()


def load_checkpoint(path: str | Path, model: nn.Module, identity: dict | None = None) -> dict:
    """Read a checkpoint into the model, on its device, and return all that was saved with it, on the CPU.

    Args:
        path: of the file.
        model: of the same names and shapes as the one that was saved.
        identity: what the run must be; none takes any.

    Raises:
        ValueError: the file is damaged or no checkpoint, or is one of another run or model. The
            model is then left as it was.
        OSError: there is no such file, or it may not be read.
    """
    try:
        state = _read(path)
        weights, saved, version = state["model"], state["identity"], state["format"]
    except OSError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): it is damaged or "
            "something else; move it away to start afresh"
        ) from error
    if version != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} has format {version}, this flowlib reads {CHECKPOINT_FORMAT}; move it away to "
            "start afresh"
        )
    differ = [k for k in (identity or {}) if saved.get(k) != identity[k]]
    if differ:
        raise ValueError(
            f"{path} is of another run: "
            + ", ".join(f"{k} is {saved.get(k)!r} there, {identity[k]!r} here" for k in differ)
            + "; move it away or name another file"
        )
    own = copy.deepcopy(model.state_dict())
    for k in sorted(own.keys() | weights.keys()):
        here, there = (_shape(state, k) for state in (own, weights))
        if here != there:
            raise ValueError(
                f"{path} is of another model: {k} is {there} there, {here} here; "
                "build the model as it was saved"
            )
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:  # names and shapes agree, and the model wants more than that
        with torch.no_grad():
            for k, value in model.state_dict().items():
                if isinstance(value, Tensor):
                    value.copy_(own[k])
        raise ValueError(
            f"{path} is of another model: {error}; build the model as it was saved"
        ) from error
    return state


def _shape(state: dict, key: str):
    """The shape of an entry, as far as it has one."""
    if key not in state:
        return "missing"
    return tuple(state[key].shape) if isinstance(state[key], Tensor) else "no tensor"


def _parts(path: Path) -> list[Path]:
    """The files that are parts of this checkpoint, of one that it replaced, or of one that was being
    written when its process was killed."""
    found = path.parent.glob(f"{path.name}.*.*")
    return [part for part in found if part.suffix[1:].isdigit() or part.suffix == ".part"]


def _read(path: str | Path) -> dict:
    """What was saved, after a look at the checksums, which torch.load does not take."""
    path = Path(path)
    content = path.read_bytes()
    state = _load(content)
    if "parts" in state:
        content = b"".join(path.with_name(name).read_bytes() for name in state["parts"])
        if hashlib.sha256(content).hexdigest() != state["sha256"]:
            raise zipfile.BadZipFile("its parts do not belong together")
        state = _load(content)
    return state


def _load(content: bytes) -> dict:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        if damaged := file.testzip():
            raise zipfile.BadZipFile(damaged)
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
