"""What the page about one video says in words: who forecast best, and what the figures mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import inf

from torch import Tensor

RULES = "mean", "last-frame", "best-shift"
NETWORKS = {"g-rnn": "G-RNN", "fernn": "FERNN"}
WHO = (
    "Two small networks were trained on the first part of the video, and forecast its last part, which they "
    "had not seen. The G-RNN has one memory, which stands still. The FERNN has one for each of a set of "
    "velocities, which moves with it. Three rules need no training: the mean of the frames seen, the last "
    "frame, and the last frame moved on by its best shift, the one that led to it from the frame before."
)
SAME = 0.1  # two seeds of one network are often further apart
MUCH, SOME = 2.0, 1.1  # a flow-ness from there on


def mean(row) -> float:
    """The error of a row, over all steps."""
    return sum(row[1]) / len(row[1])


def verdict(rows) -> str:
    """Who forecasts best, in words."""
    error = {name: mean(row) for name, row in rows.items()}
    rule = min(RULES, key=error.get)
    network, other = sorted(NETWORKS, key=error.get)
    what = f"the best rule, {escape(rows[rule][0])}"
    if abs(error[network] - error[rule]) < SAME * error[rule]:
        return (
            f"The better network, the {NETWORKS[network]}, does as well as {what}, and not better: their "
            f"errors differ by less than {100 * SAME:.0f} %."
        )
    if error[network] >= error[rule]:
        times = error[network] / error[rule] if error[rule] else inf
        return (
            f"Neither network beats {what}. The better one, the {NETWORKS[network]}, has "
            f"{times:.3g} times its error."
        )
    below = f"{100 * (1 - error[network] / error[rule]):.0f} % below that of {what}."
    if error[other] - error[network] < SAME * error[network]:
        return f"Both networks forecast equally well: their error is {below}"
    text = f"The {NETWORKS[network]} forecasts best: its error is {below} "
    ratio = error[other] / error[network] if error[network] else inf
    beats = "also beats" if error[other] < error[rule] else "does not beat"
    return text + f"The {NETWORKS[other]} has {ratio:.3g} times its error, and {beats} that rule."


def warnings(rows, repeated: float, falling: Sequence[str]) -> str:
    """What to keep in mind when reading the table."""
    text = f"This is one video and one seed: a difference below {100 * SAME:.0f} % says nothing."
    if falling:
        names = " and ".join(NETWORKS[name] for name in falling)
        text += f" The {names} was still getting better when training ended: give more --minutes."
    if repeated > 0.05:
        text += (
            f" {100 * repeated:.0f} % of the frames to forecast were among those seen: they ask for memory, "
            "not for motion."
        )
    return text


def flow_words(flowness: float) -> str:
    """What a flow-ness means."""
    if flowness == inf:
        return "Each frame is the one before, moved as a whole: the video is a flow."
    what = (
        f"Copying a frame has {flowness:.2f} times the error of its best whole shift. The shift is chosen "
        "with the next frame in hand, so it is no forecast, and what comes in at the rim is left out. "
    )
    if flowness >= MUCH:
        return (
            what + f"From {MUCH:g} on one shift of the whole frame explains much of what changes."
        )
    if flowness >= SOME:
        return (
            what
            + f"Between {SOME:g} and {MUCH:g} one shift of the whole frame explains some of it."
        )
    return what + (
        f"Below {SOME:g} one shift of the whole frame explains little or nothing of what changes: things "
        "move in several ways, by less than a pixel, or further than was looked for."
    )


def rest_words(shifts: Tensor) -> str:
    """How often nothing moves by a whole pixel."""
    rest = (shifts == 0).all(1).double().mean().item()
    if rest < 0.5:
        return ""
    return (
        f"In {100 * rest:.0f} % of the steps the best shift is 0: hardly anything moves by a whole pixel of "
        "the reduced frames, and the FERNN does what a G-RNN does. A larger --size, or --every 3, makes the "
        "steps longer."
    )


def winner_words(winners: Tensor, shifts: Tensor) -> str:
    """What the figure shows."""
    agree = (winners == shifts).all(1).double().mean().item()
    return (
        "The FERNN asks of each of its velocities how well it explains the last step. It moves the last "
        "frame on by those that do so best, reads the memories that moved with them, and corrects. Orange is "
        "the velocity with the largest share. Green is the best of all shifts, also of those that the FERNN "
        "does not have: a larger --radius gives it more. They agree in "
        f"{100 * agree:.0f} % of the {len(winners)} steps."
    )
