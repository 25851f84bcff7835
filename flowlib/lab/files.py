"""Files that are whole or not there: what was interrupted leaves no half of one."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one step: under its name there is the old content or the new, never a part.

    Raises:
        OSError: it cannot be written; the old file, if there is one, stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "note.txt"
        ...     write_whole(path, b"all of it")
        ...     path.read_bytes(), len(list(Path(folder).iterdir()))
        (b'all of it', 1)
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
