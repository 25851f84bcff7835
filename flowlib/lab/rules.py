"""Rules that forecast frames that have edges: no network, and no torus."""

from __future__ import annotations

from itertools import product

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from flowlib.translations import Translations


def best_shifts(
    before: Float[Tensor, "pair channel height width"],
    frame: Float[Tensor, "pair channel height width"],
    reach: tuple[int, int] | None = None,
) -> Int[Tensor, "pair 2"]:
    """The shift that lays each frame best onto the next, compared in the inner part, into which no shift
    brings anything from beyond the rim. Of equals the smallest is taken.

    Args:
        before, frame: pairs of frames.
        reach: the largest shift, (y, x); none means a quarter of the frame.

    Example:
        >>> light = torch.eye(9)[3:4, None, None].expand(1, 1, 9, 9)
        >>> best_shifts(light, light.roll(-2, -1)).tolist()
        [[0, -2]]
    """
    reach = reach or tuple(n // 4 for n in frame.shape[2:])
    shifts = product(*(range(-r, r + 1) for r in reach))
    shifts = sorted(shifts, key=lambda v: v[0] ** 2 + v[1] ** 2)

    def inner(frames, *v):
        sides = zip(v, reach, frames.shape[2:], strict=True)
        return frames[(..., *(slice(r - a, n - r - a) for a, r, n in sides))]

    errors = [(inner(before, *v) - inner(frame, 0, 0)).square().flatten(1).mean(1) for v in shifts]
    return torch.tensor(shifts, device=frame.device)[torch.stack(errors).argmin(0)]


def best_shift(
    seen: Float[Tensor, "video time channel height width"],
    steps: int,
    reach: tuple[int, int] | None = None,
    beyond: Float[Tensor, "channel height width"] | None = None,
) -> Float[Tensor, "video steps channel height width"]:
    """The last frame, moved on by the shift that led to it. For `reach` see `best_shifts`, for `beyond`
    see `moved_on`.

    Example: a light that has left does not come back.
        >>> light = torch.eye(9)[:, None, None].expand(-1, 1, 9, 9)
        >>> best_shift(light[None, 5:7], 3)[0, :, 0, 0, 7:].tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    shift = best_shifts(seen[:, -2], seen[:, -1], reach)
    ahead = torch.arange(1, steps + 1, device=seen.device)
    return moved_on(seen[:, -1], shift[:, None] * ahead[:, None], beyond)


def moved_on(last: Tensor, ahead: Tensor, beyond: Tensor | None = None) -> Tensor:
    """The last frame, moved on as a whole.

    Args:
        last: (video, channel, height, width).
        ahead: by how much until each frame to forecast, (video, step, axis), whole pixels.
        beyond: (channel, height, width), what stands where that uncovers something; none means that the
            last frame stays there.

    Example:
        >>> moved_on(torch.tensor([[[[5.0, 7.0]]]]), torch.tensor([[[0, 1], [0, 2]]])).flatten().tolist()
        [5.0, 5.0, 5.0, 7.0]
    """
    torus = Translations(tuple(last.shape[-2:]))
    known = torus.act(ahead[:, :, None], last[:, None])
    # A place is known where it was inside of the frame before it moved.
    inside = torch.ones((), dtype=torch.bool, device=last.device)
    for axis, n in enumerate(last.shape[-2:]):
        came = torch.arange(n, device=last.device) - ahead[..., axis, None]
        inside = inside & ((came >= 0) & (came < n)).unsqueeze(-1 if axis == 0 else -2)
    return torch.where(inside[:, :, None], known, last[:, None] if beyond is None else beyond)


class PlayBack(nn.Module):
    """The forecast of who knows all of training by heart and nothing else: the mean of what followed the
    moments of training whose last two frames were most like those seen.

    Args:
        films: (film, time, channel, height, width), of training.
        few: how many moments.

    Example: a light that moves by 1, from a place that training knows.
        >>> film = torch.eye(9)[None, :, None, None]
        >>> PlayBack(film, few=1)(film[:, 2:5], 2).argmax(-1).flatten().tolist()
        [5, 6]
    """

    def __init__(self, films: Float[Tensor, "film time channel height width"], few: int = 5):
        super().__init__()
        self.films, self.few = films, few

    def forward(self, seen: Tensor, steps: int) -> Tensor:
        """The `steps` frames that follow, (video, steps, channel, height, width).

        Raises:
            ValueError: films of fewer than steps + 2 frames.
        """
        moments = self.films.shape[1] - steps - 1  # the first frame of two
        if moments < 1:
            raise ValueError(
                f"steps is {steps}, films have {self.films.shape[1]} frames: take fewer"
            )
        far = sum(
            torch.cdist(
                seen[:, k - 2].flatten(1), self.films[:, k : k + moments].flatten(0, 1).flatten(1)
            ).square()
            for k in (0, 1)
        )
        near = far.topk(min(self.few, far.shape[1]), largest=False).indices
        time = (near % moments)[..., None] + torch.arange(2, steps + 2, device=seen.device)
        return self.films[(near // moments)[..., None], time].mean(1)
