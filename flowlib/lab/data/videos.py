"""Video files to one array of small grey frames, made once and kept in the cache folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pooch
import torch
from jaxtyping import UInt8
from torch.nn.functional import interpolate
from tqdm.auto import tqdm

from flowlib.lab.data.actions import Actions, Sequence
from flowlib.lab.files import write_whole

CACHE_FORMAT = 1


def small_grey(frames: UInt8[np.ndarray, "frame h w"], size: int) -> UInt8[np.ndarray, "frame s s"]:
    """Frames shrunk to size x size by area averaging.

    Example:
        >>> small_grey(np.full((1, 4, 4), 9, np.uint8), 2).tolist()
        [[[9, 9], [9, 9]]]
    """
    small = interpolate(torch.from_numpy(frames)[:, None].float(), size=(size, size), mode="area")
    return small[:, 0].round().to(torch.uint8).numpy()


def grey_frames(file) -> Iterator[UInt8[np.ndarray, "h w"]]:
    """The frames of a video one after the other, grey, turned as its camera says.

    Args:
        file: a path, or an open binary file.

    Raises:
        ValueError: it is no video, or a frame cannot be decoded.
    """
    import av  # here, because only videos need it

    name = getattr(file, "name", str(file))
    try:
        with av.open(str(file) if isinstance(file, Path) else file) as container:
            for frame in container.decode(video=0):
                # PyAV before 14 does not tell how the camera was held.
                quarters = round(getattr(frame, "rotation", 0) / 90)
                yield np.rot90(frame.to_ndarray(format="gray"), quarters)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(
            f"{name} cannot be decoded as a video ({error}): it wants a file that a video player plays, an "
            "mp4 or an avi for example"
        ) from error


def decode(file) -> UInt8[np.ndarray, "frame h w"]:
    """All frames of a video, grey, (frame, height, width). `file` as for `grey_frames`.

    Raises:
        ValueError: it is no video, or not one frame can be decoded.
    """
    frames = list(grey_frames(file))
    if not frames:
        raise ValueError(f"{getattr(file, 'name', file)} has no frame that can be decoded")
    return np.stack(frames)


def build(
    source: str,
    names: tuple[str, ...],
    size: int,
    files: dict[str, str],
    read: Callable[[str], UInt8[np.ndarray, "frame h w"]],
    ranges: Callable[[str, int], list[tuple[str, str, int, int]]],
) -> Actions:
    """The sequences of many videos as one array, made once and kept in the cache folder.

    Args:
        source, names: see `Actions`.
        size: height and width of the frames.
        files: name of a video -> what changes when its file does, e.g. its size and date.
        read: name of a video -> its frames. A ValueError leaves the video out, counted in a warning.
        ranges: (name of a video, number of its frames) -> (action, person, start, stop) of its
            sequences, stop not included; a stop beyond the end is cut, counted in a warning.
    """
    recipe = json.dumps([source, size, sorted(files.items()), CACHE_FORMAT])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    folder = Path(os.environ.get("FLOWLIB_CACHE") or pooch.os_cache("flowlib")) / "actions"
    array, index = folder / f"{key}.npy", folder / f"{key}.json"
    if not (array.exists() and index.exists()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(array, index, size, files, read, ranges)
    told = json.loads(index.read_text())
    for text, count in told["troubles"].items():
        warnings.warn(f"{source}: {count} {text}", stacklevel=3)
    if not told["sequences"]:
        raise ValueError(f"no video of {source} could be read: {told['troubles']}")
    frames = torch.from_numpy(np.load(array))
    return Actions(source, names, frames, tuple(Sequence(*row) for row in told["sequences"]))


def _make(array: Path, index: Path, size: int, files, read, ranges) -> None:
    """Read all videos and write array and index, each in one step; an interruption leaves neither."""
    parts, rows, troubles, done = [], [], Counter(), 0
    for name in tqdm(sorted(files), desc="videos", leave=False, disable=len(files) < 50):
        try:
            video = read(name)
        except ValueError as error:
            troubles[f"video that cannot be read, left out ({error})"] += 1
            continue
        parts.append(small_grey(video, size))
        for action, person, start, stop in ranges(name, len(video)):
            if stop > len(video):
                troubles["sequence that runs past the end of its video, cut"] += 1
            if start < min(stop, len(video)):
                rows.append([action, person, name, done + start, done + min(stop, len(video))])
        done += len(video)
    content = io.BytesIO()
    np.save(content, np.concatenate(parts) if parts else np.zeros((0, size, size), np.uint8))
    write_whole(array, content.getvalue())
    write_whole(index, json.dumps({"sequences": rows, "troubles": troubles}).encode())
