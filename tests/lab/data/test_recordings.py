"""Clips of recordings, and the games they come from."""

import pytest
import torch

from flowlib.lab.data.recordings import Clips, Recordings


def counted(recordings=3, frames=10):
    """Frames that hold their own number."""
    numbers = torch.arange(recordings * frames).reshape(recordings, frames).float()
    return numbers[..., None, None, None].expand(-1, -1, 1, 2, 3)


def test_a_clip_is_a_piece_of_one_recording():
    clips = Clips(Recordings(counted(), "numbers"))
    videos = clips.draw(50, 4, 0, 7)
    first = videos[:, 0].flatten(1)[:, 0]
    assert torch.equal(videos[:, :, 0, 0, 0], first[:, None] + torch.arange(4))
    assert first.max() % 10 <= 6 and len(first.unique()) > 10
    assert torch.equal(videos, clips.draw(50, 4, 0, 7))
    room = Clips(clips.recordings, room=6)
    assert torch.equal(room.draw(50, 2, 0, 7), room.draw(50, 6, 0, 7)[:, :2])
    assert not torch.equal(videos, clips.draw(50, 4, 0, 8))


def test_where_nothing_moves_no_clip_is_drawn(as_users_see_it):
    frames = counted().clone()
    frames[0, 4] = frames[0, 3]
    starts = Clips(Recordings(frames)).starts(3).tolist()
    assert [0, 1] in starts and [0, 2] not in starts and [0, 3] not in starts and [0, 4] in starts
    with pytest.raises(ValueError, match="no clip of 2 frames moves"):
        Clips(Recordings(torch.zeros(2, 5, 1, 3, 3))).draw(1, 2, 0)
    with pytest.raises(ValueError, match="a recording has 10 frames"):
        Clips(Recordings(frames)).draw(1, 11, 0)
    with pytest.raises(ValueError, match="they want"):
        Clips(Recordings(torch.zeros(2, 5, 3, 3)))
