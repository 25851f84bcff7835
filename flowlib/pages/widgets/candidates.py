"""Maps of videos, and the two sides of their law at each candidate velocity w."""

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
import traitlets

from flowlib.equivariance import flow_equivariance_error
from flowlib.flows import flow_video
from flowlib.translations import Translations

from .pack import ROUNDING, array, numbers, pack
from .page import KIT, PageWidget, chosen, read


class CandidatesWidget(PageWidget):
    """F[psi(w).f] against psi(w).F[f], for maps F of a video f on a ring and velocities w, and how far apart
    they are: the flow equivariance error, the largest of all times.

    video: f, (1, time, 1, N), float64
    maps: {name: F}, which takes such a video and returns one of its shape, numbers from 0 on
    velocities: the candidates w of the slider, whole numbers in a row, 0 among them
    title: shown above; map and velocity: what is shown first
    """

    _esm = KIT + read("moving.js") + read("candidates.js")
    data = traitlets.Dict().tag(sync=True)
    map = traitlets.Unicode("").tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    _check = chosen("map", "velocity")

    def __init__(
        self,
        video: torch.Tensor,
        maps: Mapping[str, Callable[[torch.Tensor], torch.Tensor]],
        velocities=range(-6, 7),
        title: str = "",
        map: str | None = None,
        velocity: int = 1,
    ):
        if video.ndim != 4 or video.shape[0] != 1 or video.shape[2] != 1:
            raise ValueError(f"video has shape {tuple(video.shape)}, expected (1, time, 1, N)")
        velocities = [int(w) for w in velocities]
        if not maps or 0 not in velocities or any(b - a != 1 for a, b in pairwise(velocities)):
            raise ValueError(
                f"{len(maps)} maps, velocities {velocities}: give a map, and whole numbers in a row, "
                "0 among them"
            )
        ring = Translations(video.shape[-1:])
        flowing = [flow_video(ring, video, w) for w in velocities]
        found = []
        with torch.no_grad():
            for name, F in maps.items():
                if F(video).shape != video.shape:
                    raise ValueError(
                        f"maps[{name!r}] turns shape {tuple(video.shape)} into {tuple(F(video).shape)}: "
                        "it wants a video of the same shape"
                    )
                results = torch.stack([F(moved)[0, :, 0] for moved in flowing])
                if results.min() < 0:
                    raise ValueError(
                        f"maps[{name!r}] gives {results.min():.2g}: only numbers from 0 on are drawn, "
                        "so let it end in abs() or relu()"
                    )
                errors = [flow_equivariance_error(F, video, w, ring).max() for w in velocities]
                found.append(
                    {
                        "name": name,
                        "results": pack(f"maps[{name!r}]", array(results)),
                        "errors": numbers(array(torch.stack(errors))),
                    }
                )
        super().__init__(
            data={
                "velocities": velocities,
                "size": [video.shape[1], video.shape[3]],
                "video": pack("video", array(video)),
                "maps": found,
            },
            title=title,
            map=found[0]["name"] if map is None else map,
            velocity=int(velocity),
        )
        self.description = self._describe()

    def _describe(self) -> str:
        """The text alternative: what is drawn, and for which w the law of each map holds."""
        velocities, told = self.data["velocities"], []
        for one in self.data["maps"]:
            pairs = zip(velocities, one["errors"], strict=True)
            holds = [str(w) for w, error in pairs if error < ROUNDING]
            every = len(holds) == len(velocities)
            told.append(
                f"for {one['name']} it holds for {'all of them' if every else 'w = ' + ', '.join(holds)}"
            )
        return (
            "Interactive figure: a video f on a ring, a map F, and a velocity w, one of "
            f"{velocities[0]} to {velocities[-1]}. Space-time pictures of psi(w).f, of F[psi(w).f], of "
            "psi(w).F[f] and of the difference of the last two, and the error of the law at each w: "
            f"{'; '.join(told)}."
        )

    def choices(self) -> dict:
        return {
            "map": [one["name"] for one in self.data["maps"]],
            "velocity": self.data["velocities"],
        }

    def __repr__(self) -> str:
        names, V = ", ".join(one["name"] for one in self.data["maps"]), self.data["velocities"]
        (T, N) = self.data["size"]
        return f"CandidatesWidget(velocities=[{V[0]}..{V[-1]}], maps=[{names}], time={T}, N={N})"
