"""Pooling over velocities: what the max, the mean and the second largest read when the input moves.

The page computes the memories with `fernn.js`; a test holds them against `flowlib.FERNN`.
"""

from collections.abc import Sequence

import numpy as np
import traitlets

from .pack import ArrayLike, array, pack
from .page import KIT, PageWidget, chosen, read

FASTEST = 5


class PoolingWidget(PageWidget):
    """Readings of the memories of a signal that moves on a ring, brought back to rest, over those of the
    same signal at rest.

        o_t = P(h_t(v), v in V),   h_t(v) = relu(f_t + W * [psi_1(v).h_{t-1}(v)])

    signal: (N,), numbers from 0 on; it moves at w
    remember: W, three numbers
    radii: of the sets V that can be chosen; all N velocities of the ring are one more
    steps: number of frames
    title: shown above; velocity (which is w), time, V (its name): what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "pooling.js")))
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    V = traitlets.Unicode("").tag(sync=True)
    _check = chosen("time", "velocity", "V")

    def __init__(
        self,
        signal: ArrayLike,
        remember: Sequence[float] = (0.1, 0.6, 0.1),
        radii: Sequence[int] = (1, 2, 4),
        steps: int = 20,
        title: str = "",
        velocity: int = 1,
        time: int | None = None,
        V: str | None = None,
    ):
        values = array(signal)
        if values.ndim != 1 or len(values) < 3 or values.min() < 0:
            raise ValueError(f"signal has shape {values.shape}: expected (N,), numbers from 0 on")
        if len(remember) != 3:
            raise ValueError(f"remember has {len(remember)} numbers: expected 3")
        if steps < 2 or not radii or min(radii) < 1 or 2 * max(radii) >= len(values):
            raise ValueError(
                f"steps is {steps}, radii are {list(radii)}: give 2 steps or more, and radii from 1 on "
                f"whose 2r + 1 velocities are at most the {len(values)} of the ring"
            )
        N = len(values)
        sets = {f"radius {r}": list(range(-r, r + 1)) for r in radii}
        sets[f"all {N}"] = [int(v) for v in np.arange(N) - (N - 1) // 2]
        super().__init__(
            data={
                "signal": pack("signal", values),
                "size": [1, N],
                "kernel": [0, 0, 0, *map(float, remember), 0, 0, 0],
                "steps": int(steps),
                "fastest": FASTEST,
                "sets": sets,
            },
            title=title,
            velocity=int(velocity),
            time=steps - 1 if time is None else int(time),
            V=list(sets)[min(1, len(sets) - 2)] if V is None else V,
        )
        self.description = (
            "Interactive figure: the memories of a signal that moves on a ring, one a velocity channel, and "
            "three readings of them, the maximum, the mean and the second largest over the channels. Each is "
            "drawn over the same reading of the signal at rest, with its error. With all velocities of the "
            "ring the errors are 0 for each velocity of the signal; with fewer they are not."
        )

    def choices(self) -> dict:
        return {
            "time": range(self.data["steps"]),
            "velocity": range(-FASTEST, FASTEST + 1),
            "V": list(self.data["sets"]),
        }

    def __repr__(self) -> str:
        names, N = ", ".join(self.data["sets"]), self.data["size"][1]
        return f"PoolingWidget(V=[{names}], N={N}, time={self.data['steps']})"
