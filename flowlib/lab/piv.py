"""Particle image velocimetry with velocity channels: a FERNN set by hand, and OpenPIV beside it.

The network keeps two numbers at each place and velocity, with kernels of one pixel:
    h_t(v, x) = sum over s of m^(t-s) f_s(x - (t-s) v),    q_t(v, x) = the same of m^2 and f_s^2.
In a window of places, h^2 - q is the sum of the correlation planes of all pairs of frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from flowlib.flows import translation_velocities
from flowlib.lab.data.files import demand
from flowlib.recurrent import FERNN
from flowlib.translations import Translations


@dataclass(frozen=True)
class Windows:
    """Where vectors are asked for: square windows, the same for all methods.

    Attributes:
        size: of a window, in pixels.
        step: from one window to the next.
        margin: between the windows and the edge of the frame. OpenPIV searches so far.
    """

    size: int = 32
    step: int = 16
    margin: int = 8

    def count(self, length: int) -> int:
        """How many windows there are along an axis of this length."""
        return (length - self.size - 2 * self.margin) // self.step + 1

    def centers(self, shape: tuple[int, int]) -> Float[Tensor, "rows columns 2"]:
        """(y, x) of the middle of each window, the first pixel of a frame being (0, 0).

        Example:
            >>> Windows(4, 4, 1).centers((10, 6)).tolist()
            [[[2.5, 2.5]], [[6.5, 2.5]]]
        """
        first = self.margin + (self.size - 1) / 2
        axes = [first + self.step * torch.arange(self.count(n)).double() for n in shape]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)

    def sum(self, signal: Shaped[Tensor, "*lead h w"]) -> Shaped[Tensor, "*lead rows columns"]:
        """The sum over each window.

        Raises:
            ValueError: a frame that has no room for a window.
        """
        shape = signal.shape[-2:]
        if min(map(self.count, shape)) < 1:
            raise ValueError(
                f"a frame of {tuple(shape)} has no room for a window of {self.size} and margins of "
                f"{self.margin}: it wants {self.size + 2 * self.margin} pixels along each axis"
            )
        rows, columns = (self.size + self.step * (self.count(n) - 1) for n in shape)
        m, flat = self.margin, signal.reshape(-1, 1, *shape)
        inside = flat[..., m : m + rows, m : m + columns]
        sums = avg_pool2d(inside, self.size, self.step, divisor_override=1)
        return sums.reshape(*signal.shape[:-2], *sums.shape[-2:])


def correlator(group: Translations, velocities, memory: float) -> FERNN:
    """A FERNN set by hand, in float64: it adds up what moves at v, and keeps its own energy beside it.

    Its frames have two channels, f and f^2, see `look`. The state has h and q, see above.

    Args:
        group: the grid.
        velocities: V.
        memory: m, how much of the memory is kept from one frame to the next.

    Example:
        >>> rnn = correlator(Translations((6, 6)), translation_velocities(1), memory=0.5)
        >>> [round(w, 2) for w in rnn.state_conv.weight.flatten().tolist()]
        [0.5, 0.0, 0.0, 0.25]
    """
    rnn = FERNN(group, velocities, 2, 2, kernel_size=1, nonlinearity=lambda z: z)
    rnn.double().requires_grad_(False)
    kept = torch.tensor([memory, memory**2], dtype=torch.float64)
    rnn.input_conv.weight.copy_(torch.eye(2)[..., None, None])
    rnn.state_conv.weight.copy_(kept.diag()[..., None, None])
    return rnn


def high_pass(frames: Float[Tensor, "time h w"], size: int) -> Float[Tensor, "time h w"]:
    """Each pixel less the mean of the size x size pixels around it: light that is uneven goes.

    Args:
        size: odd; at the edges the frame is reflected.

    Example:
        >>> high_pass(torch.ones(2, 8, 8), 3).abs().max().item() < 1e-6
        True
    """
    mean = avg_pool2d(pad(frames[:, None], (size // 2,) * 4, mode="reflect"), size, 1)
    return frames - mean[:, 0]


def look(frames: Float[Tensor, "time h w"]) -> Float[Tensor, "1 time 2 h w"]:
    """What the network is shown: each frame less its mean, and the square of that."""
    f = frames - frames.mean((-2, -1), keepdim=True)
    return torch.stack([f, f**2], 1)[None]


def planes(
    frames: Float[Tensor, "time h w"],
    radius: int,
    windows: Windows,
    memory: float = 1.0,
    parts: int = 1,
    own_energy: bool = False,
) -> Float[Tensor, "v_y v_x rows columns"]:
    """The correlation plane of each window: the energy of all channels, without the frames' own.

    The velocities are worked off row by row, so that memory stays small.

    Args:
        frames: the last one is where the windows stand.
        radius: the largest velocity along an axis.
        windows: where.
        memory: see `correlator`.
        parts: steps of V for each pixel a frame; more than 1 wants frames of odd size.
        own_energy: leave the frames' own energies in.

    Returns:
        Entry [i, j] belongs to the velocity ((i - n) / parts, (j - n) / parts), n = radius * parts.

    Example:
        >>> first = torch.rand(32, 32)
        >>> video = torch.stack([first, first.roll(1, -1)])  # one pixel to the right
        >>> plane = planes(video, 2, Windows(16, 16, 8))
        >>> plane.shape, divmod(plane.flatten().argmax().item(), 5)
        (torch.Size([5, 5, 1, 1]), (2, 3))
    """
    shape = tuple(frames.shape[-2:])
    group = Translations(shape, interpolation=None if parts == 1 else "fourier")
    every = translation_velocities(radius * parts)
    every = every if parts == 1 else every.double() / parts
    rnn = correlator(group, every[:1], memory).to(frames.dtype)
    shown, rows = look(frames), []
    for row in every.split(2 * radius * parts + 1):
        h, q = rnn.with_velocities(row).last(shown)[0].unbind(1)
        rows.append(windows.sum(h**2 if own_energy else h**2 - q))
    return torch.stack(rows)


def peaks(
    plane: Float[Tensor, "v_y v_x rows columns"], parts: int = 1
) -> Float[Tensor, "rows columns 2"]:
    """The velocity at the highest point of each plane, between the channels by a three-point fit.

    The fit is a Gaussian along each axis where three values are above zero, else a parabola. At the rim
    of V there is none.

    Example:
        >>> v = torch.arange(-3.0, 4)
        >>> hill = torch.exp(-((v[:, None] - 0.3) ** 2) - (v + 1.2) ** 2)
        >>> peaks(hill[..., None, None])[0, 0]
        tensor([ 0.3000, -1.2000])
    """
    n, (rows, columns) = len(plane), plane.shape[2:]
    flat = plane.flatten(0, 1).flatten(1)  # (velocity, window)
    best = flat.argmax(0)
    i, j = best // n, best % n
    at = torch.arange(flat.shape[1])
    found = []
    for k, near in ((i, lambda d: (i + d) * n + j), (j, lambda d: i * n + j + d)):
        inside = (k > 0) & (k < n - 1)
        a, b, c = (flat[torch.where(inside, near(d), best), at] for d in (-1, 0, 1))
        low = torch.minimum(a, c)
        a, b, c = (torch.where(low > 0, x.clamp(min=1e-30).log(), x) for x in (a, b, c))
        bend = a - 2 * b + c
        offset = torch.where(inside & (bend < 0), (a - c) / (2 * bend.clamp(max=-1e-30)), 0.0)
        found.append((k - n // 2 + offset) / parts)
    return torch.stack(found, -1).reshape(rows, columns, 2)


def openpiv_vectors(
    frames: Float[Tensor, "time h w"], windows: Windows, passes: int = 1
) -> Float[Tensor, "rows columns 2"]:
    """OpenPIV's own vectors of the last two frames, (v_y, v_x), NaN where it finds no peak.

    It gets the two frames in reverse and its vectors are turned round: so its window, too, stands where
    the particles arrive. Its plane reaches half of size + 2 margin to each side; without wrapping, `margin`.

    Args:
        passes: more than 1 are OpenPIV's passes with deformed windows (`windef`), with its own checks
            for outliers; their planes reach size / 2.

    Raises:
        DataUnavailableError: openpiv is not installed.
        ValueError: several passes with fewer than 4 windows along an axis.
    """
    demand("openpiv", "openpiv")
    from openpiv import pyprocess, windef  # here, because only this needs it

    last, before = frames[-1].double().numpy(), frames[-2].double().numpy()
    if passes > 1:
        if min(map(windows.count, last.shape)) < 4:
            raise ValueError("several passes want at least 4 windows along each axis")
        settings = windef.PIVSettings(
            windowsizes=(windows.size,) * passes,
            overlap=(windows.size - windows.step,) * passes,
            num_iterations=passes,
            deformation_method="second image",
            use_vectorized=False,
        )
        m = windows.margin
        _, _, u, up, _ = windef.simple_multipass(last[m:, m:], before[m:, m:], settings)
        rows, columns = map(windows.count, last.shape)
        return torch.stack([torch.tensor(up), torch.tensor(-u)], -1)[:rows, :columns]
    search = windows.size + 2 * windows.margin
    u, v, _ = pyprocess.extended_search_area_piv(
        last,
        before,
        window_size=windows.size,
        overlap=search - windows.step,
        search_area_size=search,
        sig2noise_method=None,
    )
    return -torch.stack([torch.from_numpy(v), torch.from_numpy(u)], -1)


def end_point_error(
    vectors: Float[Tensor, "*n 2"], truth: Float[Tensor, "*n 2"]
) -> Float[Tensor, "*n"]:
    """The distance of each vector from the true one, in pixels; NaN counts as the vector 0.

    Example:
        >>> end_point_error(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2)).tolist()
        [5.0]
    """
    return (vectors.nan_to_num(0.0) - truth).norm(dim=-1)
