"""Stick figures that do the six actions of KTH, for where no videos can be had. Synthetic, and called so."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.lab.data.actions import Actions, Sequence
from flowlib.lab.data.kth import NAMES
from flowlib.lab.data.motion import generator

SOURCE = "stick figures (synthetic)"


def stick(size: int = 32, persons: int = 15, takes: int = 2, frames: int = 48) -> Actions:
    """Persons of different size, pace and place who box, clap, wave, jog, run and walk.

    Args:
        size: height and width of the frames.
        persons: how many; each looks and moves in its own way, always the same.
        takes: sequences of each person and action.
        frames: of a sequence.

    Raises:
        ValueError: nothing is asked for.

    Example:
        >>> few = stick(size=8, persons=1, takes=1, frames=3)
        >>> few.frames.shape, few.sequences[0].action
        (torch.Size([18, 8, 8]), 'boxing')
    """
    if min(size, persons, takes, frames) < 1:
        raise ValueError(
            f"size {size}, persons {persons}, takes {takes}, frames {frames}: each is 1 or more"
        )
    films, rows = [], []
    for person in range(1, persons + 1):
        for number, action in enumerate(NAMES):
            for take in range(takes):
                u = torch.rand(6, generator=generator(person, number, take), dtype=torch.float64)
                own = torch.rand(6, generator=generator(person, 0, 99), dtype=torch.float64)
                film = draw(joints(action, frames, own, u), size)
                start = sum(map(len, films))
                name = f"person{person:02d}"
                rows.append(
                    Sequence(action, name, f"{name}_{action}_{take}", start, start + frames)
                )
                films.append(film.mul(255).round().to(torch.uint8))
    return Actions(SOURCE, NAMES, torch.cat(films), tuple(rows))


def joints(
    action: str, frames: int, own: Float[Tensor, "6"], chance: Float[Tensor, "6"]
) -> Float[Tensor, "frame limb end axis"]:
    """Both ends of each limb at each time, (y, x) in heights of the picture, 0 to 1.

    Args:
        action: one of KTH's.
        own, chance: numbers in [0, 1]: of the person, and of the take.

    Example:
        >>> half = torch.full((6,), 0.5, dtype=torch.float64)
        >>> joints("walking", 5, half, half).shape  # spine, neck, head, two legs, two arms
        torch.Size([5, 11, 2, 2])
    """
    t = torch.arange(frames, dtype=torch.float64)
    tall = 0.6 + 0.15 * own[0]
    pace = {"walking": 0.04, "jogging": 0.065, "running": 0.09}.get(action, 0.05)
    phase = 2 * math.pi * (pace * (0.85 + 0.3 * own[1]) * t + chance[0])
    side = 1.0 if chance[1] < 0.5 else -1.0  # which way they look
    speed = {"walking": 0.013, "jogging": 0.024, "running": 0.038}.get(action, 0.0)
    x = (0.3 + 0.4 * chance[2] + side * speed * (0.85 + 0.3 * own[1]) * t + 0.2) % 1.4 - 0.2
    y = torch.full_like(t, 0.5 + 0.03 * float(chance[3])) + 0.01 * torch.cos(2 * phase) * (
        speed > 0
    )

    def end(origin, length, angle):
        """From the origin, `angle` from straight down, towards where they look."""
        step = torch.stack([torch.cos(angle), side * torch.sin(angle)], -1)
        return origin + length * tall * step

    still = torch.zeros_like(t)
    hip = torch.stack([y, x], -1)
    lean = {"jogging": 0.12, "running": 0.25}.get(action, 0.0)
    neck = end(hip, 0.32, still + math.pi - lean)
    head = end(neck, 0.12, still + math.pi - lean)
    limbs = [(hip, neck), (neck, head), (head, head)]
    swing = {"walking": 0.45, "jogging": 0.6, "running": 0.95}.get(action, 0.12)
    for leg in (0.0, math.pi):
        wave = torch.sin(phase + leg) if speed else still + math.cos(leg)
        thigh = swing * wave
        bend = 2 * swing * torch.sin(phase + leg - 1.2).clamp(min=0) if speed else still
        knee = end(hip, 0.24, thigh)
        limbs += [(hip, knee), (knee, end(knee, 0.24, thigh - bend))]
    for arm in (0.0, math.pi):
        wave = torch.sin(phase + arm)
        if speed:
            upper = -0.8 * swing * wave
            lower = upper + {"walking": 0.2, "jogging": 1.2, "running": 1.5}[action]
        elif action == "boxing":  # one fist goes out as the other comes back
            out = 0.5 + 0.5 * torch.sin(2 * phase + arm)
            upper, lower = 0.4 + 1.1 * out, 2.4 - 0.8 * out
        elif action == "handclapping":  # in front of the chest, to both sides of it
            sign = math.cos(arm)
            upper = sign * (0.5 + 0.6 * (0.5 + 0.5 * torch.sin(2 * phase)))
            lower = upper - sign * 1.2 * (0.5 - 0.5 * torch.sin(2 * phase)) + sign * 0.9
        else:  # waving: straight arms, from the sides to above the head
            upper = math.cos(arm) * (2.1 + 0.8 * torch.sin(phase))
            lower = upper
        elbow = end(neck, 0.17, upper)
        limbs += [(neck, elbow), (elbow, end(elbow, 0.17, lower))]
    return torch.stack([torch.stack(limb, -2) for limb in limbs], 1)


def draw(limbs: Float[Tensor, "frame limb end axis"], size: int) -> Float[Tensor, "frame h w"]:
    """Limbs as soft strokes, dark to light 0 to 1; the last of the first three is the head.

    Example:
        >>> half = torch.full((6,), 0.5, dtype=torch.float64)
        >>> draw(joints("boxing", 2, half, half), size=16).shape
        torch.Size([2, 16, 16])
    """
    p = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    points = torch.stack(torch.meshgrid(p, p, indexing="ij"), -1)[None, None]
    a, b = (e[:, :, None, None] for e in limbs.unbind(2))
    along = ((points - a) * (b - a)).sum(-1) / (b - a).square().sum(-1).clamp(min=1e-9)
    nearest = a + along.clamp(0, 1)[..., None] * (b - a)
    distance = (points - nearest).norm(dim=-1)  # (frame, limb, y, x)
    width = torch.full((limbs.shape[1], 1, 1), 0.02, dtype=distance.dtype)
    width[2] = 0.05
    return ((width - distance) * size + 0.5).clamp(0, 1).amax(1)
