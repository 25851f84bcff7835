"""Killed, or without a place to write: the same command then comes to the same row.

Forks of this process, killed by its operating system: kill -9 of what a user starts, without the
seconds of its imports.
"""

import ctypes
import errno
import json
import os
import random
import resource
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import torch
from lab.launch import launch

from flowlib.__main__ import main
from flowlib.lab import checkpoints, ledger, training
from flowlib.lab.checkpoints import checkpoint_path, load_checkpoint
from flowlib.lab.data.mnist import mnist
from flowlib.lab.run import experiments

pytestmark = pytest.mark.filterwarnings("ignore:This is NOT MNIST")
NAME = ("translating-mnist", "fernn-v1", "tiny", 0)
RUN = ["run", NAME[0], "--model", NAME[1], "--preset", NAME[2]]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty ledger and no data; a checkpoint after each update, in several parts."""
    for name in ("results", "checkpoints", "data"):
        monkeypatch.setenv(f"FLOWLIB_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    monkeypatch.setattr("flowlib.lab.run.fit", partial(training.fit, save_seconds=0.0))
    monkeypatch.setattr(checkpoints, "PART_BYTES", 4000)
    mnist("test", size=7)  # what is imported on the way is imported here
    return tmp_path


def row():
    """The one row of the ledger: what does not depend on the clock."""
    (line,) = (ledger.folder() / f"{NAME[0]}.jsonl").read_text().splitlines()
    found = json.loads(line)
    return {key: found[key] for key in ("metrics", "curve", "updates", "best_update")}


def left():
    """Files of checkpoints, without the empty ones of locks."""
    folder = checkpoint_path(*NAME).parent
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".lock")


def undisturbed(processes):
    """Its row; the ledger is empty again."""
    forks = launch(processes, main, RUN)
    for fork in forks:
        fork.join(60)
    assert [fork.exitcode for fork in forks] == [0] * processes
    found = row()
    (ledger.folder() / f"{NAME[0]}.jsonl").unlink()
    return found


def killed(processes, victim, saves, after):
    """Whether it was still running `after` seconds after so many checkpoints, and killed; what torchrun
    then does to the others is done."""
    forks, path = launch(processes, main, RUN), checkpoint_path(*NAME)
    seen = {path.stat().st_mtime_ns} if path.exists() else set()
    until = len(seen) + saves
    while len(seen) < until and forks[victim].exitcode is None:
        with suppress(FileNotFoundError):
            seen.add(path.stat().st_mtime_ns)
    forks[victim].join(after)
    hit = forks[victim].exitcode is None
    if hit:
        os.kill(forks[victim].pid, signal.SIGKILL)
    for fork in forks:
        fork.join(0 if hit and processes > 1 and fork.join(1) is None else 60)
        fork.kill()
        fork.join(60)
    return hit


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_kill_9_at_random_moments(processes, capfd):
    """The row is that of the undisturbed run to the last digit, however often it was killed."""
    expected = undisturbed(processes)
    moments, kills, resumed = random.Random(processes), 0, 0
    for _ in range(4):  # rows, each killed until it gets through four moments
        for saves in (0, 1, 2, moments.randrange(4)):
            victim, after = moments.randrange(processes), moments.uniform(0, 0.05)
            kills += killed(processes, victim, saves, after)
            resumed += checkpoint_path(*NAME).exists()
        if not ledger.rows(NAME[0]):
            for fork in launch(processes, main, RUN):
                fork.join(60)
                assert fork.exitcode == 0, capfd.readouterr().err
        assert row() == expected
        assert left() == []
        (ledger.folder() / f"{NAME[0]}.jsonl").unlink()
    assert kills >= 8 and resumed >= 3, "it was killed, and in the middle of training too"


def contents():
    """What lies where the checkpoints are."""
    return {name: (checkpoint_path(*NAME).parent / name).read_bytes() for name in left()}


def status_of_fork(function):
    (fork,) = launch(1, function)
    fork.join(60)
    return fork.exitcode


def one_sentence(err, *words):
    """Of flowlib's, without a traceback."""
    said = [line for line in err.splitlines() if line.startswith("flowlib: ")]
    assert len(said) == 1 and "Traceback" not in err, err
    for word in words:
        assert word in said[0]


@pytest.fixture
def expected():
    assert main(RUN) == 0
    found = row()
    (ledger.folder() / f"{NAME[0]}.jsonl").unlink()
    return found


@pytest.fixture
def half_done(expected, monkeypatch):
    """The files of a run that was stopped before its fourth update."""
    zero_grad, calls = torch.optim.Adam.zero_grad, []

    def stops(*args, **options):
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return zero_grad(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "zero_grad", stops)
        assert main(RUN) == 130
    assert load_checkpoint(checkpoint_path(*NAME), network())["done"] == 3
    return contents()


def network():
    return experiments()[NAME[0]].prepare(NAME[2], torch.device("cpu")).model(NAME[1])


def test_no_room_for_a_checkpoint(half_done, expected, capfd):
    """A limit that the operating system sets: the last good checkpoint stays, to the byte."""

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        return main(RUN)

    capfd.readouterr()
    assert status_of_fork(limited) == 2
    path = checkpoint_path(*NAME)
    one_sentence(capfd.readouterr().err, f"{path}.", "cannot be written (File too large)", "stays")
    assert contents() == half_done and ledger.rows(NAME[0]) == []
    assert load_checkpoint(path, network())["done"] == 3
    assert main(RUN) == 0 and row() == expected and left() == []


def test_no_room_for_the_row(expected, monkeypatch, capsys):
    """The rows that are there stay whole, and the finished training is not lost."""
    path = ledger.append(dict(zip(ledger.KEYS, NAME[:3] + (7,), strict=True)) | {"metrics": {}})
    before, write = path.read_bytes(), Path.write_bytes

    def full(self, content):
        if "results" not in str(self.parent):
            return write(self, content)
        write(self, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert main(RUN) == 2
    one_sentence(capsys.readouterr().err, f"{path} cannot be written (No space left on device)")
    assert path.read_bytes() == before and len(list(path.parent.glob("*.part"))) == 0
    assert load_checkpoint(checkpoint_path(*NAME), network())["done"] == 6
    assert main(RUN) == 0
    assert ledger.rows(NAME[0], seed=0)[0]["metrics"] == expected["metrics"] and left() == []


@pytest.mark.parametrize("which", ["results", "checkpoints"])
def test_a_folder_that_is_read_only(which, half_done, expected, workplace, capfd):
    """It says so before it trains."""
    folder = workplace / which
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)

    def ordinary():
        if os.geteuid() == 0:  # without its capabilities, the superuser may write where others may
            none = ((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
            assert ctypes.CDLL(None).capset(*none) == 0
        return main(RUN)

    capfd.readouterr()
    assert status_of_fork(ordinary) == 2
    reason = {
        "results": "results is read-only",
        "checkpoints": ".lock cannot be written (Permission denied)",
    }[which]
    one_sentence(capfd.readouterr().err, "cannot be written", reason)
    assert contents() == half_done and ledger.rows(NAME[0]) == []
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    assert main(RUN) == 0 and row() == expected


def test_a_killed_write_leaves_nothing_for_ever(half_done):
    """What a killed process left of a file goes when the next one is written."""
    path = checkpoint_path(*NAME)
    path.with_name(f"{path.name}.123.part").write_bytes(b"half")
    assert main(RUN) == 0 and left() == []
