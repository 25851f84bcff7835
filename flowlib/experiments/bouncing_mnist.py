"""Bouncing MNIST: two boxed digits collide with the border and with each other; velocities change."""

from __future__ import annotations

from dataclasses import replace

from torch.nn.functional import interpolate, pad

from flowlib.data.bouncing import BouncingImages
from flowlib.experiments.forecasting import PAPER, TINY, Preset, Row, Table
from flowlib.flows import translation_velocities

STILL, V2 = translation_velocities(0), translation_velocities(2)

PRESETS = {
    "tiny": replace(TINY, size=7, canvas=(12, 22)),
    "laptop": Preset(
        "digits of 10 x 10 on 12 x 22, 10 frames in and 10 out, 8 channels: minutes on two CPU cores",
        size=10, context=10, horizon=10, long=40, channels=8, decoder_layers=2,
        batch=8, updates=300, record_every=30, test=256, canvas=(12, 22),
    ),
    "paper": replace(PAPER, canvas=(28, 48)),
}  # fmt: skip


def bouncing(pictures, preset, fixed=False) -> BouncingImages:
    """Two digits in boxes; pictures that fill their frame, as MNIST's do not, are made smaller."""
    lit = pictures.amax((0, 1)) > 0.1
    if lit[0].any() or lit[:, 0].any():
        inner = preset.size * 5 // 7
        margin = preset.size - inner
        pictures = interpolate(pictures, size=(inner, inner), mode="area")
        pictures = pad(pictures, (margin // 2, margin - margin // 2) * 2)
    return BouncingImages(pictures, V2, preset.canvas)


TABLES = [
    Table(
        name="bouncing-mnist",
        title="two digits in boxes, elastic collisions with the border and with each other",
        rows={
            "g-rnn": Row("G-RNN", STILL),
            "fernn-v2": Row("FERNN-V2", V2),
            "fernn-v2-mixing": Row("FERNN-V2, velocity mixing", V2, mixing=1),
        },
        presets=PRESETS,
        videos=bouncing,
        published={
            "g-rnn": (2.5e-2, 3.2e-4),
            "fernn-v2": (1.8e-2, 3.1e-4),
            "fernn-v2-mixing": (8.9e-3, 9.3e-4),
        },
        published_source="Keller 2025, public review discussion",
    ),
]
EXPERIMENTS = [table.experiment() for table in TABLES]
