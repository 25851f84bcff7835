"""The world behind the window: what is drawn, what can be known of it, and a row of its table."""

from dataclasses import replace

import torch

import flowlib as fl
from flowlib.lab.data.motion import Pictures
from flowlib.lab.data.window import WindowedImages
from flowlib.lab.run import run
from flowlib.lab.window_mnist import TABLES, map_of_the_world, rules


def views(velocities=(0, 1), steps=9, **options):
    images = torch.rand(5, 1, 3, 3, generator=torch.Generator().manual_seed(0)) + 0.1
    return WindowedImages(images, [velocities], (11, 10), (5, 6), **options).draw(4, steps, 0)


def test_objects_keep_their_velocity_and_the_camera_pans():
    v = views()
    world = fl.Translations((11, 10))
    still = fl.flow_video(world, v.world, path=v.camera)  # in the frame of the world
    assert torch.equal(still, fl.flow(world, still[:, 0], (0, 1), 9))
    assert (v.camera.diff(dim=1) != 0).any() and v.camera.abs().max() == 2


def test_who_forgets_nothing_knows_what_was_seen():
    v = views(pan=1)
    assert torch.equal(v.crop(v.known(9)), v.seen)  # all that is seen is known
    known = v.known(4)
    assert (known <= v.world).all() and 0 < known[:, 4:].sum() < v.world[:, 4:].sum()
    everywhere = views().window.new_ones(11, 10)
    assert torch.equal(type(v)(v.layers, v.places, v.camera, everywhere).known(1), v.world)


def test_a_map_is_right_where_the_world_rests():
    v = views(velocities=(0, 0), pan=1)
    drawn, known = map_of_the_world(v, 5), v.crop(v.known(5))[:, 5:]
    assert torch.equal(drawn, known)
    found = rules(None, v, 5)
    assert found.shape == (4, 7, 4) and torch.allclose(found[:, 2], found[:, 3])


def test_rows_of_the_table():
    def read(split, size):
        return Pictures(torch.rand(20, 1, size, size), "noise")

    table = replace(TABLES["window-mnist"], name="noise", read=read).experiment()
    task = table.prepare("tiny", torch.device("cpu"))
    for model in ("fernn", "no-self-motion", "told"):
        row = run(table, model, "tiny", task=task, progress=False).row
        metrics = row["metrics"]
        assert len(metrics["mse_by_step"]) == len(metrics["known_by_step"]) == 4
        assert metrics["known_mse"] < metrics["still_mse"] and 0 < metrics["never_seen"] < 1
