"""A picture that turns by quarters, its responses, and the kernel of the next layer as each output reads it.

It computes no layer. It is given what two layers made of the picture in its four turns, and packs it for
`turning.js` to draw.
"""

import numpy as np
import traitlets

from .pack import ROUNDING, ArrayLike, numbers, pack, shaped
from .page import KIT, PageWidget, chosen, read


def quarter(lifted: np.ndarray, g: int, exchange: bool = True) -> np.ndarray:
    """g.h for g quarter turns: each picture of (orientation=4, H, H) turns counter-clockwise, and they
    change places, h(theta - g).

    Example:
        >>> h = np.zeros((4, 2, 2)); h[0, 0, 1] = 1  # at orientation 0, upper right
        >>> np.argwhere(quarter(h, 1)).tolist()  # at orientation 1, upper left
        [[1, 0, 0]]
    """
    return np.rot90(np.roll(lifted, g if exchange else 0, axis=0), g, axes=(-2, -1))


class TurningWidget(PageWidget):
    """A picture f, its lifted responses h, and what a group convolution W makes of them, under quarter turns.

    pictures: (4, H, H), f turned counter-clockwise by 0, 90, 180 and 270 degrees
    responses: (turn=4, orientation=4, H, H), what a lifting convolution makes of each, from 0 on
    kernel: (4, K, K), W(phi, y) of one channel, K odd
    outputs: (turn=4, orientation=4, H, H), what the group convolution makes of the responses, from 0 on
    title: shown above; turn and theta, in quarter turns, and place, which is lit: what is shown first

    A place is a number, K K phi + (K p + q), for the row p and the column q of the window at phi, from 0 on.
    """

    _esm = KIT + read("moving.js") + read("turning.js")
    data = traitlets.Dict().tag(sync=True)
    turn = traitlets.Int(0).tag(sync=True)
    theta = traitlets.Int(0).tag(sync=True)
    place = traitlets.Int(0).tag(sync=True)
    _check = chosen("turn", "theta", "place")

    def __init__(
        self,
        pictures: ArrayLike,
        responses: ArrayLike,
        kernel: ArrayLike,
        outputs: ArrayLike,
        title: str = "",
        turn: int = 0,
        theta: int = 0,
        place: int = 0,
    ):
        H, K = ((0, *np.shape(given))[-1] for given in (pictures, kernel))
        if K % 2 == 0:
            raise ValueError(
                f"kernel has shape {tuple(np.shape(kernel))}: K is odd, it has a middle"
            )
        grid = {"H": H, "W": H}
        pictures = shaped("pictures", pictures, {"turn": 4, **grid})
        kernel = shaped("kernel", kernel, {"phi": 4, "K": K, "K'": K})
        layers = {}
        for name, lifted in (("responses", responses), ("outputs", outputs)):
            lifted = shaped(name, lifted, {"turn": 4, "orientation": 4, **grid})
            if lifted.min() < 0:
                raise ValueError(
                    f"{name} go down to {lifted.min():.2g}: only numbers from 0 on are drawn, so let them "
                    "end in relu()"
                )
            layers[name] = {"pictures": pack(name, lifted), **self._errors(lifted)}
        data = {
            "size": [H, H],
            "window": K,
            "pictures": pack("pictures", pictures),
            "kernel": numbers(kernel),
            **layers,
        }
        super().__init__(data=data, title=title, turn=int(turn), theta=int(theta), place=int(place))
        worst = max(max(layer["errors"]) for layer in layers.values())
        held = "up to rounding" if worst < ROUNDING else f"up to {worst:.2g}"
        self.description = (
            "Interactive figure: a picture turns by quarters. A lifting convolution makes four responses of "
            "it, one an orientation, and a group convolution makes four outputs of those. When the picture "
            f"turns, responses and outputs turn and change places, {held}. The kernel of the group "
            "convolution is shown as it is stored, and as the output at a chosen orientation reads it, with "
            "the same entry lit in both."
        )

    @staticmethod
    def _errors(lifted: np.ndarray) -> dict:
        """How far what is made of the turned picture is from what was made of the upright one, turned, with
        and without the change of places."""
        both = {"errors": True, "unmoved": False}
        return {
            name: [
                numbers(np.linalg.norm(lifted[g] - right) / np.linalg.norm(right))
                for g in range(4)
                for right in [quarter(lifted[0], g, exchange)]
            ]
            for name, exchange in both.items()
        }

    def choices(self) -> dict:
        return {"turn": range(4), "theta": range(4), "place": range(4 * self.data["window"] ** 2)}

    def __repr__(self) -> str:
        H, K = self.data["size"][0], self.data["window"]
        return f"TurningWidget(H={H}, W={H}, orientations=4, K={K})"
