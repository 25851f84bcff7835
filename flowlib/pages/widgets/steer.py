"""Steer the window: a trained network remembers, in the page, a world that it sees in part.

The weights are those of `steered.json`, which `book/steered.py` makes; `fernn.js` and `steer.js` compute
with them.
"""

from __future__ import annotations

import json
from pathlib import Path

import traitlets

from .pack import ArrayLike, pictures
from .page import KIT, PageWidget, chosen, read

FILE = Path(__file__).parent / "steered.json"
MEMORIES = "knows its steps", "is not told"


def steered() -> dict:
    """The trained network as plain data, for `weights.from_dict`: a `Forecaster` whose `rnn` and `decoder`
    are those of a `WindowForecaster`. Under "row" stands what made it, under "window" its window."""
    return json.loads(FILE.read_text(encoding="utf-8"))


class SteerWidget(PageWidget):
    """A world with two digits, a window that arrow keys move, and what a network believes of it all.

    digits: pictures (sample, 1, height, width) in [0, 1], not larger than the world
    title: shown above; memory: whether the network knows its steps, what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "steer.js")))
    data = traitlets.Dict().tag(sync=True)
    memory = traitlets.Unicode(MEMORIES[0]).tag(sync=True)
    _check = chosen("memory")

    def __init__(self, digits: ArrayLike, title="", **first):
        network = steered()
        row, window = network.pop("row"), network.pop("window")
        packed = pictures("digits", digits)
        size = [int(n) for n in digits.shape[2:]]
        if any(n > most for n, most in zip(size, network["grid"], strict=True)):
            raise ValueError(f"digits are of {size}: the world is of {network['grid']}")
        data = {"network": network, "window": window, "digits": packed, "size": size}
        super().__init__(data=data, title=title, **first)
        self.description = (
            "Interactive figure: two digits move on a torus, and a window is steered over it with arrow "
            "keys. A trained network that sees the window shows what it believes about the whole torus. "
            f"On test digits its error is {row['test_mse']:.2g}, that of a still picture "
            f"{row['still_mse']:.2g}."
        )

    def choices(self) -> dict:
        return {"memory": MEMORIES}

    def __repr__(self) -> str:
        return f"SteerWidget(world={self.data['network']['grid']}, window={self.data['window']})"
