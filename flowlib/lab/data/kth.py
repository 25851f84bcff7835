"""KTH actions: six actions, 25 persons, four scenarios, filmed by a camera that hardly moves.

The archives are read as they are: nothing is unpacked, so nothing can land outside of a folder. Videos
that lie in the data folder are taken first, so a part of KTH can be used, and is then called a subset.

Source: Schuldt, Laptev & Caputo 2004, "Recognizing human actions: a local SVM approach".
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from flowlib.lab.data.actions import Actions
from flowlib.lab.data.files import DataUnavailableError, data_folder, fetch
from flowlib.lab.data.videos import build, decode

NAMES = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
MIRRORS = ("https://www.csc.kth.se/cvap/actions/",)
ANNOTATION = "00sequences.txt"
# The archives by their SHA-1, as in the source of the package vipy; their SHA-256 is not published.
FILES = {
    ANNOTATION: "6331f4e4d0d820f306a46c40f82afc39f2486cc8723fe15f4742c14c261ccba7",
    "walking.zip": "sha1:a3e81537271a0ab4576591774baa38c2d97b7e3a",
    "jogging.zip": "sha1:21943bdbcef9dad106db0d74661e49eaeaa15a25",
    "running.zip": "sha1:da83bb313edfd4455fffdda6263696fa10d43c6f",
    "boxing.zip": "sha1:adb36ed9c29c846d44d2ba15f348bd115c951bbd",
    "handwaving.zip": "sha1:0792f7cd69f7f895a205c08ac212ddaa7177e370",
    "handclapping.zip": "sha1:d3b81261aa822ef63d0d1523f945bfaff27814d2",
}
VIDEOS = 599  # person13_handclapping_d3 does not exist
KTH, SUBSET = "KTH", "KTH subset"

# Persons, by number: the split of Keller 2025's code, and of the 2004 paper (the file's own header).
SPLITS = {
    "paper": (range(1, 17), range(17, 21), range(21, 26)),
    "2004": (
        range(11, 19),
        (19, 20, 21, 23, 24, 25, 1, 4),
        (22, 2, 3, 5, 6, 7, 8, 9, 10),
    ),
}
_VIDEO = re.compile(r"(person\d\d)_([a-z]+)_(d\d)")


def split(name: str = "paper") -> tuple[list[str], list[str], list[str]]:
    """The persons of training, validation and test, "person01" and so on.

    Args:
        name: "paper" (1-16, 17-20, 21-25) or "2004", that of Schuldt, Laptev & Caputo.

    Raises:
        ValueError: another name.

    Example:
        >>> [len(persons) for persons in split("paper")]
        [16, 4, 5]
    """
    if name not in SPLITS:
        raise ValueError(f"split is {name!r}: it wants one of {', '.join(SPLITS)}")
    return tuple([f"person{n:02d}" for n in part] for part in SPLITS[name])


def parse_annotation(text: str) -> dict[str, list[tuple[int, int]]]:
    """Frame ranges of each video, counted from 0, the end not included.

    Args:
        text: that of the file 00sequences.txt. A line names a video and its ranges, counted from 1,
            the end included: `person01_boxing_d1  frames  1-95, 96-185`. Tabs and spaces vary, and a
            video may be marked as missing: it is left out.

    Raises:
        ValueError: a line that names a video has neither ranges nor the mark, or a range that runs
            backwards.

    Example:
        >>> parse_annotation("person01_boxing_d1  frames  1-95, 96-185")
        {'person01_boxing_d1': [(0, 95), (95, 185)]}
    """
    videos = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r"\s*(person\d\d_[a-z]+_d\d)\b(.*)", line)
        if not found or "missing" in found[2]:
            continue
        ranges = [(int(a) - 1, int(b)) for a, b in re.findall(r"(\d+)\s*-\s*(\d+)", found[2])]
        if not ranges or any(not 0 <= start < stop for start, stop in ranges):
            raise ValueError(
                f"line {number} of the annotation is {line!r}: after the video's name it wants "
                "ranges of frames, e.g. 1-95, 96-185"
            )
        videos[found[1]] = ranges
    return videos


def kth(size: int = 32, download: bool = False) -> Actions:
    """KTH, or what there is of it.

    Looks for videos (*.avi) in `data_folder() / "kth"`, then in archives (*.zip) there. The first time
    they are decoded, shrunk to size x size and kept as one array in the cache folder; later starts
    read that.

    Args:
        size: height and width of the frames.
        download: get all that is missing, 1.1 GB. Archives are checked before use, a download that
            broke off is resumed.

    Returns:
        `Actions` called "KTH", with the paper's split, when all 599 videos are there; else
        "KTH subset", without a split.

    Raises:
        DataUnavailableError: there is no video at all, or the download failed; the text says what
            would work.
        ValueError: an archive is damaged.
    """
    folder = data_folder() / "kth"
    annotation = folder / ANNOTATION
    if download:
        fetch(folder, FILES, MIRRORS, resume=True)
    found = _videos(folder)
    if not found or not annotation.exists():
        raise DataUnavailableError(
            f"no KTH in {folder}: it wants {ANNOTATION} and videos or archives of "
            f"{MIRRORS[0]}; `python -m flowlib data --get kth` gets them, 1.1 GB, or set FLOWLIB_DATA "
            "to a folder that has kth/ in it"
        )
    listed = parse_annotation(annotation.read_text())
    found = {name: source for name, source in found.items() if name in listed}
    complete = len(found) == VIDEOS

    def ranges(name, frames):
        person, action, _ = _VIDEO.match(name).groups()
        return [(action, person, start, stop) for start, stop in listed[name]]

    actions = build(
        KTH if complete else SUBSET,
        NAMES,
        size,
        {name: f"{state} {listed[name]}" for name, (state, _) in found.items()},
        lambda name: found[name][1](),
        ranges,
    )
    return replace(actions, split=split("paper") if complete else None)


def kth_status() -> str:
    """One line: how much of KTH is here, and how to get the rest."""
    folder = data_folder() / "kth"
    try:
        count = len(_videos(folder))
    except ValueError as error:  # of a damaged archive
        return f"KTH: {error}"
    whole = count >= VIDEOS and (folder / ANNOTATION).exists()
    rest = "" if whole else "; `python -m flowlib data --get kth` gets all that is missing, 1.1 GB"
    return f"KTH: {count} of {VIDEOS} videos in {folder}{rest}"


def _videos(folder: Path) -> dict:
    """All that there are, as files or in archives: name -> (what changes with it, how to read it)."""
    found = dict(_avi_files(folder))
    for archive in sorted(folder.glob("*.zip")) if folder.is_dir() else ():
        for name, source in _in_archive(archive):
            found.setdefault(name, source)
    return found


def _avi_files(folder: Path):
    """Name of a video -> (what changes with its file, how to read it)."""
    for path in sorted(folder.rglob("*.avi")) if folder.is_dir() else ():
        if named := _VIDEO.match(path.name):
            yield named[0], (f"{path.stat().st_size}", partial(decode, path))


def _in_archive(archive: Path):
    """The same for the videos in an archive, which stay there.

    Raises:
        ValueError: the archive is cut off, or something else.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{archive} is damaged ({error}): delete it to download it again"
        ) from error

    def read(member):
        with zipfile.ZipFile(archive) as file:
            content = io.BytesIO(file.read(member))
        content.name = member.filename
        return decode(content)

    for member in members:
        if named := _VIDEO.match(Path(member.filename).name):
            yield named[0], (f"{member.file_size} {member.CRC}", partial(read, member))
