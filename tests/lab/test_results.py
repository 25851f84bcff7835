"""The ledger of the checkout: its tables have the paper's order, and about its ratios, where ours do.

Where they do not, the chapter says so, and this file says which.
"""

from pathlib import Path

import pytest

from flowlib.lab.run import experiments
from flowlib.lab.tables import by_velocity, rows_of_one, summary, velocity_table
from flowlib.lab.verdicts import verdicts

RESULTS = Path(__file__).resolve().parents[2] / "book" / "results"


@pytest.fixture
def mean(monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))

    def mean(experiment, model, preset="laptop"):
        found = summary(experiments()[experiment], model, preset)
        assert found and found["data"] == "MNIST", f"no rows: {experiment} {model} {preset}"
        return found["mean"]

    return mean


def test_one_digit(mean):
    error = {
        m: mean("translating-mnist", m)
        for m in experiments()["translating-mnist"].models
        if "lstm" not in m
    }
    assert error["g-rnn"] > 5 * error["fernn-v2"]  # published: 7.8
    assert error["fernn-v2"] < error["fernn-v1"] < error["g-rnn"]
    assert error["fernn-v2"] < error["g-rnn-wide"] < error["g-rnn"]
    assert error["g-rnn"] > 5 * error["fernn-v2-mixing"]  # published: 4.7


def test_where_nothing_comes_back(mean):
    """The FERNN follows where a memory of what was shown does not help; what each choice is worth."""
    error = {
        m: mean("ablations", m) for m in experiments()["ablations"].models if "longer" not in m
    }
    assert error["g-rnn"] > 10 * error["fernn-v2"]
    for change in ("forgets", "twice", "constant", "mean"):
        assert 1 < error[f"fernn-v2-{change}"] / error["fernn-v2"] < 10
    rows = experiments()["ablations"].rows("g-rnn", "laptop")
    assert all(row["metrics"]["repeat_share"] < 0.05 for row in rows)


def test_slow_digits_in_training(mean):
    error = {m: mean("velocity-generalisation", m) for m in ("g-rnn", "fernn-v1", "fernn-v2")}
    assert max(error["fernn-v1"], error["fernn-v2"]) < error["g-rnn"] / 3


def test_between_generators(mean):
    """The more velocities, the smaller the error: the published order of all six rows."""
    rows = experiments()["between-generators"].published
    error = [mean("between-generators", m) for m in rows]
    assert list(rows.values()) == sorted(rows.values(), reverse=True)
    assert error == sorted(error, reverse=True) and error[0] > 10 * error[-1]  # published: 18


def test_two_digits(mean):
    error = {
        m: mean("translating-mnist-2", m)
        for m in experiments()["translating-mnist-2"].models
        if "lstm" not in m
    }
    assert error["fernn-v2"] < error["g-rnn-wide"] < error["g-rnn"]
    assert error["g-rnn"] > 3 * error["fernn-v2"] and error["fernn-v1"] < error["g-rnn"]


def test_two_turning_digits(monkeypatch):
    """The paper's order with each seed, by a wide margin for FERNN-V4; but the G-RNN has hardly learned
    the task, so the published ratio of 6.6 is not tested by these rows, and chapter 13 says so."""
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))
    two = experiments()["rotating-mnist-2"]
    rows = {m: rows_of_one(two, m, "laptop") for m in two.models}
    assert all(row["data"] == "MNIST" for m in rows for row in rows[m])
    assert len({row["parameters"] for m in rows for row in rows[m]}) == 1
    metrics = {m: {row["seed"]: row["metrics"] for row in rows[m]} for m in rows}
    seeds = set.intersection(*(set(found) for found in metrics.values()))
    assert seeds, "no seed has all rows"
    for seed in seeds:
        error = [metrics[m][seed]["test_mse"] for m in ("g-rnn", "fernn-v2", "fernn-v4")]
        assert error[0] > 1.2 * error[1] and error[1] > 2 * error[2] and error[0] > 3 * error[2]
        g_rnn, best = (metrics[m][seed] for m in ("g-rnn", "fernn-v4"))
        assert 0.1 < g_rnn["skill"] < 0.4 and best["skill"] > 0.75
        assert g_rnn["repeat_share"] < 0.05
    for verdict in verdicts(two):
        assert verdict.word == "not tested" and "skill" in verdict.why


def test_slow_turns_in_training(monkeypatch):
    """With each seed: FERNN-V4 has the fast turns of the test in its V, the others have not, and at 50
    nobody has. A third of the digits stand still, so errors are looked at by velocity."""
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))
    slow = experiments()["rotation-generalisation"]
    by = {
        m: {r["seed"]: r["metrics"]["mse_by_velocity"] for r in rows_of_one(slow, m, "laptop")}
        for m in slow.models
    }
    seeds = set.intersection(*(set(found) for found in by.values()))
    assert seeds, "no seed has all rows"

    def mean(m, seed, *speeds):
        errors = [by[m][seed][str(sign * v)] for v in speeds for sign in (-1, 1)]
        return sum(errors) / len(errors)

    for seed in seeds:
        fast = {m: mean(m, seed, 20, 30, 40) for m in by}
        assert fast["fernn-v4"] < min(fast["g-rnn"], fast["fernn-v1"]) / 10
        assert fast["fernn-v4"] < 2 * mean("fernn-v4", seed, 10) < mean("g-rnn", seed, 10)
        assert mean("fernn-v4", seed, 50) > 10 * fast["fernn-v4"]
        for m in ("g-rnn", "fernn-v1"):
            assert fast[m] > 4 * mean(m, seed, 10)


def test_bouncing(mean):
    error = [mean("bouncing-mnist", m) for m in ("g-rnn", "fernn", "fernn-mixing")]
    assert error == sorted(error, reverse=True)
    assert error[0] > 1.1 * error[-1]  # published: 2.8; chapter 15 looks for the reason


def test_augmentation_does_not_replace_the_flow(mean):
    error = {m: mean("augmentation", m) for m in experiments()["augmentation"].models}
    assert error["g-rnn"] < error["g-rnn-fixed"]
    assert 0.5 < error["fernn-v2"] / error["fernn-v2-fixed"] < 2, "it has nothing to learn from it"
    assert 5 * error["fernn-v2-fixed"] < error["g-rnn"]


def test_each_velocity_between_the_generators_stands_beside_the_published_one(monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))
    experiment = experiments()["between-generators"]
    lines = [line.split("|") for line in velocity_table(experiment).splitlines()[2:]]
    assert len(lines) == 2 * len(experiment.models) and {len(line) for line in lines} == {15}
    published, ours = lines[6], lines[7]
    assert [c.strip() for c in published[1:6]] == [
        "{-4, -2, 0, 2, 4}", "published, 1e-4", "8", "2", "3"
    ]  # fmt: skip
    errors = by_velocity(experiment, "v24", "laptop")
    assert ours[2].strip() == "laptop, 1e-3"
    assert [float(c) for c in ours[3:-1]] == pytest.approx(
        [1e3 * e for e in errors.values()], rel=0.06
    )


ACTIONS = {"kth": "KTH subset", "weizmann": "Weizmann"}


@pytest.fixture
def folds(monkeypatch):
    """(data, question, model) -> the metrics of three folds."""
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))

    def folds(data, question, model):
        rows = experiments()[f"{data}-{question}"].rows(model, "laptop", data=ACTIONS[data])
        found = {row["seed"]: row["metrics"] for row in rows}
        assert sorted(found) == [0, 1, 2], f"three folds: {data} {question} {model}"
        return [found[fold] for fold in range(3)]

    return folds


@pytest.mark.parametrize("data", ACTIONS)
def test_actions(folds, data):
    """All rows are there, of the subset and not of KTH; each model is above chance in the mean."""
    for question in ("fixed", "redrawn", "switch", "faster"):
        for model in experiments()[f"{data}-{question}"].models:
            if model != "g-rnn-wide" or question == "fixed":
                rows = folds(data, question, model)
                accuracy, chance = (
                    sum(row[key] for row in rows) / 3 for key in ("test_accuracy", "chance")
                )
                assert accuracy > chance + 0.1


@pytest.mark.parametrize("data", ACTIONS)
def test_fernn_leads_with_augmentation(folds, data):
    """What chapter 18 says of this table, and of no other."""
    best = [row["test_accuracy"] for row in folds(data, "redrawn", "fernn-v2")]
    for other in ("3d-cnn", "g-rnn", "g-rnn-plus", "fernn-v1"):
        scores = [row["test_accuracy"] for row in folds(data, "redrawn", other)]
        assert all(a >= b for a, b in zip(best, scores, strict=True)) and sum(best) > sum(scores)


@pytest.mark.parametrize("data", ACTIONS)
def test_more_channels_are_no_substitute(folds, data):
    wide, narrow = (folds(data, "fixed", model) for model in ("g-rnn-wide", "g-rnn"))
    assert all(a["test_accuracy"] < b["test_accuracy"] for a, b in zip(wide, narrow, strict=True))
