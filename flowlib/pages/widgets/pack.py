"""What the widgets share in Python: arrays of anything, with checks, and one byte for each value."""

from collections.abc import Iterable, Mapping

import numpy as np

ArrayLike = object  # lists, arrays, tensors with or without gradient
ROUNDING = 1e-10  # a difference below this is float64 rounding; kit.js has the same number


def array(value: ArrayLike) -> np.ndarray:
    """The value as a float64 array, on the CPU and without gradient.

    Example:
        >>> array([1, 2])
        array([1., 2.])
    """
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, dtype=np.float64)


def shaped(name: str, value: ArrayLike, shape: Mapping[str, int]) -> np.ndarray:
    """The value as an array of that shape, {axis: size}, or an error that says what was expected.

    Example:
        >>> shaped("moved", [[1, 2]], {"g": 1, "N": 2}).shape
        (1, 2)
    """
    value = array(value)
    if value.shape != tuple(shape.values()):
        wanted = ", ".join(f"{axis}={size}" for axis, size in shape.items())
        raise ValueError(f"{name} has shape {value.shape}, expected ({wanted})")
    return value


def stack(name: str, arrays: Mapping, keys: Iterable, shape: Mapping[str, int]) -> np.ndarray:
    """{key: (*shape)} -> (key, *shape), in the order of `keys`, the input velocities.

    Example:
        >>> stack("inputs", {1: [5, 6], 0: [7, 8]}, [0, 1], {"N": 2}).tolist()
        [[7.0, 8.0], [5.0, 6.0]]
    """
    if missing := [key for key in keys if key not in arrays]:
        raise ValueError(f"{name} lacks the input velocities {missing}: inputs has {list(keys)}")
    return np.stack([shaped(f"{name}[{key}]", arrays[key], shape) for key in keys])


def pack(name: str, values: np.ndarray) -> dict:
    """One byte a value, all on one scale: (q - zero) / (255 if zero == 0 else 127) in [-1, 1].

    Far finer than a pixel of the drawing; numbers that are read as numbers go as `numbers`.

    Example:
        >>> pack("states", np.array([0.0, 2.0]))
        {'zero': 0, 'bytes': b'\\x00\\xff'}
    """
    if not values.size:
        raise ValueError(f"{name} is empty, of shape {values.shape}: each axis wants 1 or more")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity: only errors may be NaN")
    zero, levels = (127, 127) if values.min() < 0 else (0, 255)
    scale = np.abs(values).max() or 1.0
    return {
        "zero": zero,
        "bytes": np.rint(values / scale * levels + zero).astype(np.uint8).tobytes(),
    }


def pictures(name: str, images: ArrayLike, grid: Iterable[int] | None = None) -> bytes:
    """Pictures (sample, 1, height, width) in [0, 1] as one byte a pixel, 255 for 1.

    Example:
        >>> pictures("digits", [[[[0.0, 1.0]]]])
        b'\\x00\\xff'
    """
    images = array(images)
    if images.ndim != 4 or images.shape[1] != 1 or not images.size:
        raise ValueError(f"{name} has shape {images.shape}, expected (sample, 1, height, width)")
    if grid is not None and images.shape[2:] != tuple(grid):
        raise ValueError(f"{name} has pictures of {images.shape[2:]}, expected {tuple(grid)}")
    if not (images.min() >= 0 and images.max() <= 1):  # of NaN neither is true
        raise ValueError(f"{name} holds numbers outside of [0, 1]: scale the pictures")
    return np.rint(images * 255).astype(np.uint8).tobytes()


def numbers(values: np.ndarray | np.floating) -> list | float | None:
    """Numbers to be read, three digits each, in nested lists; NaN, which is no number, is None.

    Example:
        >>> numbers(np.array([0.12345, np.nan]))
        [0.123, None]
    """
    if values.ndim:
        return [numbers(row) for row in values]
    return float(f"{values:.3g}") if np.isfinite(values) else None
