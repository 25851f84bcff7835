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
    padded = group.act_padded(g, f, p)
    assert torch.equal(padded, fl.Group.act_padded(group, g, f, p)), "one gather, or one by one"
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


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_no_grid(shape):
    with pytest.raises(ValueError, match="grid has one axis"):
        fl.Translations(shape)


def test_bad_elements_and_signals(as_users_see_it):
    torus, f = fl.Translations((4, 5)), torch.zeros(4, 5)
    with pytest.raises(ValueError, match=r"2 entries.*\(1, 0\)"):
        torus.act(1, f)
    with pytest.raises(ValueError, match=r"whole pixels.*nearest element is \[1, 0\]"):
        torus.act((0.6, 0.0), f)
    with pytest.raises(ValueError, match=r"grid \(4, 5\).*make the group for \(5, 4\)"):
        torus.act((1, 0), f.T)


def test_what_a_group_lacks_is_named_all_at_once():
    class Half(fl.Group):
        def act(self, g, signal):
            return signal

    with pytest.raises(TypeError, match=r"act_lifted.*kernel.*kernel_shape"):
        Half((5,))


def test_another_action_is_another_group_and_holds_for_lifted_signals_too():
    class Backwards(fl.Translations):
        def act(self, g, signal):
            return super().act(-self.element(g), signal)

    ring, other, f = fl.Translations(5), Backwards(5), torch.arange(5)
    assert other != ring and ring == fl.Translations(5) and hash(ring) == hash(fl.Translations(5))
    assert torch.equal(other.act_lifted(1, f), f.roll(-1)) and torch.equal(
        ring.act_lifted(1, f), f.roll(1)
    )


def test_a_torus_of_three_axes_needs_no_line(seeded):
    torus, V = fl.Translations((3, 4, 5)), fl.translation_velocities(1, ndim=3)
    rnn = fl.FERNN(torus, V, 1, 2)
    error = fl.flow_equivariance_error(rnn, torch.rand(1, 3, 1, 3, 4, 5), (1, 0, -1))
    assert len(V) == 27 and error.max() < 1e-14
    with pytest.raises(ValueError, match="4 axes: torch convolves up to 3"):
        fl.GRNN(fl.Translations((2, 2, 2, 2)))


def test_the_gradient_of_moving_is_moving_back(seeded):
    torus = fl.Translations((3, 4))
    f = torch.rand(2, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    g = torch.tensor([[[1, -2]], [[0, 5]]])
    torch.autograd.gradcheck(lambda f: torus.act(g, f), f)
    torch.autograd.gradgradcheck(lambda f: torus.act(g, f) ** 2, f)
    assert "Scatter" not in type(torus.act(g, f).grad_fn).__name__
