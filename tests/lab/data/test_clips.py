"""Clips of actions: which frames, which motion, which persons."""

import dataclasses
import os
from functools import partial
from pathlib import Path

import pytest
import torch

import flowlib as fl
from flowlib.lab.data.actions import Actions, Sequence, camera
from flowlib.lab.data.actions import Clips as StandardClips
from flowlib.lab.data.files import DataUnavailableError
from flowlib.lab.data.motion import generator
from flowlib.lab.data.stick import stick
from flowlib.lab.data.weizmann import CUTS, weizmann

REAL = Path(os.environ.get("FLOWLIB_DATA", "nowhere")) / "weizmann"
Clips = partial(StandardClips, standard=False)  # so that a frame shows its number
STILL, V1 = fl.translation_velocities(0), fl.translation_velocities(1)


@pytest.fixture
def numbered():
    """Frame k is all k, but for one pixel that marks the corner; two actions by two persons."""
    frames = torch.arange(60, dtype=torch.uint8)[:, None, None].repeat(1, 6, 6)
    frames[:, 0, 0] = 255
    rows = [("a", "p", 0, 20), ("b", "q", 20, 40), ("a", "q", 40, 50)]
    sequences = tuple(Sequence(a, p, f"{p}{s}", s, e) for a, p, s, e in rows)
    return Actions("numbers", ("a", "b"), frames, sequences)


def test_every_second_frame_of_one_sequence(numbered):
    clips = Clips(numbered, STILL, steps=4, every=3)
    videos, labels = clips.draw(200, 0)
    assert videos.shape == (200, 4, 1, 6, 6)
    shown = (videos[:, :, 0, 3, 3] * 255).round().int()
    assert (shown.diff(dim=1) == 3).all()
    first, last = shown[:, 0], shown[:, -1]
    inside = [(first >= s.start) & (last < s.stop) for s in numbered.sequences]
    assert torch.stack(inside).any(0).all()
    assert torch.equal(labels, torch.where(inside[1], 1, 0)), "the label is that of the sequence"
    assert {int(f) for f in first} == {*range(0, 11), *range(20, 31), 40}, "every start there is"
    again, _ = clips.draw(200, 0)
    assert torch.equal(videos, again) and not torch.equal(videos, clips.draw(200, 1)[0])


def test_the_camera_moves_and_changes_its_mind():
    v, then = torch.tensor([[1, -2]]), torch.tensor([[0, 3]])
    assert camera(v, 4)[0].tolist() == [[0, 0], [1, -2], [2, -4], [3, -6]]
    assert camera(v, 4, then)[0].tolist() == [[0, 0], [1, -2], [1, 1], [1, 4]]


def corner(videos):
    """Where the marked pixel is, (clip, time, 2)."""
    spot = (videos[:, :, 0] == 1).flatten(2).int().argmax(2)
    return torch.stack([spot // 6, spot % 6], -1)


@pytest.mark.parametrize("options", [{}, {"fixed": True}, {"switch": True}])
def test_clips_move_as_they_are_told(numbered, options):
    clips = Clips(numbered, V1, steps=4, every=1, **options)
    which = torch.tensor([0, 1] * 60)
    videos, _ = clips.clips(which, generator(3))
    step = (corner(videos).diff(dim=1) + 1) % 6 - 1
    same = (step == step[:, :1]).flatten(1).all(1)
    assert same.all() == ("switch" not in options)
    speeds = [{tuple(v) for v in step[which == k, 0].tolist()} for k in (0, 1)]
    if "fixed" in options:
        assert [len(s) for s in speeds] == [1, 1]
        other = Clips(numbered, V1, steps=4, every=1, **options).clips(which, generator(9))[0]
        assert torch.equal(corner(other).diff(dim=1) % 6, step % 6), "whatever the seed"
    else:
        assert speeds[0] == speeds[1] == {tuple(v) for v in V1.tolist()}


def test_standard_clips(numbered):
    """Twice the light, or more of it everywhere, makes no difference to a standardised clip."""
    brighter = numbered.frames.double().mul(0.4).add(40).round()
    even = dataclasses.replace(numbered, frames=(brighter * 2 - 80).to(torch.uint8))
    other = dataclasses.replace(numbered, frames=brighter.to(torch.uint8))
    a, b = (StandardClips(x, V1, steps=4).draw(8, 0)[0] for x in (even, other))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    assert a.mean().abs() < 1e-6 and abs(a.std() - 1) < 0.01


def test_what_stands_still_can_be_taken_away(numbered):
    """Something added to all frames of a sequence alike is gone, whatever the camera does."""
    scenery = torch.rand(6, 6, generator=generator(0)).mul(90).to(torch.uint8)
    frames = numbered.frames.clone()
    frames[:, 0, 0] = torch.arange(60) % 7  # somebody, who moves
    plain, filmed = (dataclasses.replace(numbered, frames=f) for f in (frames, frames + scenery))
    without, kept = dict(steps=4, background=False), dict(steps=4)
    a, b = (StandardClips(x, V1, **without).draw(8, 0)[0] for x in (plain, filmed))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    a, b = (StandardClips(x, V1, **kept).draw(8, 0)[0] for x in (plain, filmed))
    assert (a - b).abs().max() > 0.1


def test_each_action_is_drawn_as_often(numbered):
    """Two sequences of a, one of b."""
    _, labels = Clips(numbered, STILL, steps=2, every=1).draw(400, 0)
    assert 160 < labels.sum() < 240


def test_mirrored_clips(numbered):
    videos, _ = Clips(numbered, STILL, steps=2, every=1, flip=True).draw(100, 0)
    x = corner(videos)[:, 0, 1]
    assert {0, 5} == set(x.tolist()) and 20 < (x == 5).sum() < 80


def test_short_sequences_and_missing_persons(numbered):
    with pytest.warns(UserWarning, match="1 of 3 sequences are shorter than 15 frames"):
        assert len(Clips(numbered, STILL, steps=8, every=2)) == 2
    with pytest.raises(ValueError, match="no sequence of numbers has 61 frames: take fewer steps"):
        Clips(numbered, STILL, steps=31, every=2)
    assert [s.person for s in numbered.of(["q"]).sequences] == ["q", "q"]
    with pytest.raises(
        ValueError, match=r"no sequence of \['r'\] is in numbers: it has \['p', 'q'\]"
    ):
        numbered.of("r")


def test_each_sequence_is_shown_as_often(numbered):
    batches = list(Clips(numbered, STILL, steps=2, every=1).each(2, 7, batch=4))
    assert [len(clips) for clips, _ in batches] == [4, 2]
    assert torch.cat([labels for _, labels in batches]).tolist() == [0, 1, 0] * 2


def test_stick_figures():
    actions = stick(size=16, persons=2, takes=1, frames=20)
    assert "synthetic" in actions.source and len(actions.sequences) == 12
    assert actions.frames.shape == (240, 16, 16) and actions.persons == ["person01", "person02"]
    films = actions.frames.float().unflatten(0, (12, 20))
    assert (films.flatten(1).max(1).values > 200).all(), "each shows somebody"
    assert (films.diff(dim=1).abs().flatten(1).mean(1) > 0.1).all(), "who moves"
    assert torch.equal(actions.frames, stick(16, 2, 1, 20).frames)
    with pytest.raises(ValueError, match="each is 1 or more"):
        stick(persons=0)


@pytest.mark.skipif(not REAL.exists(), reason="FLOWLIB_DATA names no folder with Weizmann")
def test_weizmann(tmp_path, monkeypatch):
    """A video with a hard cut is two sequences; all others are one."""
    monkeypatch.setenv("FLOWLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path))
    with pytest.raises(DataUnavailableError, match="no Weizmann video in"):
        weizmann()
    for name in (*CUTS, "ido_jack"):
        action = name.split("_")[1]
        (tmp_path / "weizmann" / action).mkdir(parents=True, exist_ok=True)
        path = f"{action}/{name}.avi"
        (tmp_path / "weizmann" / path).write_bytes((REAL / path).read_bytes())
    actions = weizmann(size=16)
    assert [(s.person, s.action) for s in actions.sequences[:3]] == [
        ("ido", "jack"), ("lena", "run"), ("lena", "run")
    ]  # fmt: skip
    assert len(actions.sequences) == 1 + 2 * len(CUTS)
    change = actions.frames.float().diff(dim=0).abs().flatten(1).mean(1)
    for before, after in zip(actions.sequences[1::2], actions.sequences[2::2], strict=True):
        assert before.video == after.video and before.stop == after.start
        own = change[before.start : after.stop - 1]
        assert own.argmax() == len(before) - 1, "the picture changes most at the cut"
