import pytest
import torch
from hypothesis import given
from strategies import element, groups, seeds, signal

import flowlib as fl


@given(groups(), seeds)
def test_group_laws(group, seed):
    g, h, k = (element(group, seed + i) for i in range(3))
    product, inverse = group.product, group.inverse
    assert torch.equal(product(product(g, h), k), product(g, product(h, k)))
    assert torch.equal(product(g, group.identity), product(group.identity, g))
    assert torch.equal(product(g, inverse(g)), group.identity)
    assert product(g, h).tolist() in group.elements().tolist()


@given(groups(), seeds)
def test_action_is_an_action(group, seed):
    g, h, f = element(group, seed), element(group, seed + 1), signal(group, seed, 2)
    assert torch.equal(group.act(group.identity, f), f)
    assert torch.equal(group.act(group.product(g, h), f), group.act(g, group.act(h, f)))
    assert torch.equal(group.act(group.inverse(g), group.act(g, f)), f)


@given(groups(), seeds)
def test_action_is_torch_roll(group, seed):
    """The sign everybody gets wrong: content moves with g."""
    g, f = element(group, seed), signal(group, seed, 3)
    axes = tuple(range(-group.ndim, 0))
    assert torch.equal(group.act(g, f), torch.roll(f, tuple(g.tolist()), axes))


@given(groups(), seeds)
def test_padding_continues_the_grid(group, seed):
    """Padded far beyond the grid, the picture repeats; its middle is the unpadded one."""
    g, f, p = element(group, seed), signal(group, seed), max(group.grid) + 2
    padded = group.act(g, f, padding=p)
    middle = tuple(slice(p, p + n) for n in group.grid)
    assert torch.equal(padded[middle], group.act(g, f))
    for axis, n in enumerate(group.grid):
        size = padded.shape[axis]
        assert torch.equal(padded.narrow(axis, 0, size - n), padded.narrow(axis, n, size - n))


def test_many_elements_at_once_broadcast():
    group = fl.Translations((4, 5))
    f, g = torch.randn(2, 1, 3, 4, 5), torch.randint(-9, 9, (2, 6, 1, 2))
    moved = group.act(g, f)
    assert moved.shape == (2, 6, 3, 4, 5)
    for b in range(2):
        for e in range(6):
            assert torch.equal(moved[b, e], group.act(g[b, e, 0], f[b, 0]))


def test_exp_is_a_one_parameter_subgroup():
    group, v = fl.Translations((7, 5)), torch.tensor([2, -3])
    for s in range(4):
        for t in range(4):
            both = group.product(group.exp(v, s), group.exp(v, t))
            assert torch.equal(both, group.product(group.exp(v, s + t), group.identity))
    assert torch.equal(group.exp(-v, 3), -group.exp(v, 3))


@pytest.mark.parametrize("shape", [(), (2, 3, 4), (0,), (3, 0)])
def test_no_grid(shape):
    with pytest.raises(ValueError, match="grid has one axis"):
        fl.Translations(shape)


def test_bad_elements_and_signals(as_users_see_it):
    torus, f = fl.Translations((4, 5)), torch.zeros(4, 5)
    with pytest.raises(ValueError, match=r"2 entries.*\(1, 0\)"):
        torus.act(1, f)
    with pytest.raises(ValueError, match=r"whole pixels.*nearest element is \[1, 0\]"):
        torus.act((0.6, 0.0), f)
    with pytest.raises(ValueError, match=r"grid \(4, 5\).*Translations\(\(5, 4\)\)"):
        torus.act((1, 0), f.T)
