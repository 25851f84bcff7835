"""The ledger: a row that was written is there, and says where it is from."""

import json
import math
import subprocess
from pathlib import Path

import pytest

from flowlib.lab import ledger

ROW = dict(experiment="toy", model="a", preset="quick", seed=0, data="MNIST", metrics={"mse": 0.5})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def test_rows_come_back_with_their_provenance(folder):
    assert ledger.rows("toy") == []
    row = ROW | {"metrics": {"mse_by_step": [1 / 3, 1e-300], "name": "Größe"}}
    assert ledger.append(row) == folder / "toy.jsonl"
    (found,) = ledger.rows("toy")
    assert {k: found[k] for k in row} == row, "to the last digit"
    assert found.keys() - row.keys() == {"torch", "python", "commit", "date"}
    assert len((folder / "toy.jsonl").read_text().splitlines()) == 1


def test_the_newest_row_of_a_run_counts(folder):
    for mse in (1.0, 2.0, 3.0):
        ledger.append(ROW | {"metrics": {"mse": mse}})
    ledger.append(ROW | {"seed": 1})
    ledger.append(ROW | {"data": "scikit-learn digits"})  # does not hide the one with MNIST
    found = [(row["seed"], row["data"], row["metrics"]["mse"]) for row in ledger.rows("toy")]
    assert found == [(0, "MNIST", 3.0), (1, "MNIST", 0.5), (0, "scikit-learn digits", 0.5)]
    assert len((folder / "toy.jsonl").read_text().splitlines()) == 5, "nothing is lost"


def test_rows_are_chosen_by_their_keys():
    for model in "ab":
        for seed in (0, 1):
            ledger.append(ROW | {"model": model, "seed": seed})
    assert [row["seed"] for row in ledger.rows("toy", model="b")] == [0, 1]
    assert len(ledger.rows("toy", model="b", seed=1)) == 1
    assert ledger.rows("toy", model="c") == ledger.rows("another") == []


@pytest.mark.parametrize(
    "broken", ["", '{"experiment": "toy", "mod', '{"experiment": 1}', "[1, 2]"]
)
def test_a_broken_line_is_named(folder, broken):
    path = ledger.append(ROW)
    with open(path, "a") as file:
        file.write(f"{broken}\n{json.dumps(ROW)}\n")
    with pytest.raises(ValueError, match=r"toy\.jsonl, line 2 is not a row"):
        ledger.rows("toy")


def test_what_is_not_a_row_is_not_written(folder):
    with pytest.raises(ValueError, match=r"lacks \['preset', 'seed'\]"):
        ledger.append({"experiment": "toy", "model": "a"})
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="'mse': (nan|inf).* holds NaN or infinite numbers"):
            ledger.append(ROW | {"metrics": {"mse": number}})
    assert not (folder / "toy.jsonl").exists()


def test_the_ledger_of_the_checkout_is_found(monkeypatch):
    monkeypatch.delenv("FLOWLIB_RESULTS")
    root = Path(__file__).resolve().parents[2]
    assert ledger.folder() == root / "book" / "results"
    assert len(ledger.rows("translating-mnist")) > 10


def test_the_commit_is_that_of_the_package(tmp_path, monkeypatch):
    """Not that of somebody's checkout in which the package happens to be installed."""

    def git(*words):
        name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *name, *words], check=True, capture_output=True)

    file = tmp_path / "venv" / "flowlib" / "__init__.py"
    file.parent.mkdir(parents=True)
    file.write_text("")
    monkeypatch.setattr(ledger, "PACKAGE", file.parent)
    assert ledger.commit() == "unknown"
    git("init")
    git("commit", "--allow-empty", "--no-gpg-sign", "-m", "something else")
    assert ledger.commit() == "unknown"
    git("add", ".")
    git("commit", "--no-gpg-sign", "-m", "the package")
    clean = ledger.commit()
    assert len(clean) == 12 and int(clean, 16)
    file.write_text("changed = True")
    assert ledger.commit() == clean + "+"


def test_mean_and_standard_deviation():
    assert ledger.mean_std([1.0, 2.0, 6.0]) == (3.0, pytest.approx(math.sqrt(7)))
    mean, spread = ledger.mean_std([0.25])
    assert mean == 0.25 and math.isnan(spread), "one value has no spread"
    with pytest.raises(ValueError, match="values is empty"):
        ledger.mean_std([])
