"""The ledger of the checkout: its tables have the paper's order, and about its ratios, where ours do.

Where they do not, the chapter says so, and this file says which.
"""

from itertools import pairwise
from pathlib import Path
from statistics import geometric_mean

import pytest

from flowlib.lab.ledger import falls, mean_std
from flowlib.lab.recognition import FOLDS
from flowlib.lab.run import experiments
from flowlib.lab.tables import by_velocity, floors, rows_of_one, summary, velocity_table
from flowlib.lab.verdicts import ratios, verdicts

RESULTS = Path(__file__).resolve().parents[2] / "book" / "results"


@pytest.fixture(autouse=True)
def ledger_of_the_checkout(monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(RESULTS))


@pytest.fixture
def mean():
    def mean(experiment, model, preset="laptop"):
        found = summary(experiments()[experiment], model, preset)
        assert found and found["data"] == "MNIST", f"no rows: {experiment} {model} {preset}"
        return found["mean"]

    return mean


def test_one_digit(mean):
    """FERNN-V2 far ahead of every baseline, with each seed; the paper's order. The G-RNN has learned less
    than half of what a still picture leaves open, and chapter 14 says so."""
    table = experiments()["translating-mnist"]
    error = {m: summary(table, m, "laptop") for m in table.models}
    error = {m: found["mean"] for m, found in error.items() if found}
    baselines = {"g-rnn", "conv-lstm", "conv-lstm-5", *(m for m in table.models if "wide" in m)}
    assert error.keys() >= baselines | {"fernn-v1", "fernn-v2", "g-rnn-fixed", "fernn-v2-fixed"}
    assert 10 * error["fernn-v2"] < min(error[m] for m in baselines)
    assert error["fernn-v2"] < error["fernn-v1"] < error["g-rnn"]
    assert 1.3 < error["g-rnn"] / min(error[m] for m in baselines) < 2
    assert min(ratios(table, "g-rnn", "fernn-v2", "laptop")) > 20  # published: 7.8
    for row in table.rows("g-rnn", "laptop", data="MNIST"):
        assert 0.3 < row["metrics"]["skill"] < 0.5 and row["metrics"]["repeat_share"] < 0.05
        assert falls(row) < 0.03
    for row in table.rows("fernn-v2", "laptop", data="MNIST"):
        assert row["metrics"]["skill"] > 0.95


def test_what_each_choice_is_worth():
    """No choice of ours is worth what the step from the G-RNN to FERNN-V2 is."""
    table = experiments()["ablations"]
    assert min(ratios(table, "g-rnn", "fernn-v2", "laptop")) > 20
    for change in ("forgets", "twice", "constant", "mean"):
        assert max(ratios(table, f"fernn-v2-{change}", "fernn-v2", "laptop")) < 10
    for change in ("twice", "mean"):
        assert min(ratios(table, f"fernn-v2-{change}", "fernn-v2", "laptop")) > 1.1
    for change in ("forgets", "twice", "constant"):
        found = ratios(table, f"g-rnn-{change}", "g-rnn", "laptop")
        assert 0.9 < min(found) and max(found) < 1.1
    found = ratios(table, "g-rnn-longer", "g-rnn", "laptop")
    assert 0.7 < min(found) and max(found) < 1


def test_slow_digits_in_training():
    """FERNN-V2 that saw slow digits only forecasts fast ones as well, and far better than a G-RNN that was
    trained on them; FERNN-V1 does not."""

    def fast_and_slow(experiment, model):
        errors = by_velocity(experiments()[experiment], model, "laptop")
        fast = [e for v, e in errors.items() if "2" in v]
        return sum(fast) / 16, (sum(errors.values()) - sum(fast)) / 9

    fast, slow = fast_and_slow("velocity-generalisation", "fernn-v2")
    assert 0.8 < fast / slow < 1.5
    assert fast_and_slow("translating-mnist", "g-rnn")[0] > 15 * fast
    assert fast_and_slow("velocity-generalisation", "fernn-v1")[0] > 20 * fast


def test_between_generators(mean):
    """The published order but for the two sets of three velocities, which draw: each seed, and without
    the digit at rest, whose frames repeat."""
    table = experiments()["between-generators"]
    assert list(table.published.values()) == sorted(table.published.values(), reverse=True)
    error, skill = {}, {}
    for model in table.models:
        assert mean("between-generators", model)
        for row in table.rows(model, "laptop", data="MNIST"):
            by = row["metrics"]["mse_by_velocity"]
            error[model, row["seed"]] = sum(by[v] for v in by if v != "0,0") / 10
            skill[model, row["seed"]] = row["metrics"]["skill"]
            assert row["metrics"]["repeat_share"] < 0.15  # 1 of 11 velocities is rest
    for worse, better, least in (
        *(("v0", "v1", 1), ("v0", "v5", 1), ("v1", "v24", 2), ("v5", "v24", 2)),
        *(("v24", "v135", 1), ("v135", "v12345", 1), ("v0", "v12345", 20)),  # published: 18
    ):
        seeds = [seed for model, seed in error if model == worse and (better, seed) in error]
        assert seeds and all(error[worse, s] > least * error[better, s] for s in seeds)
    for (model, _), value in skill.items():
        low, high = {"v0": (0.4, 0.7), "v1": (0.7, 0.9), "v5": (0.7, 0.9)}.get(model, (0.9, 1))
        assert low < value < high


def test_two_digits(mean):
    """The paper's order, seed by seed. Two of its ratios are missed: chapter 16 says what was tried."""
    experiment = experiments()["translating-mnist-2"]
    wide = [m for m in experiment.models if m.startswith("g-rnn-wide")]
    error = {m: mean("translating-mnist-2", m) for m in ("g-rnn", "fernn-v1", "fernn-v2", *wide)}
    best_wide = min(error[m] for m in wide)
    assert error["fernn-v2"] < error["fernn-v1"] < error["g-rnn"]
    assert 4 * error["fernn-v2"] < best_wide < error["g-rnn"]
    assert min(ratios(experiment, "g-rnn", "fernn-v2", "laptop")) > 5  # published: 54
    assert min(ratios(experiment, "fernn-v1", "fernn-v2", "laptop")) > 4  # published: 3.5
    steps = ratios(experiment, "g-rnn", "fernn-v1", "laptop")
    assert 1 < min(steps) and max(steps) < 2  # published: 15
    for m in ("conv-lstm", "conv-lstm-5"):
        assert mean("translating-mnist-2", m) > 4 * error["fernn-v2"]

    floor = floors(experiment, "laptop")
    assert floor["repeat_share"] < 0.01 and floor["still_mse"] < floor["last_mse"]
    for m, low, high in (("g-rnn", 0.2, 0.5), ("fernn-v1", 0.3, 0.6), ("fernn-v2", 0.85, 1)):
        rows = experiment.rows(m, "laptop")
        assert all(low < row["metrics"]["skill"] < high for row in rows), m
    for row in experiment.rows("fernn-v2", "laptop"):  # a roll-out to 40 frames explodes
        by_step = row["metrics"]["mse_by_step"]
        assert by_step[11] < 0.6 * floor["still_mse"]
        assert by_step[-1] is None or by_step[-1] > 1


def test_velocities_that_change(mean):
    """Behind noise, with a new step in every frame: one predicted memory is ahead of the rule that aligns all
    frames, and far ahead of velocity channels and of none."""
    experiment = experiments()["changing-velocities"]
    error = {m: mean(experiment.name, m) for m in ("predictor", "predictor-soft", "aligned-mean")}
    assert error["predictor-soft"] < error["predictor"] < error["aligned-mean"]
    for m in ("g-rnn", "fernn-v2"):
        assert mean(experiment.name, m) > 8 * error["predictor"]
        assert all(falls(row) < 0.05 for row in experiment.rows(m, "laptop"))
    for row in experiment.rows("predictor-soft", "laptop"):  # the law: whatever the motion
        by = row["metrics"]["mse_by_velocity"].values()
        assert max(by) < 1.5 * min(by) and row["metrics"]["repeat_share"] == 0


def test_two_digits_larger(mean):
    """At `desk` the G-RNN is not three times better than a still picture, which was aimed at."""
    experiment = experiments()["translating-mnist-2"]
    found = ratios(experiment, "g-rnn", "fernn-v1", "desk")
    assert 1.3 < min(found) and max(found) < 5
    assert floors(experiment, "desk")["still_mse"] < 3 * mean(experiment.name, "g-rnn", "desk")


def test_larger_networks():
    """At `desk` the order of the laptop rows, and no baseline comes near what its table has best. One digit
    has a wider lead than at `laptop`, and turning digits the lead that was aimed at, four."""
    orders = {
        "translating-mnist": ("g-rnn", "fernn-v1", "fernn-v2"),
        "translating-mnist-2": ("g-rnn", "fernn-v1", "fernn-v2"),
        "rotating-mnist-2": ("g-rnn", "fernn-v2", "fernn-v4"),
        "between-generators": ("v0", "v24", "v135", "v12345"),
        "bouncing-mnist": ("g-rnn", "fernn"),
    }
    for name, models in orders.items():
        table = experiments()[name]
        for worse, better in pairwise(models):
            found = ratios(table, worse, better, "desk")
            assert found and min(found) > 1.2, (name, worse, better)
        assert floors(table, "desk")["repeat_share"] < (0.15 if models[0] == "v0" else 0.05)
        for row in table.rows(models[0], "desk"):
            assert 0.4 < row["metrics"]["skill"] < 0.9 and falls(row) < 0.05
    one, two = experiments()["translating-mnist"], experiments()["rotating-mnist-2"]
    pair = one, "g-rnn", "fernn-v2"
    assert min(ratios(*pair, "desk")) > 2 * max(ratios(*pair, "laptop"))
    assert min(ratios(two, "g-rnn", "fernn-v4", "desk")) > 4


def test_two_slow_digits_in_training(mean):
    """FERNN-V1 is level with FERNN-V2 inside its V; only FERNN-V2 forecasts faster pairs."""
    experiment = experiments()["velocity-generalisation-2"]
    error = {m: mean(experiment.name, m) for m in ("g-rnn", "fernn-v1", "fernn-v2")}
    assert 4 * max(error["fernn-v1"], error["fernn-v2"]) < error["g-rnn"]
    assert min(ratios(experiment, "g-rnn", "fernn-v1", "laptop")) > 3  # on all speeds: 1.3
    assert max(ratios(experiment, "fernn-v1", "fernn-v2", "laptop")) < 1.5
    for m in error:
        for row in experiment.rows(m, "laptop"):
            by = row["metrics"]["mse_by_velocity"]
            slow, fast = by["|v| <= 1"], by["|v| = 2"]
            assert fast < 1.25 * slow if m == "fernn-v2" else fast > 2 * slow, m


def test_two_turning_digits():
    """The paper's order with each seed, by a wide margin for FERNN-V4; but the G-RNN has hardly learned
    the task, so the published ratio of 6.6 is not tested by these rows, and chapter 15 says so."""
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
        assert verdict.word == "in order only" and "skill" in verdict.why


def test_slow_turns_in_training():
    """With each seed: FERNN-V4 has the fast turns of the test in its V, the others have not, and at 50
    nobody has. A third of the digits stand still, so errors are looked at by velocity."""
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
    """The published order with each seed; the cheap form of mixing gains nothing."""
    table = experiments()["bouncing-mnist"]
    for m in ("g-rnn", "fernn", "fernn-mixing", "fernn-separable", "conv-lstm", "conv-lstm-5"):
        assert 0.45 < 1 - mean(table.name, m) / floors(table, "laptop")["still_mse"] < 0.8
        assert all(falls(row) < 0.03 for row in table.rows(m, "laptop")), "at rest"
    assert floors(table, "laptop")["repeat_share"] < 0.05
    assert all(row["metrics"]["skill"] > 0.5 for row in table.rows("g-rnn", "laptop"))
    for worse, better, least, most in (
        ("g-rnn", "fernn", 1.1, 1.5),  # published: 1.4
        ("g-rnn", "fernn-mixing", 1.4, 2.8),  # published: 2.8; chapter 17 says what is known of why
        ("fernn", "fernn-mixing", 1.15, 2),  # published: 2
        ("fernn", "fernn-separable", 0.85, 1.15),
        ("conv-lstm", "g-rnn", 1, 1.5),
        ("fernn", "conv-lstm-5", 1, 1.5),  # a larger network without V is ahead of the plain FERNN
        ("conv-lstm-5", "fernn-mixing", 1, 1.5),
    ):
        found = ratios(table, worse, better, "laptop")
        assert found and all(least < ratio < most for ratio in found), (worse, better, found)
    # With as many parameters a network that does not mix is as good: the lead of mixing is its size.
    assert 0.9 < geometric_mean(ratios(table, "fernn-mixing", "fernn-wide", "laptop")) < 1.25


def test_augmentation_does_not_replace_the_flow():
    few = experiments()["augmentation"]
    for m in ("g-rnn", "fernn-v2"):
        assert min(ratios(few, f"{m}-fixed", m, "laptop")) > 1
    assert min(ratios(few, "g-rnn", "fernn-v2-fixed", "laptop")) > 5


def test_each_velocity_between_the_generators_stands_beside_the_published_one():
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
    # In a gap of V two neighbours, past its ends one; outside of V a FERNN is better than the G-RNN.
    inside, gaps, ends = (
        [errors[f"0,{w}"] for w in ws] for ws in ((-4, -2, 0, 2, 4), (-3, -1, 1, 3), (-5, 5))
    )
    assert sum(inside) / 5 < sum(gaps) / 4
    assert max(gaps) < min(ends) / 1.5
    g_rnn = by_velocity(experiment, "v0", "laptop")
    for model in ("v1", "v5", "v24", "v135"):
        found = by_velocity(experiment, model, "laptop")
        assert all(found[w] < g_rnn[w] for w in found)
    full = by_velocity(experiment, "v12345", "laptop").values()
    assert max(full) < 1.5 * min(full)


ACTIONS = {"kth": "KTH subset", "weizmann": "Weizmann"}


@pytest.fixture
def folds():
    """(data, question, model) -> (accuracy, chance) of each of three folds, the mean over its seeds."""

    def folds(data, question, model):
        rows = experiments()[f"{data}-{question}"].rows(model, "laptop", data=ACTIONS[data])
        found = {}
        for row in rows:
            found.setdefault(row["seed"] % FOLDS, []).append(row["metrics"])
        assert sorted(found) == list(range(FOLDS)), f"three folds: {data} {question} {model}"
        return [
            [sum(m[key] for m in found[k]) / len(found[k]) for key in ("test_accuracy", "chance")]
            for k in range(FOLDS)
        ]

    return folds


def accuracies(of_folds):
    return [accuracy for accuracy, _ in of_folds]


@pytest.mark.parametrize("data", ACTIONS)
def test_actions(folds, data):
    """All rows are there, of the subset and not of KTH; each model is above chance in the mean."""
    for question in ("fixed", "redrawn", "switch", "faster"):
        for model in experiments()[f"{data}-{question}"].models:
            if "wide" in model and question != "fixed":
                continue
            found = folds(data, question, model)
            accuracy, chance = (sum(column) / FOLDS for column in zip(*found, strict=True))
            assert accuracy > chance + 0.1


@pytest.mark.parametrize("data", ACTIONS)
def test_three_folds_do_not_separate_fernn_from_grnn(folds, data):
    """Without augmentation the 95 % interval of the paired difference holds zero and what is published."""
    ours, other = (accuracies(folds(data, "fixed", model)) for model in ("fernn-v2", "g-rnn"))
    lead, spread = mean_std([a - b for a, b in zip(ours, other, strict=True)])
    half = 4.303 * spread / FOLDS**0.5  # Student's t, two degrees of freedom
    assert lead - half < 0 < 0.051 < lead + half


@pytest.mark.parametrize("data", ACTIONS)
def test_fernn_leads_with_augmentation(folds, data):
    """What chapter 20 says of this table, and of no other."""
    best = accuracies(folds(data, "redrawn", "fernn-v2"))
    for other in ("3d-cnn", "g-rnn", "g-rnn-plus", "fernn-v1"):
        scores = accuracies(folds(data, "redrawn", other))
        assert all(a >= b for a, b in zip(best, scores, strict=True)) and sum(best) > sum(scores)


@pytest.mark.parametrize("data", ACTIONS)
def test_more_channels_want_a_smaller_rate(folds, data):
    """At the learning rate of the others the wide G-RNN is behind the narrow one in the mean, at a quarter
    of it ahead, and at a sixteenth between these two rates."""
    narrow, *wide = (
        sum(accuracies(folds(data, "fixed", model)))
        for model in ("g-rnn", "g-rnn-wide", "g-rnn-wide-16", "g-rnn-wide-4")
    )
    assert wide == sorted(wide) and wide[0] < narrow < wide[-1]


def test_verdicts():
    """What chapter 23 shows. A word changes only with the rows, and then its sentence is read again."""
    words = {
        (v.experiment, v.better): v.word
        for experiment in experiments().values()
        if experiment.published
        for v in verdicts(experiment)
    }
    reproduced = {
        *(("between-generators", better) for better in ("v1", "v5", "v135")),
        *(("bouncing-mnist", better) for better in ("fernn", "fernn-mixing")),
    }
    in_order = {
        *(("between-generators", better) for better in ("v24", "v12345")),
        *(("translating-mnist", better) for better in ("fernn-v2", "fernn-v2-mixing")),
        *(("translating-mnist-2", better) for better in ("fernn-v1", "fernn-v2")),
        *(("rotating-mnist-2", better) for better in ("fernn-v2", "fernn-v4")),
    }
    assert {row for row, word in words.items() if word == "reproduced"} == reproduced
    assert {row for row, word in words.items() if word == "in order only"} == in_order
    assert "contradicted" not in words.values() and len(words) == 26


def test_behind_a_window():
    """Self-motion and velocity channels together have less than half the error of one of them alone, with
    every seed, and keep it for 150 frames; chapter 25 says so, and that the others are near a grey frame."""
    table = experiments()["window-mnist"]
    rows = {m: rows_of_one(table, m, "laptop") for m in table.models}
    error = {m: [row["metrics"]["test_mse"] for row in found] for m, found in rows.items() if found}
    assert error.keys() >= {"fernn", "no-velocities", "told", "no-self-motion"}
    assert len(error["fernn"]) >= 2
    assert 2 * max(error["fernn"]) < min(e for m in error if m != "fernn" for e in error[m])
    for row in rows["fernn"]:
        by_step = row["metrics"]["mse_by_step"]
        assert sum(by_step[100:]) / 50 < 1.25 * by_step[7]
        assert 2 < row["metrics"]["test_mse"] / row["metrics"]["known_mse"] < 4
