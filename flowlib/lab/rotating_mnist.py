"""Rotating MNIST: digits that turn about the centre of the picture, at constant angular velocity."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flowlib.flows import rotation_velocities
from flowlib.lab.data.motion import MovingImages, Pictures
from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import PAPER, TINY, ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.rotations import Rotations


def degrees(radius: int) -> list[int]:
    """-10 radius, ..., -10, 0, 10, ..., 10 radius degrees a frame: the paper's V_radius^R.

    Example:
        >>> degrees(2)
        [-20, -10, 0, 10, 20]
    """
    return list(range(-10 * radius, 10 * radius + 1, 10))


# 5 + 5 frames: at 10 degrees a frame or more, a digit is nowhere twice, unless it turns by 40 degrees,
# nine of which are a whole turn.
LAPTOP = ForecastPreset(
    "15 x 15, 5 frames in and 5 out, 4 channels of 8 orientations: minutes a row on two CPU cores",
    size=15, context=5, horizon=5, long=40, channels=4, decoder_layers=2, orientations=8,
    batch=8, updates=800, record_every=40, test=256,
)  # fmt: skip
PRESETS = {
    "tiny": replace(TINY, size=7, orientations=2),
    "quick": replace(
        LAPTOP,
        title="the table's task, a fifth of its updates: under a minute for two models",
        updates=160,
        record_every=20,
        test=96,
    ),
    "laptop": LAPTOP,
    "desk": replace(
        LAPTOP,
        title="15 x 15, 5 frames in and 5 out, 8 channels, the paper's decoder: half an hour a row",
        channels=8,
        decoder_layers=4,
        updates=2000,
        record_every=50,
        learning_rate=2e-3,
    ),
    "paper": replace(PAPER, orientations=8, channels=16),
}


def group(preset: ForecastPreset) -> Rotations:
    """What the networks act with. A memory is turned at every step: each turn must lose nothing."""
    return Rotations(preset.orientations, size=preset.size, interpolation="fourier")


def turning(velocities, objects: int, pictures: Pictures, preset, fixed=False) -> MovingImages:
    still = Rotations(1, size=preset.size, interpolation="bicubic")
    V = rotation_velocities(velocities)
    return MovingImages(
        pictures.images, V, objects, group=still, fixed=fixed, source=pictures.source
    )


def each_velocity(velocities, pictures: Pictures, preset) -> dict[str, MovingImages]:
    return {str(v): turning([v], 1, pictures, preset) for v in velocities}


V1, V2, V4 = (rotation_velocities(degrees(radius)) for radius in (1, 2, 4))
ROWS = {
    "g-rnn": ForecastRow("G-RNN", [0.0]),
    "fernn-v2": ForecastRow("FERNN-V2^R", V2),
    "fernn-v4": ForecastRow("FERNN-V4^R", V4),
}

TABLES = by_name(
    ForecastTable(
        name="rotating-mnist-2",
        title="two overlapping digits, each with its own angular velocity, up to 40 degrees a frame",
        rows=ROWS,
        presets=PRESETS,
        videos=partial(turning, degrees(4), 2),
        group=group,
        published={"g-rnn": (4.0e-3, 5e-4), "fernn-v2": (1.3e-3, 5e-5), "fernn-v4": (6.1e-4, 3e-5)},
        published_source="Keller 2025",
    ),
    ForecastTable(
        name="rotation-generalisation",
        title="one digit, trained on -10, 0, 10 degrees a frame, tested on -50 ... 50",
        rows={
            "g-rnn": ROWS["g-rnn"],
            "fernn-v1": ForecastRow("FERNN-V1^R", V1),
            "fernn-v4": ROWS["fernn-v4"],
        },
        presets=PRESETS,
        videos=partial(turning, degrees(1), 1),
        by_velocity=partial(each_velocity, degrees(5)),
        group=group,
        published_source="Keller 2025 shows it as a picture, without numbers",
    ),
)
