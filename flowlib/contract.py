"""Whether a group keeps the contract that the whole package is written against."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from flowlib.convolution import GroupConvolution, LiftingConvolution
from flowlib.equivariance import flow_equivariance_error
from flowlib.groups import Group
from flowlib.laws import TRIALS, LawBroken, compare, draw, show
from flowlib.recurrent import FERNN


def check_my_group(
    group: Group,
    elements: Iterable | None = None,
    tolerance: float = 1e-10,
    nonlinearity: Callable[[Tensor], Tensor] = torch.relu,
) -> str:
    """Check that a group keeps the contract of `flowlib.Group`, so that all of flowlib works with it.

    Tried on random elements and signals are: the laws of a group; exp as powers; `act` and
    `act_lifted` as actions that add and scale; `project`; that both convolutions commute with the
    group; that the action permutes points, where the group says so; and the law of a FERNN whose
    velocities are the powers of one element.

    Args:
        group: the group.
        elements: those to try; none draws them from `group.random`. Give those that act exactly where
            others interpolate, e.g. [[0], [90], [180], [270]] for `Rotations`.
        tolerance: values that differ by less are the same.
        nonlinearity: sigma of the FERNN. An action that permutes the points commutes with any; one that
            mixes them, as real shifts do, with few, so give the identity to try all the rest.

    Returns:
        A sentence that says what holds.

    Raises:
        LawBroken: a law fails; the message says in one sentence which, for which elements.

    Example:
        >>> fl.check_my_group(fl.Translations((2, 3, 4)))  # a torus of three axes
        'Translations((2, 3, 4)) keeps the contract: group, exp, actions, projection, convolutions, flows.'
        >>> fl.check_my_group(fl.Translations(5, "fourier"), nonlinearity=lambda z: z)[:44]
        "Translations((5,), interpolation='fourier') "
    """
    random = torch.Generator().manual_seed(0)
    g = group.random((TRIALS,), random) if elements is None else elements
    g = [group.element(one) for one in g]
    e = group.identity

    def signal(lifted, *lead):
        shape = group.shape if lifted else group.grid
        return torch.randn(*lead, *shape, dtype=torch.float64, generator=random)

    def hold(law, left, right):
        compare(f"{group} breaks its contract: {law}", left, right, tolerance)

    def alike(law, left, right):
        if not group.same(left, right, max(tolerance, 0 if group.whole else 1e-9)).all():
            raise LawBroken(
                f"{group} breaks its contract: {law} fails: the left side is {show(left)}, the right "
                f"side {show(right)}."
            )

    for a, b, c in draw(g, 3):
        of = f"for g = {show(a)}, h = {show(b)}"
        alike(f"e g = g {of}", group.product(e, a), a)
        alike(f"g e = g {of}", group.product(a, e), a)
        alike(f"g g^-1 = e {of}", group.product(a, group.inverse(a)), e)
        alike(f"g^-1 g = e {of}", group.product(group.inverse(a), a), e)
        both = group.product(a, b)
        alike(
            f"(g h) k = g (h k) {of}, k = {show(c)}",
            group.product(both, c),
            group.product(a, group.product(b, c)),
        )
        alike(f"exp(g, 3) = g g g {of}", group.exp(a, 3), group.product(a, group.product(a, a)))
        alike(f"exp(g, -1) = g^-1 {of}", group.exp(a, -1), group.inverse(a))
        for name, lifted in (("act", False), ("act_lifted", True)):
            act, f = getattr(group, name), signal(lifted, 2)
            hold(f"{name}: e.f = f", act(e, f), f)
            hold(f"{name}: (g h).f = g.(h.f) {of}", act(both, f), act(a, act(b, f)))
            hold(f"{name}: g.(2 f + f') = 2 g.f + g.f' {of}",
                 act(a, 2 * f[0] + f[1]), 2 * act(a, f)[0] + act(a, f)[1])  # fmt: skip
            hold(f"{name}: one element a signal moves each by its own {of}",
                 act(torch.stack([a, b]), f), torch.stack([act(a, f[0]), act(b, f[1])]))  # fmt: skip
            if group.permutes:
                hold(
                    f"{name} permutes points, so <g.f, f'> = <f, g^-1.f'> {of}",
                    (act(a, f[0]) * f[1]).sum(),
                    (f[0] * act(group.inverse(a), f[1])).sum(),
                )
        h = signal(True, 2)
        hold(f"project(g.h) = g.project(h) for g = {show(a)}",
             group.project(group.act_lifted(a, h)), group.act(a, group.project(h)))  # fmt: skip
        for layer, lifted in ((LiftingConvolution, False), (GroupConvolution, True)):
            W, f = layer(group, 2, 2, 3).double().requires_grad_(False), signal(lifted, 1, 2)
            hold(f"{layer.__name__}(g.f) = g.{layer.__name__}(f) for g = {show(a)}",
                 W((group.act_lifted if lifted else group.act)(a, f)), group.act_lifted(a, W(f)))  # fmt: skip
        V = torch.unique(torch.stack([group.inverse(a), e, a]), dim=0)
        rnn, f = (
            FERNN(group, V, 1, 2, 3, nonlinearity).double().requires_grad_(False),
            signal(False, 1, 3, 1),
        )
        error = flow_equivariance_error(rnn, f, a)
        hold(f"the law of a FERNN, psi_1(w) = {show(a)}", error, torch.zeros_like(error))
    return f"{group} keeps the contract: group, exp, actions, projection, convolutions, flows."
