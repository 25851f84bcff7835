"""The bump on the ring: what a recurrent network makes of a moving input, next to a still one.

It computes nothing about networks. It is given what they did, and packs it for `bump.js` to draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import traitlets

from .pack import ROUNDING, ArrayLike, array, numbers, pack, stack
from .page import PageWidget, chosen


@dataclass(frozen=True)
class NetworkRun:
    """What one network did with each input velocity w; one hidden channel of it.

    velocities: V, the network's velocity channels, integers; [0] for a G-RNN
    states: {w: (time, len(V), N)}, where states[w][t] is the hidden state after frame t
    errors: {w: (time,)}, the flow equivariance error; NaN where no channel can be compared
    """

    velocities: ArrayLike
    states: Mapping[int, ArrayLike]
    errors: Mapping[int, ArrayLike]

    def __repr__(self) -> str:
        shapes = {w: array(states).shape for w, states in self.states.items()}
        return f"NetworkRun(velocities={array(self.velocities).ravel().tolist()}, states={shapes})"


class BumpWidget(PageWidget):
    """A bump that moves round a ring of N positions, and the hidden states it leaves behind.

    inputs: {w: (time, N)}, the input moving by w pixels a frame; must contain w = 0
    networks: {name: NetworkRun}, all with the same time, N and input velocities
    title: shown above; network, velocity, time: what is shown first

    `time`, `velocity` and `network` can be set from Python and follow the reader's choice.
    """

    _esm = Path(__file__).parent / "bump.js"
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    network = traitlets.Unicode("").tag(sync=True)
    _check = chosen("time", "velocity", "network")

    def __init__(self, inputs, networks, title="", network=None, velocity=None, time=None):
        velocities = sorted(int(w) for w in inputs)
        if 0 not in velocities:
            raise ValueError(f"inputs has the velocities {velocities}: it needs 0, the still input")
        if not networks:
            raise ValueError("networks is empty: give at least one {name: NetworkRun}")
        still = array(inputs[0])
        if still.ndim != 2 or 0 in still.shape:
            raise ValueError(f"inputs[0] has shape {still.shape}, expected (time, N)")
        steps, positions = still.shape
        stacked = stack("inputs", inputs, velocities, {"time": steps, "N": positions})
        runs = [
            self._pack_run(name, run, velocities, steps, positions)
            for name, run in networks.items()
        ]
        data = {
            "velocities": velocities,
            "steps": steps,
            "positions": positions,
            "inputs": pack("inputs", stacked),
            "networks": runs,
        }
        moving = [w for w in velocities if w > 0] or velocities
        super().__init__(
            data=data,
            title=title,
            network=runs[0]["name"] if network is None else network,
            velocity=moving[0] if velocity is None else int(velocity),
            time=steps // 2 if time is None else int(time),
        )
        self.description = self._describe()

    @staticmethod
    def _pack_run(name, run, velocities, steps, positions) -> dict:
        channels = [int(v) for v in np.asarray(run.velocities).reshape(-1)]  # (n,) or (n, 1)
        if not channels or len(set(channels)) < len(channels):
            raise ValueError(f"networks[{name!r}].velocities is {channels}: expected distinct ints")
        where = f"networks[{name!r}]"
        shape = {"time": steps, "velocities": len(channels), "N": positions}
        states = stack(f"{where}.states", run.states, velocities, shape)
        errors = stack(f"{where}.errors", run.errors, velocities, {"time": steps})
        return {
            "name": name,
            "velocities": channels,
            "states": pack(f"{where}.states", states),
            "errors": numbers(errors),
        }

    def _describe(self) -> str:
        """The text alternative: what is drawn, and what one would see at the end."""
        index = self.data["velocities"].index(self.velocity)
        found = []
        for run in self.data["networks"]:
            e = run["errors"][index][-1]
            if e is None:
                size = "undefined"
            else:
                size = "zero up to rounding" if e < ROUNDING else f"{e:.2g}"
            found.append(f"{size} for {run['name']}")
        return (
            f"Interactive figure: a bump moves on a ring of {self.data['positions']} positions "
            "by w positions a frame. It shows the input, the hidden state of a recurrent network, "
            "that state shifted back to rest over the state of a still input, and how much they "
            f"differ. After {self.data['steps']} frames at w = {self.velocity}, the flow "
            f"equivariance error is {', '.join(found)}."
        )

    def choices(self) -> dict:
        return {
            "time": range(self.data["steps"]),
            "velocity": self.data["velocities"],
            "network": [run["name"] for run in self.data["networks"]],
        }

    def __repr__(self) -> str:
        low, high = self.data["velocities"][0], self.data["velocities"][-1]
        names = ", ".join(run["name"] for run in self.data["networks"])
        size = f"time={self.data['steps']}, N={self.data['positions']}"
        return f"BumpWidget(velocities=[{low}..{high}], networks=[{names}], {size})"
