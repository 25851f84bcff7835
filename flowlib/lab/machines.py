"""Many rows at once: side by side on a machine, or as an array of jobs on a cluster.

A row is a command, `run EXPERIMENT --model MODEL ...`, and a process of its own. What fails, fails alone.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

FLOWLIB = (sys.executable, "-m", "flowlib")
BUSY = 75  # the exit status where another process is at the row: the BSD's "try again later"


class RowsFailedError(RuntimeError):
    """Some of many rows failed; the text names them. The others are in the ledger."""


def cores() -> int:
    """How many cores this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def side_by_side(
    commands: Sequence[Sequence[str]],
    jobs: int,
    deadline: float | None = None,
    python: Sequence[str] = FLOWLIB,
) -> None:
    """Run commands, so many at a time: whoever is done takes the next one.

    What they print comes when they are done. Each has its share of the cores as threads.

    Args:
        commands: the words after `python -m flowlib`.
        jobs: processes at a time.
        deadline: the time.monotonic() after which none is begun; each is told what is left of it.
        python: the words before them.

    Raises:
        ValueError: fewer than one job.
        RowsFailedError: one or more commands failed; the others were done.

    Example: one of two programs that do not end well.
        >>> python = [sys.executable, "-c"]
        >>> side_by_side([["import sys; sys.exit('no ink')"], ["pass"]], jobs=2, python=python)
        Traceback (most recent call last):
        flowlib.lab.machines.RowsFailedError: 1 of 2 failed: import sys; sys.exit('no ink') (no ink)
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}: it wants 1 or more, e.g. {cores()}, one for each core")
    environment = os.environ | {"OMP_NUM_THREADS": str(max(1, cores() // jobs))}

    def run(words: Sequence[str]) -> subprocess.CompletedProcess | None:
        minutes = () if deadline is None else ("--minutes", str((deadline - time.monotonic()) / 60))
        if minutes and float(minutes[1]) <= 0:
            return None
        command = [*python, *words, *minutes]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    failed = []
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run, words): words for words in commands}
        try:
            for future in as_completed(running):
                done, name = future.result(), " ".join(running[future])
                if done is None:
                    continue
                print(done.stdout, end="", flush=True)
                last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
                if done.returncode == BUSY:
                    print(f"left out: {last}", file=sys.stderr)
                elif done.returncode:
                    failed.append(f"{name} ({last.removeprefix('flowlib: ')})")
        except KeyboardInterrupt:  # the rows that run have heard it too, and save
            pool.shutdown(cancel_futures=True)
            raise
    if failed:
        raise RowsFailedError(f"{len(failed)} of {len(commands)} failed: {'; '.join(failed)}")


@dataclass(frozen=True)
class ClusterRow:
    """A row as a job of a cluster. One that is preempted is put into the queue again, and goes on.

    Attributes:
        words: after `python -m flowlib`.
    """

    words: Sequence[str]

    def __call__(self) -> None:
        sys.argv = ["flowlib", *self.words]
        try:
            runpy.run_module("flowlib", run_name="__main__")
        except SystemExit as end:
            if end.code not in (0, BUSY):
                text = f"{' '.join(self.words)} ended with status {end.code}"
                raise RowsFailedError(f"{text}: its stderr says why") from end

    def checkpoint(self):
        """What submitit asks for when the job's time is over: the same row, from its checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def submit(
    commands: Sequence[Sequence[str]], folder: str | Path, options: Sequence[str] = ()
) -> list:
    """The commands as one array of jobs; of SLURM where it is, else of this machine.

    Args:
        commands: the words after `python -m flowlib`.
        folder: for the logs, on a disk that all machines see, as are the ledger and the checkpoints.
        options: KEY=VALUE of submitit, e.g. "timeout_min=600", "gpus_per_node=1",
            "slurm_partition=gpu", "slurm_array_parallelism=8".

    Returns:
        The jobs, as submitit gives them.

    Raises:
        ValueError: submitit is not installed, or does not take an option.
    """
    try:
        import submitit
    except ImportError as error:
        raise ValueError(
            "a cluster wants the package submitit, which is not here: pip install 'flowlib[cluster]'"
        ) from error
    wrong = [option for option in options if "=" not in option]
    if wrong:
        raise ValueError(f"the option {wrong[0]!r} wants KEY=VALUE, e.g. timeout_min=600")
    executor = submitit.AutoExecutor(folder)
    pairs = (option.split("=", 1) for option in options)
    values = {key: int(value) if value.isdigit() else value for key, value in pairs}
    try:
        executor.update_parameters(name="flowlib", **{"timeout_min": 24 * 60, **values})
    except (NameError, TypeError, AssertionError) as error:
        raise ValueError(f"options is {list(options)}: {str(error).splitlines()[0]}") from error
    return executor.submit_array([ClusterRow(words) for words in commands]) if commands else []
