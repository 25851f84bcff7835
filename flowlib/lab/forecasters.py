"""The networks of a table of forecasts: what a row says, how large a preset makes it, and `build`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from flowlib.cells import Cell, ElmanCell
from flowlib.edges import MarginForecaster
from flowlib.lab.experiment import Preset, Row
from flowlib.lab.training import constant
from flowlib.models import Forecaster
from flowlib.stack import Stack
from flowlib.translations import Translations


@dataclass(frozen=True)
class ForecastRow(Row):
    """One network of a table of forecasts.

    Attributes:
        mixing: radius of velocity mixing.
        separable: whether it mixes velocities first, channel by channel, and then space.
        fixed: trained on one velocity for each picture, without augmentation.
        cell: of the network.
        kernel_size: of its convolutions; none takes that of the preset.
        layers: recurrent layers, one on top of the other.
        head: what makes forecasts of it.
        margin: pixels on each side, (y, x), by which its torus is larger than the frame, see
            `MarginForecaster`.
        mask: that tells it there which places it sees, see there; False is none.
        of_training: whether `kind` is no network but is made of the pictures of training: it is called
            with (group, channels, films=pictures).
    """

    mixing: int = 0
    separable: bool = False
    fixed: bool = False
    cell: Callable[..., Cell] = ElmanCell
    kernel_size: int | None = None
    layers: int = 1
    head: Callable[..., nn.Module] = Forecaster
    margin: tuple[int, int] | None = None
    mask: bool | float = True
    of_training: bool = False


@dataclass(frozen=True, kw_only=True)
class ForecastPreset(Preset):
    """The size of a run, the same for all rows of a table of forecasts.

    Attributes:
        size: of the digits, pixels. MNIST has 28; less is area averaging.
        context: frames seen.
        horizon: frames to forecast.
        long: frames to forecast when length generalisation is measured.
        decoder_layers: of the forecaster.
        test: number of test videos; a quarter of it for validation and for each velocity.
        memory: added to the centre of the initial recurrent kernel, channel by channel, so that the
            untrained network remembers (Le, Jaitly, Hinton 2015); 0 is the paper's.
        orientations: of rotations.
        canvas: (height, width) of the video where it is not that of the digits.
        kernel_size: of all convolutions.
        pictures: how many pictures to train on; none means all there are.
        speed: the largest of the data, pixels a frame along an axis, where the table leaves it open.
    """

    context: int
    horizon: int
    long: int
    decoder_layers: int
    test: int
    learning_rate: float = 4e-3
    memory: float = 0.5
    orientations: int = 4
    canvas: tuple[int, int] | None = None
    kernel_size: int = 3
    pictures: int | None = None
    speed: int | None = None


TINY = ForecastPreset(
    "a few updates, to try the machinery",
    size=7, context=3, horizon=2, long=4, channels=2, decoder_layers=1,
    batch=4, updates=6, record_every=3, test=8,
)  # fmt: skip
PAPER = ForecastPreset(
    "the paper's protocol, for a GPU",
    size=28, context=10, horizon=10, long=80, channels=128, decoder_layers=4,
    batch=128, updates=50 * 422, record_every=422, test=6000,
    learning_rate=1e-3, schedule=constant, memory=0.0,
)  # fmt: skip


def build(group, row: Row, preset: ForecastPreset, in_channels: int = 1) -> nn.Module:
    """The untrained model of a row, called as a `Forecaster`: model(context, steps) -> frames.

    A row whose `kind` is no FERNN calls it with (group, channels); it returns such a model.

    Args:
        group: what the network acts with.
        row, preset: which model, and how large.
        in_channels: of a frame.

    Example:
        >>> from flowlib.translations import Translations
        >>> model = build(Translations((7, 7)), ForecastRow("FERNN", [(0, 0), (0, 1)]), TINY)
        >>> model(torch.rand(1, 3, 1, 7, 7), steps=2).shape
        torch.Size([1, 2, 1, 7, 7])
    """
    channels = preset.channels * row.width
    if not row.recurrent:
        return row.kind(group, channels)
    head = row.head
    if row.margin:
        head = partial(MarginForecaster, frame=group.grid, mask=row.mask)
        sides = zip(group.grid, row.margin, strict=True)
        group, in_channels = (
            Translations(tuple(n + 2 * m for n, m in sides)),
            in_channels + bool(row.mask),
        )
    layer = partial(
        row.kind,
        group,
        row.velocities,
        hidden_channels=channels,
        kernel_size=row.kernel_size or preset.kernel_size,
        velocity_mixing=row.mixing,
        separable=row.separable,
        memory=preset.memory or None,
        cell=row.cell,
    )
    rnn = layer(in_channels=in_channels)
    if row.layers > 1:
        above = (layer(in_channels=channels, lifted=True) for _ in range(row.layers - 1))
        rnn = Stack(rnn, *above)
    return head(rnn, decoder_layers=preset.decoder_layers)
