"""The memories of a FERNN on a torus: one picture a velocity, all of them in a grid over V.

Its kernels are set by hand, and the page computes its states, with `fernn.js`, for each velocity of the
input. A test holds them against `flowlib.FERNN`.
"""

import traitlets

from .pack import ArrayLike, array, pack
from .page import KIT, PageWidget, chosen, read

SEEN_FROM = ("the bank", "the input", "each channel")


def torus_network(picture: ArrayLike, keep: float, spread: float, radius: int, steps: int) -> dict:
    """The picture and the network that `moving.js` computes memories of, packed.

    Example:
        >>> torus_network([[0, 1]], keep=0.6, spread=0.05, radius=1, steps=2)["kernel"]
        [0, 0.05, 0, 0.05, 0.6, 0.05, 0, 0.05, 0]
    """
    pixels = array(picture)
    if pixels.ndim != 2 or not pixels.size or pixels.min() < 0:
        raise ValueError(f"picture has shape {pixels.shape}: expected (H, W), numbers from 0 on")
    if radius < 1 or steps < 2:
        raise ValueError(f"radius is {radius}, steps is {steps}: give 1 and 2 or more")
    return {
        "picture": pack("picture", pixels),
        "size": list(pixels.shape),
        "kernel": [0, spread, 0, spread, keep, spread, 0, spread, 0],
        "radius": int(radius),
        "steps": int(steps),
    }


class MemoriesWidget(PageWidget):
    """The hidden state of h_t(v) = f_t + W * [psi_1(v).h_{t-1}(v)] for a picture at rest and for the
    same picture in motion, channel beside channel, |v_y|, |v_x| <= radius.

    picture: (H, W), numbers from 0 on
    keep, spread: W, what stays at its place and what goes to each of its four neighbours
    radius: of V
    steps: number of frames
    title: shown above; down and across (w_y and w_x, the velocity of the input), time, seen_from:
        what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "memories.js")))
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    down = traitlets.Int(0).tag(sync=True)
    across = traitlets.Int(0).tag(sync=True)
    seen_from = traitlets.Unicode(SEEN_FROM[0]).tag(sync=True)
    _check = chosen("time", "down", "across", "seen_from")

    def __init__(
        self,
        picture: ArrayLike,
        keep: float = 0.6,
        spread: float = 0.05,
        radius: int = 2,
        steps: int = 10,
        title: str = "",
        down: int = 0,
        across: int = 1,
        time: int | None = None,
        seen_from: str = SEEN_FROM[0],
    ):
        network = torus_network(picture, float(keep), float(spread), radius, steps)
        super().__init__(
            data=network | {"views": list(SEEN_FROM)},
            title=title,
            down=int(down),
            across=int(across),
            time=steps // 2 if time is None else int(time),
            seen_from=seen_from,
        )
        self.description = (
            f"Interactive figure: the {(2 * radius + 1) ** 2} memories of a recurrent network on a torus, "
            "one a velocity channel, in a grid: for a picture at rest, and for the same picture that moves "
            "at a velocity w that one chooses. The memories of the moving picture are those of the picture "
            "at rest, moved along, and w places further in the grid."
        )

    def choices(self) -> dict:
        speeds = range(-self.data["radius"], self.data["radius"] + 1)
        steps = range(self.data["steps"])
        return {"time": steps, "down": speeds, "across": speeds, "seen_from": SEEN_FROM}

    def __repr__(self) -> str:
        (H, W), r = self.data["size"], self.data["radius"]
        return f"MemoriesWidget(V=[{-r}..{r}], H={H}, W={W}, time={self.data['steps']})"
