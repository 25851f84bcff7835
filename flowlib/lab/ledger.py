"""Results with their provenance: one row a run, one file an experiment, one line a row.

Rows are written by runs, never by hand.
"""

from __future__ import annotations

import errno
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from filelock import FileLock

from flowlib.lab.files import told, write_whole

PACKAGE = Path(__file__).resolve().parents[1]  # flowlib, all of it
KEYS = ("experiment", "model", "preset", "seed")


def folder() -> Path:
    """Where the ledger lies: FLOWLIB_RESULTS, else book/results of the checkout, else what was
    installed with the package, else ./results."""
    if "FLOWLIB_RESULTS" in os.environ:
        return Path(os.environ["FLOWLIB_RESULTS"])
    installed = Path(sys.prefix) / "share" / "flowlib" / "results"
    for place in (PACKAGE.parent / "book" / "results", installed):
        if place.is_dir():
            return place
    return Path("results")


def rows(experiment: str, **where) -> list[dict]:
    """The rows of an experiment, the newest of each (model, preset, seed, data), that match `where`.

    Args:
        experiment: its name, that of its file.
        where: keys of a row and what they must be, e.g. seed=0.

    Raises:
        ValueError: a line of the file is not a row.
    """
    path = folder() / f"{experiment}.jsonl"
    newest = {}
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        try:
            row = json.loads(line)
            newest[(*(row[key] for key in KEYS), row.get("data"))] = row
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} is not a row of the ledger: {error}"
            ) from error
    return [row for row in newest.values() if all(row.get(k) == v for k, v in where.items())]


def append(row: dict) -> Path:
    """Add a row, with what is to be known of its making, and return the file.

    Raises:
        ValueError: a key that says which run it is, is missing, or a number is NaN or infinite.
        NotWrittenError: the file cannot be written; the rows that it had stay.

    Example:
        >>> import tempfile
        >>> from unittest import mock
        >>> row = dict(experiment="toy", model="a", preset="quick", seed=0, metrics={"mse": 0.5})
        >>> with tempfile.TemporaryDirectory() as here:
        ...     with mock.patch.dict(os.environ, FLOWLIB_RESULTS=here):
        ...         append(row).name, rows("toy", seed=0)[0]["metrics"]
        ('toy.jsonl', {'mse': 0.5})
    """
    missing = [key for key in KEYS if key not in row]
    if missing:
        raise ValueError(f"the row lacks {missing}: a row says which run it is, {KEYS}")
    path = folder() / f"{row['experiment']}.jsonl"
    try:
        line = json.dumps({**row, **provenance()}, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"the row {row} holds NaN or infinite numbers, not written") from error
    # All of it anew, and one run at a time: a full disk or a killed process leaves no half of a row.
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            write_whole(path, (path.read_bytes() if path.exists() else b"") + f"{line}\n".encode())
    return path


def check_writable(experiment: str) -> None:
    """Raises NotWrittenError where a row could not be added: better before the training than after it.

    Example:
        >>> check_writable("toy")
    """
    path = folder() / f"{experiment}.jsonl"
    place = next(place for place in path.absolute().parents if place.exists())
    if not os.access(place, os.W_OK):
        with told(path):
            raise PermissionError(errno.EACCES, f"{place} is read-only")


def provenance() -> dict:
    """Versions, commit and date: what is needed to make the same row again."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def commit() -> str:
    """The commit of the checkout, with "+" when the package was changed since; else "unknown"."""

    def git(*words):
        return subprocess.run(
            ["git", "-C", str(PACKAGE), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")  # else the checkout is of something else
        return git("rev-parse", "--short=12", "HEAD") + (
            "+" if git("status", "--porcelain", "--", ".") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation; the latter is NaN for one value.

    Raises:
        ValueError: no value.

    Example:
        >>> mean_std([1.0, 2.0, 3.0])
        (2.0, 1.0)
    """
    if not values:
        raise ValueError("values is empty: a mean wants one value or more")
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else math.nan


def falls(row: dict, share: float = 0.2) -> float:
    """By which part of itself the lowest validation error fell in the last `share` of training: less
    than 0.03 is called rest here.

    Raises:
        ValueError: the row has no curve.

    Example:
        >>> curve = {"updates": [5, 10, 15, 20], "validation": [4.0, 1.0, 2.0, 0.8]}
        >>> round(falls({"curve": curve}), 3)
        0.2
    """
    curve = row.get("curve")
    if not curve:
        raise ValueError("the row has no learning curve: it was made before rows kept one")
    updates, validation = curve["updates"], curve["validation"]
    until = (1 - share) * updates[-1]
    known = [(n, error) for n, error in zip(updates, validation, strict=True) if error is not None]
    return 1 - min(error for _, error in known) / min(error for n, error in known if n <= until)
