"""Worlds that scroll: games played at random, whose motion nobody drew, in frames that have edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from flowlib.flows import translation_velocities
from flowlib.lab.baselines import LSTMCell, PaddedConvLSTM
from flowlib.lab.data.games import GAMES, recordings
from flowlib.lab.data.recordings import Clips, Recordings
from flowlib.lab.evaluation import last_frame
from flowlib.lab.experiment import by_name
from flowlib.lab.flow_predictor import Predicted, rule
from flowlib.lab.forecasting import ForecastPreset, ForecastRow, ForecastTable
from flowlib.lab.translating_mnist import STILL
from flowlib.scan import ScanCell
from flowlib.translations import Translations

# Skiing scrolls up and River Raid down, at several speeds: one V for both. In Pong only things move.
UP_AND_DOWN = [(v, 0) for v in range(-4, 5)]
VELOCITIES = {"skiing": UP_AND_DOWN, "river-raid": UP_AND_DOWN, "pong": translation_velocities(2)}
# What there is of it in the data, looked up afterwards: does it hurt to have more?
OWN = {
    "skiing": [(v, 0) for v in range(-2, 1)],
    "river-raid": [(v, 0) for v in range(5)],
    "pong": translation_velocities(1),
}
ROWS_OF_A_FRAME = {"skiing": 60, "river-raid": 60, "pong": 26}
MARGIN = {"skiing": (6, 2), "river-raid": (6, 2), "pong": (4, 4)}
DIM = 0.05  # a mask about as bright as a frame: these have a mean of 0.01 (Skiing) and 0.12 (River Raid)
SKIP, SLOW = 4, 2  # frames of the screen for one of a clip

LAPTOP = ForecastPreset(
    "frames of 60 x 18 (Pong 26 x 24), 6 in and 6 out, 8 channels: a minute or two a row on a CPU core",
    size=60, context=6, horizon=6, long=12, channels=8, decoder_layers=2,
    batch=8, updates=600, record_every=50, test=512,
)  # fmt: skip
PRESETS = {
    "tiny": replace(
        LAPTOP,
        title="a few updates, to try the machinery",
        size=10,
        channels=2,
        decoder_layers=1,
        updates=4,
        record_every=2,
        batch=2,
        test=8,
        long=7,
    ),
    "quick": replace(
        LAPTOP,
        title="the table's task, a sixth of its updates",
        updates=100,
        record_every=20,
        test=96,
    ),
    "laptop": LAPTOP,
    "desk": replace(
        LAPTOP,
        title="the same with 16 channels and three times the updates: two to seven minutes a row",
        channels=16,
        updates=1800,
        record_every=100,
        learning_rate=2e-3,
    ),
    "paper": replace(
        LAPTOP,
        title="64 channels, for a GPU; the paper has no such table",
        channels=64,
        decoder_layers=4,
        batch=32,
        updates=20_000,
        record_every=400,
        learning_rate=1e-3,
    ),
}


def presets(game: str) -> dict[str, ForecastPreset]:
    """The presets of a game. A scan has as many parameters as the FERNN with one channel less."""

    def own(name, p):
        size = p.size if name == "tiny" else ROWS_OF_A_FRAME[game]
        scan = {"channels": max(p.channels - 1, 2), "memory": 0.9}
        return replace(p, size=size, own={"scan": scan})

    return {name: own(name, p) for name, p in PRESETS.items()}


def clips(films: Recordings, preset: ForecastPreset, fixed=False) -> Clips:
    return Clips(films, preset.context + preset.long)


def by_skip(game: str, films: Recordings, preset: ForecastPreset) -> dict[str, Clips]:
    """The test games at the speed of training and at twice that."""
    there = partial(recordings, game, split="test", size=preset.size, count=len(films))
    device = films.frames.device
    return {f"every frame {n}": clips(there(skip=n).to(device), preset) for n in (SLOW, SKIP)}


def shift_without_wrap(
    seen: Tensor, steps: int, radius: tuple[int, int] = (4, 2), beyond: Tensor | None = None
) -> Tensor:
    """The rule of the best shift for frames that have edges: the last frame, moved on by the shift that led
    to it, which is looked for where it brings in nothing from beyond the rim. For `beyond` see `moved_on`.

    Example: a light that has left does not come back.
        >>> light = torch.eye(9)[:, None, None, :]
        >>> ahead = shift_without_wrap(light[None, 5:7], 3, (0, 2))
        >>> ahead[0, :, 0, 0, 7:].tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    before, last = seen[:, -2], seen[:, -1]
    inner = (..., *(slice(r, n - r) for r, n in zip(radius, last.shape[-2:], strict=True)))
    shifts = torch.cartesian_prod(*(torch.arange(-r, r + 1) for r in radius))
    shifts = shifts[shifts.abs().amax(1).argsort(stable=True)].to(
        seen.device
    )  # of equals the smallest
    torus = Translations(tuple(last.shape[-2:]))
    tried = torus.act(shifts[:, None, None], before)[inner] - last[inner]
    best = shifts[tried.square().flatten(2).mean(2).argmin(0)]
    ahead = best[:, None] * torch.arange(1, steps + 1, device=seen.device)[:, None]
    return moved_on(last, ahead, beyond)


def moved_on(last: Tensor, ahead: Tensor, beyond: Tensor | None = None) -> Tensor:
    """The last frame, moved on as a whole.

    Args:
        last: (video, channel, height, width).
        ahead: by how much until each frame to forecast, (video, step, axis), whole pixels.
        beyond: (channel, height, width), what stands where that uncovers something; none means that the
            last frame stays there.

    Example:
        >>> moved_on(torch.tensor([[[[5.0, 7.0]]]]), torch.tensor([[[0, 1], [0, 2]]])).flatten().tolist()
        [5.0, 5.0, 5.0, 7.0]
    """
    torus = Translations(tuple(last.shape[-2:]))
    known = torus.act(ahead[:, :, None], last[:, None])
    # A place is known where it was inside of the frame before it moved.
    inside = torch.ones((), dtype=torch.bool, device=last.device)
    for axis, n in enumerate(last.shape[-2:]):
        came = torch.arange(n, device=last.device) - ahead[..., axis, None]
        inside = inside & ((came >= 0) & (came < n)).unsqueeze(-1 if axis == 0 else -2)
    return torch.where(inside[:, :, None], known, last[:, None] if beyond is None else beyond)


def padded(padding: str):
    """A ConvLSTM with this beyond its rim, as a row makes it."""
    return lambda group, channels: PaddedConvLSTM(1, channels, padding)


def rows(game: str) -> dict[str, ForecastRow]:
    """All rows of a game."""
    V, margin = VELOCITIES[game], MARGIN[game]
    return {
        "last-frame": ForecastRow("the last frame", kind=rule(last_frame)),
        "best-shift": ForecastRow("the last frame, moved on", kind=rule(shift_without_wrap)),
        "g-rnn": ForecastRow("G-RNN", STILL),
        "g-rnn-margin": ForecastRow("G-RNN, margin", STILL, margin=margin, mask=False),
        "g-rnn-mask": ForecastRow("G-RNN, margin and mask", STILL, margin=margin),
        "conv-lstm": ForecastRow("ConvLSTM, torus", STILL, cell=LSTMCell),
        "conv-lstm-zeros": ForecastRow("ConvLSTM, zeros", kind=padded("zeros")),
        "conv-lstm-reflect": ForecastRow("ConvLSTM, reflected", kind=padded("reflect")),
        "fernn": ForecastRow("FERNN, torus", V),
        "fernn-own": ForecastRow("FERNN, torus, V of the data", OWN[game]),
        "fernn-margin": ForecastRow("FERNN, margin", V, margin=margin, mask=False),
        "fernn-mask": ForecastRow("FERNN, margin and mask", V, margin=margin),
        "g-rnn-dim": ForecastRow("G-RNN, margin and a dim mask", STILL, margin=margin, mask=DIM),
        "fernn-dim": ForecastRow("FERNN, margin and a dim mask", V, margin=margin, mask=DIM),
        "fernn-mixing": ForecastRow("FERNN, torus, velocity mixing", V, mixing=1),
        "scan": ForecastRow("scan, torus", V, cell=ScanCell),
        "predictor": ForecastRow("one memory, the best shift", STILL, kind=Predicted),
    }


def of_game(game: str) -> ForecastTable:
    return ForecastTable(
        name=game,
        title=f"{GAMES[game].title}, played at random, every frame {SKIP}",
        rows=rows(game),
        presets=presets(game),
        read=partial(recordings, game, SKIP),
        videos=clips,
    )


FASTER = ("last-frame", "best-shift", "g-rnn", "conv-lstm", "fernn", "scan", "predictor")
TABLES = by_name(
    *map(of_game, GAMES),
    *(
        replace(
            of_game(game),
            name=f"{game}-faster",
            title=f"{GAMES[game].title}: trained on every frame {SLOW}, tested on every frame {SKIP} too",
            rows={name: rows(game)[name] for name in FASTER},
            read=partial(recordings, game, SLOW),
            by_velocity=partial(by_skip, game),
        )
        for game in ("skiing", "river-raid")
    ),
)
