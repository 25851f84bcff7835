"""A reader's own video as a table: its frames cut in time, three rules, a G-RNN and a FERNN.

The networks take the frames as a torus, as all networks of the book do; the rules know that a frame has
edges. Nothing is written into the book's ledger.
"""

from __future__ import annotations

import time

from torch import Tensor

from flowlib.flows import translation_velocities
from flowlib.lab.data.motion import Pictures
from flowlib.lab.data.recordings import Clips, Recordings
from flowlib.lab.evaluation import last_frame, still_picture
from flowlib.lab.flow_predictor import rule
from flowlib.lab.forecasters import ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.moved_on import MovedOn
from flowlib.lab.rules import best_shift
from flowlib.lab.run import torch_device
from flowlib.lab.translating_mnist import STILL

RECORDS = 10  # of the validation error, in training
NETWORKS = "g-rnn", "fernn"
GREY_LEVEL = 1 / 255  # a change that is smaller is none: it may be the codec's

QUICK = ForecastPreset(
    "8 frames in and 6 out, 8 channels",
    size=24, context=8, horizon=6, long=6, channels=8, decoder_layers=2,
    batch=8, updates=500, record_every=500 // RECORDS, test=128,
    learning_rate=2e-3,
)  # fmt: skip


RULES = {
    "mean": ForecastRow("the mean of the frames seen", kind=rule(still_picture)),
    "last-frame": ForecastRow("the last frame", kind=rule(last_frame)),
    "best-shift": ForecastRow("the last frame, moved on", kind=rule(best_shift)),
}


def split(frames: int, clip: int) -> tuple[int, int]:
    """How many of the last frames test, and how many before them validate: a fifth and a tenth, and a clip
    at least. The first frames train.

    Example:
        >>> split(1000, clip=14), split(60, clip=14)
        ((200, 100), (14, 14))
    """
    return max(frames // 5, clip), max(frames // 10, clip)


def clips(pictures: Pictures, preset: ForecastPreset, fixed=False) -> Clips:
    """Clips of frames in their order, also where the video stands still for a moment."""
    return Clips(Recordings(pictures.images[None], pictures.source), moving=False)


def table(
    frames: Tensor, name: str, preset: ForecastPreset = QUICK, radius: int = 2
) -> ForecastTable:
    """The table of one recording: three rules, a G-RNN, and a FERNN with all |v| <= radius.

    Args:
        frames: (frame, channel, height, width), in their order.
        name: of the recording.
        preset: its `size` is not used.
        radius: of V, pixels a frame along an axis.

    Raises:
        ValueError: too few frames, frames that are too small for the radius, or that do not change. It says
            which would do.

    Example:
        >>> found = table(torch.rand(60, 1, 8, 8), "noise").floor("quick", count=4)
        >>> found["last_mse"] > found["still_mse"]
        True
    """
    clip = preset.context + preset.horizon
    if len(frames) < 4 * clip:
        raise ValueError(
            f"{name} has {len(frames)} frame{'s' * (len(frames) != 1)}, {4 * clip} are the least: a clip has "
            f"{clip}, one is kept to validate, one to test, and two to train; give a longer video, or a "
            "smaller --every"
        )
    if radius < 1 or min(frames.shape[2:]) < 2 * radius + 1:
        small = " x ".join(map(str, frames.shape[2:]))
        raise ValueError(
            f"radius is {radius}: it wants 1 or more, and frames of 2 radius + 1 pixels or more on each "
            f"side; those of {name} are reduced to {small}, so take a larger --size or a smaller --radius"
        )
    test, validation = split(len(frames), clip)
    changes = int((frames[-test:].diff(dim=0).abs().flatten(1).amax(1) > GREY_LEVEL).sum())
    if changes < test / 20:
        raise ValueError(
            f"{name} changes {changes} times in its last {test} frames, which test: there is nothing to "
            "forecast; give a video in which something moves to its end"
        )
    parts = {"train": frames[:-test], "test": frames[-test:]}
    V = translation_velocities(radius)
    return ForecastTable(
        name="own-video",
        title=f"{name}, as a torus",
        rows={
            **RULES,
            "g-rnn": ForecastRow("G-RNN", STILL, head=MovedOn),
            "fernn": ForecastRow(f"FERNN, |v| <= {radius}", V, head=MovedOn),
        },
        presets={"quick": preset},
        videos=clips,
        read=lambda part, size: Pictures(parts[part], name),
        held_out=validation,
    )


def affordable(table: ForecastTable, minutes: float, device: str) -> int:
    """How many updates both networks can have in so many minutes of this machine, their validations and
    their measurement taken off: three updates of each and one validation are tried."""
    started, update, rest = time.monotonic(), 0.0, 0.0
    task = table.prepare("quick", torch_device(device))
    for name in NETWORKS:
        model = task.model(name).to(device)
        for number in range(3):
            begun = time.monotonic()
            task.loss(model, 0, number, name).backward()
            sum(p.grad.sum() for p in model.parameters()).item()  # waits for a GPU
        update += time.monotonic() - begun  # of the last: the first ones warm up
        begun = time.monotonic()
        task.validate(model)
        rest += (RECORDS + 4) * (time.monotonic() - begun)  # the test has four times as many clips
    return max(int((minutes * 60 - rest - (time.monotonic() - started)) / update), 0)
