"""Action recognition while the camera pans: KTH, what there is of it, Weizmann, and stick figures.

Four questions, each a table: the camera's velocity is fixed for each sequence; it is drawn anew each
time; it changes in the middle of a clip; it is faster than in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from torch import nn

from flowlib.flows import translation_velocities
from flowlib.lab.baselines import Convolution3d, LearnedMotionRNN
from flowlib.lab.data.actions import Actions
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.kth import kth, kth_status
from flowlib.lab.data.stick import stick
from flowlib.lab.data.weizmann import weizmann, weizmann_status
from flowlib.lab.experiment import Row
from flowlib.lab.recognition import FOLDS, Question, RecognitionPreset, RecognitionTable, complete
from flowlib.lab.training import constant

STILL, V1, V2 = (translation_velocities(radius) for radius in range(3))


def cnn(group, channels: int, classes: int) -> nn.Module:
    """The baseline that acts with no group and has no memory, on grey frames: the `kind` of a row.

    Example:
        >>> import torch
        >>> cnn(None, channels=2, classes=6)(torch.rand(3, 4, 1, 8, 8)).shape
        torch.Size([3, 6])
    """
    return Convolution3d(1, channels, classes)


WIDE = Row("G-RNN, 25 x channels", STILL, width=25)
RATES = (4, 16)  # that its learning rate is divided by: the authors had to lower theirs too
ROWS = {
    "3d-cnn": Row("3D-CNN", kind=cnn),
    "g-rnn": Row("G-RNN", STILL),
    "g-rnn-plus": Row("G-RNN+", V2, LearnedMotionRNN),
    "fernn-v1": Row("FERNN-V1^T", V1),
    "fernn-v2": Row("FERNN-V2^T", V2),
    "g-rnn-wide": WIDE,
    **{f"g-rnn-wide-{by}": replace(WIDE, title=f"{WIDE.title}, rate / {by}") for by in RATES},
}


# Few persons: a place tells who somebody is better than his way of walking tells what he does. So
# the small presets take away what stands still. The paper's keeps it.
SMALL = dict(every=2, background=False, normalise=True, learning_rate=5e-3)
PRESETS = {
    "tiny": RecognitionPreset(
        "a few updates, to try the machinery",
        size=8, steps=4, channels=2, batch=4, updates=4, record_every=2, clips=1, **SMALL,
    ),
    "quick": RecognitionPreset(
        "16 x 16, 12 frames, 6 channels, half a minute a model, to see it learn",
        size=16, steps=12, channels=6, batch=8, updates=200, record_every=50, clips=1, **SMALL,
    ),
    "laptop": RecognitionPreset(
        "16 x 16, 16 frames, 6 channels",
        size=16, steps=16, channels=6, batch=8, updates=300, record_every=50, clips=4, **SMALL,
        own={f"g-rnn-wide-{by}": {"learning_rate": SMALL["learning_rate"] / by} for by in RATES},
    ),
    # 500 epochs of the 1,528 training sequences of the paper's split of KTH, in batches of 32.
    "paper": RecognitionPreset(
        "the paper's protocol, for a GPU",
        size=32, steps=16, every=2, channels=128, batch=32, updates=500 * 48, record_every=48,
        clips=1, learning_rate=3e-4, schedule=constant,
        own={"3d-cnn": {"learning_rate": 1e-3}, "g-rnn-plus": {"learning_rate": 1e-4}},
    ),
}  # fmt: skip


QUESTIONS = {
    "fixed": Question("one camera velocity a sequence", dict(fixed=True), dict(fixed=True)),
    "redrawn": Question("camera velocities drawn anew", {}, {}),
    "switch": Question(
        "the camera changes its velocity half-way", dict(switch=True), dict(switch=True)
    ),
    "faster": Question("camera velocities up to 1, and a further test up to 2", {}, {}, V1, V2),
}


PUBLISHED = {  # of KTH, the whole of it
    "fixed": {
        "3d-cnn": (0.626, 0.02),
        "g-rnn-plus": (0.639, 0.02),
        "g-rnn": (0.665, 0.03),
        "fernn-v1": (0.698, 0.03),
        "fernn-v2": (0.716, 0.04),
    },
    "redrawn": {
        "3d-cnn": (0.742, 0.015),
        "g-rnn-plus": (0.662, 0.037),
        "g-rnn": (0.684, 0.041),
        "fernn-v1": (0.694, 0.049),
        "fernn-v2": (0.751, 0.009),
    },
    "switch": {
        "3d-cnn": (0.59, 0.016),
        "g-rnn-plus": (0.62, 0.043),
        "g-rnn": (0.65, 0.034),
        "fernn-v1": (0.69, 0.036),
        "fernn-v2": (0.69, 0.017),
    },
}


@dataclass(frozen=True)
class DataSet:
    """A data set of actions: all that the tables and the command line know of it.

    Attributes:
        name: on the command line, the first part of the names of its experiments.
        title: for people.
        read: size of a frame -> `Actions`. DataUnavailableError where there are none.
        status: -> one line on what of it is here; none for what is made and not read.
        download: gets all that is missing; none where it cannot be downloaded.
        amount: of a download, for people.
        published: question -> model -> (mean, standard deviation) of the paper. Data with published
            numbers have the preset `paper`.
    """

    name: str
    title: str
    read: Callable[[int], Actions]
    status: Callable[[], str] | None = None
    download: Callable[[], object] | None = None
    amount: str = ""
    published: Mapping[str, Mapping] = field(default_factory=dict)

    def table(self, asked: str) -> RecognitionTable:
        """The table of one of the questions."""
        published = self.published.get(asked, {})
        return RecognitionTable(
            name=f"{self.name}-{asked}",
            title=f"{self.title}: {QUESTIONS[asked].title}",
            rows=ROWS,
            presets={k: p for k, p in PRESETS.items() if self.published or k != "paper"},
            read=self.read,
            question=QUESTIONS[asked],
            published=published,
            published_source=(
                "Keller 2025 and its public review discussion, on the whole of KTH"
                if published
                else "not in the paper"
            ),
        )


# All there are, the one to be preferred first; the last one is always at hand.
DATA = {
    data.name: data
    for data in (
        DataSet(
            "kth",
            "KTH, or the part of it that is there",
            kth,
            status=kth_status,
            download=partial(kth, download=True),
            amount="1.1 GB",
            published=PUBLISHED,
        ),
        DataSet("weizmann", "Weizmann", weizmann, status=weizmann_status),
        DataSet("stick", "stick figures, synthetic", stick),
    )
}
TABLES = {
    f"{data.name}-{asked}": data.table(asked) for data in DATA.values() for asked in QUESTIONS
}


def at_hand() -> DataSet:
    """The first data set of which enough is here for folds, without a download. The stick figures
    always are."""

    def enough(data: DataSet) -> bool:
        try:
            return len(complete(data.read(PRESETS["quick"].size))) >= FOLDS
        except DataUnavailableError:
            return False

    return next(filter(enough, DATA.values()))
