"""Skiing taken apart: ways of a camera, and rows that are told its steps, without the package of the game."""

from dataclasses import replace

import pytest
import torch

import flowlib as fl
from flowlib.lab.data.recordings import CameraAlone, Filmed, FilmedClips, Recordings
from flowlib.lab.evaluation import flow_ness
from flowlib.lab.run import run
from flowlib.lab.skiing import FOLD, TABLES, constant, rules, whole


def films(count=10, time=24, height=20, width=18):
    torch.manual_seed(0)
    camera = torch.randint(0, 4, (count, time - 1, 1))
    camera = torch.cat([camera, 0 * camera], -1)
    return Recordings(torch.rand(count, time, 1, height, width), "noise", camera)


@pytest.mark.parametrize("way", [constant, whole, torch.clone])
def test_a_picture_goes_round_the_torus_as_its_camera_does(way):
    source = CameraAlone(films(), room=12, way=way, fold=FOLD)
    video, filmed = source.draw(6, 9, 3), FilmedClips(films(), room=12).draw(6, 12, 3)
    came = way(filmed.camera.cumsum(1))[:, :8, None]
    fine = fl.Translations((20, 18)).act(-came, filmed.seen[:, :1])
    expected = (fine[..., ::2, :] + fine[..., 1::2, :]) / 2
    torch.testing.assert_close(video[:, 1:], expected)
    assert torch.equal(source.draw(6, 5, 3), video[:, :5]) and source.group.grid == (10, 18)
    # Whole pixels are a flow of the small frames, and half pixels are none.
    found = flow_ness(video, (2, 0), wraps=True, steady=way is constant)
    assert (found.explained > 1 - 1e-9) == (way is not torch.clone)


def test_who_knows_the_camera_knows_what_stays_in_sight():
    world, camera = torch.rand(1, 1, 1, 40, 5), torch.tensor([[[1, 0], [2, 0], [0, 0], [3, 0]]])
    tops = [0, 1, 3, 3, 6]
    seen = torch.cat([world[..., top : top + 12, :] for top in tops], 1)
    found = rules(None, Filmed(seen, camera), context=2)[0]
    assert torch.allclose(found[4] * 12, torch.tensor([10.0, 10, 7]))
    moved = fl.Translations((12, 5)).act(torch.tensor([-2, 0]), seen[0, 1, 0])[:10]
    assert torch.equal(moved, seen[0, 2, 0, :10]) and found[2, 0] < found[1, 0]


def test_rows():
    def read(split, size):
        return films(height=size)

    table = replace(TABLES["skiing-told"], name="noise", read=read).experiment()
    for model in table.models:
        row = run(table, model, "tiny", progress=False).row
        assert row["metrics"].keys() >= {"test_mse", "still_mse", "odometer_mse", "skill"}
    moved = replace(
        TABLES["skiing-whole"], name="noise", read=lambda part, n: films(height=FOLD * n)
    )
    eight = replace(TABLES["skiing-eight"], name="noise", read=read).experiment()
    assert run(eight, "best-shift", "tiny", progress=False).row["metrics"]["test_mse"] < 1e-9
    assert run(moved.experiment(), "fernn-own", "tiny", progress=False).row["parameters"]
