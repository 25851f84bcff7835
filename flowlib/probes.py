"""What a network is asked when it is taken as a box: it is shown a video, and what comes out is compared.

Videos are made for the question, as noise, dots in the middle of a dark frame, a frame that is lit at its
edge alone. Nothing here looks at a module or a name.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from flowlib.equivariance import relative, velocity_pairs
from flowlib.flows import flow_video, velocity_set
from flowlib.rotations import Rotations

RESULTS = "states", "signals", "forecast", "scores"


class Probes:
    """A network as a box, and what it can be asked: its laws, for videos that were made for the question.

    Arguments as for `flowlib.audit`.
    """

    def __init__(self, model, group, velocities, video, result, options):
        self.group, self.options, self.result = group, options, result
        self.turns, self.V = isinstance(group, Rotations), None
        if velocities is not None:
            velocity_set(group, velocities)  # checks it; its order is that of the box and stays
            exact = None if group.whole or isinstance(velocities, Tensor) else torch.float64
            self.V = group.element(torch.as_tensor(velocities, dtype=exact).reshape(-1, group.dim))
        self.model = copy.deepcopy(model).double() if isinstance(model, nn.Module) else model
        if video is None:
            shape = 3, 4, 1, *group.grid
            video = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        self.video, self.causes, self.start = video.double(), {}, 0
        self.result = result or self._kind(self._call(self.video))
        if self.result not in RESULTS:
            raise ValueError(f"result is {result!r}: it wants one of {', '.join(RESULTS)}")
        if self.result == "forecast":
            self.start = self.video.shape[1]
        first = self.run(self.video)
        if not torch.isfinite(first).all() or not first.any():
            raise ValueError(
                "for this video the result holds NaN, or is 0 everywhere, so that an audit sees nothing: "
                "give a video that the network answers to, video=..., or other weights"
            )
        if self.result == "states" and (self.V is None or len(self.V) != first.shape[2]):
            raise ValueError(
                f"the result has {first.shape[2]} velocity channels, velocities is {velocities}: say of "
                "which V, in the order of the channels"
            )
        self.rounding = self._rounding(model, first)
        self.tolerance = max(1e-13, 100 * self.rounding[1]) if self.rounding else 1e-12

    def _kind(self, first: Tensor) -> str:
        axes, flat = len(self.group.shape), self.group.ndim
        if first.ndim == 2:
            return "scores"
        if first.ndim == axes + 4:
            return "states" if first.shape[2] > 1 else "signals"
        if first.ndim in (axes + 3, flat + 3):
            return "signals" if first.shape[1] == self.video.shape[1] else "forecast"
        raise ValueError(
            f"the result has shape {tuple(first.shape)}: it wants {axes + 4} axes for states, "
            f"{axes + 3} for a signal on the group at each frame, {flat + 3} on the grid, or 2 for scores"
        )

    def _rounding(self, model, first: Tensor) -> tuple[float, float] | None:
        """The same in float32, and what is left of that where a number has 29 more bits."""
        model = copy.deepcopy(model).float() if isinstance(model, nn.Module) else model
        try:
            off = float(relative(self.run(self.video.float(), model).double(), first, False))
        except (RuntimeError, ValueError):
            return None
        return off, off / 2**29

    def _call(self, video: Tensor, model=None, seed: int = 0) -> Tensor:
        """The result; chance starts from the same seed at each call."""
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            out = (model or self.model)(video, **self.options)
        if not isinstance(out, Tensor):
            raise ValueError(
                f"the result is a {type(out).__name__}: an audit wants one tensor, e.g. of "
                "lambda video: model(video)[0], with the model in float64"
            )
        return out

    def run(self, *call) -> Tensor:
        """The result with a time axis, and without one for a single velocity."""
        out = self._call(*call)
        if self.result == "scores":
            return out[:, None]
        one = self.result != "states" and out.ndim == len(self.group.shape) + 4
        return out[:, :, 0] if one else out

    # --- the laws ---------------------------------------------------------------------------------

    def sides(self, video, g=None, w=None, late=0, V=None, group=None) -> tuple[Tensor, Tensor]:
        """Both sides of the static law for g, or of the law of flows for w, of a result whose first frame
        is `late` frames later than it should be."""
        group, states = group or self.group, self.result == "states"

        def move(x, start=0, lifted=False):
            if w is not None:
                return flow_video(group, x, w, start, lifted)
            return group.act_lifted(g, x) if lifted else group.act(g, x)

        left, right = self.run(move(video)), self.run(video)
        if self.result == "scores":
            return left, right
        if states and w is not None:
            channels, partners = velocity_pairs(group, self.V if V is None else V, w)
            left, right = left[:, :, channels], right[:, :, partners]
        lifted = right.ndim >= len(group.shape) + 3
        right = right.movedim(2, 1) if states else right  # time beside channel
        right = move(right, self.start + late, lifted)
        return left, right.movedim(1, 2) if states else right

    def error(self, video, *law, middle=False, **options) -> Tensor:
        """The error at each frame, (time,). In the middle: of a dot there for scores; for others at the
        points there, in the first two frames, before a border may have reached them."""
        if not middle:
            return relative(*self.sides(video, *law, **options), per_time=True)
        if self.result == "scores":
            return relative(*self.sides(self.dot(video), *law, **options), per_time=True)
        left, right = self.sides(self.last(video), *law, **options)
        return relative(self.crop(left)[:, :2], self.crop(right)[:, :2], per_time=True)

    def holds(self, error: Tensor) -> bool:
        return bool((error <= self.tolerance).all())

    def law(self, *args, **options) -> bool:
        return self.holds(self.error(*args, **options))

    def pairs(self, w) -> int:
        """How many channels have a partner, at most; a result without channels has one."""
        try:
            return 1 if self.V is None else len(velocity_pairs(self.group, self.V, w)[0])
        except ValueError:
            return 0 if self.result == "states" else 1

    # --- what is shown ----------------------------------------------------------------------------

    def units(self) -> list[Tensor]:
        """One exact step along each axis: a pixel, or a quarter turn."""
        if self.turns:
            return [self.group.element(90)]
        return list(self.group.element(torch.eye(self.group.dim, dtype=torch.int64)))

    def velocities(self) -> list[Tensor]:
        """What is tried as w: the steps, or where none leads from V to V the least difference in V."""
        found = []
        for unit in self.units():
            some = [unit]
            if self.V is not None:
                some += list(((self.V - self.V.amin(0)) * (unit != 0)).unique(dim=0))
            found += [w for w in some if w.any() and self.pairs(w)][:1]
        return found

    def crop(self, x: Tensor) -> Tensor:
        for axis, n in enumerate(self.group.grid, -self.group.ndim):
            x = x.narrow(axis, max(0, n // 2 - 1), min(3, n))
        return x

    def last(self, video: Tensor) -> Tensor:
        """Dark up to the last frame, if the result has seen them all: borders come in by a kernel a frame."""
        if self.result in ("forecast", "scores"):
            video = torch.cat([0 * video[:, :-1], video[:, -1:]], 1)
        return video

    def dot(self, video: Tensor) -> Tensor:
        """Dark but for the middle."""
        lit = torch.zeros_like(video)
        self.crop(lit).copy_(self.crop(video))
        return self.last(lit)

    def edge(self, video: Tensor) -> Tensor:
        """Dark but for the outermost points."""
        lit = video.clone()
        lit[(..., *[slice(1, n - 1) for n in self.group.grid])] = 0
        return self.last(lit)
