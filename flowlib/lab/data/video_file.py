"""One video file of a reader to small grey frames."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm.auto import tqdm

from flowlib.lab.data.videos import grey_frames

MOST = 3000  # frames that are read: two minutes at 25 a second


def check_file(path: Path) -> None:
    """Raises ValueError unless there is a file of this path.

    Example:
        >>> check_file(Path("no such file.mp4"))
        Traceback (most recent call last):
        ValueError: no such file.mp4 is not there: give the path of a video file
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not there"
        raise ValueError(f"{path} {what}: give the path of a video file")


def read_video(
    path: Path, size: int = 24, every: int = 1, progress: bool = True
) -> tuple[Float[Tensor, "frame 1 h w"], tuple[int, int], bool]:
    """The first frames of a video file, grey, in [0, 1], made smaller by area means.

    Args:
        path: of the file.
        size: pixels on the longer side; a video that is smaller stays as it is.
        every: take every n-th frame; at most `MOST` are taken.
        progress: show a progress bar.

    Returns:
        The frames; (height, width) of the file's; and whether it has more.

    Raises:
        ValueError: no such file, no video, or an argument below 1.
    """
    for name, value in (("size", size), ("every", every)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it wants 1 or more")
    check_file(path)
    small, shape, more = [], (0, 0), False
    found = islice(grey_frames(path), 0, None, every)
    for frame in tqdm(found, desc="reading", unit=" frames", leave=False, disable=not progress):
        if more := len(small) == MOST:
            break
        if not small:
            shape = frame.shape
            scale = min(1, size / max(shape))
            sides = tuple(max(round(scale * side), 1) for side in shape)
        picture = torch.from_numpy(frame.copy())[None, None].float() / 255
        small.append(interpolate(picture, size=sides, mode="area")[0])
    if not small:
        raise ValueError(f"{path} has no frame that can be decoded")
    return torch.stack(small), shape, more
