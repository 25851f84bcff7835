"""MNIST, files to tensors; where it is not to be had, scikit-learn's digits, and it says so.

MNIST: LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998): 60,000 training
and 10,000 test pictures, 28 x 28. scikit-learn's digits: Alpaydin and Kaynak, "Optical Recognition
of Handwritten Digits", UCI Machine Learning Repository (1998): 1,797 pictures, 8 x 8.
"""

from __future__ import annotations

import gzip
import math
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from flowlib.lab.data.files import DataUnavailableError, check, data_folder, fetch, offline
from flowlib.lab.data.motion import Pictures

MNIST = "MNIST"
SKLEARN_DIGITS = "scikit-learn digits"

# The four original files, as `sha256sum` prints them.
_SUMS = """
440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609  train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c  train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6  t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6  t10k-labels-idx1-ubyte.gz
"""
FILES = {name: sha256 for sha256, name in (line.split() for line in _SUMS.strip().split("\n"))}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# Split -> its pictures and its labels.
_NAMES = {"train": tuple(FILES)[:2], "test": tuple(FILES)[2:]}
_SIZES = range(4, 29)
_SKLEARN_TRAIN = 1500  # of 1,797: the first train, the last 297 test
_noticed = False


@dataclass(frozen=True)
class Digits(Pictures):
    """Pictures of handwritten digits.

    Attributes:
        images: (sample, channel=1, height, width), float32, 0 is background and 1 is ink.
        source: which data this really is, "MNIST" or "scikit-learn digits".
        labels: (sample,), the digits 0 to 9.
    """

    labels: Int64[Tensor, " sample"] = field(kw_only=True)


def mnist(
    split: str = "train", size: int = 28, source: str | None = None, limit: int | None = None
) -> Digits:
    """MNIST, or scikit-learn's digits with a notice where MNIST is not to be had.

    The files lie in `data_folder() / "mnist"`; missing ones are downloaded (11.6 MB, once), unless
    FLOWLIB_OFFLINE is set. All four must be there even for one split, so that train and test are
    the same data.

    Args:
        split: "train" or "test".
        size: height and width in pixels, 4 to 28; below 28 by area averaging (exact block means for
            14, 7 and 4, overlapping blocks for sizes that do not divide 28).
        source: "MNIST" or "scikit-learn digits" demands that data; None takes the first to be had.
        limit: take the first so many samples, or all where there are fewer.

    Raises:
        ValueError: an argument out of range, or a file in the folder that is not MNIST's.
        DataUnavailableError: the data could not be had; the text says why, and what would work.

    Example:
        >>> few = mnist("test", size=7, source="scikit-learn digits", limit=5)
        >>> few.images.shape, few.labels.shape, few.source
        (torch.Size([5, 1, 7, 7]), torch.Size([5]), 'scikit-learn digits')
    """
    if split not in _NAMES:
        raise ValueError(f"split is {split!r}: it wants 'train' or 'test'")
    if size not in _SIZES:
        raise ValueError(
            f"size is {size!r}: it wants a whole number from 4 to 28, e.g. 28, 14 or 7"
        )
    if source not in (None, MNIST, SKLEARN_DIGITS):
        raise ValueError(f"source is {source!r}: it wants {MNIST!r}, {SKLEARN_DIGITS!r} or None")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: it wants 1 or more samples, or None for all")

    reason = None
    if source != SKLEARN_DIGITS:
        try:
            paths = fetch(data_folder() / "mnist", FILES, MIRRORS)
        except DataUnavailableError as error:
            if source == MNIST:
                raise DataUnavailableError(f"No MNIST: {error}. {_remedy()}.") from error
            reason = str(error)
        else:
            pixels, labels = (read_idx(paths[name])[:limit] for name in _NAMES[split])
            return Digits(_pictures(pixels, 255, int(size)), MNIST, labels=_whole(labels))

    pixels, labels = _read_sklearn_digits(split, reason)
    if reason:
        _give_notice(reason)
    pictures = _pictures(pixels[:limit], 16, int(size))
    return Digits(pictures, SKLEARN_DIGITS, labels=_whole(labels[:limit]))


def digit(label: int = 7) -> Float64[Tensor, "1 height width"]:
    """The first digit of that label in the test set: (channel=1, 28, 28), float64 in [0, 1].

    Raises:
        ValueError: no label from 0 to 9.
    """
    if label not in range(10):
        raise ValueError(f"label is {label}: digits are 0 to 9")
    digits = mnist("test", limit=100)
    return digits.images[digits.labels == label][0].double().reshape(1, *digits.images.shape[-2:])


def mnist_status() -> str:
    """One line: which files of MNIST are here, whether they are right, and what happens if not."""
    folder = data_folder() / "mnist"
    here = [name for name in FILES if (folder / name).exists()]
    wrong = [name for name in here if not _is_right(folder / name, FILES[name])]
    line = f"MNIST: {len(here)} of {len(FILES)} files in {folder}"
    if wrong:
        return f"{line}, damaged: {', '.join(wrong)} (delete, or set FLOWLIB_DATA elsewhere)"
    if len(here) == len(FILES):
        return f"{line}, checksums right"
    if offline():
        return f"{line}; FLOWLIB_OFFLINE is set: {SKLEARN_DIGITS} will stand in"
    return f"{line}; missing ones will be downloaded on first use from {' or '.join(MIRRORS)}"


def read_idx(path: Path) -> UInt8[np.ndarray, " *shape"]:
    """The array in a gzipped IDX file of bytes, the format of MNIST.

    The format: bytes 0, 0, 8 (for unsigned bytes), number of dimensions; each dimension as 4 bytes,
    the highest first; then the entries, the last index fastest.

    Raises:
        ValueError: the file is cut off, not gzip, or not IDX.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "two-by-three.gz"
        ...     _ = path.write_bytes(gzip.compress(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, *range(6)])))
        ...     read_idx(path).tolist()
        [[0, 1, 2], [3, 4, 5]]
    """
    try:
        with gzip.open(path) as file:
            data = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is cut off or not gzip: {error}") from error
    if len(data) < 4 or data[:3] != b"\0\0\x08" or data[3] == 0:
        raise ValueError(
            f"{path} is not IDX: it begins with bytes {list(data[:4])}, not 0, 0, 8, dimensions"
        )
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise ValueError(f"{path} is cut off: {len(data)} bytes, its header alone has {start}")
    shape = tuple(np.frombuffer(data[4:start], ">u4").tolist())
    if len(data) - start != math.prod(shape):
        raise ValueError(
            f"{path} has {len(data) - start} bytes of entries: its shape {shape} "
            f"wants {math.prod(shape)}"
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _read_sklearn_digits(split: str, reason: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (sample, 8, 8), 0 to 16, and labels (sample,); `reason` is why there is no MNIST."""
    try:
        from sklearn.datasets import load_digits  # here, because it may be missing
    except ImportError as error:
        wants = "install scikit-learn (pip install scikit-learn)"
        if reason:
            text = f"No MNIST: {reason}. {_remedy()}. Or, for its stand-in, {wants}."
        else:
            text = f"No {SKLEARN_DIGITS}: {wants}."
        raise DataUnavailableError(text) from error
    data = load_digits()
    part = slice(_SKLEARN_TRAIN) if split == "train" else slice(_SKLEARN_TRAIN, None)
    return data.images[part], data.target[part]


def _pictures(
    pixels: Shaped[np.ndarray, "sample h w"], white: int, size: int
) -> Float32[Tensor, "sample 1 height width"]:
    """Pixels, 0 to `white`, as pictures, 0 to 1: enlarged to 28 x 28, then shrunk to `size`."""
    pictures = torch.empty(len(pixels), 1, size, size)
    # In pieces: as floats at full size, MNIST would be 188 MB on its way to 12 MB.
    for start in range(0, len(pixels), 4096):
        piece = slice(start, start + 4096)
        picture = torch.tensor(pixels[piece], dtype=torch.float32)[:, None] / white
        if picture.shape[-1] < 28:
            picture = interpolate(picture, size=(28, 28), mode="bilinear")
        pictures[piece] = interpolate(picture, size=(size, size), mode="area")
    return pictures


def _whole(labels: Shaped[np.ndarray, " sample"]) -> Int64[Tensor, " sample"]:
    return torch.tensor(labels, dtype=torch.int64)


def _is_right(path: Path, sha256: str) -> bool:
    try:
        return bool(check(path, sha256))
    except ValueError:
        return False


def _remedy() -> str:
    return (
        "To get MNIST, start again with a connection to the internet and without FLOWLIB_OFFLINE "
        f"(11.6 MB, once), or put its four files into {data_folder() / 'mnist'}, or let "
        "FLOWLIB_DATA name the folder that has them in mnist/"
    )


def _give_notice(reason: str) -> None:
    """The notice that this is not MNIST, once per process, at the line that called `mnist`."""
    global _noticed
    if not _noticed:
        warnings.warn(
            f"This is NOT MNIST but {SKLEARN_DIGITS}: 1,797 real pictures of 8 x 8 pixels, "
            f"enlarged to 28 x 28. Why: {reason}. {_remedy()}.",
            UserWarning,
            stacklevel=3,
        )
    _noticed = True
