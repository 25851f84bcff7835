"""A picture that moves over a torus, and its space-time picture beside it: a velocity is a slant.

The page moves the picture itself. A test holds what it draws against `flowlib.flow`.
"""

import traitlets

from .pack import ArrayLike, array, pack
from .page import KIT, PageWidget, chosen, read


class SlantWidget(PageWidget):
    """A picture that moves to the side over a torus. The brightness of its columns is a signal on a ring:
    frame under frame it makes a stripe, which a flow tilts and a static shift moves.

    picture: (H, W), numbers from 0 on
    steps: number of frames
    fastest: the velocities are -fastest ... fastest, pixels a frame to the right
    title: shown above; velocity, shift (where frame 0 stands, to the right) and time: what is shown first
    """

    _esm = KIT + read("moving.js") + read("slant.js")
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(0).tag(sync=True)
    velocity = traitlets.Int(0).tag(sync=True)
    shift = traitlets.Int(0).tag(sync=True)
    _check = chosen("time", "velocity", "shift")

    def __init__(
        self,
        picture: ArrayLike,
        steps: int = 28,
        fastest: int = 3,
        title: str = "",
        velocity: int = 1,
        shift: int = 0,
        time: int | None = None,
    ):
        pixels = array(picture)
        if pixels.ndim != 2 or not pixels.size or not pixels.min() >= 0 or not pixels.max() > 0:
            raise ValueError(
                f"picture has shape {pixels.shape}: expected (H, W), numbers from 0 on, not all 0"
            )
        if fastest < 1 or steps < 2:
            raise ValueError(f"fastest is {fastest}, steps is {steps}: give 1 and 2 or more")
        data = {
            "picture": pack("picture", pixels),
            "size": list(pixels.shape),
            "steps": int(steps),
            "fastest": int(fastest),
        }
        super().__init__(
            data=data,
            title=title,
            velocity=int(velocity),
            shift=int(shift),
            time=steps // 3 if time is None else int(time),
        )
        self.description = (
            "Interactive figure: a picture moves over a torus at a velocity that one chooses. Beside it is "
            f"its space-time picture: the brightness of its columns in {steps} frames, one row a frame, time "
            "downwards. A picture at rest is an upright stripe. One that moves is a stripe with a slant: v "
            "columns to the right with each row. A static shift moves the stripe, and leaves its slant."
        )

    def choices(self) -> dict:
        fastest, reach = self.data["fastest"], self.data["size"][1] // 3
        return {
            "time": range(self.data["steps"]),
            "velocity": range(-fastest, fastest + 1),
            "shift": range(-reach, reach + 1),
        }

    def __repr__(self) -> str:
        (H, W), v = self.data["size"], self.data["fastest"]
        return f"SlantWidget(velocities=[{-v}..{v}], H={H}, W={W}, time={self.data['steps']})"
