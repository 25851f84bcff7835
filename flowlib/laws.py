"""Laws as checks: what a group, an action, a flow or an equivariant map must obey, tried at random.

A check takes a reader's function and tries the law on random elements and signals. Where it holds,
the check returns a sentence that says so. Where it fails, it raises `LawBroken`, whose message says
in one sentence which law failed, for which elements, and where. Any correct answer to an exercise
passes, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from flowlib.equivariance import flow_equivariance_error

TRIALS = 20  # how many random elements, or tuples of them, a check tries


class LawBroken(AssertionError):
    """A law does not hold; the message says which one, for what, and where."""


def check_group(
    product: Callable, inverse: Callable, identity, elements: Iterable, tolerance: float = 1e-10
) -> str:
    """Check that elements with a product form a group.

    Tried are: closure (products and inverses are among the elements), associativity
    (gh)k = g(hk), the identity eg = ge = g, and the inverse g g^-1 = g^-1 g = e.

    Args:
        product: product(g, h), first h, then g.
        inverse: inverse(g).
        identity: the element e that changes nothing.
        elements: all elements of the group, numbers, tuples or tensors.
        tolerance: two elements whose entries differ by less are the same.

    Raises:
        LawBroken: one of the laws fails.

    Example:
        >>> fl.check_group(lambda g, h: (g + h) % 5, lambda g: -g % 5, 0, range(5))
        'A group: closure, associativity, identity and inverse hold for 20 random triples.'
    """
    elements = list(elements)
    for g, h, k in draw(elements, 3):
        for law, left, right in (
            ("the identity leaves an element as it is: e g = g", product(identity, g), g),
            ("the identity leaves an element as it is: g e = g", product(g, identity), g),
            ("g g^-1 = e", product(g, inverse(g)), identity),
            ("g^-1 g = e", product(inverse(g), g), identity),
            ("(g h) k = g (h k)", product(product(g, h), k), product(g, product(h, k))),
        ):
            if not _same(left, right, tolerance):
                raise LawBroken(
                    f"Not a group: {law} fails for g = {show(g)}, h = {show(h)}, k = {show(k)}: "
                    f"the left side is {show(left)}, the right side {show(right)}."
                )
        for name, made in (("g h", product(g, h)), ("g^-1", inverse(g))):
            if not any(_same(made, one, tolerance) for one in elements):
                raise LawBroken(
                    f"Not a group: {name} is not among the {len(elements)} elements for "
                    f"g = {show(g)}, h = {show(h)}: it is {show(made)}."
                )
    return (
        f"A group: closure, associativity, identity and inverse hold for {TRIALS} random triples."
    )


def check_action(
    act: Callable, group, signal: Tensor, elements: Iterable | None = None, tolerance: float = 1e-10
) -> str:
    """Check that act(g, signal) is an action: e.f = f and (gh).f = g.(h.f).

    Args:
        act: the reader's function of an element and a signal.
        group: gives `identity`, `product` and `elements()`.
        signal: a signal to move, best a random one: symmetric signals hide errors.
        elements: those to try; none means all of the group.
        tolerance: values that differ by less are the same.

    Raises:
        LawBroken: one of the two laws fails.

    Example:
        >>> fl.check_action(lambda g, f: f.roll(int(g), -1), fl.Translations(5), torch.rand(5))
        'An action: identity and composition hold for 20 random pairs of elements.'
    """
    compare("Not an action: e.f = f", act(group.identity, signal), signal, tolerance)
    for g, h in draw(group.elements() if elements is None else elements, 2):
        compare(
            f"Not an action: (g h).f = g.(h.f) for g = {show(g)}, h = {show(h)}",
            act(group.product(g, h), signal),
            act(g, act(h, signal)),
            tolerance,
        )
    return f"An action: identity and composition hold for {TRIALS} random pairs of elements."


def check_flow(
    psi: Callable, group, velocities: Iterable, times: Iterable = range(6), tolerance=1e-10
) -> str:
    """Check that psi(v, t) is a one-parameter subgroup for each velocity v.

    The laws: psi(v, 0) = e and psi(v, s) psi(v, t) = psi(v, s + t).

    Raises:
        LawBroken: one of the two laws fails.
        ValueError: no velocity.

    Example:
        >>> fl.check_flow(lambda v, t: torch.tensor([v * t]), fl.Translations(5), [1, 2])
        'A flow: psi_0 = e and psi_s psi_t = psi_(s+t) hold for 2 velocities.'
    """
    count = 0
    for v in velocities:
        where = f"for v = {show(v)}"
        if not group.same(psi(v, 0), group.identity):
            raise LawBroken(
                f"Not a flow: psi_0 = e fails {where}: psi_0 is {show(psi(v, 0))}, at time 0 "
                "nothing has moved."
            )
        for s in times:
            for t in times:
                left, right = group.product(psi(v, s), psi(v, t)), psi(v, s + t)
                if not group.same(left, right, tolerance):
                    raise LawBroken(
                        f"Not a flow: psi_s psi_t = psi_(s+t) fails {where}, s = {s}, t = {t}: "
                        f"the left side is {show(left)}, the right side {show(right)}."
                    )
        count += 1
    if not count:
        raise ValueError("velocities is empty: a flow is tried for one velocity or more")
    return f"A flow: psi_0 = e and psi_s psi_t = psi_(s+t) hold for {_plural(count)}."


def check_equivariance(
    function: Callable,
    group,
    signal: Tensor,
    elements: Iterable | None = None,
    act_on_result: Callable | None = None,
    tolerance: float = 1e-10,
) -> str:
    """Check that function(g.f) = g.function(f).

    Args:
        function: the reader's map of signals.
        group: acts on the signal.
        signal: the signal f, moved by random elements.
        elements: those to try; none means all of the group.
        act_on_result: act_on_result(g, result); none means as on signals.
        tolerance: values that differ by less are the same.

    Raises:
        LawBroken: the law fails.

    Example:
        >>> fl.check_equivariance(torch.relu, fl.Translations(5), torch.randn(5))
        'Equivariant: the law holds for 20 random elements.'
    """
    act_on_result = act_on_result or group.act
    return _check_map(
        "equivariant: F(g.f) = g.F(f)", function, group, signal, elements, act_on_result, tolerance
    )


def check_invariance(
    function: Callable,
    group,
    signal: Tensor,
    elements: Iterable | None = None,
    tolerance: float = 1e-10,
) -> str:
    """Check that function(g.f) = function(f); arguments as for `check_equivariance`.

    Raises:
        LawBroken: the law fails.

    Example:
        >>> fl.check_invariance(torch.max, fl.Translations(5), torch.randn(5))
        'Invariant: the law holds for 20 random elements.'
    """
    return _check_map(
        "invariant: F(g.f) = F(f)", function, group, signal, elements, lambda g, f: f, tolerance
    )


def check_flow_equivariance(
    model: Callable, group, video: Tensor, velocities: Iterable, tolerance: float = 1e-10
) -> str:
    """Check the law of `flow_equivariance_error` for each velocity, at every frame.

    Raises:
        LawBroken: the law fails; the message names the velocity and the first frame.
        ValueError: no velocity.

    Example:
        >>> ring, video = fl.Translations(5), torch.rand(1, 4, 1, 5)
        >>> fl.check_flow_equivariance(torch.tanh, ring, video, [1, 2])
        'Flow equivariant: the law holds at all 4 frames for 2 velocities.'
    """
    count = 0
    for w in velocities:
        error = flow_equivariance_error(model, video, w, group=group)
        if (error > tolerance).any():
            t = int((error > tolerance).nonzero()[0])
            raise LawBroken(
                f"Not flow equivariant: h_t[psi(w).f] = psi_t(w).h_t[f] fails for w = {show(w)}, "
                f"first at frame {t}, by a relative error of {error[t]:.2g}."
            )
        count += 1
    if not count:
        raise ValueError("velocities is empty: the law is tried for one w or more, e.g. [(0, 1)]")
    return f"Flow equivariant: the law holds at all {video.shape[1]} frames for {_plural(count)}."


def _check_map(law, function, group, signal, elements, act_on_result, tolerance) -> str:
    for (g,) in draw(group.elements() if elements is None else elements, 1):
        compare(
            f"Not {law} for g = {show(g)}",
            function(group.act(g, signal)),
            act_on_result(g, function(signal)),
            tolerance,
        )
    return f"{law.partition(':')[0].capitalize()}: the law holds for {TRIALS} random elements."


def draw(elements: Iterable, count: int) -> list[tuple]:
    """TRIALS tuples of `count` elements, at random, the same in each run."""
    elements = list(elements)
    picks = torch.randint(
        len(elements), (TRIALS, count), generator=torch.Generator().manual_seed(0)
    )
    return [tuple(elements[i] for i in row) for row in picks.tolist()]


def _same(left, right, tolerance: float) -> bool:
    left, right = torch.as_tensor(left), torch.as_tensor(right)
    return left.shape == right.shape and _worst(left, right)[0] <= tolerance


def _worst(left: Tensor, right: Tensor) -> tuple[float, int]:
    difference = (left.double() - right.double()).abs().flatten().nan_to_num(nan=torch.inf)
    if not difference.numel():
        return 0.0, 0
    value, where = difference.max(0)
    return float(value), int(where)


def compare(law: str, left: Tensor, right: Tensor, tolerance: float) -> None:
    """Raise LawBroken, in words, unless both sides of a law agree up to the tolerance."""
    left, right = torch.as_tensor(left).detach(), torch.as_tensor(right).detach()
    if left.shape != right.shape:
        raise LawBroken(
            f"{law} fails: the left side has shape {tuple(left.shape)}, the right {tuple(right.shape)}."
        )
    if torch.float32 in (left.dtype, right.dtype):
        tolerance = max(tolerance, 1e-4)  # float32 rounds at 1e-7 of the largest term
    worst, where = _worst(left, right)
    if worst > tolerance:
        position = tuple(int(i) for i in torch.unravel_index(torch.tensor(where), left.shape))
        at = f"at index {position} " if position else ""
        raise LawBroken(
            f"{law} fails: {at}the left side is {left[position]:.3g}, the right side "
            f"{right[position]:.3g}."
        )


def _plural(count: int) -> str:
    return "1 velocity" if count == 1 else f"{count} velocities"


def show(element) -> str:
    """An element as a reader would write it."""
    values = element.tolist() if isinstance(element, Tensor) else element
    if isinstance(values, (list, tuple)):
        values = values[0] if len(values) == 1 else tuple(values)
    return str(values)
