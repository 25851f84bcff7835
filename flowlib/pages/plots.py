"""Every figure style of the book, once.

A figure is shown as SVG whose lines and letters take the colour of the page (`currentColor`), on a
transparent ground: the same figure is right in light and in dark mode. Colours that carry meaning
are chosen to read on both. Knows only tensors.
"""

from __future__ import annotations

import html
import io
import re

import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from torch import Tensor

from flowlib.pages.channels import mosaic, velocity_colors, winners
from flowlib.pages.picture import REMEMBERED, SEEN, Picture, animation, drawable, heat

__all__ = [
    "animation",
    "arrow",
    "figure",
    "film",
    "frame",
    "heat",
    "mosaic",
    "show",
    "space_time",
    "velocity_colors",
    "velocity_map",
    "velocity_wheel",
    "winners",
]

INK = "#010203"  # stands for the page's own text colour; no other colour of a figure is this one
COLORS = {"g-rnn": "#8a8f98", "fernn-v1": "#3b82f6", "fernn-v2": "#e8590c", "truth": "#12a37f"}
ORANGE, BLUE, GREY, GREEN = "#e8590c", "#3b82f6", "#8a8f98", "#12a37f"
PURPLE = "#8b5cf6"

STYLE = {
    "figure.figsize": (7, 2.6),
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",  # letters stay letters: they can be searched, scaled, and coloured
    **{
        key: INK
        for key in ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    },
    "axes.facecolor": "none",
    "legend.frameon": False,
}


def figure(rows: int = 1, columns: int = 1, height: float = 2.6, **options):
    """A figure in the book's style and its axes, as `matplotlib.pyplot.subplots` gives them.

    The style then stays: ticks and legends that are made later take their colours from it.

    Example:
        >>> drawing, (left, right) = figure(1, 2)
        >>> picture = show(drawing, alt="Two empty axes.")
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(7, height), **options)


def show(drawing: Figure, alt: str) -> Picture:
    """The figure for the page; `alt` says in a sentence or two what it shows.

    Example:
        >>> drawing, axis = figure()
        >>> show(drawing, alt="An empty axis.")
        Picture: An empty axis.

    Raises:
        ValueError: no text alternative.
    """
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the figure shows")
    file = io.StringIO()
    drawing.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    plt.close(drawing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    text = html.escape(alt, quote=True)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    head = f'<svg class="flowlib-figure" role="img" aria-label="{text}" style="max-width:100%;height:auto"'
    return Picture(svg.replace("<svg", head, 1), alt)


def space_time(axis, states: Tensor, title: str, vmax: float | None = None) -> None:
    """Draw (time, position) as a picture, or (time, position, 3) in colours of its own: time runs
    down, position to the right.

    Example:
        >>> import torch
        >>> drawing, axis = figure()
        >>> space_time(axis, torch.rand(4, 6), "noise")
        >>> axis.get_ylabel()
        'time t'

    Raises:
        ValueError: `states` has other axes.
    """
    states = drawable("states", states, "(time, position)", "(time, position, 3)").numpy()
    axis.imshow(states, cmap=REMEMBERED, vmin=0, vmax=vmax, aspect="auto", interpolation="nearest")
    axis.set(title=title, xlabel="position x", ylabel="time t")


def film(videos: dict[str, Tensor], frames: list[int], vmax: float = 1.0) -> Figure:
    """A film strip: a row a video, a column a frame.

    Args:
        videos: name of the row -> (time, height, width), drawn in grey, or (time, height, width, 3) in
            colours of its own, as `heat` gives a memory.
        frames: which frames to show; they are labelled by their number.
        vmax: the value drawn brightest.

    Example:
        >>> import torch
        >>> len(film({"noise": torch.rand(6, 8, 8)}, frames=[0, 2, 5]).axes)
        3

    Raises:
        ValueError: no video, no frame, or a frame that a video has not.
    """
    if not videos:
        raise ValueError("videos is empty: give at least one video, {name of the row: video}")
    shapes = "(time, height, width)", "(time, height, width, 3)"
    videos = {k: drawable(f"videos[{k!r}]", video, *shapes) for k, video in videos.items()}
    for name, video in videos.items():
        last = len(video) - 1
        if not frames:
            raise ValueError(f"frames is empty: give at least one of 0 to {last}")
        if beyond := [t for t in frames if not -last - 1 <= t <= last]:
            raise ValueError(f"frames holds {beyond[0]}: the video {name!r} has frames 0 to {last}")
    drawing, axes = figure(
        len(videos), len(frames), height=6.3 * len(videos) / len(frames) + 0.25, squeeze=False
    )
    for row, (name, video) in zip(axes, videos.items(), strict=True):
        for axis, t in zip(row, frames, strict=True):
            axis.imshow(video[t].numpy(), cmap=SEEN, vmin=0, vmax=vmax, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, t in zip(axes[-1], frames, strict=True):
        axis.set_xlabel(f"{t}")
    return drawing


def velocity_wheel(axis, velocities: Tensor) -> None:
    """Draw the legend of `winners`: each velocity of V in its colour, at its place.

    Example:
        >>> import torch
        >>> drawing, axis = figure()
        >>> velocity_wheel(axis, torch.tensor([[0, 0], [0, 1]]))
        >>> axis.get_xlabel()
        '$v_x$'
    """
    colors = velocity_colors(velocities).numpy()
    axis.scatter(*velocities.double().flip(1).T.numpy(), c=colors, s=60, edgecolors=GREY, lw=0.5)
    ticks = sorted(set(velocities.flatten().tolist()))
    axis.set(xlabel="$v_x$", ylabel="$v_y$", xticks=ticks, yticks=ticks, aspect="equal")
    axis.invert_yaxis()


def frame(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    """A frame to mark a part of a heat map: `axis.add_patch(frame((-1.5, -1.5), 3, 3))`.

    Example:
        >>> frame((-1.5, -1.5), 3.0, 2.0).get_height()
        2.0
    """
    return Rectangle(corner, width, height, fill=False, edgecolor="white", lw=2)


def arrow(source, target, label: str = "", color: str = GREY) -> None:
    """Draw an arrow from one pair of axes to the next, on its right or below it, with a label.

    Leave room between them: `drawing.get_layout_engine().set(wspace=0.2, hspace=0.2)`.

    Example:
        >>> drawing, (left, right) = figure(1, 2)
        >>> arrow(left, right, "$F$")
        >>> [text.get_text() for text in left.texts]
        ['$F$']
    """
    below = source.get_subplotspec().rowspan != target.get_subplotspec().rowspan
    start, end = ((0.5, -0.06), (0.5, 1.06)) if below else ((1.03, 0.5), (-0.03, 0.5))
    line = {"arrowstyle": "-|>", "mutation_scale": 12, "lw": 1.5, "color": color}
    source.figure.add_artist(
        ConnectionPatch(start, end, "axes fraction", axesA=source, axesB=target, **line)
    )
    where = {"xytext": (6, -4), "va": "top"} if below else {"xytext": (2, 5), "va": "bottom"}
    text = source.annotate(
        label, start, xycoords="axes fraction", textcoords="offset points", color=color, **where
    )
    text.set_in_layout(False)


def velocity_map(axis, errors: dict[str, float], title: str, vmin: float, vmax: float):
    """Draw the error of each velocity, keys "v_y,v_x", as a heat map on a logarithmic scale.

    Example:
        >>> drawing, axis = figure()
        >>> errors = {"0,0": 0.1, "0,1": 0.2, "1,0": 0.3, "1,1": 0.4}
        >>> velocity_map(axis, errors, "error", vmin=0.01, vmax=1.0).get_array().tolist()
        [[0.1, 0.2], [0.3, 0.4]]

    Raises:
        ValueError: a key of another form, a pair that is missing, or a scale that starts at 0.
    """
    for key in errors:
        if not re.fullmatch(r"-?\d+,-?\d+", key):
            raise ValueError(f"errors has the key {key!r}: it wants 'v_y,v_x', for example '0,-1'")
    velocities = sorted({int(part) for key in errors for part in key.split(",")})
    missing = [k for y in velocities for x in velocities if (k := f"{y},{x}") not in errors]
    if missing or not errors:
        raise ValueError(
            f"errors lacks {', '.join(map(repr, missing)) or 'everything'}: the map is a square, "
            "each v_y of its keys with each v_x"
        )
    if not 0 < vmin < vmax:
        raise ValueError(
            f"vmin is {vmin} and vmax {vmax}: the scale is logarithmic and wants 0 < vmin < vmax"
        )
    grid = [[errors[f"{y},{x}"] for x in velocities] for y in velocities]
    low, high = velocities[0] - 0.5, velocities[-1] + 0.5
    image = axis.imshow(
        grid, cmap=REMEMBERED, norm=LogNorm(vmin, vmax), extent=(low, high, high, low)
    )
    axis.set(title=title, xlabel="$v_x$", xticks=velocities, yticks=velocities)
    return image
