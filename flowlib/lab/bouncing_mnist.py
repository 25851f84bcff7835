"""Bouncing MNIST: two boxed digits collide with the border and with each other; velocities change."""

from __future__ import annotations

from dataclasses import replace

from torch.nn.functional import interpolate, pad

from flowlib.flows import translation_velocities
from flowlib.lab.data.bouncing import BouncingImages
from flowlib.lab.data.motion import Pictures
from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import PAPER, TINY, ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.translating_mnist import CONV_LSTM, fair, wide

# A room that is large beside its boxes: they turn in a sixth of the frames, and the network sees where
# they go before it is asked. In a small room a box comes back to where it was.
LAPTOP = ForecastPreset(
    "digits of 7 x 7 on 20 x 30, |v| <= 1, 5 frames in and 5 out, 8 channels: minutes on two cores",
    size=7, canvas=(20, 30), speed=1, context=5, horizon=5, long=40, channels=8, decoder_layers=2,
    batch=8, updates=2000, record_every=100, test=512,
)  # fmt: skip
PRESETS = {
    "tiny": replace(TINY, size=7, canvas=(12, 22), speed=1),
    "quick": replace(
        LAPTOP,
        title="the table's task, a tenth of its updates: under a minute for two models",
        updates=200,
        record_every=25,
        test=96,
    ),
    "laptop": LAPTOP,
    "desk": replace(
        LAPTOP,
        title="digits of 8 x 8 on 24 x 36, |v| <= 2, 6 frames in and 6 out, 16 channels: an hour a row",
        size=8,
        canvas=(24, 36),
        speed=2,
        context=6,
        horizon=6,
        channels=16,
        decoder_layers=4,
        updates=2000,
        record_every=50,
        learning_rate=2e-3,
    ),
    "paper": replace(PAPER, canvas=(28, 48), speed=2),
}


def bouncing(pictures: Pictures, preset: ForecastPreset, fixed=False) -> BouncingImages:
    """Two digits in boxes; pictures that fill their frame, as MNIST's do not, are made smaller."""
    images = pictures.images
    lit = images.amax((0, 1)) > 0.1
    if lit[0].any() or lit[:, 0].any():
        inner = preset.size * 5 // 7
        margin = preset.size - inner
        images = interpolate(images, size=(inner, inner), mode="area")
        images = pad(images, (margin // 2, margin - margin // 2) * 2)
    V = translation_velocities(preset.speed)
    return BouncingImages(images, V, preset.canvas, pictures.source)


TABLES = by_name(
    ForecastTable(
        name="bouncing-mnist",
        title="two digits in boxes, elastic collisions with the border and with each other",
        rows={
            "g-rnn": ForecastRow("G-RNN", translation_velocities(0)),
            "fernn": ForecastRow("FERNN, V = the velocities of the boxes", None),
            "fernn-mixing": ForecastRow("the same with velocity mixing", None, mixing=1),
            "fernn-separable": ForecastRow(
                "the same with separable velocity mixing", None, mixing=1, separable=True
            ),
            # As many parameters as full mixing has, about.
            **wide(2, "fernn", ForecastRow("FERNN, the same V", None)),
            **CONV_LSTM,
        },
        presets=fair(PRESETS, "fernn"),
        videos=bouncing,
        published={
            "g-rnn": (2.5e-2, 3.2e-4),
            "fernn": (1.8e-2, 3.1e-4),
            "fernn-mixing": (8.9e-3, 9.3e-4),
        },
        published_source="Keller 2025, public review discussion, where V is V2, and boxes move at |v| <= 2",
    ),
)
