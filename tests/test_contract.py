"""A group that breaks its contract is told which law, and for what."""

import pytest
import torch

import flowlib as fl


class Broken(fl.Translations):
    """A ring with one mistake, as its author would make it."""

    def __init__(self, mistake, value):
        super().__init__(5)
        setattr(self, mistake, value.__get__(self))


MISTAKES = {
    "product": (lambda self, g, h: g, r"e g = g"),
    "inverse": (lambda self, g: self.element(g), r"g g\^-1 = e"),
    "exp": (lambda self, v, time=1: 0 * self.element(v), r"exp\(g, 3\) = g g g"),
    "act": (lambda self, g, f: fl.Translations.act(self, self.element(g) + 1, f), r"act: e\.f = f"),
    "act_lifted": (lambda self, g, f: f * 0 + f, r"project\(g\.h\) = g\.project\(h\)"),
    "project": (lambda self, h: h.flip(-1), r"project\(g\.h\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_group_that_breaks_its_contract(mistake):
    value, law = MISTAKES[mistake]
    group = Broken(mistake, value)
    with pytest.raises(fl.LawBroken, match=law):
        fl.check_my_group(group)


class Turns(fl.Group):
    """Half turns of a ring, x -> -x: what is no permutation, or pads the wrong way, is found."""

    def __init__(self, **options):
        super().__init__((6,), (2, 6), dim=1, period=(2,), **options)

    def act(self, g, f):
        g = self.element(g)[..., 0, None] % 2
        return torch.where(g == 1, f.flip(-1).roll(1, -1), f)

    def act_lifted(self, g, h):
        g = self.element(g)[..., 0, None, None] % 2
        return torch.where(g == 1, h.flip(-1).roll(1, -1).flip(-2), h)

    def kernel_shape(self, size, lifting):
        return (size,) if lifting else (2, size)

    def kernel(self, weight, size):
        if weight.ndim == 3:
            return torch.stack([weight, weight.flip(-1)], 1).flatten(0, 1)
        sees = torch.stack([weight, weight.flip(-1).flip(-2)], 1)  # (out, to, in, from, y)
        return sees.flatten(2, 3).flatten(0, 1)


def test_my_own_group():
    assert "keeps the contract" in fl.check_my_group(Turns(permutes=True))
    with pytest.raises(fl.LawBroken, match=r"GroupConvolution|LiftingConvolution"):
        fl.check_my_group(Turns(periodic=False))  # zeros beyond one end only: x -> -x moves the end

    class Unturned(Turns):
        def kernel(self, weight, size):
            return super().kernel(weight, size).roll(1, -1)

    with pytest.raises(fl.LawBroken, match=r"LiftingConvolution\(g\.f\)"):
        fl.check_my_group(Unturned())

    class Scales(fl.Group):
        """An action, but no permutation."""

        def act(self, g, f):
            return 2.0 ** self.element(g) * f

        act_lifted = act

        def kernel_shape(self, size, lifting):
            return (size,)

        def kernel(self, weight, size):
            return weight

    assert "keeps" in fl.check_my_group(Scales((5,)))
    with pytest.raises(fl.LawBroken, match="act permutes points"):
        fl.check_my_group(Scales((5,), permutes=True))
