"""Digits that move by halves of a pixel: which channels, and which nonlinearity, a network wants for them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from flowlib.aliasing import AntiAliased
from flowlib.cells import ElmanCell
from flowlib.lab.data.motion import MovingImages, Pictures
from flowlib.lab.experiment import by_name
from flowlib.lab.forecasters import PAPER, TINY, ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.translating_mnist import PRESETS as PIXELS
from flowlib.lab.translating_mnist import x_velocities
from flowlib.models import Forecaster
from flowlib.translations import Translations

FACTOR = 2  # halves of a pixel are whole steps of a grid that is twice as fine
WHOLE = x_velocities(-2, -1, 0, 1, 2)
HALVES = x_velocities(*range(-4, 5)).double() / 2
MOVING = HALVES[HALVES[:, 1] != 0]  # what stands still has nothing between the pixels, and repeats


# 11 columns and 5 + 5 frames, so that at no speed a digit is where it was.
LAPTOP = replace(
    PIXELS["laptop"],
    title="11 x 11, 5 frames in and 5 out, 8 channels: minutes a row on one CPU core",
    size=11,
    context=5,
    horizon=5,
    updates=1500,
    record_every=75,
)
PRESETS = {
    "tiny": TINY,
    "quick": replace(
        LAPTOP,
        title="the table's task, a quarter of its updates",
        updates=375,
        record_every=25,
        test=192,
    ),
    "laptop": LAPTOP,
    "desk": PIXELS["desk"],
    "paper": replace(PAPER, canvas=(29, 29)),
}


def largest(state: Tensor) -> Tensor:
    """The maximum over velocities, (batch, velocity, *rest) to (batch, *rest)."""
    return state.max(1).values


class AntiAliasedForecaster(Forecaster):
    """A `Forecaster` whose maximum over velocities and whose ReLUs work on a finer grid.

    Example:
        >>> import flowlib as fl
        >>> rnn = fl.FERNN(fl.Translations(5, "fourier"), [0, 0.5], 1, 2)
        >>> AntiAliasedForecaster(rnn, 1)(torch.rand(2, 3, 1, 5), steps=2).shape
        torch.Size([2, 2, 1, 5])
    """

    def __init__(self, rnn: nn.Module, decoder_layers: int = 4):
        super().__init__(rnn, decoder_layers)
        fine = partial(AntiAliased, factor=FACTOR, ndim=self.group.ndim)
        self.decoder = nn.Sequential(
            *(fine(layer) if isinstance(layer, nn.ReLU) else layer for layer in self.decoder)
        )
        self.largest = fine(largest)

    def pool(self, state: Tensor) -> Tensor:
        """The maximum over V, of the waves and not of the samples."""
        return self.largest(state)


def torus(preset: ForecastPreset) -> Translations:
    """The real shifts of the canvas."""
    return Translations(preset.canvas or (preset.size,) * 2, interpolation="fourier")


def moving(velocities, pictures: Pictures, preset: ForecastPreset, fixed=False) -> MovingImages:
    """One digit, at a real place, that moves by real steps: the video is one of waves."""
    return MovingImages(
        pictures.images,
        velocities,
        canvas=preset.canvas,
        group=torus(preset),
        fixed=fixed,
        source=pictures.source,
    )


def each_speed(pictures: Pictures, preset: ForecastPreset) -> dict[str, MovingImages]:
    """Each velocity that moves, by name: "0,-1.5"."""
    return {f"0,{v[1]:g}": moving(v[None], pictures, preset) for v in MOVING}


FINE = {"cell": partial(ElmanCell, nonlinearity=AntiAliased(torch.relu, FACTOR))}

TABLES = by_name(
    ForecastTable(
        name="half-pixels",
        title="one digit, x-velocity a multiple of 1/2 up to 2, by V and by the nonlinearity",
        rows={
            "v0": ForecastRow("{0} (G-RNN)", x_velocities(0)),
            "whole": ForecastRow("{-2, -1, 0, 1, 2}", WHOLE),
            "whole-9": ForecastRow("{-4, ..., 4}, nine whole", x_velocities(*range(-4, 5))),
            "halves": ForecastRow("{-2, -1.5, ..., 2}", HALVES),
            "halves-fine": ForecastRow(
                "{-2, -1.5, ..., 2}, anti-aliased", HALVES, head=AntiAliasedForecaster, **FINE
            ),
        },
        presets=PRESETS,
        videos=partial(moving, MOVING),
        by_velocity=each_speed,
        group=torus,
        published_source="not in the paper, whose velocities are whole",
    ),
)
