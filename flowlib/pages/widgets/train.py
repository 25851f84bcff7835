"""Train a FERNN here: a G-RNN and a FERNN that learn in the reader's browser, side by side.

It packs the pictures that move; the networks are those of `fernn.js`, the training is `trainer.js`, in
a worker of the page. `train.js` draws.
"""

import json

import numpy as np
import traitlets

from .pack import ArrayLike, array, pictures
from .page import KIT, PageWidget, chosen, read
from .weights import from_dict

CHOICES = {  # the first is shown first
    "moves": ("|v| ≤ 1", "|v| ≤ 2", "along x, |v| ≤ 2"),
    "velocities": ("9", "1", "25"),
    "pictures": ("digits", "the picture thrown"),
    "share": ("updates", "seconds"),
    "rate": ("0.004", "0.001", "0.016"),
    "speed": ("full", "slow"),
}
STEPS, REACH = 10, 3
# Of the worker: a script and no module, which browsers start in a page from a disk too.
SCRIPT = (read("fernn.js") + read("trainer.js")).replace("\nexport ", "\n")


def _choice(name: str) -> traitlets.Unicode:
    return traitlets.Unicode(CHOICES[name][0]).tag(sync=True)


class TrainWidget(PageWidget):
    """Two forecasters that the page trains: from the same weights, on the same videos, at one rate.

    train, test: pictures (sample, 1, height, width) in [0, 1], to learn from and to be measured on
    source: what they are
    title: shown above

    `saved` holds the weights as text, once the reader has pressed the button that saves them; with a
    kernel, `networks()` makes flowlib's networks of it.
    """

    _esm = (
        KIT
        + f"const WORKER = {json.dumps(SCRIPT)};\n"
        + "".join(map(read, ("fernn.js", "moving.js", "train.js")))
    )
    data = traitlets.Dict().tag(sync=True)
    time = traitlets.Int(STEPS - 1).tag(sync=True)
    down = traitlets.Int(1).tag(sync=True)
    right = traitlets.Int(1).tag(sync=True)
    moves, velocities, pictures, share, rate, speed = map(_choice, CHOICES)
    saved = traitlets.Unicode("").tag(sync=True)
    _check = chosen("time", "down", "right", *CHOICES)

    def __init__(
        self,
        train: ArrayLike,
        test: ArrayLike,
        source: str,
        title="",
    ):
        grid = array(train).shape[2:]
        packed = {
            "train": pictures("train", train),
            "test": pictures("test", test, grid),
        }
        data = {**packed, "grid": list(grid), "source": source}
        super().__init__(data=data, title=title)
        self.description = (
            "Interactive figure: a G-RNN and a FERNN learn in this page to forecast moving pictures "
            f"({source}), from the same weights and on the same videos. It shows their error while they "
            "learn, their memories, and their forecasts of a picture that the reader draws and throws."
        )

    def networks(self) -> dict:
        """The networks that the reader saved last, {name: Forecaster}.

        Raises:
            ValueError: nothing was saved yet.
        """
        if not self.saved:
            raise ValueError("nothing is saved yet: press 'Save weights' under 'More choices'")
        return {name: from_dict(data) for name, data in json.loads(self.saved).items()}

    def choices(self) -> dict:
        reach = range(-REACH, REACH + 1)
        return {"time": range(STEPS), "down": reach, "right": reach, **CHOICES}

    def __repr__(self) -> str:
        count = {k: len(self.data[k]) // int(np.prod(self.data["grid"])) for k in ("train", "test")}
        return (
            f"TrainWidget(train={count['train']}, test={count['test']}, grid={self.data['grid']})"
        )
