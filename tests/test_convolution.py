import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, element, groups, seeds, signal

import flowlib as fl


@given(groups(), seeds, st.sampled_from([1, 3, 5, 11]))
def test_convolution_is_equivariant(group, seed, kernel_size):
    torch.manual_seed(seed)
    layer = fl.GroupConvolution(group, 2, 3, kernel_size, bias=True)
    f, g = signal(group, seed, 2, 2), element(group, seed)
    assert fl.equivariance_error(layer, f, g) < ROUNDING


def test_convolution_is_the_sum_it_says(seeded):
    """out_k(x) = b_k + sum over i, y of W_ki(y) f_i(x + y), position by position."""
    group = fl.Translations((4, 3))
    layer = fl.GroupConvolution(group, 2, 3, 3, bias=True).double()
    f = torch.randn(2, 4, 3, dtype=torch.float64)
    out = layer(f)
    for k in range(3):
        for x in range(4):
            for z in range(3):
                value = layer.bias[k].clone()
                for i in range(2):
                    for a in (-1, 0, 1):
                        for b in (-1, 0, 1):
                            w = layer.weight[k, i, a + 1, b + 1]
                            value += w * f[i, (x + a) % 4, (z + b) % 3]
                torch.testing.assert_close(out[k, x, z], value)


def test_moving_first_is_the_same_convolution(seeded):
    """W * (g.f), many g at once, against moving one by one and torch's circular padding."""
    group = fl.Translations((6, 5))
    layer = fl.GroupConvolution(group, 2, 3, 3)
    f, g = torch.randn(4, 7, 2, 6, 5), torch.randint(-9, 9, (7, 2))
    fast = layer(f, g[:, None])
    for e in range(7):
        moved = torch.roll(f[:, e], tuple(g[e].tolist()), (-2, -1))
        slow = F.conv2d(F.pad(moved, (1, 1, 1, 1), mode="circular"), layer.weight)
        torch.testing.assert_close(fast[:, e], slow)


def test_bad_input(as_users_see_it):
    ring = fl.Translations(8)
    with pytest.raises(ValueError, match="odd; the nearest is 5"):
        fl.GroupConvolution(ring, 1, 1, kernel_size=4)
    with pytest.raises(ValueError, match="1 or more"):
        fl.GroupConvolution(ring, 0, 1)
    with pytest.raises(ValueError, match="this layer takes 2"):
        fl.GroupConvolution(ring, 2, 1)(torch.zeros(1, 3, 8))


@pytest.mark.parametrize("radius", [None, 1])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4)])
def test_gradients_are_those_of_the_formula(shape, radius, seeded):
    """First and second ones, with elements that move the signal, and with neighbours."""
    group = fl.Translations(shape)
    V = torch.stack([torch.zeros(len(shape)).long(), torch.ones(len(shape)).long()])
    if radius is None:
        layer = fl.GroupConvolution(group, 2, 2)
    else:
        layer = fl.VelocityConvolution(group, V, 2, 2, radius=radius)
    layer = layer.double()
    f = torch.randn(1, 2, 2, *shape, dtype=torch.float64, requires_grad=True)

    def run(f, weight):
        return torch.func.functional_call(layer, {"weight": weight}, (f, V[:, None]))

    torch.autograd.gradcheck(run, (f, layer.weight), fast_mode=True)
    torch.autograd.gradgradcheck(run, (f, layer.weight), fast_mode=True)


def test_under_autocast_gradients_have_the_type_of_the_weights(seeded):
    layer = fl.GroupConvolution(fl.Translations((5, 6)), 2, 3)
    f = torch.randn(4, 2, 5, 6, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(f)
    out.float().sum().backward()
    assert out.dtype == torch.bfloat16 and f.grad.dtype == layer.weight.grad.dtype == torch.float32


def test_other_types_of_numbers_are_refused_with_advice(as_users_see_it):
    rnn = fl.GRNN(fl.Translations(8), 1, 2)
    with pytest.raises(ValueError, match="video holds torch.uint8.*/ 255"):
        rnn(torch.zeros(1, 2, 1, 8, dtype=torch.uint8))
    with pytest.raises(
        ValueError, match=r"video.to\(torch.float32\), or the model to torch.float64"
    ):
        rnn(torch.zeros(1, 2, 1, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match="the signal holds torch.int64"):
        rnn.state_conv(torch.zeros(2, 8, dtype=torch.int64))
