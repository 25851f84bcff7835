"""One call for all exercises: a reader's function goes in, one sentence comes out.

An exercise is a law, tried on random inputs. So any right answer passes, whatever it looks like. Where
the law fails the sentence says for what and by how much, and names the mistake if it is one that we
know: the result is compared with what that mistake would have made.
"""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from flowlib.laws import LawBroken, compare, show

TOLERANCE = 1e-10  # the inputs are float64
EXERCISES: dict[str, Callable[..., str]] = {}


@dataclass(frozen=True)
class Reply:
    """What `check` says. True if the answer is right.

    Attributes:
        right: whether the law holds.
        sentence: the laws that hold, or the one that fails, for which input, by how much.
    """

    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.sentence


def check(name: str, *answers) -> Reply:
    """Say in one sentence whether an answer to an exercise is right, and if not which law fails.

    Args:
        name: of the exercise; its text says which, e.g. "write-flow".
        answers: the reader's function, in a few exercises two; a network or a group where one is asked for.

    Returns:
        A reply, shown as its sentence, that is true if the answer is right. Whatever happens inside the
        reader's function is part of it: a wrong shape and an error become sentences too.

    Raises:
        ValueError: no exercise has this name, or it wants another number of answers.

    Example:
        >>> check("write-flow", lambda v, t: (t * v[0], t * v[1]))
        Right: psi_0 = e, psi_s psi_t = psi_(s+t) and psi_1 = v hold for 4 velocities.
        >>> check("write-flow", lambda v, t: v)
        Not a flow: psi_0 = e fails for v = (0, 1): psi_0 is (0, 1), at time 0 nothing has moved.
    """
    law = EXERCISES.get(name.removeprefix("ex-"))
    if law is None:
        near = difflib.get_close_matches(name, EXERCISES, 1, 0) or sorted(EXERCISES)
        raise ValueError(
            f"no exercise is called {name!r}: is it {near[0]!r}? There are {sorted(EXERCISES)}"
        )
    wanted = list(inspect.signature(law).parameters)
    if len(answers) != len(wanted):
        call = ", ".join([f'"{name}"', *wanted])
        raise ValueError(f"{len(answers)} answers are given, it wants {len(wanted)}: check({call})")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)  # the same inputs each time, and none taken from the reader's own
        try:
            return Reply(True, f"Right: {law(*map(Answer, answers))}")
        except LawBroken as broken:
            said = str(broken)
            return Reply(False, said if said.startswith("Not ") else f"Not yet: {said}")


def exercise(name: str) -> Callable:
    """Enter a law under the name of its exercise: it takes answers, returns what holds, or raises."""

    def enter(law):
        EXERCISES[name] = law
        return law

    return enter


class Answer:
    """A reader's function. It is given copies, and what goes wrong in it becomes a sentence."""

    def __init__(self, given):
        is_network = isinstance(given, nn.Module)
        self.given = copy.deepcopy(given).double().eval() if is_network else given

    def __call__(self, *arguments):
        if not callable(self.given):
            raise LawBroken(
                f"the answer is of type {type(self.given).__name__}, and a function is asked for: hand it "
                "over by its name, without brackets behind it."
            )
        try:
            result = self.given(*copy.deepcopy(arguments))
        except Exception as error:
            first = (str(error).splitlines() or [""])[0].rstrip(".")
            hint = "; the inputs are float64" if "ouble" in first else ""
            raise LawBroken(
                f"your function stops {_at(arguments)} with {type(error).__name__}: {first}{hint}."
            ) from error
        if result is None:
            raise LawBroken(f"your function returns nothing {_at(arguments)}: is there a `return`?")
        return result

    def tensor(self, *arguments, shape: tuple[int | None, ...] | None) -> Tensor:
        """The result as a tensor of this shape, () for one number; None stands for any, of a size too."""
        result = self(*arguments)
        try:
            result = torch.as_tensor(result)
        except (TypeError, ValueError, RuntimeError):
            kind = f"{type(result).__name__}, and a tensor is asked for"
            raise LawBroken(f"your function returns a {kind}, {_at(arguments)}.") from None
        if shape == () and result.numel() == 1:
            return result.reshape(())
        if shape is not None and not (
            len(shape) == result.ndim
            and all(n in (None, m) for n, m in zip(shape, result.shape, strict=True))
        ):
            asked = str(shape).replace("None", "any") if shape else "one number"
            raise LawBroken(
                f"your function returns the shape {tuple(result.shape)} {_at(arguments)}, and {asked} is "
                "asked for."
            )
        return result

    def element(self, group, *arguments) -> Tensor:
        """The result as an element of a group, reduced by its period."""
        result = self(*arguments)
        try:
            return group.product(result, group.identity)
        except (TypeError, ValueError, RuntimeError) as error:
            raise LawBroken(
                f"your function returns {show(result)} {_at(arguments)}: {str(error).rstrip('.')}."
            ) from error


def hold(
    law: str, left: Tensor, right: Tensor, mistakes: Mapping[str, Tensor] | None = None
) -> None:
    """Raise LawBroken unless both sides agree; if the left one is what a known mistake makes, name it."""
    try:
        compare(law, left, right, TOLERANCE)
    except LawBroken as broken:
        said = str(broken)
        if left.shape == right.shape and left.ndim == 1 and len(left) < 4:  # an element, all of it
            said = f"{law} fails: the left side is {show(left)}, the right side {show(right)}."
        known = [name for name, made in (mistakes or {}).items() if same(left, made)]
        raise LawBroken(f"{said[:-1]}, as if {known[0]}." if known else said) from None


def same(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors are the same up to rounding."""
    return left.shape == right.shape and torch.allclose(left.double(), right.double())


def remembers(states: Callable[[Tensor], Tensor], video: Tensor) -> None:
    """Raise LawBroken unless the state after frame 1 depends on frame 0, and none on later frames."""
    h, changed = states(video), video.clone()
    changed[:, 0] = noise(*video[:, 0].shape)
    if same(states(changed)[:, 1], h[:, 1]):
        raise LawBroken("h_1 does not depend on frame 0: nothing is remembered.")
    changed = video.clone()
    changed[:, 3:] = noise(*video[:, 3:].shape)
    hold("h_2 does not depend on frame 3", states(changed)[:, 2], h[:, 2])


def noise(*shape: int) -> Tensor:
    """Random numbers, float64."""
    return torch.randn(*shape, dtype=torch.float64)


def _at(arguments) -> str:
    shown = [
        f"an input of shape {tuple(a.shape)}" if isinstance(a, Tensor) and a.ndim else show(a)
        for a in arguments
    ]
    return "for " + " and ".join(shown) if shown else "for every input"
