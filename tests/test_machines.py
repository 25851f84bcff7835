"""Past one process: rows by torchrun, side by side, on a cluster, as users start them."""

import json
import subprocess
import sys

import pytest

from flowlib.__main__ import main
from flowlib.lab import ledger, machines
from flowlib.lab.checkpoints import checkpoint_path, row_lock
from flowlib.lab.machines import ClusterRow, RowsFailedError, side_by_side, submit
from flowlib.lab.run import experiments

EXPERIMENT = "velocity-generalisation"
ROW = ["run", EXPERIMENT, "--model", "fernn-v1", "--preset", "tiny"]
ALL = ["run", EXPERIMENT, "--all", "--seeds", "1", "--preset", "tiny"]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty ledger, no checkpoints, no data: scikit-learn's digits."""
    for name in ("results", "checkpoints", "data"):
        monkeypatch.setenv(f"FLOWLIB_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def torchrun(processes, words):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", str(processes), "-m", "flowlib", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def lines():
    return [*map(json.loads, (ledger.folder() / f"{EXPERIMENT}.jsonl").read_text().splitlines())]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This is NOT MNIST")
@pytest.mark.parametrize("precision, rtol", [("float32", 1e-6), ("bfloat16", 1e-4)])
def test_torchrun_makes_the_row_of_one_process(workplace, precision, rtol):
    """Two processes add in another order: a rounding, 6e-8 or 4e-3 of the gradient. Six updates of Adam
    move a weight by 6 x 4e-3 at most, so by 1e-9 or 1e-4 of that rounding apart."""
    words = [*ROW, "--precision", precision]
    assert main(words) == 0
    done = torchrun(2, [*words, "--again"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("row in") == 1, "one process speaks"
    one, two = lines()
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["command"].startswith("torchrun --nproc-per-node 2 -m flowlib run ")
    for errors in (row["metrics"]["mse_by_step"] for row in (one, two)):
        assert errors == pytest.approx(one["metrics"]["mse_by_step"], rel=rtol)
    assert two["curve"]["validation"] == pytest.approx(one["curve"]["validation"], rel=rtol)
    assert not [p for p in (workplace / "checkpoints").iterdir() if p.suffix != ".lock"]


@pytest.mark.slow
def test_torchrun_with_a_batch_that_does_not_divide():
    done = torchrun(3, ROW)
    assert done.returncode != 0
    assert "flowlib: the batch is 4, of 3 processes" in done.stderr
    assert "take 2 processes, or a batch of 3 or 6" in done.stderr
    assert ledger.rows(EXPERIMENT) == []


@pytest.mark.slow
def test_jobs_side_by_side(capfd):
    """One row is somebody else's at this moment, one fails, the third is made; then all are."""
    damaged = checkpoint_path(EXPERIMENT, "fernn-v1", "tiny", 0)
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"half")
    with row_lock(EXPERIMENT, "g-rnn", "tiny", 0):
        assert main([*ALL, "--jobs", "2"]) == 2
    out, err = capfd.readouterr()
    assert [row["model"] for row in ledger.rows(EXPERIMENT)] == ["fernn-v2"]
    assert "fernn-v2 tiny 0: test_mse" in out
    assert ledger.rows(EXPERIMENT)[0]["threads"] == max(1, machines.cores() // 2)
    left, failed = err.strip().splitlines()
    assert left.startswith("left out: flowlib: another process runs velocity-generalisation g-rnn")
    assert failed.startswith(
        f"flowlib: 1 of 3 failed: run {EXPERIMENT} --model fernn-v1 --preset tiny --seed 0"
    )
    assert f"({damaged} cannot be read as a checkpoint" in failed
    damaged.unlink()
    assert main([*ALL, "--jobs", "2"]) == 0
    assert len(lines()) == 3
    assert main([*ALL, "--jobs", "1"]) == 0 and len(lines()) == 3, "nothing is missing"


@pytest.fixture
def commands(monkeypatch):
    """The commands that would be run in processes of their own, and with how many threads."""
    seen, others = [], subprocess.run

    def run(command, **options):
        if command[:3] != [*machines.FLOWLIB]:  # git's, for the commit
            return others(command, **options)
        seen.append((command[3:], int(options["env"]["OMP_NUM_THREADS"])))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_jobs_are_the_rows_that_are_missing(commands, monkeypatch, capsys):
    monkeypatch.setattr(machines, "cores", lambda: 6)
    row = dict(experiment=EXPERIMENT, model="g-rnn", preset="tiny", seed=0, metrics={})
    ledger.append(row | {"settings": experiments()[EXPERIMENT].settings["tiny"]})
    assert main([*ALL, "--jobs", "3"]) == 0
    assert {words[3] for words, _ in commands} == {"fernn-v1", "fernn-v2"}
    assert {threads for _, threads in commands} == {2}
    commands.clear()
    assert main([*ALL, "--jobs", "3", "--minutes", "1e-9"]) == 0 and commands == []
    assert "1e-09 minutes are over" in capsys.readouterr().err
    assert main([*ALL, "--jobs", "9", "--minutes", "30", "--again"]) == 0
    assert len(commands) == 3 and {threads for _, threads in commands} == {1}
    assert all(29 < float(words[-1]) < 30 and "--again" in words for words, _ in commands)


def test_bad_jobs(capsys):
    assert main([*ALL, "--jobs", "0"]) == 2
    assert "jobs is 0: it wants 1 or more, e.g." in capsys.readouterr().err
    assert main([*ALL, "--model", "fernn", "--jobs", "2"]) == 2
    assert "choose one of g-rnn, fernn-v1, fernn-v2" in capsys.readouterr().err


def test_what_fails_is_named_and_the_others_are_done(workplace):
    """Whatever ends a process, a signal too."""
    python = [sys.executable, "-c"]
    end = f"open('{workplace}/' + 'done', 'a').write('x')"
    kill = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(RowsFailedError, match=r"^2 of 4 failed: .*kill.*\(status -9\)") as error:
        side_by_side([[kill], [end], ["import sys; sys.exit('no ink')"], [end]], 2, python=python)
    assert "(no ink)" in str(error.value)
    assert (workplace / "done").read_text() == "xx"


@pytest.mark.slow
def test_the_missing_rows_as_jobs_of_a_cluster(workplace, capsys):
    """Where there is no SLURM, submitit's jobs are processes of this machine."""
    pytest.importorskip("submitit")
    checkpoint_path(EXPERIMENT, "g-rnn", "tiny", 0).parent.mkdir(parents=True)
    checkpoint_path(EXPERIMENT, "g-rnn", "tiny", 0).write_bytes(b"half")
    words = [["run", EXPERIMENT, "--preset", "tiny", "--model", m] for m in ("g-rnn", "fernn-v1")]
    bad, good = submit(words, workplace / "logs", ["timeout_min=2"])
    assert good.result() is None
    assert [row["model"] for row in ledger.rows(EXPERIMENT)] == ["fernn-v1"]
    assert "ended with status 2" in str(bad.exception())
    assert "cannot be read as a checkpoint" in bad.stderr()
    assert main([*ALL, "--cluster", str(workplace / "logs"), "slurm_array_parallelism=2"]) == 0
    assert capsys.readouterr().out.count("its log is") == 2, "fernn-v1 is there"


def test_a_preempted_row_goes_on():
    pytest.importorskip("submitit")
    row = ClusterRow(("run", EXPERIMENT))
    assert row.checkpoint().function is row


def test_bad_clusters(workplace, capsys, monkeypatch):
    pytest.importorskip("submitit")
    logs = str(workplace / "logs")
    assert main([*ALL, "--cluster", logs, "fast"]) == 2
    assert "the option 'fast' wants KEY=VALUE" in capsys.readouterr().err
    for wrong in ("cores=3", "slurm_speed=9", "timeout_min=long"):
        assert main([*ALL, "--cluster", logs, wrong]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"flowlib: options is ['{wrong}']: ") and err.count("\n") == 1
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main([*ALL, "--cluster", logs]) == 2
    assert "pip install 'flowlib[cluster]'" in capsys.readouterr().err
    assert not (workplace / "results").exists()
