"""Each check passes what obeys its law, and says of each wrong answer which law failed, and where."""

import pytest
import torch

import flowlib as fl

RING = fl.Translations(7)


@pytest.fixture
def f(seeded):
    return torch.randn(1, 7, dtype=torch.float64)


def test_what_obeys_passes(f):
    quarter = fl.Rotations(4, size=5)
    for group, signal in ((RING, f), (quarter, torch.randn(2, 5, 5).double())):
        text = fl.check_group(group.product, group.inverse, group.identity, group.elements())
        assert text.startswith("A group")
        assert fl.check_action(group.act, group, signal).startswith("An action")
        assert fl.check_invariance(torch.Tensor.sum, group, signal).startswith("Invariant")
        assert fl.check_equivariance(torch.relu, group, signal).startswith("Equivariant")
    assert "3 velocities" in fl.check_flow(RING.exp, RING, [-1, 0, 2])
    video = f[None, None].expand(2, 4, 1, 7)
    assert "4 frames" in fl.check_flow_equivariance(torch.tanh, RING, video, [1, 2])
    assert "holds" in fl.check_equivariance(
        torch.sum, RING, f.float(), act_on_result=lambda g, s: s
    )


def test_not_a_group():
    numbers = range(7)
    with pytest.raises(fl.LawBroken, match=r"g g\^-1 = e fails for g = \d"):
        fl.check_group(lambda g, h: (g + h) % 7, lambda g: g, 0, numbers)
    with pytest.raises(fl.LawBroken, match=r"\(g h\) k = g \(h k\)|e g = g"):
        fl.check_group(lambda g, h: (g - h) % 7, lambda g: g, 0, numbers)
    with pytest.raises(fl.LawBroken, match="g h is not among the 4 elements"):
        fl.check_group(lambda g, h: g + h, lambda g: -g, 0, [0, 1, -1, 2])
    with pytest.raises(fl.LawBroken, match="e g = g"):
        fl.check_group(lambda g, h: (g + h) % 7, lambda g: -g % 7, 1, numbers)


def test_not_an_action(f):
    with pytest.raises(fl.LawBroken, match="e.f = f fails: at index"):
        fl.check_action(lambda g, f: torch.roll(f, int(g) + 1, -1), RING, f)
    with pytest.raises(fl.LawBroken, match=r"\(g h\).f = g.\(h.f\) for g = \d, h = \d fails"):
        fl.check_action(lambda g, f: torch.roll(f, int(g) ** 2, -1), RING, f)
    with pytest.raises(fl.LawBroken, match="shape"):
        fl.check_action(lambda g, f: f[0], RING, f)


def test_not_a_flow():
    with pytest.raises(fl.LawBroken, match="psi_0 = e fails for v = 3: psi_0 is 1"):
        fl.check_flow(lambda v, t: torch.tensor([v * t + 1]), RING, [3])
    with pytest.raises(fl.LawBroken, match="for v = 3, s = 1, t = 1"):
        fl.check_flow(lambda v, t: torch.tensor([v * t * t]), RING, [3])


def test_not_equivariant(f):
    with pytest.raises(fl.LawBroken, match=r"Not equivariant: F\(g.f\) = g.F\(f\) for g = \d"):
        fl.check_equivariance(lambda f: f * torch.arange(7), RING, f)
    with pytest.raises(fl.LawBroken, match=r"Not invariant: .* fails: the left side is"):
        fl.check_invariance(lambda f: f[0, 0], RING, f)
    with pytest.raises(fl.LawBroken, match="the left side is nan"):
        fl.check_equivariance(lambda f: f * torch.nan, RING, f)


def test_not_flow_equivariant(f):
    video = f[None, None].expand(1, 4, 1, 7)
    with pytest.raises(fl.LawBroken, match="for w = 2, first at frame 1, by a relative error of"):
        fl.check_flow_equivariance(fl.GRNN(RING, 1, 2), RING, video, [0, 2])


def test_a_law_is_not_tried_on_nothing(f):
    with pytest.raises(ValueError, match="velocities is empty"):
        fl.check_flow_equivariance(torch.tanh, RING, f[None, None].expand(1, 2, 1, 7), [])
    with pytest.raises(ValueError, match="velocities is empty"):
        fl.check_flow(RING.exp, RING, [])
