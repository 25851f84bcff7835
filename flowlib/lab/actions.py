"""Action recognition while the camera pans: KTH, what there is of it, Weizmann, and stick figures.

Four questions, each a table: the camera's velocity is fixed for each sequence; it is drawn anew each
time; it changes in the middle of a clip; it is faster than in training.
"""

from __future__ import annotations

from functools import partial

import torch

from flowlib.flows import translation_velocities
from flowlib.lab.baselines import Convolution3d, LearnedMotionRNN
from flowlib.lab.data.actions import Actions
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.kth import kth
from flowlib.lab.data.stick import stick
from flowlib.lab.data.weizmann import weizmann
from flowlib.lab.experiment import Experiment, Task
from flowlib.lab.recognition import FOLDS, Preset, Question, Row, complete, prepare
from flowlib.lab.training import constant
from flowlib.recurrent import FERNN

STILL, V1, V2 = (translation_velocities(radius) for radius in range(3))

ROWS = {
    "3d-cnn": Row("3D-CNN", Convolution3d),
    "g-rnn": Row("G-RNN", FERNN, STILL),
    "g-rnn-plus": Row("G-RNN+", LearnedMotionRNN, V2),
    "fernn-v1": Row("FERNN-V1^T", FERNN, V1),
    "fernn-v2": Row("FERNN-V2^T", FERNN, V2),
    "g-rnn-wide": Row("G-RNN, 25 x channels", FERNN, STILL, width=25),
}


# Few persons: a place tells who somebody is better than his way of walking tells what he does. So
# the small presets take away what stands still. The paper's keeps it.
SMALL = dict(every=2, background=False, normalise=True, learning_rate=5e-3)
PRESETS = {
    "tiny": Preset(
        "a few updates, to try the machinery",
        size=8, steps=4, channels=2, batch=4, updates=4, record_every=2, clips=1, **SMALL,
    ),
    "quick": Preset(
        "16 x 16, 12 frames, 6 channels, half a minute a model, to see it learn",
        size=16, steps=12, channels=6, batch=8, updates=200, record_every=50, clips=1, **SMALL,
    ),
    "laptop": Preset(
        "16 x 16, 16 frames, 6 channels",
        size=16, steps=16, channels=6, batch=8, updates=300, record_every=50, clips=4, **SMALL,
    ),
    # 500 epochs of the 1,528 training sequences of the paper's split of KTH, in batches of 32.
    "paper": Preset(
        "the paper's protocol, for a GPU",
        size=32, steps=16, every=2, channels=128, batch=32, updates=500 * 48, record_every=48,
        clips=1, learning_rate=3e-4, schedule=constant,
        learning_rates={"3d-cnn": 1e-3, "g-rnn-plus": 1e-4},
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


def data(name: str, size: int) -> Actions:
    """Sequences by the name of the experiment: kth (or what there is of it), weizmann, stick."""
    if name == "stick":
        return stick(size)
    return kth(size) if name == "kth" else weizmann(size)


def at_hand() -> str:
    """Which data set is here, enough of it for folds: kth, else weizmann, else stick. No download."""
    for name, read in (("kth", kth), ("weizmann", weizmann)):
        try:
            if len(complete(read(PRESETS["quick"].size))) >= FOLDS:
                return name
        except DataUnavailableError:
            pass
    return "stick"


def task(name: str, asked: str, preset: str, device: torch.device) -> Task:
    """The task of one of the tables at a preset."""
    p = PRESETS[preset]
    return prepare(ROWS, QUESTIONS[asked], p, data(name, p.size), device)


PUBLISHED = {
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
    "faster": {},
}
DATA = {
    "kth": "KTH, or the part of it that is there",
    "weizmann": "Weizmann",
    "stick": "stick figures, synthetic",
}
EXPERIMENTS = [
    Experiment(
        name=f"{name}-{asked}",
        title=f"{title}: {question.title}",
        models={row: told.title for row, told in ROWS.items()},
        presets={k: p.title for k, p in PRESETS.items() if name == "kth" or k != "paper"},
        settings={k: p.settings() for k, p in PRESETS.items()},
        metric="test_accuracy",
        prepare=partial(task, name, asked),
        published=PUBLISHED[asked] if name == "kth" else {},
        published_source=(
            "Keller 2025 and its public review discussion, on the whole of KTH"
            if name == "kth" and PUBLISHED[asked]
            else "not in the paper"
        ),
    )
    for name, title in DATA.items()
    for asked, question in QUESTIONS.items()
]
