"""Why a network is not equivariant: its laws, measured from outside, and the likely cause.

A network is taken as a box. It is shown videos that were made for the question, as noise, dots in the middle
of a dark frame, stripes, a grey last frame, and what comes out is compared. Each cause breaks the laws in
its own way, and keeps them in its own way: that is its signature. Nothing here looks at a module or a name.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from flowlib.equivariance import relative, velocity_pairs
from flowlib.flows import flow_video, velocity_set
from flowlib.laws import show
from flowlib.rotations import Rotations
from flowlib.translations import Translations

RESULTS = "states", "signals", "forecast", "scores"
# How each cause shows. `off` is the law that fails and by how much.
CAUSES = {
    "a state kept between calls": "the same video, shown twice, gives two results",
    "randomness": "the same video, shown twice, gives two results, and one if chance starts alike; "
    "model.eval() ends it if it is dropout",
    "batch statistics": "the result of a video changes by {much:.1g} with the others of its batch; "
    "model.eval() ends it if it is batch normalisation",
    "float32 inside": "no error is above {much:.0e}, which is what float32 rounds",
    "zero padding": "{off}; it holds for what is in the middle of the frame",
    "a stride": "{off}; in the middle it holds for shifts by {step} and not by less",
    "an absolute position": "{off}; it fails in the middle too, which sees no border",
    "an absolute position or zero padding": "{off}; it fails in the middle too, but that sees the border: "
    "a larger grid, or the result of an earlier layer, would tell",
    "an even size": "{off}; in the middle it holds if the result is then shifted by {shift}",
    "kernels that do not turn": "{off}; shifts are kept",
    "interpolation": "{off}; quarter turns are exact, and filters that turn by quarters only would look "
    "the same",
    "another pose": "{off}; it holds for a result that is {late:+d} frame late",
    "flows that run backwards": "{off}; it holds for -V in place of V",
    "axes in another order": "{off}; it holds if (a, b) of V is read as (b, a)",
    "channels that are not alike": "{off}; at frame 0 already, which shows no velocity",
    "a V with ends": "{off}; it holds {where}",
    "the last frame twice": "{off}; it holds if the last frame of the video is even along w",
    "a memory that does not flow": "{off}; the static law holds{unsure}",
}
UNSURE = ", and a V with ends whose channels mix would look the same: show the states"


@dataclass(frozen=True)
class Report:
    """What an audit found. `print(report)` is a table and a sentence.

    Attributes:
        static: element -> the error of the static law at each frame of the result, (time,).
        flow: velocity -> the error of the law of flows at each frame, (time,).
        rounding: by how much float32 and float64 differ, relative to the result, and what that makes
            rounding in float64; None where the box does not take float32.
        tolerance: errors below are called rounding.
        causes: name -> its signature as measured; empty if nothing is wrong.
        start: the time of the first frame of the result.

    Example:
        >>> ring, V = fl.Translations(9), fl.translation_velocities(1, ndim=1)
        >>> report = fl.audit(fl.FERNN(ring, V, 1, 2), ring, V)
        >>> report.causes
        {}
    """

    static: dict[tuple, Tensor]
    flow: dict[tuple, Tensor]
    rounding: tuple[float, float] | None
    tolerance: float
    causes: dict[str, str]
    start: int = 0

    @property
    def cause(self) -> str:
        """The likely cause, or causes, each with its reason in one sentence."""
        if self.causes:
            return " ".join(
                f"{name[0].upper()}{name[1:]}: {why}." for name, why in self.causes.items()
            )
        tried = f"the static law for {', '.join(map(show, self.static))}"
        if self.flow:
            tried += f", and the law of flows at {', '.join(map(show, self.flow))}"
        return f"Nothing is wrong: up to rounding there hold {tried}."

    def __str__(self) -> str:
        lines = []
        for law, errors in (("static", self.static), ("flow", self.flow)):
            frames = max((len(e) for e in errors.values()), default=0)
            heads = "".join(f"{t + self.start:>9}" for t in range(frames))
            lines += [f"{law:12}{heads}"] if errors else []
            for move, error in errors.items():
                cells = "".join(f"{'.' if e <= self.tolerance else f'{e:.1g}':>9}" for e in error)
                lines.append(f"  {show(move):10}{cells}")
        lines.append(f"a dot is at most {self.tolerance:.0e}")
        if self.rounding:
            lines[-1] += f"; rounding: {self.rounding[0]:.0e} in float32, "
            lines[-1] += f"{self.rounding[1]:.0e} in float64"
        return "\n".join([*lines, "", self.cause])

    __repr__ = __str__


def audit(
    model,
    group,
    velocities=None,
    video: Float[Tensor, "batch time channel *grid"] | None = None,
    result: str | None = None,
    **options,
) -> Report:
    """Measure the laws of a network from outside, and name what breaks them.

    Args:
        model: a module, of which a float64 copy is made, in the mode that it is in; or any function of a
            float64 video, (batch, time, channel, *grid).
        group: the group that acts, `Translations` or `Rotations`.
        velocities: V, for a result with velocity channels; for another one it sharpens the verdict.
        video: what the laws are tried on, and the shape of all other tries; none takes 4 frames of normal
            noise, 3 videos of one channel. Values of both signs wake more of a network.
        result: what the model returns. "states", (batch, time, velocity, channel, *group); "signals",
            (batch, time, channel, *grid) or (..., *group), a signal for each frame; "forecast", the same
            shape for the frames after the video; "scores", (batch, class), which nothing may change.
            None tells by the shape: a forecast is what has another number of frames than the video.
        options: for the model, e.g. steps=3 for a `Forecaster`.

    Returns:
        The errors, the rounding of this network, and the likely causes.

    Raises:
        ValueError: a result of another shape, that holds NaN, or is 0 everywhere; velocity channels
            without V; a group that is neither.

    What no audit can do is said in chapter 30: two networks that compute the same have one report, and for
    some pairs of causes the result at hand does not suffice; then both are named.

    Example:
        >>> ring, V = fl.Translations(12), fl.translation_velocities(1, ndim=1)
        >>> list(fl.audit(fl.GRNN(ring, 1, 4), ring).causes)
        ['a memory that does not flow']
        >>> fl.audit(fl.FERNN(ring, V, 1, 4), ring, V).causes
        {}
    """
    if not isinstance(group, Translations | Rotations):
        raise ValueError(f"the group is {group}: an audit wants Translations or Rotations")
    return _Audit(model, group, velocities, video, result, options).report()


class _Audit:
    """One network under questions."""

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

    def say(self, cause: str, **measured) -> None:
        self.causes.setdefault(cause, CAUSES[cause].format(**measured))

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

    # --- the diagnosis ----------------------------------------------------------------------------

    def report(self) -> Report:
        both = 2 * sum(self.units())
        static = {tuple(g.tolist()): self.error(self.video, g) for g in [*self.units(), both]}
        flow = {tuple(w.tolist()): self.error(self.video, None, w) for w in self.velocities()}
        worst = torch.cat([*static.values(), *flow.values()]).max()
        if self.is_a_function():
            if self.tolerance < worst < 1e-6:
                self.say("float32 inside", much=worst)
            elif (where := self.static_law()) is not None:
                self.law_of_flows(*where)
        return Report(static, flow, self.rounding, self.tolerance, self.causes, self.start)

    def is_a_function(self) -> bool:
        """Whether the result depends on the video alone. If on its batch too, that is named."""
        first, again, other = (self.run(self.video, None, seed) for seed in (0, 0, 1))
        if not torch.equal(first, again):
            self.say("a state kept between calls")
        elif not torch.equal(first, other):
            self.say("randomness")
        else:
            company = torch.cat([self.video[:1], self.video[1:].flip(1) ** 2])
            much = relative(self.run(company)[:1], first[:1], per_time=False)
            if much > 1e-9:
                self.say("batch statistics", much=much)
            return True
        return False

    def static_law(self) -> tuple[int, bool] | None:
        """Name what breaks the static law. Where it holds all the same: for shifts by multiples of the
        first number, in the middle alone if the second is true; None if nowhere."""
        step, border = 1, False
        shifts, furthest = Translations(self.group.grid), max(2, min(self.group.grid) // 4)
        for unit in self.units():
            whole = self.error(self.video, unit)
            if self.holds(whole):
                continue
            off = f"the static law is off by {whole.max():.1g} for g = {show(unit)}"
            along, near = torch.tensor([0, 1]) if self.turns else unit, []
            for k in range(1, furthest + 1):
                error = self.error(self.video, k * along, middle=True, group=shifts)
                near += [k] if self.holds(error[:1]) else []
            if not near:
                self.nowhere(off)
            elif near[0] > 1:
                self.say("a stride", off=off, step=near[0])
            elif self.turns:
                self.does_not_turn(unit, off)
            if not near or self.turns:
                return None
            step = max(step, near[0])
            if near[0] == 1 or not self.law(self.video, near[0] * unit):
                border = True
                self.say("zero padding", off=off)
        if self.turns:
            self.between()
        if border and self.result in ("forecast", "scores"):
            return None  # in them, motion has come near the border
        return step, border

    def nowhere(self, off: str) -> None:
        """Not even in the middle: an absolute position, unless the middle sees the border."""
        dot, edge = self.dot(self.video), self.edge(self.video)
        inner, both = self.run(dot), self.run(dot + edge)
        if self.result == "scores":  # do the two take notice of each other?
            sees = relative(both + self.run(0 * dot), inner + self.run(edge), per_time=False)
        else:
            sees = relative(self.crop(both[:, :1]), self.crop(inner[:, :1]), per_time=False)
        unsure = "" if self.holds(sees) else " or zero padding"
        self.say(f"an absolute position{unsure}", off=off)

    def does_not_turn(self, unit, off: str) -> None:
        """Shifts are kept, quarter turns are not: about another point, or by kernels that do not turn."""
        left, right = (x[:, :1] for x in self.sides(self.video, unit))
        for a in torch.cartesian_prod(*[torch.arange(-1, 2)] * 2):
            if self.result != "scores":
                moved = Translations(self.group.grid).act(a, right)
                if self.holds(relative(self.crop(left), self.crop(moved), per_time=True)):
                    return self.say("an even size", off=off, shift=show(a))
        self.say("kernels that do not turn", off=off)

    def between(self) -> None:
        """Turns between the quarters lose what interpolation loses, less of a smooth picture."""
        g, n = self.group.elements()[1 % self.group.shape[0]], self.group.grid[0]
        p = torch.arange(n).double() - (n - 1) / 2
        r = torch.hypot(p[:, None], p)
        disc, soft = (r < n / 2 - 1).double(), torch.exp(-((4 * r / n) ** 2)) * (1 + 0.1 * p)
        rough, smooth = (self.error(v, g) for v in (disc * self.video, soft.expand_as(self.video)))
        if g % 90 != 0 and not self.holds(rough):
            off = f"{rough.max():.1g} for noise and {smooth.max():.1g} for a smooth picture"
            self.say("interpolation", off=f"the static law is off by {off}, turned by {show(g)}")

    def law_of_flows(self, step: int, border: bool) -> None:
        """Name what breaks the law of flows, there where the static law holds."""
        for w in (step * w for w in self.velocities()):
            if not self.pairs(w) or self.holds(e := self.error(self.video, None, w, middle=border)):
                continue
            off = f"the law of flows is off by {e.max():.1g} at w = {show(w)}"
            first = 1 if self.result == "forecast" else None  # what follows is made of it
            late = [
                late
                for late in (1, -1) if self.result != "scores" and not border
                if self.holds(self.error(self.video, None, w, late=late)[:first])
            ]  # fmt: skip
            if self.turns and w % 90 != 0:
                self.say("interpolation", off=off)
            elif late:
                self.say("another pose", off=off, late=late[0])
            elif self.result == "states":
                self.lifted(w, off, e, border)
            else:
                self.pooled(w, off, border)

    def lifted(self, w, off: str, error: Tensor, border: bool) -> None:
        """States: channels with other labels, channels that are not alike, or losses at the rim of V."""
        if self.law(self.video, None, w, V=-self.V, middle=border):
            return self.say("flows that run backwards", off=off)
        if self.law(self.video, None, w, V=self.V.flip(1), middle=border):
            return self.say("axes in another order", off=off)
        if not self.holds(error[:1]):
            return self.say("channels that are not alike", off=off)
        left, right = (x.unbind(2) for x in self.sides(self.video, None, w))
        wrong = torch.stack([relative(*pair, True) for pair in zip(left, right, strict=True)])
        wrong = wrong > self.tolerance  # (pair, time)
        wrong = wrong[:, wrong.any(0).int().argmax()]  # at the first frame with an error
        V = self.V[:, w != 0]
        rim = torch.minimum(V - V.amin(0), V.amax(0) - V).amin(1)
        rim = rim[torch.tensor(velocity_pairs(self.group, self.V, w))].amin(0)
        if not wrong.all() and rim[wrong].max() < rim[~wrong].min():
            where = f"at first but for the {int(wrong.sum())} pairs nearest to the rim of V"
            return self.say("a V with ends", off=off, where=where)
        self.say("a memory that does not flow", off=off, unsure="")

    def remembers(self, video) -> bool:
        """Whether what comes before the last frame matters. If not, a law says nothing of the memory."""
        other = torch.cat([1.01 * video[:, :-1], video[:, -1:]], 1)
        at = 0 if self.result == "forecast" else -1
        return not torch.equal(self.run(video)[:, at], self.run(other)[:, at])

    def seen_twice(self, video, w, axis) -> bool:
        """Whether the first forecast frame is right if the last frame is even along w: it has no place then,
        and may come twice."""
        even = video[:, -1:].mean(axis, keepdim=True).expand_as(video[:, -1:])
        for sign in (1, -1):  # a ReLU may answer to one of them alone
            grey = torch.cat([video[:, :-1], sign * even], 1)
            if self.remembers(grey):
                errors = (self.error(grey, None, w, late=late)[:1] for late in (0, 1))
                return any(map(self.holds, errors))
        return False

    def pooled(self, w, off: str, border: bool) -> None:
        """No channels to see. A video of period p is one on a ring of p points, where V may be closed."""
        axis = [-1, -2] if self.turns else int(w.nonzero()[0]) - self.group.ndim
        n = 0 if self.turns or border else self.group.grid[axis]
        for p in [n, *(p for p in range(n - 1, 1, -1) if n % p == 0 and (w % p).any())]:
            video = self.video.index_select(axis, torch.arange(n) % p) if n else self.video
            exact = p < n and self.law(video, None, w) and self.remembers(video)
            if twice := self.result == "forecast" and not exact and self.seen_twice(video, w, axis):
                self.say("the last frame twice", off=off)
            if p < n and (exact or twice):
                where = f"for videos of period {p}, where V has no ends"
                self.say("a V with ends", off=off, where=where)
            if exact or twice:
                return
        sure = self.V is not None and self.pairs(w) == len(self.V)
        self.say("a memory that does not flow", off=off, unsure="" if sure else UNSURE)
