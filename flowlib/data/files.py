"""Files of data: in which folder they lie, whether they are right, how missing ones get there."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pooch

CONNECT_SECONDS = 10  # until a mirror counts as out of reach
SILENCE_SECONDS = 20  # until a download that says nothing counts as broken off

# Mirror -> why it cannot be reached ("" where it can): what this process has found out.
_mirrors: dict[str, str] = {}


class DataUnavailableError(RuntimeError):
    """Files are neither in the data folder nor to be downloaded; the text says why."""


def data_folder() -> Path:
    """The folder of all data: FLOWLIB_DATA where it is set, else the user's cache folder."""
    return Path(os.environ.get("FLOWLIB_DATA") or pooch.os_cache("flowlib")).expanduser()


def offline() -> bool:
    """Whether FLOWLIB_OFFLINE forbids downloads (set to anything but 0 or the empty string)."""
    return os.environ.get("FLOWLIB_OFFLINE", "") not in ("", "0")


def check(path: Path, sha256: str) -> Path:
    """The file at `path`, once its SHA-256 was found to be right.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has another SHA-256. It stays as it is: it may be somebody's work.
    """
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path} is damaged or another file: its SHA-256 is {found}, expected {sha256}. "
            "Delete it, and it will be downloaded again, or set FLOWLIB_DATA to another folder."
        )
    return path


def fetch(folder: Path, files: Mapping[str, str], mirrors: Sequence[str]) -> dict[str, Path]:
    """Paths of `files` in `folder`; missing ones are downloaded, each is checked before use.

    Args:
        folder: made where it is missing.
        files: file name -> SHA-256, in hexadecimal digits.
        mirrors: addresses, ending in "/", that have these names below them; tried in this order.

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
        _download(folder, name, files[name], mirrors)
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


def _download(folder: Path, name: str, sha256: str, mirrors: Sequence[str]) -> None:
    """The file from the first mirror that gives it.

    Pooch writes to a temporary name in the same folder, compares the SHA-256, and only then moves
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
            pooch.retrieve(mirror + name, sha256, fname=name, path=folder, downloader=get)
            return
        except (requests.ConnectionError, requests.Timeout) as error:
            _mirrors[mirror] = f"cannot be reached ({type(error).__name__})"
            reasons.append(f"{mirror} {_mirrors[mirror]}")
        except requests.HTTPError as error:
            reasons.append(f"{mirror} answers {error.response.status_code}")
        except requests.RequestException as error:
            reasons.append(f"{mirror} broke off ({type(error).__name__})")
        except ValueError:  # from pooch
            reasons.append(f"{mirror} sends something else (wrong SHA-256; a login page?)")
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
