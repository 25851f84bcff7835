"""Every figure style of the book, once.

A figure is shown as SVG whose lines and letters take the colour of the page (`currentColor`), on a
transparent ground: the same figure is right in light and in dark mode. Colours that carry meaning
are chosen to read on both. Knows only tensors.
"""

from __future__ import annotations

import base64
import html
import io
import re

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LogNorm, hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

INK = "#010203"  # stands for the page's own text colour; no other colour of a figure is this one
COLORS = {"g-rnn": "#8a8f98", "fernn-v1": "#3b82f6", "fernn-v2": "#e8590c", "truth": "#12a37f"}
ORANGE, BLUE, GREY, GREEN = "#e8590c", "#3b82f6", "#8a8f98", "#12a37f"

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


class Picture:
    """A finished figure with its text alternative, as a notebook shows it."""

    def __init__(self, html: str, alt: str):
        self.html, self.alt = html, alt

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def figure(rows: int = 1, columns: int = 1, height: float = 2.6, **options):
    """A figure in the book's style and its axes, as `matplotlib.pyplot.subplots` gives them.

    The style then stays: ticks and legends that are made later take their colours from it.
    """
    plt.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(7, height), **options)


def show(drawing: Figure, alt: str) -> Picture:
    """The figure for the page; `alt` says in a sentence or two what it shows.

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
    """Draw (time, position) as a picture: time runs down, position to the right."""
    axis.imshow(
        states.numpy(), cmap="magma", vmin=0, vmax=vmax, aspect="auto", interpolation="nearest"
    )
    axis.set(title=title, xlabel="position x", ylabel="time t")


def film(videos: dict[str, Tensor], frames: list[int], vmax: float = 1.0) -> Figure:
    """A film strip: a row a video, (time, height, width), a column a frame.

    Args:
        videos: name of the row -> video.
        frames: which frames to show; they are labelled by their number.
        vmax: the value drawn brightest.
    """
    drawing, axes = figure(
        len(videos), len(frames), height=6.3 * len(videos) / len(frames) + 0.25, squeeze=False
    )
    for row, (name, video) in zip(axes, videos.items(), strict=True):
        for axis, t in zip(row, frames, strict=True):
            axis.imshow(video[t].numpy(), cmap="magma", vmin=0, vmax=vmax, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, t in zip(axes[-1], frames, strict=True):
        axis.set_xlabel(f"{t}")
    return drawing


def animation(
    videos: dict[str, Tensor], alt: str, vmax: float = 1.0, seconds: float = 0.25, size: int = 150
) -> Picture:
    """Videos side by side, playing in step, as HTML and CSS alone: no script, 28 x 28 is a few kB.

    Each is a strip of frames that is moved one frame at a time. It stands still for readers who ask
    their browser for less motion, and a box stops it.

    Args:
        videos: caption -> (time, height, width), or (time, height, width, 3) in colours of its own,
            all of one length.
        alt: what one sees, in a sentence or two.
        vmax: the value drawn brightest; 0 is darkest.
        seconds: how long a frame is shown.
        size: the height of a picture in pixels.

    Raises:
        ValueError: no text alternative, or videos of different lengths.
    """
    lengths = {name: len(video) for name, video in videos.items()}
    if not alt.strip() or len(set(lengths.values())) != 1:
        raise ValueError(f"an animation wants an alt text, and videos of one length: {lengths}")
    steps, pictures = next(iter(lengths.values())), []
    for name, video in videos.items():
        file = io.BytesIO()
        strip = video.detach().cpu().double().movedim(0, 1).flatten(1, 2)
        strip = strip.clamp(0, 1).numpy() if video.ndim == 4 else strip.numpy()
        plt.imsave(file, strip, format="png", cmap="magma", vmin=0, vmax=vmax, metadata={})
        width = size * video.shape[2] / video.shape[1]
        image = base64.b64encode(file.getvalue()).decode()
        pictures.append(
            f'<div><div class="strip" style="width:{width:.0f}px;height:{size}px;'
            f"background-size:{steps * 100}% 100%;background-image:url(data:image/png;base64,{image});"
            f'animation-duration:{steps * seconds:g}s;animation-timing-function:steps({steps},jump-none)">'
            f"</div>{html.escape(name)}</div>"
        )
    body = _ANIMATION_STYLE + (
        f'<div class="flowlib-animation"><label><input type="checkbox"> stop</label>'
        f'<div role="img" aria-label="{html.escape(alt, quote=True)}">{"".join(pictures)}</div></div>'
    )
    return Picture(body, alt)


_ANIMATION_STYLE = """<style>
.flowlib-animation > div {display: flex; flex-wrap: wrap; gap: 1rem; justify-content: center;}
.flowlib-animation {margin: 0.5rem 0 1.5rem; font-size: 0.9rem; text-align: center;}
.flowlib-animation > label {display: block; text-align: right; font-size: 0.8rem;}
.flowlib-animation .strip {animation: flowlib-play infinite; image-rendering: pixelated;
  margin: 0 auto 0.3rem;}
.flowlib-animation > label:has(:checked) + div .strip {animation-play-state: paused;}
@keyframes flowlib-play {from {background-position: 0 0;} to {background-position: 100% 0;}}
@media (prefers-reduced-motion: reduce) {.flowlib-animation .strip {animation-play-state: paused;}}
</style>"""


def mosaic(channels: Tensor, velocities: Tensor, largest: float | None = None) -> Tensor:
    """Velocity channels as one video: each stands where its velocity points, v_y down, v_x right.

    Args:
        channels: (time, velocity, height, width), e.g. the mean over hidden channels of a state.
        velocities: V, (velocity, axis); one axis makes a row, a gap in V stays dark.
        largest: the value drawn brightest, 1; none takes the largest there is.

    Returns:
        (time, height', width') in [0, 1]; thin lines separate the channels.
    """
    time, _, height, width = channels.shape
    places = velocities.double() - velocities.double().amin(0)
    gaps = torch.unique(places).diff()
    places = (places / (gaps.min() if len(gaps) else 1)).round().long()
    places = torch.cat([torch.zeros(len(places), 2 - places.shape[1]).long(), places], 1)
    rows, columns = (places.amax(0) + 1).tolist()
    out = torch.full((time, rows, columns, height + 1, width + 1), 0.35, dtype=channels.dtype)
    out[..., :-1, :-1] = 0
    out[:, places[:, 0], places[:, 1], :-1, :-1] = channels / (largest or channels.max())
    return out.movedim(2, 3).reshape(time, rows * (height + 1), columns * (width + 1))[:, :-1, :-1]


def velocity_colors(velocities: Tensor) -> Tensor:
    """A colour for each velocity of the plane, (velocity, 3): hue is its direction, white is rest."""
    v = velocities.double()
    angle, speed = torch.atan2(v[:, 0], v[:, 1]), v.norm(dim=1)
    hue = (angle / (2 * torch.pi)) % 1
    hsv = torch.stack([hue, speed / speed.max().clamp(min=1), torch.ones_like(hue)], 1)
    return torch.from_numpy(hsv_to_rgb(hsv.numpy()))


def winners(channels: Tensor, velocities: Tensor) -> Tensor:
    """Which velocity channel is largest, and how large: (time, height, width, 3) in colours.

    Args:
        channels: (time, velocity, height, width), 0 or more.
        velocities: V, (velocity, 2).
    """
    value, index = channels.max(1)
    return velocity_colors(velocities)[index] * (value / value.max())[..., None]


def velocity_wheel(axis, velocities: Tensor) -> None:
    """Draw the legend of `winners`: each velocity of V in its colour, at its place."""
    colors = velocity_colors(velocities).numpy()
    axis.scatter(*velocities.double().flip(1).T.numpy(), c=colors, s=60, edgecolors=GREY, lw=0.5)
    ticks = sorted(set(velocities.flatten().tolist()))
    axis.set(xlabel="$v_x$", ylabel="$v_y$", xticks=ticks, yticks=ticks, aspect="equal")
    axis.invert_yaxis()


def frame(corner: tuple[float, float], width: float, height: float) -> Rectangle:
    """A frame to mark a part of a heat map."""
    return Rectangle(corner, width, height, fill=False, edgecolor="white", lw=2)


def velocity_map(axis, errors: dict[str, float], title: str, vmin: float, vmax: float):
    """Draw the error of each velocity, keys "v_y,v_x", as a heat map on a logarithmic scale."""
    velocities = sorted({int(part) for key in errors for part in key.split(",")})
    grid = [[errors[f"{y},{x}"] for x in velocities] for y in velocities]
    low, high = velocities[0] - 0.5, velocities[-1] + 0.5
    image = axis.imshow(grid, cmap="magma", norm=LogNorm(vmin, vmax), extent=(low, high, high, low))
    axis.set(title=title, xlabel="$v_x$", xticks=velocities, yticks=velocities)
    return image
