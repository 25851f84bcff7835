"""Exercises of Part I, symmetry in space: flows in films, a group, a lift, a gated memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from flowlib.flows import flow, flow_video
from flowlib.laws import (
    LawBroken,
    check_equivariance,
    check_flow,
    check_group,
    check_invariance,
)
from flowlib.pages.examples import bump
from flowlib.pages.exercises.reply import Answer, exercise, hold, noise, remembers
from flowlib.translations import Translations

RING = Translations(32)


@exercise("write-flow")
def write_flow(psi: Answer) -> str:
    """psi(v, t): the shift of frame t under the flow of velocity v = (v_y, v_x), two numbers."""
    torus, velocities = Translations((28, 28)), [(0, 1), (2, -3), (5, 2), (-4, 9)]

    def shift(v, t):
        return psi.element(torus, v, t)

    check_flow(shift, torus, velocities)
    for v in velocities:
        y, x = v
        hold(
            f"psi_1(v) = v for v = {v}",
            shift(v, 1),
            torus.product(v, torus.identity),
            {
                "the content moved the other way": torus.inverse(v),
                "the velocity were (v_x, v_y)": torus.product((x, y), torus.identity),
            },
        )
    return "psi_0 = e, psi_s psi_t = psi_(s+t) and psi_1 = v hold for 4 velocities."


@exercise("read-velocity")
def read_velocity(velocity_of: Answer) -> str:
    """velocity_of(video): one number from (1, 12, 1, 32), up to multiples of 32."""
    still = flow(RING, bump(32, center=11)[None], velocity=0, steps=12)

    def nearest(v, to):
        return to + (v - to + 16) % 32 - 16  # on a ring of 32 the velocities v + 32 k are one

    for v in (0, 3, -2, 14, 31):
        moving, true = flow_video(RING, still, v), torch.tensor(v).double()
        with_ends = ((11 + 11 * true) % 32 - 11) / 11  # from where it was first and last
        hold(
            f"a bump at rest that flows at v has the velocity v, for v = {v},",
            nearest(velocity_of.tensor(moving, shape=()).double(), true),
            true,
            {
                "time ran backwards": nearest(-true, true),
                "the ring had ends": nearest(with_ends, true),
            },
        )
        check_invariance(
            lambda video, v=v: nearest(velocity_of.tensor(video, shape=()).double(), v),
            RING,
            moving,
        )
    return "a flow of velocity v gives a bump at rest the velocity v, wherever the bump is."


@exercise("back-to-rest")
def back_to_rest(to_rest: Answer) -> str:
    """to_rest(video, v): the video (1, 6, 1, 32) after a flow of velocity -v."""
    for v in (3, -5, 40, 0):
        rest = noise(1, 6, 1, 32)
        moving = flow_video(RING, rest, v)
        hold(
            f"to_rest(psi(v).f, v) = f for v = {v}",
            to_rest.tensor(moving, v, shape=tuple(rest.shape)),
            rest,
            {
                "the video were moved on by v once more": flow_video(RING, moving, v),
                "frame 0 were moved too, by v": RING.act(-v, rest),
                "every frame were moved by the same shift": RING.act(-v, moving),
                "the video were left alone": moving,
                "the ring had ends": _with_ends(moving, -v),
            },
        )
    return "for velocities 3, -5, 40 and 0 it undoes the flow of any video."


def _with_ends(video: Tensor, v: int) -> Tensor:
    """A flow that loses what leaves on one side, and lets darkness in on the other."""
    t, x = torch.arange(video.shape[1])[:, None], torch.arange(video.shape[-1])
    kept = (x - t * v >= 0) & (x - t * v < video.shape[-1])
    return flow_video(RING, video, v) * kept[:, None]


@exercise("ring-mirror")
def ring_mirror(group: Answer) -> str:
    """A group with identity, elements(), product, inverse, act; (a, m) takes x to a + x or a - x."""
    own = group.given
    wanted = ("identity", "elements", "product", "inverse", "act")
    if missing := [name for name in wanted if not hasattr(own, name)]:
        raise LawBroken(f"the group has no {' and no '.join(missing)}.")
    if isinstance(own, type):
        raise LawBroken(f"{own.__name__} is a class: hand over a group, {own.__name__}().")

    def pair(name):
        asked = Answer(getattr(own, name))
        return lambda *elements: tuple(asked.tensor(*elements, shape=(2,)).tolist())

    product, inverse, act = pair("product"), pair("inverse"), Answer(own.act)
    elements = Answer(lambda: list(own.elements())).tensor(shape=(None, 2)).tolist()
    elements = [tuple(g) for g in elements]
    if sorted(elements) != [(a, m) for a in range(32) for m in (0, 1)]:
        raise LawBroken("the elements are not the 64 pairs (a, m), a from 0 to 31 and m 0 or 1.")
    x, f = torch.arange(32), noise(1, 32)

    def move(g, x):
        return (g[0] - x if g[1] else g[0] + x) % 32

    mixed = [((3, 1), (5, 0)), ((7, 0), (4, 1)), ((2, 1), (9, 1)), ((30, 0), (6, 0))]
    for g, h in mixed:
        hold(
            f"g h takes x to g(h(x)), first h, for g = {g}, h = {h}",
            move(product(g, h), x),
            move(g, move(h, x)),
            {"g went first": move(h, move(g, x))},
        )
    check_group(product, inverse, Answer(lambda: own.identity).tensor(shape=(2,)), elements)
    for g, h in mixed:
        for k in (g, h):
            hold(
                f"(g.f)(g x) = f(x) for g = {k}",
                act.tensor(k, f, shape=(1, 32))[..., move(k, x)],
                f,
                {"it were f(g x) and not f(g^-1 x)": f[..., move(k, move(k, x))]},
            )
    return "a group of 64 elements, and an action in which the content moves with g."


@exercise("one-shift")
def one_shift(your_map: Answer) -> str:
    """A linear map of signals (32,) that commutes with the even shifts, and not with the odd ones."""

    def apply(f):
        return your_map.tensor(f, shape=(32,))

    f, g = noise(2, 32)
    hold("F(2 f + g) = 2 F(f) + F(g)", apply(2 * f + g), 2 * apply(f) + apply(g))
    check_equivariance(apply, RING, f, range(0, 32, 2))
    try:
        check_equivariance(apply, RING, f, [1])
    except LawBroken:
        return "it is linear, and commutes with the even shifts and not with the shift by 1."
    raise LawBroken(
        "F(g.f) = g.F(f) holds for g = 1 too, so the matrix is circulant: let even and odd rows have "
        "kernels of their own."
    )


@exercise("mirror")
def mirror(lift_mirror: Answer, act_lifted: Answer) -> str:
    """lift_mirror(W, f), (batch, channel, 2, height, width), and act_lifted(g, h) for g = 0, 1."""
    W, f, shape = noise(4, 2, 3, 3), noise(1, 2, 9, 9), (1, 4, 2, 9, 9)
    lifted = lift_mirror.tensor(W, f, shape=shape)
    hold("response 0 is the convolution of f with W", lifted[:, :, 0], F.conv2d(f, W, padding=1))

    def act(g, h):
        return act_lifted.tensor(g, h, shape=shape)

    h = noise(*shape)
    hold("e.h = h", act(0, h), h)
    hold("g.(g.h) = h for the mirror g = 1", act(1, act(1, h)), h)
    left = lift_mirror.tensor(W, f.flip(-1), shape=shape)
    hold(
        "lift(W, g.f) = g.lift(W, f), where g reflects two responses and exchanges them,",
        left,
        lifted.flip(-1).flip(2),
        {
            f"response 1 were made with {what}": torch.stack(
                [F.conv2d(f.flip(-1), w, padding=1) for w in (W, V)], 2
            )
            for what, V in (
                ("the filter itself", W),
                ("the filter upside down", W.flip(-2)),
                ("the filter turned by 180 degrees", W.flip(-1).flip(-2)),
            )
        },
    )
    hold(
        "g.lift(W, f) = lift(W, g.f) for your action",
        act(1, lifted),
        left,
        {
            "the two responses did not change places": lifted.flip(-1),
            "the responses changed places and were not reflected": lifted.flip(2),
            "the mirror did nothing": lifted,
        },
    )
    return "the mirror reflects both responses and exchanges them, and the lift commutes with it."


@exercise("rnn-gate")
def rnn_gate(network: Answer) -> str:
    """A gated network: states (batch, time, channel, 32) of a video (1, 6, 1, 32)."""
    video = 5 * noise(1, 6, 1, 32)

    def states(video):
        return network.tensor(video, shape=(*video.shape[:2], None, 32))

    commutes(states, video)
    if not (largest := states(video).abs().max()) <= 1:
        raise LawBroken(
            f"|h| <= 1 fails, the largest is {largest:.3g}: h begins at 0, n is a tanh, and the gates z "
            "and 1 - z take a mean of both."
        )
    remembers(states, video)
    return "it commutes with static shifts, stays between -1 and 1, and remembers."


def commutes(states: Callable[[Tensor], Tensor], video: Tensor) -> None:
    """Raise LawBroken unless the states on the ring commute with static shifts."""
    try:
        check_equivariance(states, RING, video)
    except LawBroken as broken:
        half = states(RING.act(16, video)) - RING.act(16, states(video))
        first = half[:, 0].abs().amax((0, 1))  # at frame 0, where there is no memory yet
        if (
            first[4:12].max() < 1e-10 < first.max()
        ):  # far from position 0, and from where it has gone
            raise LawBroken(f"{str(broken)[:-1]}, as if the ring had ends.") from None
        raise
