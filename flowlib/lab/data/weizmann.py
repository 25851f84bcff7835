"""Weizmann actions: ten actions by nine persons, 90 short videos.

Source: Blank, Gorelick, Shechtman, Irani & Basri 2005, "Actions as space-time shapes".
"""

from __future__ import annotations

from pathlib import Path

from flowlib.lab.data.actions import Actions
from flowlib.lab.data.files import DataUnavailableError, data_folder
from flowlib.lab.data.videos import build, decode

NAMES = ("bend", "jack", "jump", "pjump", "run", "side", "skip", "walk", "wave1", "wave2")
SOURCE = "Weizmann"
# Two takes in one file, or a jump in the film: the first frame after the hard cut, counted from 0.
CUTS = {
    "lena_run": 28,
    "lena_skip": 56,
    "lena_walk": 73,
    "moshe_walk": 78,
    "shahar_walk": 83,
}


def weizmann(size: int = 32) -> Actions:
    """The Weizmann videos in `data_folder() / "weizmann"`, as PERSON_ACTION.avi in any folders there.

    Five of them have a hard cut; each of their two parts is a sequence of its own.

    Args:
        size: height and width of the frames.

    Raises:
        DataUnavailableError: there is no such video.
    """
    folder = data_folder() / "weizmann"
    found = _videos(folder)
    if not found:
        raise DataUnavailableError(
            f"no Weizmann video in {folder}: put the archives' PERSON_ACTION.avi there, or set "
            "FLOWLIB_DATA to a folder that has weizmann/ in it"
        )

    def ranges(name, frames):
        person, _, action = name.partition("_")
        cuts = [0, *([CUTS[name]] if name in CUTS else []), frames]
        return [(action, person, start, stop) for start, stop in zip(cuts, cuts[1:], strict=False)]

    return build(
        SOURCE,
        NAMES,
        size,
        {name: str(path.stat().st_size) for name, path in found.items()},
        lambda name: decode(found[name]),
        ranges,
    )


def weizmann_status() -> str:
    """One line: how many of its videos are here."""
    folder = data_folder() / "weizmann"
    return f"Weizmann: {len(_videos(folder))} of 90 videos in {folder}"


def _videos(folder: Path) -> dict[str, Path]:
    files = sorted(folder.rglob("*.avi")) if folder.is_dir() else ()
    return {path.stem: path for path in files if path.stem.partition("_")[2] in NAMES}
