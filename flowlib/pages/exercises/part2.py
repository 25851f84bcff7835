"""Exercises of Part II, flows: a slow one, one that is seen, one that is turned, a memory without place."""

from __future__ import annotations

import torch

from flowlib.flows import flow, flow_video
from flowlib.laws import LawBroken, check_flow, check_flow_equivariance, check_invariance
from flowlib.pages.exercises.part1 import RING, commutes
from flowlib.pages.exercises.reply import Answer, exercise, hold, noise, remembers
from flowlib.rotations import Rotations
from flowlib.translations import Translations


@exercise("slow-flow")
def slow_flow(psi: Answer) -> str:
    """psi(v, t): one number, the shift on a ring of 31, with psi(1, 2) = 1."""
    small = Translations(31)

    def shift(v, t):
        return psi.element(small, v, t)

    check_flow(shift, small, [1, 2, 3])
    hold(
        "psi_2 = 1 for v = 1",
        shift(1, 2),
        torch.tensor([1]),
        {"it moved by one position in each frame": torch.tensor([2])},
    )
    return "psi_0 = e and psi_s psi_t = psi_(s+t) hold, and psi_2 moves by one position."


@exercise("see-velocity")
def see_velocity(see: Answer) -> str:
    """see(video): the velocity (v_y, v_x) of a picture that flows, (2, 1, 36, 36)."""
    torus = Translations((36, 36))
    still = flow(torus, noise(1, 36, 36), velocity=(0, 0), steps=2)

    def read(video):
        return see.element(torus, video)  # entries 0 ... 35

    for v in [(0, 0), (1, 1), (-1, 2), (5, -7), (0, 20)]:
        moving = flow_video(torus, still, v)
        hold(
            f"a picture at rest that flows at v has the velocity v, for v = {v},",
            read(moving),
            torus.product(v, torus.identity),
            {
                "frame 1 came before frame 0": torus.inverse(v),
                "the velocity were (v_x, v_y)": torus.product(v[::-1], torus.identity),
            },
        )
        check_invariance(read, torus, moving)
    return "a flow of velocity v gives a picture at rest the velocity v, wherever the picture is."


@exercise("flow-turn")
def flow_turn(turned: Answer) -> str:
    """turned(v): the velocity (v_y, v_x) of a picture that flowed at v and was turned by 90 degrees."""
    quarter, square = Rotations(4, size=12), Translations((12, 12))
    video = noise(1, 4, 1, 12, 12)
    turned_video = quarter.act(90, video)
    for v in [(2, -3), (0, 1), (1, 0)]:
        w = turned.element(square, v)
        y, x = v
        hold(
            f"psi(turned(v)).(g.f) = g.(psi(v).f) for v = {v}, turned(v) = {tuple(w.tolist())}",
            flow_video(square, turned_video, w),
            quarter.act(90, flow_video(square, video, v)),
            {
                mistake: flow_video(square, turned_video, made)
                for mistake, made in {
                    "the turn were clockwise (+y is down)": (x, -y),
                    "the turn changed no velocity": v,
                    "the axes only changed places": (x, y),
                    "the turn were by 180 degrees": (-y, -x),
                }.items()
            },
        )
    return "turning a picture that flows at v is letting the turned picture flow at turned(v)."


@exercise("average")
def average(network: Answer) -> str:
    """A recurrent network without place: states (batch, time, channel, 32) of a video (2, 6, 1, 32)."""
    video = noise(2, 6, 1, 32)

    def states(video):
        return network.tensor(video, shape=(*video.shape[:2], None, 32))

    try:
        check_flow_equivariance(states, RING, video, [1, 2, -5, 16])
    except LawBroken as broken:
        commutes(states, video)
        raise LawBroken(
            f"{str(broken)[:-1]}, and static shifts do no harm: so the memory sees the motion."
        ) from None
    remembers(states, video)
    return "the states move along with every flow, although they remember."
