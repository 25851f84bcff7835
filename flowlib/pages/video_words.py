"""What the page about one video says in words: who forecast best, and what the figures mean."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import inf

from torch import Tensor

RULES = "mean", "last-frame", "best-shift"
NETWORKS = {"g-rnn": "G-RNN", "fernn": "FERNN"}
SAME = 0.03  # one seed does not tell errors apart that are closer
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
    less = 100 * (1 - error[network] / error[rule])
    text = (
        f"The {NETWORKS[network]} forecasts best: its error is {less:.0f} % below that of {what}. "
    )
    ratio = error[other] / error[network] if error[network] else inf
    beats = "also beats" if error[other] < error[rule] else "does not beat"
    return text + f"The {NETWORKS[other]} has {ratio:.3g} times its error, and {beats} that rule."


def warnings(rows, repeated: float, falling: Sequence[str]) -> str:
    """What to keep in mind when reading the table."""
    text = "This is one video and one seed: a few percent say nothing."
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
        "the reduced frames. A larger --size, or --every 3, makes the steps longer."
    )


def winner_words(winners: Tensor, shifts: Tensor) -> str:
    """What the figure shows."""
    agree = (winners == shifts).all(1).double().mean().item()
    return (
        "The FERNN moves the last frame on by each velocity of V, and mixes the copies; the winner is the "
        "velocity with the largest share. It is told how badly each velocity explains the last step, and "
        "adds what its memory says. The best shift is the one that lays the last frame but one best onto the "
        f"last, of all shifts there are. They agree in {100 * agree:.0f} % of the {len(winners)} frames."
    )
