"""The window V - w: which memories of a picture at rest the channels of a moving one hold.

The page computes the memories with `fernn.js`; a test holds them against `flowlib.FERNN`.
"""

import traitlets

from .memories import torus_network
from .pack import ArrayLike
from .page import KIT, PageWidget, chosen, read

LARGEST, REACH = 3, 4  # radius of V; speed of the input along an axis


class WindowWidget(PageWidget):
    """The memories of a picture at rest, in a grid of velocities larger than V, and the window V - w over
    them; what a maximum reads in V and in the window.

        o_t[psi(w).f] = psi_t(w).max over u in V - w of h_t[f](u),   |v_y|, |v_x| <= radius for v in V

    picture: (H, W), numbers from 0 on
    keep, spread: of the network, as for `MemoriesWidget`; what is shown is its state after `steps` frames
    title: shown above; radius (of V), down and across (w_y and w_x): what is shown first
    """

    _esm = KIT + "".join(map(read, ("fernn.js", "moving.js", "window.js")))
    data = traitlets.Dict().tag(sync=True)
    down = traitlets.Int(0).tag(sync=True)
    across = traitlets.Int(0).tag(sync=True)
    radius = traitlets.Int(0).tag(sync=True)
    _check = chosen("down", "across", "radius")

    def __init__(
        self,
        picture: ArrayLike,
        keep: float = 0.6,
        spread: float = 0.05,
        steps: int = 10,
        title: str = "",
        down: int = 0,
        across: int = 1,
        radius: int = 2,
    ):
        network = torus_network(picture, float(keep), float(spread), LARGEST + REACH, steps)
        super().__init__(
            data=network | {"most": LARGEST, "reach": REACH},
            title=title,
            down=int(down),
            across=int(across),
            radius=int(radius),
        )
        self.description = (
            "Interactive figure: a grid of velocities, and in each cell the memory that a recurrent network "
            "with this velocity channel has of a picture at rest. One square marks V, another one V - w. It "
            "slides as w changes: what lies in it is what the channels of V hold of the picture that moves "
            "at w. The cells of the window outside of V are counted, and beside are the maximum over V "
            "and the maximum over the window."
        )

    def choices(self) -> dict:
        speeds = range(-REACH, REACH + 1)
        return {"down": speeds, "across": speeds, "radius": range(1, LARGEST + 1)}

    def __repr__(self) -> str:
        H, W = self.data["size"]
        return f"WindowWidget(radius=[1..{LARGEST}], speeds=[{-REACH}..{REACH}], H={H}, W={W})"
