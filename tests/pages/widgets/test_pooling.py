"""Readings over velocities: the page computes those of flowlib, and refuses what it cannot draw."""

import pytest
import torch
from node import in_node

import flowlib as fl
from flowlib.pages.examples import bump, leaky_network
from flowlib.pages.widgets.pooling import PoolingWidget

RING = fl.Translations((9,))
POOLS = {
    "max": lambda h: h.amax(2),
    "mean": lambda h: h.mean(2),
    "second": lambda h: h.sort(2).values[:, :, -2],
}


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_the_page_reads_what_flowlib_reads(radius):
    signal, w, steps = bump(9, center=4), 2, 5
    V = list(range(-radius, radius + 1))
    states = leaky_network(RING, V)(fl.flow(RING, signal[None], w, steps))
    found = in_node(
        ["fernn.js", "moving.js", "pooling.js"],
        "readings(memories(signal, [0, w], V.map((v) => [0, v]), data).at(-1).map((h) => [...h]))",
        signal=signal.flatten().tolist(),
        w=w,
        V=V,
        data={"size": [1, 9], "kernel": [0, 0, 0, 0.1, 0.6, 0.1, 0, 0, 0], "steps": steps},
    )
    for name, pool in POOLS.items():
        wanted = pool(states)[0, -1, 0]
        torch.testing.assert_close(torch.tensor(found[name]).double(), wanted, rtol=1e-6, atol=1e-7)


def test_it_offers_all_velocities_of_the_ring():
    widget = PoolingWidget(bump(9)[0], radii=(1,))
    assert widget.data["sets"] == {"radius 1": [-1, 0, 1], "all 9": list(range(-4, 5))}
    assert PoolingWidget(bump(8)[0], radii=(1,)).data["sets"]["all 8"] == list(range(-3, 5))
    assert repr(widget) == "PoolingWidget(V=[radius 1, all 9], N=9, time=20)"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(signal=torch.rand(3, 3)), r"signal has shape \(3, 3\): expected \(N,\)"),
        (dict(signal=-torch.ones(5)), "numbers from 0 on"),
        (dict(remember=[1.0]), "remember has 1 numbers: expected 3"),
        (dict(radii=[5]), r"radii are \[5\]: .*at most the 9 of the ring"),
        (dict(steps=1), "steps is 1"),
    ],
)
def test_bad_input_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PoolingWidget(**{"signal": bump(9)[0], **options})
