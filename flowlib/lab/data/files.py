"""Files of data: in which folder they lie, whether they are right, how missing ones get there."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pooch
from tqdm.auto import tqdm

CONNECT_SECONDS = 10  # until a mirror counts as out of reach
SILENCE_SECONDS = 20  # until a download that says nothing counts as broken off

# Mirror -> why it cannot be reached ("" where it can): what this process has found out.
_mirrors: dict[str, str] = {}


class DataUnavailableError(RuntimeError):
    """Files are neither in the data folder nor to be downloaded; the text says why."""


def demand(module: str, package: str) -> Path:
    """The folder of an installed package.

    Raises:
        DataUnavailableError: it is not installed.

    Example:
        >>> demand("torch", "torch").name
        'torch'
    """
    found = find_spec(module)
    if found is None or found.origin is None:
        raise DataUnavailableError(
            f"{package} is not installed: pip install '{package}', or pip install 'flowlib[worlds]'"
        )
    return Path(found.origin).parent


def data_folder() -> Path:
    """The folder of all data: FLOWLIB_DATA where it is set, else the user's cache folder.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, FLOWLIB_DATA="data/of/mine"):
        ...     data_folder().name
        'mine'
    """
    return Path(os.environ.get("FLOWLIB_DATA") or pooch.os_cache("flowlib")).expanduser()


def offline() -> bool:
    """Whether FLOWLIB_OFFLINE forbids downloads (set to anything but 0 or the empty string).

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict(os.environ, FLOWLIB_OFFLINE="1"):
        ...     offline()
        True
    """
    return os.environ.get("FLOWLIB_OFFLINE", "") not in ("", "0")


def check(path: Path, known: str) -> Path:
    """The file at `path`, once its checksum was found to be right.

    Args:
        known: its SHA-256 in hexadecimal digits, or "sha1:" and its SHA-1, where no other is known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has another checksum. It stays as it is: it may be somebody's work.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "abc"
        ...     _ = path.write_bytes(b"abc")
        ...     check(path, "sha1:a9993e364706816aba3e25717850c26c9cd0d89d").name
        'abc'
    """
    kind, _, wanted = known.rpartition(":")
    kind = kind or "sha256"
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, kind).hexdigest()
    if found != wanted:
        raise ValueError(
            f"{path} is damaged or another file: its {kind.upper().replace('SHA', 'SHA-')} is {found}, "
            f"expected {wanted}. "
            "Delete it, and it will be downloaded again, or set FLOWLIB_DATA to another folder."
        )
    return path


def fetch(
    folder: Path, files: Mapping[str, str], mirrors: Sequence[str], resume: bool = False
) -> dict[str, Path]:
    """Paths of `files` in `folder`; missing ones are downloaded, each is checked before use.

    Args:
        folder: made where it is missing.
        files: file name -> checksum, see `check`.
        mirrors: addresses, ending in "/", that have these names below them; tried in this order.
        resume: keep what came of a download that broke off, as NAME.part, and go on from there.

    Raises:
        ValueError: a file that is in the folder has another SHA-256 (nothing is downloaded then).
        DataUnavailableError: a missing file could not be downloaded.
    """
    paths = {name: folder / name for name in files}
    missing = [name for name, path in paths.items() if not path.exists()]
    for name in files:
        if name not in missing:
            check(paths[name], files[name])
    if missing:
        _demand_place(folder, missing[0])
    for name in missing:
        _download(folder, name, files[name], mirrors, resume)
    return paths


def _demand_place(folder: Path, name: str) -> None:
    """Raises DataUnavailableError where files may not be downloaded, or not be put there."""
    if offline():
        raise DataUnavailableError(f"{name} is not in {folder}, and FLOWLIB_OFFLINE is set")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise DataUnavailableError(
            f"{name} is not in {folder}, and nothing can be written there ({error})"
        ) from error


class Resuming:
    """A downloader for pooch that goes on where the last one broke off, from a file NAME.part.

    Args:
        part: where the unfinished download lies.
    """

    def __init__(self, part: Path):
        self.part = part

    def __call__(self, url: str, output_file, _pooch=None) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        asked = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(
            url, headers=asked, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)
        ) as answer:
            if answer.status_code != requests.codes.requested_range_not_satisfiable:  # else: whole
                answer.raise_for_status()
                have = have if answer.status_code == requests.codes.partial_content else 0
                length = int(answer.headers.get("Content-Length", 0))
                with (
                    open(self.part, "ab" if have else "wb") as file,
                    tqdm(
                        total=have + length or None, initial=have, unit="B", unit_scale=True,
                        desc=self.part.stem, leave=False,
                    ) as bar,
                ):  # fmt: skip
                    for piece in answer.iter_content(1 << 18):
                        file.write(piece)
                        bar.update(len(piece))
        os.replace(self.part, output_file)


def _download(
    folder: Path, name: str, known: str, mirrors: Sequence[str], resume: bool = False
) -> None:
    """The file from the first mirror that gives it.

    Pooch writes to a temporary name in the same folder, compares the checksum, and only then moves
    the file into place: under its own name there is a whole file or none.
    """
    import requests  # here, because it is slow to import and seldom needed

    reasons = []
    for mirror in mirrors:
        if mirror not in _mirrors:
            _mirrors[mirror] = _why_out_of_reach(mirror + name)
        if _mirrors[mirror]:
            reasons.append(f"{mirror} {_mirrors[mirror]}")
            continue
        try:
            get = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
            get = Resuming(folder / f"{name}.part") if resume else get
            pooch.retrieve(mirror + name, known, fname=name, path=folder, downloader=get)
            return
        except (requests.ConnectionError, requests.Timeout) as error:
            _mirrors[mirror] = f"cannot be reached ({type(error).__name__})"
            reasons.append(f"{mirror} {_mirrors[mirror]}")
        except requests.HTTPError as error:
            reasons.append(f"{mirror} answers {error.response.status_code}")
        except requests.RequestException as error:
            reasons.append(f"{mirror} broke off ({type(error).__name__})")
        except ValueError:  # from pooch
            reasons.append(f"{mirror} sends something else (wrong checksum; a login page?)")
        except OSError as error:
            reasons.append(f"the file could not be written to {folder} ({error})")
            break
    raise DataUnavailableError(f"{name} could not be downloaded: {'; '.join(reasons)}")


def _why_out_of_reach(url: str) -> str:
    """Why the host of `url` does not answer in time, "" where it does (whatever it answers).

    A thread, because the time limit of requests holds for each address of a host (there are up to
    16) and not for the look-up of its name: behind a firewall that would be minutes.
    """
    import requests

    found = [f"cannot be reached (no answer in {CONNECT_SECONDS} s)"]

    def ask() -> None:
        try:
            requests.head(url, timeout=CONNECT_SECONDS)
            found.append("")
        except requests.RequestException as error:
            found.append(f"cannot be reached ({type(error).__name__})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    return found[-1]
