"""Draw and throw: two trained networks forecast, in the page, what the reader draws and throws.

The weights are those of `thrown.json`, which `book/thrown.py` makes; `fernn.js` computes with them.
"""

from __future__ import annotations

import json
from pathlib import Path

import traitlets

from .pack import ArrayLike, pictures
from .page import KIT, PageWidget, chosen, read

FILE = Path(__file__).parent / "thrown.json"
STEPS, REACH = 12, 3
VELOCITIES = ("25", "49")


def thrown() -> dict:
    """The trained networks as plain data, {"G-RNN": ..., "FERNN": ...}, for `weights.from_dict`. Each has
    under "row" what made it, and its errors on test digits."""
    return json.loads(FILE.read_text(encoding="utf-8"))


class ThrowWidget(PageWidget):
    """A pad to draw on, a velocity to throw at, and two networks that say what comes next.

    digits: pictures (sample, 1, 13, 13) in [0, 1], to throw when one does not want to draw
    title: shown above; time, down, right, velocities (how many in V): what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "throw.js")))
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(STEPS - 1).tag(sync=True)
    down = traitlets.Int(1).tag(sync=True)
    right = traitlets.Int(2).tag(sync=True)
    velocities = traitlets.Unicode(VELOCITIES[0]).tag(sync=True)
    _check = chosen("time", "down", "right", "velocities")

    def __init__(self, digits: ArrayLike, title="", **first):
        networks = thrown()
        rows = {name: network.pop("row") for name, network in networks.items()}
        grid = networks["FERNN"]["grid"]
        data = {"grid": grid, "digits": pictures("digits", digits, grid), "networks": networks}
        super().__init__(data=data, title=title, **first)
        self.description = (
            "Interactive figure: draw a picture and throw it at a velocity. A G-RNN and a FERNN, both "
            "trained on moving digits, see six frames and forecast six. On test digits their errors are "
            f"{rows['G-RNN']['test_mse']:.2g} and {rows['FERNN']['test_mse']:.2g}, that of a still "
            f"picture is {rows['FERNN']['still_mse']:.2g}."
        )

    def choices(self) -> dict:
        reach = range(-REACH, REACH + 1)
        return {"time": range(STEPS), "down": reach, "right": reach, "velocities": VELOCITIES}

    def __repr__(self) -> str:
        grid = self.data["grid"]
        count = len(self.data["digits"]) // (grid[0] * grid[1])
        return f"ThrowWidget(networks=[{', '.join(self.data['networks'])}], digits={count}, grid={grid})"
