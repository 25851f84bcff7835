"""Worlds that scroll: games played at random, whose motion nobody drew, in frames that have edges."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flowlib.flows import translation_velocities
from flowlib.lab.baselines import LSTMCell, PaddedConvLSTM
from flowlib.lab.data.games import GAMES, recordings
from flowlib.lab.data.recordings import Clips, Recordings
from flowlib.lab.evaluation import last_frame
from flowlib.lab.experiment import by_name
from flowlib.lab.flow_predictor import Predicted, Rule, rule
from flowlib.lab.forecasters import ForecastPreset, ForecastRow
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.moved_on import MovedOn
from flowlib.lab.rules import PlayBack, best_shift
from flowlib.lab.translating_mnist import STILL
from flowlib.scan import ScanCell

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
REACH = 4, 2  # of the rule of the best shift, pixels
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
        title="the same with 16 channels and twice the updates: one to five minutes a row",
        channels=16,
        updates=1200,
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


def padded(padding: str):
    """A ConvLSTM with this beyond its rim, as a row makes it."""
    return lambda group, channels: PaddedConvLSTM(1, channels, padding)


def shifted(group, channels: int, films: Recordings) -> Rule:
    """The best shift, with the mean picture of training where it uncovers."""
    return Rule(partial(best_shift, reach=REACH, beyond=films.images.mean(0)))


def played_back(group, channels: int, films: Recordings) -> PlayBack:
    """A memory of the games of training, see `PlayBack`."""
    return PlayBack(films.frames)


def rows(game: str) -> dict[str, ForecastRow]:
    """All rows of a game."""
    V, margin = VELOCITIES[game], MARGIN[game]
    shift = rule(partial(best_shift, reach=REACH))
    return {
        "last-frame": ForecastRow("the last frame", kind=rule(last_frame)),
        "best-shift": ForecastRow("the last frame, moved on", kind=shift),
        "best-shift-mean": ForecastRow(
            "moved on, the mean of training beyond", kind=shifted, of_training=True
        ),
        "play-back": ForecastRow("what followed in training", kind=played_back, of_training=True),
        "g-rnn": ForecastRow("G-RNN", STILL),
        "g-rnn-margin": ForecastRow("G-RNN, margin", STILL, margin=margin, mask=False),
        "g-rnn-mask": ForecastRow("G-RNN, margin and mask", STILL, margin=margin, mask=DIM),
        "conv-lstm": ForecastRow("ConvLSTM, torus", STILL, cell=LSTMCell),
        "conv-lstm-zeros": ForecastRow("ConvLSTM, zeros", kind=padded("zeros")),
        "conv-lstm-reflect": ForecastRow("ConvLSTM, reflected", kind=padded("reflect")),
        "fernn": ForecastRow("FERNN, torus", V),
        "fernn-own": ForecastRow("FERNN, torus, V of the data", OWN[game]),
        "fernn-margin": ForecastRow("FERNN, margin", V, margin=margin, mask=False),
        "fernn-mask": ForecastRow("FERNN, margin and mask", V, margin=margin, mask=DIM),
        "fernn-mixing": ForecastRow("FERNN, torus, velocity mixing", V, mixing=1),
        "scan": ForecastRow("scan, torus", V, cell=ScanCell),
        "predictor": ForecastRow("one memory, the best shift", STILL, kind=Predicted),
        "g-rnn-moved": ForecastRow("G-RNN that corrects the last frame", STILL, head=MovedOn),
        "g-rnn-shifted": ForecastRow(
            "G-RNN that corrects the last frame, moved", STILL, head=partial(MovedOn, velocities=V)
        ),
        "fernn-moved": ForecastRow("FERNN that corrects the last frame, moved", V, head=MovedOn),
    }


def of_game(game: str) -> ForecastTable:
    return ForecastTable(
        name=game,
        title=f"{GAMES[game].title}, played at random, every frame {SKIP}",
        rows=rows(game),
        presets=presets(game),
        read=partial(recordings, game, SKIP),
        videos=clips,
        by_row=True,
    )


RULES = "last-frame", "best-shift", "best-shift-mean", "play-back"
FASTER = (*RULES, "g-rnn", "conv-lstm", "fernn", "scan", "predictor")
FASTER += "g-rnn-moved", "g-rnn-shifted", "fernn-moved"
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
