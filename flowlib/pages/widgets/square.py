"""The commuting square: move a signal and then map it, or map it and then move it.

It computes no map and moves nothing. It is given both ways round for every element, and packs them
for `square.js` to draw.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import traitlets

from .pack import ROUNDING, ArrayLike, numbers, pack, shaped
from .page import PageWidget, chosen


class SquareWidget(PageWidget):
    """A signal f on a ring of N positions, an element g that moves it, and a map F.

    moved: (N, N), where moved[g] is g.f, for every element g = 0 ... N - 1 of the ring
    paths: {name of F: (F(g.f), g.F(f))}, each (N, N) with the same first axis
    title: shown above; map and g: what is shown first

    `map` and `g` can be set from Python and follow the reader's choice.
    """

    _esm = Path(__file__).parent / "square.js"
    data = traitlets.Dict().tag(sync=True)
    map = traitlets.Unicode("").tag(sync=True)
    g = traitlets.Int(0).tag(sync=True)
    _check = chosen("map", "g")

    def __init__(self, moved: ArrayLike, paths: Mapping, title="", map=None, g=None):
        if not paths:
            raise ValueError("paths is empty: give at least one {name: (F(g.f), g.F(f))}")
        size = len(moved)
        axes = {"g": size, "N": size}
        signals = pack("moved", shaped("moved", moved, axes))
        maps = []
        for name, ways in paths.items():
            if len(ways) != 2:
                raise ValueError(
                    f"paths[{name!r}] has {len(ways)} ways: expected F(g.f) and g.F(f)"
                )
            both = np.stack(
                [shaped(f"paths[{name!r}][{k}]", way, axes) for k, way in enumerate(ways)]
            )
            packed = pack(f"paths[{name!r}]", both)
            differences = np.abs(both[0] - both[1]).max(1)
            equal = differences <= ROUNDING * np.abs(both).max()
            maps.append(
                {
                    "name": name,
                    "ways": packed,
                    "differences": numbers(differences),
                    "equal": equal.tolist(),
                }
            )
        super().__init__(
            data={"positions": size, "moved": signals, "maps": maps},
            title=title,
            map=maps[0]["name"] if map is None else map,
            g=size // 4 if g is None else int(g),
        )
        self.description = self._describe()

    def _describe(self) -> str:
        """The text alternative: what is drawn, and what one would find for each map."""
        found = []
        for one in self.data["maps"]:
            size = f"they differ by up to {max(one['differences']):.2g}"
            same = "they are equal up to rounding for every g"
            found.append(f"for {one['name']} {same if all(one['equal']) else size}")
        return (
            f"Interactive figure: a signal f on a ring of {self.data['positions']} positions is moved "
            "by g and sent through a map F, in both orders, around a square. The last corner shows "
            f"F(g.f) and g.F(f) over each other: {'; '.join(found)}."
        )

    def choices(self) -> dict:
        names = [one["name"] for one in self.data["maps"]]
        return {"map": names, "g": range(self.data["positions"])}

    def __repr__(self) -> str:
        names = ", ".join(one["name"] for one in self.data["maps"])
        return f"SquareWidget(maps=[{names}], N={self.data['positions']})"
