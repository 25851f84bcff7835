"""A picture as a notebook shows it, and pictures that move without a script. Knows only tensors.

What is seen, digits and photographs, is grey; what a network makes of it, and errors, have colours.
"""

from __future__ import annotations

import base64
import html
import io

import torch
from matplotlib import colormaps
from matplotlib.image import imsave
from torch import Tensor


def drawable(name: str, tensor: Tensor, *shapes: str) -> Tensor:
    """The tensor, ready to be drawn, or an error that names it and says which axes it wants.

    Example:
        >>> drawable("states", torch.rand(2, 3, requires_grad=True), "(time, position)").shape
        torch.Size([2, 3])

    Args:
        name: of the argument.
        tensor: anything that is one or becomes one.
        shapes: each says its axes in brackets; a last axis "3" holds colours.

    Raises:
        ValueError: it has other axes than each of `shapes`, or an axis of length 0.
    """
    tensor = torch.as_tensor(tensor).detach().cpu()
    if 0 not in tensor.shape:
        for shape in shapes:
            colours = shape.endswith(", 3)")
            if tensor.ndim == shape.count(",") + 1 and not (colours and tensor.shape[-1] != 3):
                return tensor
    wanted = " or ".join(shapes)
    raise ValueError(
        f"{name} has shape {tuple(tensor.shape)}: it wants {wanted}, each axis 1 or longer"
    )


SEEN, REMEMBERED = "gray", "magma"


def heat(memory: Tensor, vmax: float = 1.0) -> Tensor:
    """A memory, or an error, in the colours that tell it from a picture, for `animation` and `film`.

    Args:
        memory: (time, height, width).
        vmax: the value drawn brightest; 0 is darkest.

    Returns:
        (time, height, width, 3) in [0, 1].

    Example:
        >>> heat(torch.rand(5, 8, 8)).shape
        torch.Size([5, 8, 8, 3])

    Raises:
        ValueError: `memory` has other axes, or `vmax` is not above 0.
    """
    memory = drawable("memory", memory, "(time, height, width)")
    if not vmax > 0:
        raise ValueError(f"vmax is {vmax}: it wants a value above 0, the one drawn brightest")
    return torch.from_numpy(colormaps[REMEMBERED]((memory / vmax).double().numpy())[..., :3])


class Picture:
    """A finished figure with its text alternative, as a notebook shows it."""

    def __init__(self, html: str, alt: str):
        self.html, self.alt = html, alt

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def animation(
    videos: dict[str, Tensor], alt: str, vmax: float = 1.0, seconds: float = 0.25, size: int = 150
) -> Picture:
    """Videos side by side, playing in step, as HTML and CSS alone: no script, 28 x 28 is a few kB.

    Each is a strip of frames that is moved one frame at a time. It stands still for readers who ask
    their browser for less motion, and a box stops it.

    Args:
        videos: caption -> (time, height, width), drawn in grey, or (time, height, width, 3) in
            colours of its own, as `heat` gives a memory; all of one length.
        alt: what one sees, in a sentence or two.
        vmax: the value drawn brightest; 0 is darkest.
        seconds: how long a frame is shown.
        size: the height of a picture in pixels.

    Example:
        >>> animation({"noise": torch.rand(5, 8, 8)}, alt="Five frames of noise.")
        Picture: Five frames of noise.

    Raises:
        ValueError: no text alternative, no video, or videos of different lengths.
    """
    if not videos:
        raise ValueError("videos is empty: give at least one video, {caption: video}")
    shapes = "(time, height, width)", "(time, height, width, 3)"
    videos = {k: drawable(f"videos[{k!r}]", video, *shapes) for k, video in videos.items()}
    lengths = {name: len(video) for name, video in videos.items()}
    if not alt.strip() or len(set(lengths.values())) != 1:
        raise ValueError(f"an animation wants an alt text, and videos of one length: {lengths}")
    steps, pictures = next(iter(lengths.values())), []
    for name, video in videos.items():
        file = io.BytesIO()
        strip = video.double().movedim(0, 1).flatten(1, 2)
        strip = strip.clamp(0, 1).numpy() if video.ndim == 4 else strip.numpy()
        imsave(file, strip, format="png", cmap=SEEN, vmin=0, vmax=vmax, metadata={})
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
