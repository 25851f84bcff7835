"""Why a network is not equivariant: its laws, measured from outside, and the likely cause.

Each cause breaks the laws in its own way, and keeps them in its own way: that is its signature. `probes`
asks, `report` says what was found, and here stands how the one is told from the other.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from flowlib.equivariance import relative, velocity_pairs
from flowlib.laws import show
from flowlib.probes import Probes
from flowlib.report import CAUSES, UNSURE, Report
from flowlib.rotations import Rotations
from flowlib.translations import Translations


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


class _Audit(Probes):
    """Which causes there are."""

    def say(self, cause: str, **measured) -> None:
        self.causes.setdefault(cause, CAUSES[cause].format(**measured))

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
        """Whether the first forecast frame is right, or right one frame late, if the last frame is even along
        w: it has no place then, and may come twice."""
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
