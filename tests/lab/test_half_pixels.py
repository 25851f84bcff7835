"""The table of half pixels, at the preset `tiny`, with pictures that need no download."""

from dataclasses import replace

import pytest
import torch

import flowlib as fl
from flowlib.lab.data.motion import Pictures
from flowlib.lab.half_pixels import MOVING, TABLES, AntiAliasedForecaster
from flowlib.lab.run import run

TABLE = replace(
    TABLES["half-pixels"],
    name="noise",
    read=lambda split, size: Pictures(torch.rand(20, 1, size, size), source="noise"),
)


def test_every_model_runs_and_has_the_same_parameters(seeded):
    rows = [run(TABLE.experiment(), m, "tiny", progress=False).row for m in TABLE.rows]
    assert len({row["parameters"] for row in rows}) == 1 and len(rows) == 5
    for row in rows:
        names = [f"0,{v:g}" for v in MOVING[:, 1].tolist()]
        assert list(row["metrics"]["mse_by_velocity"]) == names and "0,-1.5" in names
        assert row["metrics"]["repeat_share"] == 0


def test_the_videos_are_flows_by_real_steps_and_nothing_repeats(seeded):
    for name, preset in TABLE.presets.items():
        source = TABLE.videos(TABLE.read("test", preset.size), preset, False)
        video = source.draw(2, preset.context + preset.horizon, 0).double()
        assert any(
            torch.allclose(source.group.act(v, video[0, :-1]), video[0, 1:], atol=1e-5)
            for v in MOVING
        )
        if name not in ("paper",):
            assert TABLE.floor(name, 64)["repeat_share"] == 0, name


@pytest.mark.parametrize("head, holds", [(AntiAliasedForecaster, True), (fl.Forecaster, False)])
def test_a_forecast_flows_by_half_pixels_where_all_of_it_is_anti_aliased(head, holds, seeded):
    """All 2 N velocities of half pixels are a group, so nothing is lost at a rim."""
    ring = fl.Translations(5, "fourier")
    V = torch.arange(10).double() / 2
    rnn = fl.FERNN(ring, V, 1, 2, nonlinearity=fl.AntiAliased(torch.relu, 2, 1))
    model, video = head(rnn, 1).double(), torch.rand(1, 3, 1, 5).double()
    moved = model(fl.flow_video(ring, video, 0.5), 2)
    law = fl.flow_video(ring, model(video, 2), 0.5, start=3)
    assert bool((moved - law).abs().max() < 1e-12) == holds
