"""The flow explorer: a generator, a speed, and what psi_t(v) makes of a picture as time goes on.

psi_t(v) depends on the product s = t v alone. So one list over s serves all times and all speeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import traitlets

from .pack import ArrayLike, array, pack, shaped
from .page import PageWidget, chosen


@dataclass(frozen=True)
class Orbit:
    """The one-parameter subgroup of one generator, s = -S ... S in the middle of it 0.

    elements: (2 S + 1, 2), shifts (g_y, g_x) in pixels, or (2 S + 1, 1), angles in degrees; neither
        reduced: element s is s times element 1
    frames: (2 S + 1, H, W), the picture that each makes of the first one, dark is 0 and bright is 1
    points: (2 S + 1, 2), where each brings the marked point, (y, x) in pixels, not reduced either
    """

    elements: ArrayLike
    frames: ArrayLike
    points: ArrayLike

    def __repr__(self) -> str:
        shapes = {name: array(value).shape for name, value in vars(self).items()}
        return f"Orbit({', '.join(f'{name}: {shape}' for name, shape in shapes.items())})"


class FlowWidget(PageWidget):
    """A picture that flows, the orbit of one of its points, and the elements that were visited.

    orbits: {name of the generator: Orbit}, all with the same S, H and W
    steps: number of frames, t = 0 ... steps - 1; the speeds are -S / (steps - 1) ... S / (steps - 1)
    title: shown above; generator, speed and time: what is shown first

    `generator`, `speed` and `time` can be set from Python and follow the reader's choice.
    """

    _esm = Path(__file__).parent / "flow.js"
    data = traitlets.Dict().tag(sync=True)
    generator = traitlets.Unicode("").tag(sync=True)
    speed = traitlets.Int(0).tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    _check = chosen("generator", "speed", "time")

    def __init__(
        self,
        orbits: Mapping[str, Orbit],
        steps: int,
        title="",
        generator=None,
        speed=1,
        time=None,
    ):
        if not orbits or steps < 2:
            raise ValueError(
                f"{len(orbits)} orbits, {steps} steps: give one orbit and two steps at least"
            )
        frames = array(next(iter(orbits.values())).frames)
        length = len(frames)
        if frames.ndim != 3 or length < 3 or (length - 1) % (2 * (steps - 1)):
            raise ValueError(
                f"frames has shape {frames.shape}: expected (2 S + 1, H, W), where S is the largest "
                f"speed times {steps - 1}, the last of {steps} frames"
            )
        reach, size = length // 2, frames.shape[1:]
        data = {
            "steps": steps,
            "fastest": reach // (steps - 1),
            "size": list(size),
            "orbits": [self._pack_orbit(name, o, reach, size) for name, o in orbits.items()],
        }
        super().__init__(
            data=data,
            title=title,
            generator=data["orbits"][0]["name"] if generator is None else generator,
            speed=int(speed),
            time=steps // 3 if time is None else int(time),
        )
        self.description = self._describe()

    @staticmethod
    def _pack_orbit(name, orbit, reach, size) -> dict:
        where, axes = f"orbits[{name!r}]", {"s": 2 * reach + 1}
        elements = array(orbit.elements)
        if elements.ndim != 2 or elements.shape[1] not in (1, 2):
            raise ValueError(
                f"{where}.elements has shape {elements.shape}, expected (s, 2) or (s, 1)"
            )
        shaped(f"{where}.elements", elements, {**axes, "axis": elements.shape[1]})
        frames = shaped(f"{where}.frames", orbit.frames, {**axes, "H": size[0], "W": size[1]})
        points = shaped(f"{where}.points", orbit.points, {**axes, "axis": 2})
        # The same element makes the same picture: each is packed once, and `visits` says which.
        period = np.array(size if elements.shape[1] == 2 else [360])
        reduced = np.round(np.mod(np.round(elements, 6), period), 6)
        _, first, visits = np.unique(reduced, axis=0, return_index=True, return_inverse=True)
        return {
            "name": name,
            "elements": np.round(elements, 6).tolist(),
            "points": np.round(points, 2).tolist(),
            "visits": visits.reshape(-1).tolist(),
            "frames": pack(f"{where}.frames", np.clip(frames[first], 0, 1)),
        }

    def _describe(self) -> str:
        """The text alternative: what is drawn, and how far the orbits go."""
        found = []
        for orbit in self.data["orbits"]:
            kind = "angles" if len(orbit["elements"][0]) == 1 else "shifts"
            found.append(f"{max(orbit['visits']) + 1} {kind} for {orbit['name']}")
        return (
            "Interactive figure: a picture flows by a generator, a speed and a time that one chooses. "
            "It shows the path of one marked point over the picture, and which elements of the group "
            f"the flow has visited. In whole frames it comes to {', '.join(found)}."
        )

    def choices(self) -> dict:
        fastest = self.data["fastest"]
        return {
            "generator": [orbit["name"] for orbit in self.data["orbits"]],
            "speed": range(-fastest, fastest + 1),
            "time": range(self.data["steps"]),
        }

    def __repr__(self) -> str:
        names = ", ".join(orbit["name"] for orbit in self.data["orbits"])
        low, high = -self.data["fastest"], self.data["fastest"]
        return (
            f"FlowWidget(generators=[{names}], speeds=[{low}..{high}], time={self.data['steps']})"
        )
