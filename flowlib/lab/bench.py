"""What a step costs: seconds and kept states of the networks, beside the plain loop and bare convolutions.

A timing is a ratio in one run: all that is compared is timed in turn, round by round, on this machine.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

import flowlib as fl
from flowlib.lab.memory import kept_for_backward

SIZE, RADIUS, FRAMES = 28, 2, 10
V = fl.translation_velocities(RADIUS)
TORUS = fl.Translations((SIZE, SIZE))
SCAN = {32: 1 / 3, 128: 1 / 8}  # channels -> the share of a FERNN's time that a scan is held to


@dataclass(frozen=True)
class Line:
    """One line of the bench.

    Attributes:
        name: what was measured.
        milliseconds: of one frame, forward and backward, the median over rounds.
        ratio: to the first line of its group, the median over rounds of the ratio in each.
        limit: what the ratio is held to; None where it is not.
        kept: states kept for the backward pass, for each velocity and frame; None where not counted.
    """

    name: str
    milliseconds: float
    ratio: float
    limit: float | None = None
    kept: float | None = None

    def __str__(self) -> str:
        limit = "" if self.limit is None else f"  (limit {self.limit:g})"
        kept = "" if self.kept is None else f"{self.kept:.2f} states kept"
        return f"  {self.name:36s}{self.milliseconds:9.2f} ms{self.ratio:7.2f}{limit:15s}{kept}"


def kept_states(run: Callable[[], Tensor], state: int) -> float:
    """How many states of `state` numbers autograd keeps for the backward pass of `run`.

    Tensors that share their memory count once.

    Example:
        >>> x = torch.ones(5, requires_grad=True)
        >>> kept_states(lambda: (2 * x).exp().sum(), 5)  # exp keeps its result
        1.0
    """
    with kept_for_backward() as kept:
        result = run()
    del result
    storages = ((t.untyped_storage().nbytes(), t.element_size()) for t in kept.values())
    return sum(size / each for size, each in storages) / state


def plain_loop(rnn: fl.FERNN, video: Tensor) -> Tensor:
    """The same network, velocity by velocity: roll, stack, pad, convolve."""

    def convolve(x, kernel):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), kernel)

    U, W = rnn.input_conv.weight, rnn.state_conv.weight
    state = video.new_zeros(len(video), len(rnn.velocities), rnn.hidden_channels, *rnn.group.grid)
    for frame in video.unbind(1):
        pairs = zip(rnn.velocities.tolist(), state.unbind(1), strict=True)
        moved = torch.stack([h.roll(v, (-2, -1)) for v, h in pairs], 1)
        past = convolve(moved.flatten(0, 1), W).unflatten(0, moved.shape[:2])
        state = torch.relu(convolve(frame, U)[:, None] + past)
    return state


def bare(inside: int, outside: int, batch: int) -> Callable[[], None]:
    """The bare calls of `step`: conv2d of FRAMES frames for all velocities, on tensors that are padded
    already, then the gradients of all of them. As there, each frame reads memory of its own."""
    planes = [
        torch.randn(batch * len(V), inside, SIZE + 2, SIZE + 2, requires_grad=True)
        for _ in range(FRAMES)
    ]
    kernel = torch.randn(outside, inside, 3, 3, requires_grad=True)
    gradients = [torch.randn(batch * len(V), outside, SIZE, SIZE)] * FRAMES

    def run():
        results = [F.conv2d(frame, kernel) for frame in planes]
        torch.autograd.grad(results, [*planes, kernel], gradients)

    return run


def step(network, video: Tensor) -> Callable[[], None]:
    """Forward and backward over all frames of a video."""

    def run():
        last = network(video)
        (last if isinstance(last, Tensor) else last[-1]).sum().backward()

    return run


def compare(title: str, runs: dict[str, Callable], rounds: int, limits=(), kept=()) -> list[Line]:
    """Time all runs in turn, so that what disturbs the machine disturbs all of them.

    Args:
        title: of the group, printed first.
        runs: name -> what to time; ratios are to the first.
        rounds: how often.
        limits: name -> what its ratio is held to.
        kept: name -> states kept.
    """
    seconds = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
    first = next(iter(seconds.values()))
    lines = []
    print(title)
    for name, times in seconds.items():
        ratio = median(t / f for t, f in zip(times, first, strict=True))
        milliseconds = 1e3 * median(times) / FRAMES
        line = Line(name, milliseconds, ratio, dict(limits).get(name), dict(kept).get(name))
        lines.append(line)
        print(line, flush=True)
    return lines


def bench(channels=(16, 32, 128), rounds: int = 5, batch: int = 2) -> list[Line]:
    """Print and return all figures: |V| = 25, 28 x 28, forward and backward, milliseconds a frame.

    Args:
        channels: of the hidden state.
        rounds: how often each is timed.
        batch: videos at once.
    """
    torch.manual_seed(0)
    where = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(f"|V| = {len(V)}, {SIZE} x {SIZE}, batch {batch}, {FRAMES} frames; {where}")
    print("milliseconds a frame, forward and backward; ratio to the first line of each group\n")
    lines = []
    video = torch.rand(batch, FRAMES, 1, SIZE, SIZE)

    def network(size, **options):
        return fl.FERNN(TORUS, V, 1, size, **options)

    def kept(run, size):
        return kept_states(run, batch * len(V) * size * SIZE**2) / FRAMES

    for size in channels:
        rnn = network(size)
        ahead = fl.Forecaster(rnn, decoder_layers=4)
        half = video[:, : FRAMES // 2]

        def forecast(video, ahead=ahead):
            return ahead(video, FRAMES - FRAMES // 2 + 1)

        # In pairs where there is a limit: what runs in between has the caches afterwards.
        lines += compare(
            f"{size} channels",
            {"bare conv2d": bare(size, size, batch), "FERNN": step(rnn.last, video)},
            rounds,
            {"FERNN": 1.25},
            {"FERNN": kept(partial(rnn.last, video), size)},
        )
        lines += compare(
            f"{size} channels, other ways",
            {
                "FERNN": step(rnn.last, video),
                "FERNN, checkpoint_every=3": step(network(size, checkpoint_every=3).last, video),
                "Forecaster, half the frames forecast": step(forecast, half),
                "plain loop": step(lambda video, rnn=rnn: plain_loop(rnn, video), video),
            },
            rounds,
            {},
            {
                "Forecaster, half the frames forecast": kept(partial(forecast, half), size),
                "plain loop": kept(partial(plain_loop, rnn, video), size),
            },
        )
        lines += compare(
            f"{size} channels, a scan",
            {
                "FERNN": step(rnn.last, video),
                **{
                    f"{mode} scan": step(
                        network(size, cell=partial(fl.ScanCell, mode=mode)).last, video
                    )
                    for mode in ("sequential", "parallel")
                },
            },
            rounds,
            {"sequential scan": SCAN[size]} if size in SCAN else {},
            {"sequential scan": kept(partial(network(size, cell=fl.ScanCell).last, video), size)},
        )
    size = channels[0]
    mixing, separable = (
        network(size, velocity_mixing=1),
        network(size, velocity_mixing=1, separable=True),
    )
    lines += compare(
        f"velocity mixing, r = 1, {size} channels",
        {
            f"bare conv2d, {9 * size} to {size} channels": bare(9 * size, size, batch),
            "FERNN, mixing": step(mixing.last, video),
        },
        rounds,
        {"FERNN, mixing": 1.15},
        {"FERNN, mixing": kept(lambda: mixing.last(video), size)},
    )
    lines += compare(
        f"separable mixing, and gates, {size} channels",
        {
            "FERNN": step(network(size).last, video),
            "FERNN, separable mixing": step(separable.last, video),
            "FERNN, gated cell": step(network(size, cell=fl.GatedCell).last, video),
        },
        rounds,
        {"FERNN, separable mixing": 2.5},
        {"FERNN, separable mixing": kept(lambda: separable.last(video), size)},
    )
    turns = fl.Rotations(8, size=15, interpolation="fourier")
    rnn = fl.FERNN(turns, fl.rotation_velocities(range(-40, 41, 10)), 1, 4)
    small = torch.rand(batch, FRAMES, 1, 15, 15)

    def each_step(video):
        state = rnn.initial_state(len(video))
        for frame in video.unbind(1):
            state = rnn.step(state, frame)
        return state

    lines += compare(
        "rotations, 15 x 15, 8 orientations, 9 velocities, 4 channels",
        {
            "operators once a forward": step(rnn.last, small),
            "at every step": step(each_step, small),
        },
        rounds,
    )
    return lines
