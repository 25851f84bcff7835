"""What an audit says: the errors of each law as a table, and the causes, each with its signature."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from flowlib.laws import show

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
    "the last frame twice": "{off}; if the last frame of the video is even along w, it holds for the first "
    "frame of the forecast, as it is or one frame late",
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
