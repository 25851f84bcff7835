"""How the error of a V with ends creeps in when channels mix: channel by channel, frame by frame.

It computes no network. It is given the errors of the law and the bound that is proven, and packs both for
`staircase.js` to draw.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import traitlets

from .pack import ArrayLike, numbers, stack
from .page import PageWidget, chosen


class StaircaseWidget(PageWidget):
    """The error of the law for V = {-v_max, ..., v_max}, over channels and time, and what is proven of it.

    radius: v_max
    errors: {mixing radius r: {w: (time, 2 v_max + 1)}}, |h_t[psi(w).f](v) - psi_t(w).h_t[f](v - w)|
        relative to the largest memory; what stands where v has no partner is not read
    bounds: {r: {w: (2 v_max + 1,)}}, what no error exceeds at any time, on the same scale; the same r and w
    title: shown above; mixing (r), velocity (which is w), time: what is shown first
    """

    _esm = Path(__file__).parent / "staircase.js"
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    mixing = traitlets.Int(0).tag(sync=True)
    _check = chosen("time", "velocity", "mixing")

    def __init__(
        self,
        radius: int,
        errors: Mapping[int, Mapping[int, ArrayLike]],
        bounds: Mapping[int, Mapping[int, ArrayLike]],
        title: str = "",
        mixing: int | None = None,
        velocity: int | None = None,
        time: int | None = None,
    ):
        radii = sorted(errors)
        if not radii or not errors[radii[0]] or sorted(bounds) != radii:
            raise ValueError(
                f"errors has the mixing radii {radii}, bounds has {sorted(bounds)}: give the same, one or "
                "more, each with one w or more"
            )
        speeds, channels = sorted(errors[radii[0]]), np.arange(-radius, radius + 1)
        steps = len(next(iter(errors[radii[0]].values())))
        axes = {"time": steps, "v": len(channels)}
        found = np.stack([stack(f"errors[{r}]", errors[r], speeds, axes) for r in radii])
        proven = np.stack(
            [stack(f"bounds[{r}]", bounds[r], speeds, {"v": axes["v"]}) for r in radii]
        )
        for k, w in enumerate(speeds):
            alone = np.abs(channels - w) > radius
            found[:, k, :, alone] = proven[:, k, alone] = np.nan
        if (np.isnan(found) != np.isnan(proven)[:, :, None]).any():
            raise ValueError(
                "errors or bounds holds NaN where v has its partner v - w: each is a number"
            )
        super().__init__(
            data={
                "radius": int(radius),
                "radii": [int(r) for r in radii],
                "speeds": [int(w) for w in speeds],
                "steps": steps,
                "errors": numbers(found),
                "bounds": numbers(proven),
            },
            title=title,
            mixing=radii[min(1, len(radii) - 1)] if mixing is None else int(mixing),
            velocity=speeds[0] if velocity is None else int(velocity),
            time=steps // 2 if time is None else int(time),
        )
        self.description = (
            f"Interactive figure: the error of the law for each channel of V = -{radius} to {radius} and "
            "each frame, when the channels mix. A staircase that comes in from both ends of V, r channels a "
            "frame, marks what the proof says: before it, the law is exact. Beside are the errors of one "
            "frame, with the bound that holds at all times: large at the ends, small in the middle."
        )

    def choices(self) -> dict:
        data = self.data
        return {
            "time": range(data["steps"]),
            "velocity": data["speeds"],
            "mixing": data["radii"],
        }

    def __repr__(self) -> str:
        r, w, v_max = self.data["radii"], self.data["speeds"], self.data["radius"]
        return (
            f"StaircaseWidget(V=[{-v_max}..{v_max}], mixing=[{r[0]}..{r[-1]}], speeds=[{w[0]}..{w[-1]}], "
            f"time={self.data['steps']})"
        )
