"""Files that are whole or not there: what was interrupted leaves no half of one."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path


class NotWrittenError(OSError):
    """A file could not be written: the disk is full, or the folder may not be written to."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: under its name there is the old content or the new, never a part.

    Raises:
        NotWrittenError: it cannot be written; the old file, if there is one, stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "note.txt"
        ...     write_whole(path, b"all of it")
        ...     path.read_bytes(), len(list(Path(folder).iterdir()))
        (b'all of it', 1)
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with told(path):
        try:
            part.write_bytes(content)
            os.replace(part, path)
        finally:
            with suppress(OSError):  # what it says is said already
                part.unlink(missing_ok=True)


@contextmanager
def told(path: Path):
    """An OSError meanwhile says in one sentence that this file could not be written, and what to do.

    Example:
        >>> try:
        ...     with told(Path("note.txt")):
        ...         raise OSError(28, "No space left on device")
        ... except NotWrittenError as error:
        ...     print(str(error).partition(";")[0])
        note.txt cannot be written (No space left on device)
    """
    try:
        yield
    except TimeoutError:  # of a lock: somebody else holds it
        raise
    except OSError as error:
        raise NotWrittenError(
            f"{path} cannot be written ({error.strerror or error}); what was there stays: make room, "
            "or name another folder"
        ) from error
