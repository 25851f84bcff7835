"""Games, played where they are installed."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from flowlib.lab.data import games
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.evaluation import flow_ness


@pytest.fixture
def short(monkeypatch, tmp_path):
    pytest.importorskip("ale_py", reason="the games come with ale-py")
    monkeypatch.setenv("FLOWLIB_CACHE", str(tmp_path))
    short = {name: replace(game, frames=30) for name, game in games.GAMES.items()}
    monkeypatch.setattr(games, "GAMES", short)


@pytest.mark.parametrize("game", games.GAMES)
def test_a_recording_is_the_same_for_the_same_seed(game, short, tmp_path):
    one = games.recordings(game, 4, "test", 30, count=1)
    kept = {p: p.read_bytes() for p in tmp_path.rglob("*.npz")}
    assert len(kept) == 1
    for path in kept:
        path.unlink()
    two = games.recordings(game, 4, "test", 30, count=1)
    assert torch.equal(one.frames, two.frames) and one.frames.shape[:3] == (1, 30, 1)
    other = games.recordings(game, 4, "train", 30, count=1)
    alike = (one.frames[0, :, None] == other.frames[0]).flatten(2).all(2)
    assert not alike.any(), "another world"
    assert "ale-py" in one.source and 0 < one.frames.max() <= 1


def test_the_skier_knows_how_far_he_went(short):
    """In the middle of the frame, and pixel by pixel, its odometer moves each frame onto the next."""
    films = games.recordings("skiing", 4, "test", 120, count=2)
    before, after = films.frames[:, :-1, 0], films.frames[:, 1:, 0]
    moved = torch.stack(
        [
            torch.stack([f.roll(-int(c), 0) for f, c in zip(film, steps, strict=True)])
            for film, steps in zip(before, films.camera[..., 0], strict=True)
        ]
    )
    rim = (..., slice(8, -8), slice(None))
    assert torch.equal(moved[rim], after[rim]) and flow_ness(films.frames, (8, 0)).explained == 1
    assert not torch.equal(before[rim], after[rim])
    assert films.camera[..., 1].eq(0).all() and films.camera[..., 0].max() > 2


def test_bad_input_and_a_missing_package(monkeypatch, short):
    with pytest.raises(ValueError, match="choose one of skiing, river-raid, pong"):
        games.recordings("chess", 4, "test", 30)
    with pytest.raises(ValueError, match="skip is 0"):
        games.recordings("pong", 0, "test", 30)
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(DataUnavailableError, match=r"pip install 'flowlib\[worlds\]'"):
        games.recordings("pong", 4, "test", 30)


def test_eight_things_that_scroll():
    heights = np.array([90, 70, 50, 30])
    assert games.scrolled(heights, heights) == 0 and games.scrolled(heights, heights + 2) == 2
    assert games.scrolled(heights, np.array([71, 51, 31, 9])) == 1  # the first has left
