"""Exercises of Part III, the FERNN: a lift, two actions on states, mixing, readings, and waves."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from flowlib.flows import flow, flow_video, translation_velocities
from flowlib.laws import (
    LawBroken,
    check_action,
    check_flow_equivariance,
    check_invariance,
)
from flowlib.pages.examples import bump
from flowlib.pages.exercises.part1 import RING
from flowlib.pages.exercises.reply import Answer, exercise, hold, noise, remembers, same
from flowlib.recurrent import FERNN
from flowlib.translations import Translations

NINE, ALL_NINE = Translations(9), translation_velocities(4, ndim=1)


@exercise("two-lift")
def two_lift(lift: Answer) -> str:
    """lift(video): (batch, time, 5, channel, 32) from (batch, time, 1, 32), for V = -2 ... 2."""
    V, video = translation_velocities(2, ndim=1), noise(2, 6, 1, 32)

    def lifted(video):
        return lift.tensor(video, shape=(*video.shape[:2], 5, None, 32))

    lifted.velocities = V
    try:
        check_flow_equivariance(lifted, RING, video, [1, 2, -3])
    except LawBroken as broken:
        lifted.velocities = -V
        try:
            check_flow_equivariance(lifted, RING, video, [1, 2, -3])
        except LawBroken:
            raise broken from None
        raise LawBroken(
            f"{str(broken)[:-1]}, as if channel v carried the old frame on by -v."
        ) from None
    if (least := lifted(video).min()) < 0:
        raise LawBroken(f"the law holds, and a value is negative, {least:.3g}.")
    moving = flow(RING, bump(32)[None], velocity=1, steps=6)
    brightest = lifted(moving)[0, 1:].amax((0, 2, 3))  # of each velocity, from frame 1 on
    if brightest[3] > 1e-10:
        raise LawBroken(
            "the law holds, and channel 1 is not dark for a bump that moves at 1: its largest value from "
            f"frame 1 on is {brightest[3]:.3g}."
        )
    if brightest[[0, 1, 2, 4]].min() <= 1e-10:
        raise LawBroken(
            "the law holds, and more channels than 1 are dark for a bump that moves at 1."
        )
    return "the law holds, and a bump that moves at 1 leaves channel 1 dark and lights the others."


@exercise("lifted-action")
def lifted_action(act_on_states: Answer) -> str:
    """act_on_states(w, states): what the flow of velocity w does to (batch, time, 9, channel, 9)."""
    rnn = FERNN(NINE, ALL_NINE, 1, 2, nonlinearity=torch.tanh).double()
    video = noise(2, 5, 1, 9)
    states = rnn(video)

    def act(w, states):
        return act_on_states.tensor(int(w), states, shape=tuple(states.shape))

    def exchange(w, h):
        return h.roll(w, dims=2)

    def move(w, h, start=0):
        return flow_video(NINE, h.movedim(2, 1), w, start).movedim(1, 2)

    for w in (2, -3, 1):
        hold(
            f"w.h[f] = h[psi(w).f] for w = {w}",
            act(w, states),
            rnn(flow_video(NINE, video, w)),
            {
                "the channels changed places the other way": move(w, exchange(-w, states)),
                "the channels did not change places": move(w, states),
                "the states did not move": exchange(w, states),
                "the content moved the other way": move(-w, exchange(w, states)),
                "frame 0 were moved too, by w": move(w, exchange(w, states), start=1),
                "every frame were moved by the same shift": NINE.act(w, exchange(w, states)),
            },
        )
    flows = SimpleNamespace(identity=0, product=lambda w, u: w + u, elements=lambda: range(9))
    check_action(act, flows, noise(1, 4, 9, 2, 9))
    return "an action, and the one of the theorem: w.h[f] = h[psi(w).f]."


@exercise("accelerate")
def accelerate(speeding: Answer) -> str:
    """speeding(video): (batch, time, 9, channel, 9) from (batch, time, 1, 9), a channel for each b in Z_9."""
    video = noise(2, 6, 1, 9)
    path = torch.arange(6) * (torch.arange(6) - 1) // 2  # of frame t, at acceleration 1

    def states(video):
        return speeding.tensor(video, shape=(*video.shape[:2], 9, None, 9))

    def move(a, h):
        return NINE.act((a * path).reshape(-1, *[1] * (h.ndim - 2)), h)

    h = states(video)
    for a in (1, -2, 4):
        hold(
            f"h_t[a.f](b) = a_t.h_t[f](b - a) for a = {a}",
            states(move(a, video)),
            move(a, h.roll(a, dims=2)),
            {
                "channel b had the partner b + a": move(a, h.roll(-a, dims=2)),
                "the channels did not change places": move(a, h),
                "the states did not move": h.roll(a, dims=2),
            },
        )
    remembers(states, video)
    return "under the acceleration a the states move along, and channel b takes the place of b + a."


@exercise("mixing-loop")
def mixing_loop(update: Answer) -> str:
    """update(state, drive, W): h_t from h_(t-1), (batch, 7, channel, 7), the lifted frame, (batch,
    channel, 7), and the kernels, (3, out, in, 3), of the offsets d = -1, 0, 1; on a ring of 7 with the
    velocities -3 ... 3 and sigma = tanh."""
    seven, W = Translations(7), noise(3, 2, 2, 3) / 3
    state, drive = noise(2, 7, 2, 7), noise(2, 2, 7)

    def updated(state, drive):
        return update.tensor(state, drive, W, shape=tuple(state.shape))

    def mistakes(state, drive):
        return {
            "the memory of a neighbour moved by its own velocity": _mix(state, drive, W, own=True),
            "v - d stood for v + d": _mix(state, drive, W.flip(0)),
            "the memory moved against v": _mix(state, drive, W, sign=-1),
            "the memory did not move": _mix(state, drive, W, sign=0),
            "V had ends": _mix(state, drive, W, ends=True),
            "the channels did not mix": _mix(state, drive, W * torch.tensor([0, 1, 0])[:, None, None, None]),
            "no frame were seen": _mix(state, 0 * drive, W),
            "sigma were missing": _mix(state, drive, W, sigma=lambda z: z),
        }  # fmt: skip

    def act(w, t, h):  # on the state after frame t
        return seven.act(t * w, h.roll(w, dims=1))

    for w in (1, -2):
        before, now = act(w, 2, state), seven.act(3 * w, drive)
        hold(
            f"h_3[psi(w).f] = w.h_3[f] for w = {w}, where it holds for h_2,",
            updated(before, now),
            act(w, 3, updated(state, drive)),
            mistakes(before, now),
        )
    hold(
        "h_t(v) is the sum of W_d * [psi_1(v).h_(t-1)(v + d)] over d, with the frame, after sigma,",
        updated(state, drive),
        _mix(state, drive, W),
        mistakes(state, drive),
    )
    return "it obeys the law on all velocities of the ring, and the memory of v + d moves by v."


def _mix(state, drive, W, own=False, sign=1, ends=False, sigma=torch.tanh) -> Tensor:
    """One update with velocity mixing on a ring of 7, and what it becomes by mistake."""
    rows = []
    for c, v in enumerate(range(-3, 4)):
        total = drive
        for d in (-1, 0, 1):
            if ends and not 0 <= c + d < 7:
                continue
            step = sign * (v + d if own else v)
            memory = state[:, (c + d) % 7].roll(step, dims=-1)
            around = torch.cat([memory[..., -1:], memory, memory[..., :1]], -1)
            total = total + torch.conv1d(around, W[d + 1])
        rows.append(sigma(total))
    return torch.stack(rows, 1)


@exercise("which")
def which_velocity(which: Answer, rnn: Answer) -> str:
    """which(video): the velocity of the largest value in the last state of rnn, on a ring of 9."""

    def read(video):
        return which.tensor(video, shape=()) % 9

    for _ in range(3):
        video = noise(1, 6, 1, 9)
        v = read(video)
        check_invariance(read, NINE, video)
        for w in (1, 3, -2):
            hold(
                f"a flow of velocity w adds w, for w = {w},",
                read(flow_video(NINE, video, w)),
                (v + w) % 9,
                {"the flow changed no velocity": v, "it were w less": (v - w) % 9},
            )
        index = rnn.tensor(video, shape=(1, 6, 9, None, 9))[0, -1].amax((1, 2)).argmax()
        hold(
            "the largest value stands in channel v",
            v,
            (index - 4) % 9,
            {"the number of the channel were its velocity": index},
        )
    return "static shifts leave the velocity alone, and a flow of velocity w adds w to it."


@exercise("direction")
def direction(your_scores: Answer) -> str:
    """your_scores(video): any numbers, from (1, 6, 1, 9)."""
    still = flow(NINE, bump(9)[None], velocity=0, steps=6)
    left, right = (flow_video(NINE, still, w) for w in (-1, 1))

    def scores(video):
        return your_scores.tensor(video, shape=None)

    for video in (left, right, noise(1, 6, 1, 9)):
        check_invariance(scores, NINE, video)
    if same(scores(left), scores(right)):
        raise LawBroken(
            "a bump that moves to the left has the scores of one that moves to the right."
        )
    return "static shifts leave the scores alone, and left and right are told apart."


@exercise("steerable-sigma")
def steerable_sigma(sigma: Answer) -> str:
    """sigma(z): waves of the same shape from (batch, 9, channel, 9), complex, the wave number on axis 1."""
    k = torch.arange(9, dtype=torch.float64)[:, None, None]
    waves = [torch.fft.fft(noise(2, 9, 3, 9), dim=1) for _ in range(2)]

    def numbers(z):
        return torch.view_as_real(z.to(torch.complex128))

    def applied(z):
        return numbers(sigma.tensor(z, shape=(2, 9, 3, 9)))

    def turned(w, z):
        return torch.polar(torch.ones_like(k), -2 * torch.pi * k * w / 9) * z

    z, other = waves
    for w in (1, -2, 4):
        right = torch.view_as_complex(applied(z))
        parts = numbers(turned(w, z))
        hold(
            f"sigma(D_w z) = D_w sigma(z) for w = {w}",
            applied(turned(w, z)),
            numbers(turned(w, right)),
            {
                "the phases were forgotten": applied(z),
                "the ReLU acted on the real and on the imaginary part": parts.relu(),
                "tanh acted on the real and on the imaginary part": parts.tanh(),
            },
        )
    hold(
        "sigma(g.z) = g.sigma(z) for the static shift g = 2",
        applied(z.roll(2, -1)),
        applied(z).roll(2, -2),
    )
    if same(applied(z + other), applied(z) + applied(other)):
        raise LawBroken("the law holds, and sigma is linear: sigma(z + z') = sigma(z) + sigma(z').")
    return (
        "sigma(D_w z) = D_w sigma(z) for 3 velocities, static shifts commute, and it is not linear."
    )
