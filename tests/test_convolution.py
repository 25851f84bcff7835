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
    fast = layer(f, g)
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
