"""The tables of games, at the preset `tiny`, with recordings that need no package."""

from dataclasses import replace

import pytest
import torch

from flowlib.lab.data.recordings import Recordings
from flowlib.lab.evaluation import flow_ness
from flowlib.lab.rules import PlayBack, best_shift
from flowlib.lab.run import run
from flowlib.lab.worlds import GAMES, RULES, TABLES


def noise(split, size):
    return Recordings(torch.rand(10, 20, 1, size, 6), source="noise")


def test_every_row_runs(seeded):
    table = replace(TABLES["skiing"], name="noise", read=noise)
    rows = {m: run(table.experiment(), m, "tiny", progress=False).row for m in table.rows}
    for name, row in rows.items():
        assert row["data"] == "noise" and row["metrics"]["repeat_share"] == 0
        assert (row["parameters"] == 0) == (name in RULES)
    last = rows["last-frame"]["metrics"]
    assert last["test_mse"] == pytest.approx(last["last_mse"])
    assert rows["fernn"]["parameters"] == rows["g-rnn"]["parameters"]
    for name in rows.keys() - {"play-back"}:  # which plays other moments where it plays longer
        row = rows[name]
        found, by_row = row["metrics"]["test_mse"], row["metrics"]["mse_by_row"]
        assert sum(by_row) / 10 == pytest.approx(found, rel=1e-5) and len(by_row) == 10
    assert set(TABLES) == {*GAMES, "skiing-faster", "river-raid-faster"}


def test_the_best_shift_of_a_frame_brings_nothing_back():
    light = torch.zeros(1, 2, 1, 6, 8)
    light[0, 0, 0, 2, 5] = light[0, 1, 0, 3, 6] = 1
    ahead = best_shift(light, 3, (1, 1))
    assert ahead[0, 0, 0, 4, 7] == 1 and ahead[0, 1:].sum() == 0 and ahead.sum() == 1
    beyond = torch.full((1, 6, 8), 0.5)
    ahead = best_shift(light, 3, (1, 1), beyond)
    assert (ahead[0, 2, 0, :3] == 0.5).all() and (ahead[0, 2, 0, 3:, 3:] == 0).all()


def test_who_knows_training_by_heart():
    """Of a film that is in training it knows the rest; of five that are alike it gives the mean."""
    torch.manual_seed(0)
    films = torch.rand(3, 9, 1, 4, 5)
    told = PlayBack(films, few=1)(films[:, 2:5], 4)
    assert torch.equal(told, films[:, 5:9])
    twice = torch.cat([films[:1, :5], films[1:2, 5:]], 1)  # begins like one, ends like another
    both = PlayBack(torch.cat([films[:1], twice]), few=2)(films[:1, 3:5], 4)
    torch.testing.assert_close(both, (films[:1, 5:] + twice[:, 5:]) / 2)
    with pytest.raises(ValueError, match="films have 9 frames: take fewer"):
        PlayBack(films)(films, 8)


def test_flow_ness():
    torch.manual_seed(0)
    scene = torch.rand(1, 1, 30, 12)
    pan = torch.stack([scene[:, :, 2 * t : 2 * t + 12] for t in range(5)], 1)
    found = flow_ness(pan, (3, 1))
    assert found.best == 0 and found.explained == 1 and found.speed == 2 and found.ratio > 1e9
    assert flow_ness(torch.rand(1, 5, 1, 12, 12), (2, 2)).explained < 0.3
    turned = torch.cat([pan, pan[:, 3:4]], 1)  # and one step back
    assert flow_ness(turned, (3, 1)).explained == 1
    assert 0.5 < flow_ness(turned, (3, 1), steady=True).explained < 0.9
    assert flow_ness(pan, (3, 1), steady=True) == found
    with pytest.raises(ValueError, match="0 of 4 pairs of frames change"):
        flow_ness(torch.ones(1, 5, 1, 6, 6), (1, 1))
    with pytest.raises(ValueError, match="a smaller radius"):
        flow_ness(pan, (6, 1))
