"""The command line, as a reader uses it, at the preset `tiny` and without MNIST."""

import dataclasses
import json
import shlex

import pooch
import pytest
import torch

from flowlib.__main__ import main
from flowlib.lab import ledger
from flowlib.lab.checkpoints import checkpoint_path
from flowlib.lab.data.motion import MovingImages
from flowlib.lab.run import experiments, run

pytestmark = pytest.mark.filterwarnings("ignore:This is NOT MNIST")
ONE_ROW = dataclasses.replace(experiments()["translating-mnist"], models={"g-rnn": "G-RNN"})
RUN = ["run", "translating-mnist", "--model", "g-rnn", "--preset", "tiny"]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty ledger, an empty cache, no data; one thread, as the tensors are small."""
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FLOWLIB_OFFLINE", "1")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


def files(folder):
    """All but the empty files of locks, which stay."""
    found = [p for p in folder.rglob("*") if p.is_file()]
    assert all(p.stat().st_size == 0 for p in found if p.suffix == ".lock")
    return sorted(str(p.relative_to(folder)) for p in found if p.suffix != ".lock")


def test_list_and_data(capsys):
    assert main(["list"]) == main(["data"]) == 0
    out = capsys.readouterr().out
    for word in ("translating-mnist", "velocity-generalisation", "fernn-v2", "laptop", "paper"):
        assert word in out
    assert "KTH: 0 of 599 videos in" in out and "Weizmann: 0 of 90 videos in" in out
    assert "MNIST: 0 of 4 files" in out and "scikit-learn digits will stand in" in out


def test_kth_is_not_downloaded_offline(capsys):
    assert main(["data", "--get", "kth"]) == 2
    assert "FLOWLIB_OFFLINE" in capsys.readouterr().err


def test_run_writes_one_row(workplace, capsys):
    assert main(RUN) == 0
    out = capsys.readouterr().out
    assert "translating-mnist g-rnn tiny 0: test_mse" in out and "scikit-learn digits" in out
    assert files(workplace) == ["results/translating-mnist.jsonl"], "no checkpoint is left behind"
    (row,) = ledger.rows("translating-mnist")
    wanted = "experiment model preset seed data settings metrics curve parameters updates best_update seconds"
    wanted += " peak_memory_mb device threads processes command precision torch python commit date"
    assert row.keys() == set(wanted.split())
    assert row["data"] == "scikit-learn digits" and row["device"] == "cpu" and row["seconds"] >= 0
    assert 0.01 < row["peak_memory_mb"] < 1 and row["parameters"] == 108  # that of the row alone

    assert main(RUN) == 0
    assert "the ledger has this row" in capsys.readouterr().out
    path = workplace / "results" / "translating-mnist.jsonl"
    assert len(path.read_text().splitlines()) == 1

    # The row's own command makes the row again.
    python, _, _, *words = shlex.split(row["command"])
    assert python == "python" and main([*words, "--again"]) == 0
    first, second = map(json.loads, path.read_text().splitlines())
    assert second["metrics"] == first["metrics"] and second["command"] == first["command"]


def test_run_without_a_model_runs_them_all():
    experiment = "velocity-generalisation"
    assert main(["run", experiment, "--preset", "tiny", "--seed", "3"]) == 0
    rows = ledger.rows(experiment, preset="tiny", seed=3)
    assert [row["model"] for row in rows] == ["g-rnn", "fernn-v1", "fernn-v2"]
    assert len({row["metrics"]["test_mse"] for row in rows}) == 3


def test_missing_rows_are_made_until_the_time_is_over(workplace, monkeypatch, capsys):
    """--minutes stops in time, the same command goes on, and rows that are there stay."""
    words = ["run", "velocity-generalisation", "--all", "--seeds", "2", "--preset", "tiny"]
    assert main([*words, "--minutes", "1e-9"]) == 0
    assert "1e-09 minutes are over; the same command goes on" in capsys.readouterr().err
    assert ledger.rows("velocity-generalisation") == []
    assert main(words) == main(words) == 0
    rows = ledger.rows("velocity-generalisation")
    assert [(r["seed"], r["model"]) for r in rows] == [
        (seed, model) for seed in (0, 1) for model in ("g-rnn", "fernn-v1", "fernn-v2")
    ]
    path = workplace / "results" / "velocity-generalisation.jsonl"
    assert len(path.read_text().splitlines()) == 6
    few = {"velocity-generalisation": experiments()["velocity-generalisation"]}
    monkeypatch.setattr("flowlib.__main__.experiments", lambda: few)
    assert main(["run", "--missing", "--preset", "tiny", "--precision", "bfloat16"]) == 0
    new = ledger.rows("velocity-generalisation", seed=2)
    assert len(new) == 3 and {r["precision"] for r in new} == {"bfloat16"}
    assert main(shlex.split(new[0]["command"])[3:]) == 0
    assert "the ledger has this row" in capsys.readouterr().out


def test_two_runs_of_one_row_at_once(workplace, monkeypatch, capsys):
    """The second says so; after the first is done it finds the row."""
    seconds = []

    def meanwhile(*args, **options):
        seconds.append(main(RUN))
        seconds.append(
            main(["run", "translating-mnist", "--preset", "tiny", "--all", "--seeds", "1"])
        )
        return run(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr("flowlib.__main__.run", meanwhile)
        patch.setattr("flowlib.__main__.experiments", lambda: {"translating-mnist": ONE_ROW})
        assert main(RUN) == 0
    assert seconds == [75, 0], "a single row is an error, one of many is left to the other"
    out = capsys.readouterr()
    assert "flowlib: another process runs translating-mnist g-rnn tiny 0 at this moment" in out.err
    assert "left out: another process runs translating-mnist g-rnn tiny 0" in out.err
    assert main(RUN) == 0
    assert "the ledger has this row" in capsys.readouterr().out
    path = workplace / "results" / "translating-mnist.jsonl"
    assert len(path.read_text().splitlines()) == 1


def test_missing_data_stop_one_experiment_only(monkeypatch, capsys):
    few = {e: experiments()[e] for e in ("kth-fixed", "velocity-generalisation")}
    monkeypatch.setattr("flowlib.__main__.experiments", lambda: few)
    assert main(["run", "--missing", "--preset", "tiny", "--seeds", "1"]) == 0
    assert capsys.readouterr().err.count("kth-fixed: left out, no KTH in") == 1
    assert len(ledger.rows("velocity-generalisation")) == 3 and not ledger.rows("kth-fixed")
    assert main(["run", "kth-fixed", "--preset", "tiny"]) == 2
    assert "data --get kth" in capsys.readouterr().err


def test_table(capsys):
    def row(model, seed, mse, data="MNIST"):
        what = dict(experiment="translating-mnist", preset="quick", parameters=1, seconds=1.0)
        what |= dict(model=model, seed=seed, data=data, metrics={"test_mse": mse})
        settings = experiments()["translating-mnist"].settings["quick"]
        ledger.append(what | dict(settings=settings))
        ledger.append(what | dict(settings=settings | {"updates": 1}, seed=7))  # of another preset

    row("fernn-v2", 0, 1e-3)
    row("fernn-v2", 1, 3e-3)
    row("fernn-v2", 1, 0.5, "scikit-learn digits")  # other data are no seed of the same row
    row("fernn-v1", 0, 7e-3)
    assert main(["table", "translating-mnist"]) == 0
    lines = capsys.readouterr().out.splitlines()
    cells = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in lines if "|" in line}
    assert [c.strip() for c in cells["FERNN-V2"]] == [
        "1.8e-04 ± 3e-06", "1", "2.0e-03 ± 1e-03 (2 seeds, MNIST)"
    ]  # fmt: skip
    assert cells["FERNN-V1"][0].strip() == "-" and "7.0e-03 (1 seed" in cells["FERNN-V1"][2]
    assert [c.strip() for c in cells["G-RNN"]] == ["1.4e-03 ± 9e-06", "-", "-"]


@pytest.mark.parametrize("draw", [4, 10])
def test_a_run_that_was_stopped_goes_on(workplace, monkeypatch, capsys, draw):
    """Stopped with Ctrl-C in the middle, at a validation, or in the final measurement."""
    path = checkpoint_path("translating-mnist", "g-rnn", "tiny", 0)
    assert path.is_relative_to(workplace)
    original, drawn = MovingImages.draw, []

    def stops(self, *args):
        drawn.append(args)
        if len(drawn) == draw:
            raise KeyboardInterrupt
        return original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(MovingImages, "draw", stops)
        assert main(RUN) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert files(workplace) == [str(path.relative_to(workplace))], "a checkpoint, and no row yet"
    assert torch.load(path, weights_only=True)["done"] == {4: 3, 10: 6}[draw]

    assert main(RUN) == 0 and main([*RUN, "--again"]) == 0
    lines = (workplace / "results" / "translating-mnist.jsonl").read_text().splitlines()
    resumed, whole = map(json.loads, lines)
    for key in ("metrics", "best_update", "updates"):
        assert resumed[key] == whole[key]
    assert not path.exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({1: "moving-mnist"}, "choose one of translating-mnist, velocity-generalisation"),
        ({6: "--precision", 7: "half"}, "precision is 'half': it wants float32 or bfloat16"),
        ({3: "fernn"}, "choose one of g-rnn, fernn-v1, fernn-v2"),
        ({5: "huge"}, "choose one of tiny, quick, laptop, desk, paper"),
        ({6: "--device", 7: "gpu"}, "no device 'gpu' here: choose cpu"),
        ({6: "--device", 7: "cuda:99"}, "no device 'cuda:99' here: choose cpu"),
        ({6: "--seed", 7: "-1"}, "seed is -1: it wants 0 or more"),
        ({6: "--seeds", 7: "0"}, "seeds is 0: it wants 1 or more"),
        *(
            (
                {6: f"--minutes={minutes}"},
                f"minutes is {minutes}: it wants a number above 0, e.g. 30",
            )
            for minutes in ("-1", "0", "nan")
        ),
    ],
)
def test_bad_input_gets_status_2_and_what_would_work(
    as_users_see_it, workplace, capsys, change, message
):
    words = dict(enumerate(RUN)) | change
    assert main(list(words.values())) == 2
    err = capsys.readouterr().err
    assert err.startswith("flowlib: ") and message in err
    assert files(workplace) == []


def test_bench(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("flowlib.__main__.bench", asked.append)
    assert main(["bench", "--channels", "2", "4"]) == 0 and asked == [[2, 4]]
    assert main(["bench", "--channels", "4", "0"]) == 2 and len(asked) == 1
    assert "channels is 0: it wants 1 or more" in capsys.readouterr().err


def test_a_damaged_ledger_or_checkpoint_is_named(workplace, capsys):
    path = checkpoint_path("translating-mnist", "g-rnn", "tiny", 0)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    assert main(RUN) == 2
    assert f"{path} cannot be read as a checkpoint" in capsys.readouterr().err
    assert path.read_bytes() == b"half", "it is not ours to delete"
    (workplace / "results").mkdir()
    (workplace / "results" / "translating-mnist.jsonl").write_text("not a row\n")
    assert main(RUN) == main(["table", "translating-mnist"]) == 2
    assert "translating-mnist.jsonl, line 1" in capsys.readouterr().err


def test_a_command_that_there_is_not(capsys):
    for words in (["fly"], []):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
    err = capsys.readouterr().err
    assert "invalid choice: 'fly'" in err and "'table'" in err
