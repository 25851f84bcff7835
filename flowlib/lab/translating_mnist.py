"""Translating MNIST: digits that move at constant velocity over a torus; forecast what follows.

One digit, two digits with a velocity each, slow digits in training and fast ones in the test, and
velocities between those of V.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from flowlib.flows import translation_velocities
from flowlib.lab.baselines import LSTMCell, MeanForecaster, TwiceFedForecaster
from flowlib.lab.data.motion import MovingImages, Pictures
from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import PAPER, TINY, ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.training import constant

STILL, V1, V2 = (translation_velocities(radius) for radius in range(3))

# 13 is prime, and 6 + 6 frames are fewer than 13, so that a digit that moves is nowhere twice.
LAPTOP = ForecastPreset(
    "13 x 13, 6 frames in and 6 out, 8 channels: minutes a row on two CPU cores",
    size=13, context=6, horizon=6, long=40, channels=8, decoder_layers=2,
    batch=8, updates=2000, record_every=100, test=512,
)  # fmt: skip
PRESETS = {
    "tiny": TINY,
    "quick": replace(
        LAPTOP,
        title="the table's task, a quarter of its updates: under a minute for two models",
        updates=500,
        record_every=50,
        test=192,
    ),
    "laptop": LAPTOP,
    "desk": ForecastPreset(
        "14 x 14 on 17 x 17, 8 frames in and 8 out, 16 channels, the paper's decoder: half an hour a row",
        size=14, canvas=(17, 17), context=8, horizon=8, long=40, channels=16, decoder_layers=4,
        batch=8, updates=5000, record_every=125, test=512, learning_rate=2e-3,
    ),
    "paper": PAPER,
}  # fmt: skip


def x_velocities(*speeds: int) -> torch.Tensor:
    """Velocities along x alone: (0, v_x).

    Example:
        >>> x_velocities(-1, 0, 1).tolist()
        [[0, -1], [0, 0], [0, 1]]
    """
    return torch.tensor([(0, x) for x in speeds])


def moving(velocities, objects: int, pictures: Pictures, preset, fixed=False) -> MovingImages:
    return MovingImages(
        pictures.images,
        velocities,
        objects=objects,
        canvas=preset.canvas,
        fixed=fixed,
        source=pictures.source,
    )


def each_velocity(velocities, pictures: Pictures, preset) -> dict[str, MovingImages]:
    return {
        ",".join(map(str, v.tolist())): moving(v[None], 1, pictures, preset) for v in velocities
    }


def by_speed(pictures: Pictures, preset) -> dict[str, MovingImages]:
    """Two digits, both no faster than in training, and both faster."""
    fast = V2[V2.abs().amax(1) == 2]
    sets = {"|v| <= 1": V1, "|v| = 2": fast}
    return {name: moving(V, 2, pictures, preset) for name, V in sets.items()}


ONE = {
    "g-rnn": ForecastRow("G-RNN", STILL),
    "fernn-v1": ForecastRow("FERNN-V1", V1),
    "fernn-v2": ForecastRow("FERNN-V2", V2),
}
CONV_LSTM = {
    "conv-lstm": ForecastRow("ConvLSTM", STILL, cell=LSTMCell),
    "conv-lstm-5": ForecastRow("ConvLSTM, 5 x 5, 2 x updates", STILL, cell=LSTMCell, kernel_size=5),
}
RATES = (1, 2, 4)  # of wide networks: the preset's learning rate divided by them


def wide(
    width: int, base: str = "g-rnn", row: ForecastRow = ONE["g-rnn"]
) -> dict[str, ForecastRow]:
    """A row with more channels, at three learning rates: its best one counts.

    Example:
        >>> list(wide(4))
        ['g-rnn-wide', 'g-rnn-wide-2', 'g-rnn-wide-4']
    """
    row = replace(row, title=f"{row.title}, {width} x channels", width=width)
    slower = {f"{base}-wide-{by}": f"{row.title}, rate / {by}" for by in RATES[1:]}
    return {f"{base}-wide": row, **{m: replace(row, title=t) for m, t in slower.items()}}


def fair(presets: dict[str, ForecastPreset], base: str = "g-rnn") -> dict[str, ForecastPreset]:
    """Presets in which the wide `base` has its rates, and the ConvLSTM the seconds of FERNN-V2."""

    def own(p):
        rates = {f"{base}-wide-{by}": {"learning_rate": p.learning_rate / by} for by in RATES[1:]}
        return {**rates, "conv-lstm-5": {"updates": 2 * p.updates}}

    return {name: replace(p, own=own(p)) for name, p in presets.items()}


DISCUSSION = "Keller 2025, public review discussion"

FEW = 50  # pictures to train on, each with one of 25 velocities: augmentation has something to add

# The choices of the table `ablations`: what a row changes.
CHANGES = {
    "forgets": ("memory 0 at first", {}),
    "twice": ("the last frame consumed twice", {"head": TwiceFedForecaster}),
    "mean": ("the mean over velocities", {"head": MeanForecaster}),
    "constant": ("a constant rate of 1e-3", {}),
}


def own(preset: ForecastPreset) -> dict[str, dict]:
    """What rows of the table `ablations` have otherwise than the preset."""
    both = ("g-rnn", "fernn-v2")
    return {
        **{f"{name}-forgets": {"memory": 0.0} for name in both},
        **{f"{name}-constant": {"schedule": constant, "learning_rate": 1e-3} for name in both},
        "g-rnn-longer": {"updates": 3 * preset.updates},
    }


# Errors at x-velocity -5 ... 5, by the set V.
BETWEEN = {
    "v0": (1e-3, 9e-4, 1e-3, 1e-3, 7e-4, 5e-4, 6e-4, 1e-3, 1e-3, 1e-3, 1e-3),
    "v1": (7e-4, 7e-4, 7e-4, 5e-4, 3e-4, 3e-4, 4e-4, 6e-4, 7e-4, 7e-4, 7e-4),
    "v5": (2e-4, 4e-4, 9e-4, 8e-4, 4e-4, 2e-4, 4e-4, 8e-4, 1e-3, 5e-4, 2e-4),
    "v24": (8e-4, 2e-4, 3e-4, 2e-4, 2e-4, 2e-4, 2e-4, 2e-4, 3e-4, 2e-4, 8e-4),
    "v135": (9e-5, 1e-4, 8e-5, 1e-4, 6e-5, 6e-5, 8e-5, 1e-4, 8e-5, 1e-4, 8e-5),
    "v12345": (5e-5, 5e-5, 5e-5, 5e-5, 5e-5, 4e-5, 5e-5, 5e-5, 5e-5, 5e-5, 5e-5),
}

TABLES = by_name(
    ForecastTable(
        name="translating-mnist",
        title="one digit, constant velocity, |v| <= 2, torus",
        rows={
            **ONE,
            "fernn-v2-mixing": ForecastRow("FERNN-V2, velocity mixing", V2, mixing=1),
            "fernn-v2-separable": ForecastRow(
                "FERNN-V2, separable velocity mixing", V2, mixing=1, separable=True
            ),
            **CONV_LSTM,
            **wide(4),
            "g-rnn-fixed": ForecastRow("G-RNN, one velocity a picture", STILL, fixed=True),
            "fernn-v2-fixed": ForecastRow("FERNN-V2, one velocity a picture", V2, fixed=True),
        },
        presets=fair(PRESETS),
        videos=partial(moving, V2, 1),
        by_velocity=partial(each_velocity, V2),
        published={
            "g-rnn": (1.4e-3, 8.9e-6),
            "fernn-v2": (1.8e-4, 2.6e-6),
            "fernn-v2-mixing": (3.0e-4, 2.8e-5),
        },
        published_source=f"{DISCUSSION} (one digit)",
    ),
    ForecastTable(
        name="velocity-generalisation",
        title="one digit, trained on |v| <= 1, tested on each velocity with |v| <= 2",
        rows=ONE,
        presets=PRESETS,
        videos=partial(moving, V1, 1),
        by_velocity=partial(each_velocity, V2),
        published_source="Keller 2025 shows it as a picture, without numbers",
    ),
    ForecastTable(
        name="translating-mnist-2",
        title="two digits, each with its own velocity, |v| <= 2, torus",
        rows={
            **ONE,
            **wide(8),
            **CONV_LSTM,
        },
        presets=fair(PRESETS),
        videos=partial(moving, V2, 2),
        published={
            "g-rnn": (8.1e-3, 6e-4),
            "fernn-v1": (5.3e-4, 8e-5),
            "fernn-v2": (1.5e-4, 2e-5),
            "g-rnn-wide": (2.0e-3, None),
        },
        published_source=DISCUSSION,
    ),
    ForecastTable(
        name="velocity-generalisation-2",
        title="two digits, trained on |v| <= 1, tested on |v| <= 1 and on |v| = 2",
        rows=ONE,
        presets=PRESETS,
        videos=partial(moving, V1, 2),
        by_velocity=by_speed,
        published_source=f"{DISCUSSION}, which tells it without numbers",
    ),
    ForecastTable(
        name="between-generators",
        title="one digit, x-velocity -5 ... 5, by the set V of x-velocities",
        rows={
            "v0": ForecastRow("{0} (G-RNN)", x_velocities(0)),
            "v1": ForecastRow("{-1, 0, 1}", x_velocities(-1, 0, 1)),
            "v5": ForecastRow("{-5, 0, 5}", x_velocities(-5, 0, 5)),
            "v24": ForecastRow("{-4, -2, 0, 2, 4}", x_velocities(-4, -2, 0, 2, 4)),
            "v135": ForecastRow("{-5, -3, -1, 0, 1, 3, 5}", x_velocities(-5, -3, -1, 0, 1, 3, 5)),
            "v12345": ForecastRow("{-5, ..., 5}", x_velocities(*range(-5, 6))),
        },
        presets=PRESETS,
        videos=partial(moving, x_velocities(*range(-5, 6)), 1),
        by_velocity=partial(each_velocity, x_velocities(*range(-5, 6))),
        published={
            "v0": (9e-4, None),
            "v1": (6e-4, None),
            "v5": (5e-4, None),
            "v24": (3e-4, None),
            "v135": (9e-5, None),
            "v12345": (5e-5, None),
        },
        published_source=f"{DISCUSSION}; its names of the sets are lost, read off the minima here",
        published_by_velocity={
            name: {f"0,{x}": error for x, error in zip(range(-5, 6), errors, strict=True)}
            for name, errors in BETWEEN.items()
        },
    ),
    ForecastTable(
        name="augmentation",
        title="one digit, few pictures to train on, velocities fixed or drawn anew, |v| <= 2",
        rows={
            "g-rnn-fixed": ForecastRow("G-RNN, one velocity a picture", STILL, fixed=True),
            "g-rnn": ForecastRow("G-RNN, velocities drawn anew", STILL),
            "fernn-v2-fixed": ForecastRow("FERNN-V2, one velocity a picture", V2, fixed=True),
            "fernn-v2": ForecastRow("FERNN-V2, velocities drawn anew", V2),
        },
        presets={k: replace(PRESETS[k], pictures=FEW) for k in ("tiny", "laptop")},
        videos=partial(moving, V2, 1),
        by_velocity=partial(each_velocity, V2),
        published_source="not in the paper; asked for in its public review discussion",
    ),
    ForecastTable(
        name="ablations",
        title="one digit, |v| <= 2: what each choice is worth",
        rows={
            **{name: ONE[name] for name in ("g-rnn", "fernn-v2")},
            **{
                f"{name}-{short}": replace(
                    ONE[name], title=f"{ONE[name].title}, {title}", **changes
                )
                for short, (title, changes) in CHANGES.items()
                for name in ("g-rnn", "fernn-v2")
                if (name, short) != ("g-rnn", "mean")
            },
            "g-rnn-longer": replace(ONE["g-rnn"], title="G-RNN, 3 x updates"),
        },
        presets={
            "tiny": replace(TINY, own=own(TINY)),
            "laptop": replace(LAPTOP, own=own(LAPTOP)),
        },
        videos=partial(moving, V2, 1),
    ),
)
