"""A page about one video: floors, skill, the forecast as a moving picture, the winning velocity.

One file of HTML that asks nobody for anything: pictures are in it, and there is no script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from math import sqrt

import torch
from torch import Tensor

from flowlib.pages import plots
from flowlib.pages.video_words import (
    WHO,
    flow_words,
    mean,
    rest_words,
    verdict,
    warnings,
    winner_words,
)

COLORS = {
    "mean": plots.PURPLE,
    "last-frame": plots.BLUE,
    "best-shift": plots.GREEN,
    "g-rnn": plots.GREY,
    "fernn": plots.ORANGE,
}


def page(
    name: str,
    facts: Mapping[str, str],
    rows: Mapping[str, tuple[str, Sequence[float], float]],
    repeated: float,
    falling: Sequence[str],
    flowness: float,
    films: Mapping[str, Tensor],
    context: int,
    horizon: int,
    winners: Tensor,
    shifts: Tensor,
) -> str:
    """The page, as HTML.

    Args:
        name: of the video.
        facts: what was done, word -> text.
        rows: "mean", "last-frame", "best-shift", "g-rnn" and "fernn" -> (title, squared error of each step
            of the forecast, skill).
        repeated: which part of the frames to forecast was among those seen.
        falling: names of the networks that were still getting better when training ended.
        flowness: error of copying a frame over that of its best whole shift, on its inner part.
        films: caption -> clips one after the other, (time, height, width), each of `context` frames that
            were seen and `horizon` that were forecast.
        winners: the velocity with the largest share in the FERNN's forecast after each step, (time, 2).
        shifts: the best shift of each step, (time, 2).
    """
    largest = max(video.max().item() for video in films.values())
    period = context + horizon
    clips = len(next(iter(films.values()))) // period
    height, width = next(iter(films.values())).shape[1:]
    height += 2  # of the bar
    moving = plots.animation(
        {caption: marked(video / largest, context, period) for caption, video in films.items()},
        alt=f"{', '.join(films)}, playing in step. {clips} clips of {context} frames that were seen, and "
        f"{horizon} that were forecast.",
        size=round(min(180, 220 * height / width)),
    )
    frames = [context - 1, context, context + horizon // 2, period - 1]
    strip = plots.film(films, frames, vmax=largest)
    still = narrow(
        strip,
        f"Of the first clip the last frame that was seen, {frames[0]}, and of those that were forecast the "
        f"first, the middle and the last, {frames[1:]}. Rows: {', '.join(films)}.",
        height=0.4 + len(films) * (0.1 + 0.9 * (height - 2) / width),
    )
    body = [
        f"<h1>Forecast of {escape(name)}</h1>",
        f"<p class=lead>{verdict(rows)}</p>",
        f"<p>{WHO}</p>",
        "<h2>What happened, and what was forecast</h2>",
        f"<p>{clips} clips of the test part, of each third the one that changes most while it is seen, and "
        f"the liveliest first. While the bar is grey all show the {context} frames that were seen, while it "
        f"is orange the {horizon} that were forecast.</p>",
        f"<div style='--phone:{min(240 * width / height, 340):.0f}px; --shape:{width}/{height}'>"
        f"{moving.html}</div>",
        f"<p>Of the first clip the last frame that was seen, {frames[0]}, and forecasts of 1, "
        f"{frames[2] - frames[0]} and {horizon} steps:</p>{still}",
        "<h2>Errors</h2>",
        errors(rows),
        "<p>The error is the mean square of what is wrong, in grey from 0 to 1; beside it its root, where "
        "white is 255. Skill is 1 - error / error of the mean of the frames seen: 1 is perfect, 0 is no "
        "better than that mean.</p>",
        f"<p>{warnings(rows, repeated, falling)}</p>",
        by_step(rows),
        "<h2>Flow-ness</h2>",
        f"<p>{flow_words(flowness)} {rest_words(shifts)}</p>",
        "<h2>The winning velocity</h2>",
        f"<p>{winner_words(winners, shifts)}</p>",
        over_time(winners, shifts),
        "<h2>What was done</h2>",
        "<dl>",
        *(f"<dt>{escape(word)}</dt><dd>{escape(text)}</dd>" for word, text in facts.items()),
        "</dl>",
    ]
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", "\n".join(body))  # HTML knows what a figure is
    return HEAD.format(title=escape(name), style=STYLE) + text + "\n</main></body></html>\n"


def marked(video: Tensor, context: int, period: int) -> Tensor:
    """Clips in grey, with a bar below that grows, grey while frames are seen and orange afterwards.

    Args:
        video: (time, height, width) in [0, 1], clips of `period` frames, one after the other.
        context: frames seen of each.

    Returns:
        (time, height + 2, width, 3).

    Example:
        >>> bar = marked(torch.zeros(4, 3, 8), context=2, period=4)[:, -1]
        >>> (bar.amax(2) > 0).sum(1).tolist()
        [2, 4, 6, 8]
    """
    film = video.clamp(0, 1)[..., None].expand(-1, -1, -1, 3)
    below = film.new_zeros(len(film), 2, film.shape[2], 3)
    seen, forecast = (film.new_tensor(rgb) for rgb in ((0.6, 0.6, 0.6), (0.91, 0.35, 0.05)))
    for t, frame in enumerate(below):
        done = t % period + 1
        frame[1, : round(film.shape[2] * done / period)] = seen if done <= context else forecast
    return torch.cat([film, below], 1)


def errors(rows) -> str:
    """The table of errors."""
    best = min(rows, key=lambda name: mean(rows[name]))
    head = "".join(
        f"<th scope=col>{word}</th>" for word in ("forecast", "error", "grey levels", "skill")
    )
    lines = [
        f"<tr{' class=best' if name == best else ''}><th scope=row>{escape(row[0])}</th>"
        f"<td>{mean(row):.2e}</td><td>{255 * sqrt(mean(row)):.1f}</td><td>{row[2]:z.2f}</td></tr>"
        for name, row in rows.items()
    ]
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def by_step(rows) -> str:
    """The error of each step, as a figure."""
    drawing, axis = plots.figure(height=3.0)
    for name, (title, error, _) in rows.items():
        axis.plot(range(1, len(error) + 1), error, label=title, color=COLORS[name], marker=".")
    axis.set(xlabel="step of the forecast", ylabel="error", ylim=(0, None))
    axis.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    first, last = (", ".join(f"{rows[k][0]} {rows[k][1][i]:.1e}" for k in rows) for i in (0, -1))
    return narrow(
        drawing, f"The error of each step of the forecast. First step: {first}. Last: {last}."
    )


def over_time(winners: Tensor, shifts: Tensor) -> str:
    """Winning velocities and best shifts over time, as a figure."""
    drawing, axes = plots.figure(2, 1, height=3.6, sharex=True)
    for axis, title, winner, shift in zip(
        axes, ("$v_y$", "$v_x$"), winners.T, shifts.T, strict=True
    ):
        time, reach = range(len(shift)), max(1, winner.abs().max(), shift.abs().max()) + 0.5
        axis.step(time, shift, where="mid", color=plots.GREEN, label="best shift", lw=5)
        axis.step(time, winner, where="mid", color=plots.ORANGE, label="FERNN", lw=1.5)
        axis.set(ylabel=title, ylim=(-reach, reach))
        axis.yaxis.get_major_locator().set_params(integer=True)
    axes[0].invert_yaxis()  # +y is down
    axes[0].legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    axes[1].set_xlabel("step of the test part")
    words = ", ".join(
        f"{tuple(v)} in {n} frames"
        for v, n in zip(
            *(x.tolist() for x in winners.unique(dim=0, return_counts=True)), strict=True
        )
    )
    return narrow(
        drawing, f"Winning velocity and best shift, pixels a frame. The FERNN's winners: {words}."
    )


def narrow(drawing, alt: str, height: float | None = None) -> str:
    """A figure whose letters can be read on a phone."""
    drawing.set_size_inches(4.8, height or drawing.get_size_inches()[1])
    svg = plots.show(drawing, alt).html
    return f"<div>{svg}</div>"


HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Forecast of {title}</title><style>{style}</style></head><body><main>
"""
STYLE = """
:root {--ground: #fff; --ink: #1c1e21; --soft: #5c636b; --line: #d5d8dc}
@media (prefers-color-scheme: dark) {
  :root {--ground: #14171a; --ink: #e4e6e8; --soft: #a3abb3; --line: #3a4047}}
body {margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif}
main {max-width: 44rem; margin: 0 auto; padding: 1rem 1rem 4rem; overflow-wrap: anywhere}
h1 {line-height: 1.2} h2 {margin-top: 2.2rem}
.lead {font-size: 1.15rem}
table {border-collapse: collapse; width: 100%; overflow-wrap: normal}
th, td {text-align: right; padding: 0.35rem 0.3rem; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums}
td {white-space: nowrap}
th:first-child {text-align: left}
th[scope=row] {font-weight: normal}
.best, .best th[scope=row] {font-weight: bold}
dt {color: var(--soft); font-size: 0.9rem} dd {margin: 0 0 0.6rem}
div:has(> svg) {text-align: center; margin: 1rem 0}
@media (max-width: 40rem) {
  .flowlib-animation .strip {width: var(--phone) !important; height: auto !important;
    aspect-ratio: var(--shape)}}
"""
