"""Break it: the law of flow equivariance, measured in the page on a trained network, and what breaks it."""

from __future__ import annotations

import traitlets

from .pack import ArrayLike, pictures
from .page import KIT, PageWidget, chosen, read
from .throw import thrown

SWITCHES = (
    "nothing",
    "zero padding",
    "a stride of two",
    "the last frame twice",
    "V with a gap",
)
STEPS = 12


class BreakWidget(PageWidget):
    """Both sides of the law for a trained FERNN over all velocities along x, with one thing broken.

        h_t[psi(w).f](v, .)  against  psi_t(w).h_t[f](v - w, .),   and the forecasts

    digits: pictures (sample, 1, 13, 13) in [0, 1]; one of them is f, and moves at (0, 1)
    title: shown above; switch, velocity (which is w) and time: what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "breaking.js")))
    data = traitlets.Dict().tag(sync=True)
    switch = traitlets.Unicode(SWITCHES[0]).tag(sync=True)
    velocity = traitlets.Int(1).tag(sync=True)
    time = traitlets.Int(STEPS - 1).tag(sync=True)
    _check = chosen("switch", "velocity", "time")

    def __init__(self, digits: ArrayLike, title="", **first):
        network = thrown()["FERNN"]
        network.pop("row")
        grid = network["grid"]
        data = {"grid": grid, "digits": pictures("digits", digits, grid), "network": network}
        super().__init__(data=data, title=title, **first)
        self.description = (
            "Interactive figure: a trained FERNN sees a moving digit, and the same one with a flow added. "
            "A logarithmic chart shows how far its states and forecasts are from the law of flow "
            "equivariance: not at all, until one of four things is broken by a switch."
        )

    def choices(self) -> dict:
        reach = self.data["grid"][1] // 2
        return {"switch": SWITCHES, "velocity": range(-reach, reach + 1), "time": range(STEPS)}

    def __repr__(self) -> str:
        height, width = self.data["grid"]
        digits = len(self.data["digits"]) // (height * width)
        return f"BreakWidget(switches=[{', '.join(SWITCHES)}], digits={digits})"
