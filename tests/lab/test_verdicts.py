"""Verdicts are made from rows: each word, by rows that deserve it."""

import dataclasses

import pytest

from flowlib.lab import ledger
from flowlib.lab.run import experiments
from flowlib.lab.verdicts import verdicts

TABLE = dataclasses.replace(
    experiments()["translating-mnist"], published={"g-rnn": (8.0, None), "fernn-v2": (1.0, None)}
)


def write(errors, preset="desk", skill=0.9, repeat_share=0.03, **without):
    """Rows of both models, one a seed: errors = [(of the G-RNN, of the FERNN), ...]."""
    for seed, pair in enumerate(errors):
        for model, error in zip(("g-rnn", "fernn-v2"), pair, strict=True):
            floor = dict(still_mse=1.0, last_mse=1.0, repeat_share=repeat_share, skill=skill)
            metrics = {"test_mse": error, **(floor if not without else {})}
            row = dict(experiment=TABLE.name, model=model, preset=preset, seed=seed, data="MNIST")
            ledger.append(
                {**row, "settings": TABLE.settings[preset], "metrics": metrics, "parameters": 1}
                | {"seconds": 1.0}
            )


@pytest.mark.parametrize(
    "word, why, errors, options",
    [
        ("reproduced", "order and ratio, 2 seeds", [(5.0, 1.0), (9.0, 1.0)], {}),
        ("in order only", "ratio 3.0, published 8.0", [(3.0, 1.0), (3.0, 1.0)], {}),
        ("in order only", "the baseline has skill 0.40", [(8.0, 1.0), (8.0, 1.0)], {"skill": 0.4}),
        ("contradicted", "the other order, 2 seeds at", [(1.0, 2.0), (1.0, 3.0)], {}),
        ("not tested", "one seed at desk", [(8.0, 1.0)], {}),
        ("not tested", "seeds disagree", [(1.0, 2.0), (2.0, 1.0)], {}),
        ("not tested", "within its spread", [(1.1, 1.0), (9.0, 1.0), (1.2, 1.0)], {}),
        ("not tested", "skill 0.19", [(8.0, 1.0)], {"skill": 0.19}),
        ("not tested", "87% of the frames", [(8.0, 1.0)], {"repeat_share": 0.87}),
        ("not tested", "do not know what a still", [(8.0, 1.0)], {"without": True}),
        ("not tested", "no rows", [], {}),
    ],
)
def test_each_word(word, why, errors, options, tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    write(errors, **options)
    (verdict,) = verdicts(TABLE)
    assert verdict.word == word and why in verdict.why and verdict.published == 8
    assert len(verdict.ours.get("desk", [])) == len(errors)


def test_the_largest_preset_with_two_seeds_decides(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    write([(1.0, 2.0), (1.0, 2.0)], preset="laptop")
    write([(8.0, 1.0)])
    assert verdicts(TABLE)[0].word == "contradicted" and len(verdicts(TABLE)[0].ours) == 2
    write([(8.0, 1.0), (8.5, 1.0)])
    assert verdicts(TABLE)[0].word == "reproduced"


def test_accuracies_are_compared_by_their_errors(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    table = experiments()["kth-fixed"]
    first, second, *_ = verdicts(table)
    worse, better = (1 - table.published[m][0] for m in (first.worse, first.better))
    assert first.published == pytest.approx(worse / better) and second.worse == first.worse
