import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import ROUNDING, element, rotations, seeds, signal

import flowlib as fl
from flowlib.rotations import circular_harmonics, turning_matrices


def smooth(size=32):
    """A blob off the centre, which dies away before the border of the picture."""
    p = (torch.arange(size).double() - (size - 1) / 2) / size
    y, x = p[:, None], p
    return torch.exp(-(((y + 0.1) / 0.09) ** 2) - ((x - 0.14) / 0.13) ** 2)


def relative(value, reference):
    return ((value - reference).norm() / reference.norm()).item()


@given(rotations(), seeds)
def test_group_laws(group, seed):
    g, h, k = (group.element(element(group, seed + i)) * 0.37 for i in range(3))
    product, inverse, e = group.product, group.inverse, group.identity
    assert group.same(product(product(g, h), k), product(g, product(h, k)))
    assert group.same(product(g, e), g) and group.same(product(g, inverse(g)), e)
    assert group.same(product(g, [360.0]), g) and not group.same(product(g, [1.0]), g)


@given(rotations(), seeds)
def test_quarter_turns_act_exactly(group, seed):
    g, h = element(group, seed), element(group, seed + 1)
    for act, lifted in ((group.act, False), (group.act_lifted, True)):
        f = signal(group, seed, 2, lifted=lifted)
        assert torch.equal(act(group.identity, f), f)
        assert torch.equal(act(group.product(g, h), f), act(g, act(h, f)))
        assert torch.equal(act(group.inverse(g), act(g, f)), f)


def test_rotation_sign(seeded):
    """Counter-clockwise as displayed: what was right of the centre is above it."""
    group = fl.Rotations(4, size=5)
    right = torch.zeros(5, 5)
    right[2, 4] = 1
    assert group.act(90, right)[0, 2] == 1
    f = torch.randn(3, 5, 5)
    assert torch.equal(group.act(90, f), torch.rot90(f, 1, (-2, -1)))
    blob = smooth()
    turned = fl.Rotations(1, size=32, interpolation="bicubic").act(30, blob)

    def angle(f):
        p = torch.arange(32).double() - 15.5
        return math.degrees(math.atan2(-(f * p[:, None]).sum(), (f * p).sum()))

    assert angle(turned) - angle(blob) == pytest.approx(30, abs=0.01)


def test_action_on_the_group(seeded):
    """(g.h)(theta, x) = h(theta - g, R_g^-1 x): pictures turn and change places."""
    group = fl.Rotations(8, size=5)
    h = torch.randn(2, 8, 5, 5)
    moved = group.act_lifted(90, h)
    for theta in range(8):
        assert torch.equal(moved[:, theta], torch.rot90(h[:, (theta - 2) % 8], 1, (-2, -1)))


def test_the_orientation_axis_moves_exactly_at_its_own_angles_and_band_limited_between():
    group = fl.Rotations(8, size=1)  # one pixel: only the orientations move
    theta = torch.deg2rad(group.elements())
    wave = lambda by: torch.cos(3 * (theta - math.radians(by)))[:, :, None]  # noqa: E731
    h = wave(0)
    assert torch.equal(group.act_lifted(45, h), torch.roll(h, 1, 0))
    torch.testing.assert_close(group.act_lifted(10, h), wave(10), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "interpolation, floor", [("bilinear", 0.05), ("bicubic", 0.025), ("fourier", 1e-3)]
)
def test_other_angles_are_right_up_to_interpolation(interpolation, floor):
    group, f = fl.Rotations(4, size=33, interpolation=interpolation), smooth(33)
    error = relative(group.act(-20, group.act(20, f)), f)
    assert error < floor
    assert relative(group.act(20, group.act(25, f)), group.act(45, f)) < floor
    if interpolation != "fourier":
        assert error > 1e-5, "these lose something"


def test_fourier_turns_can_be_undone(seeded):
    group, f = fl.Rotations(4, size=9, interpolation="fourier"), torch.randn(9, 9).double()
    assert relative(group.act(-33, group.act(33, f)), f) < ROUNDING
    assert group.act(33, f).norm().item() == pytest.approx(f.norm().item(), rel=1e-13)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "fourier"])
def test_many_angles_at_once_broadcast(interpolation, seeded):
    group = fl.Rotations(8, size=6, interpolation=interpolation)
    f, g = torch.randn(2, 1, 3, 6, 6).double(), 360 * torch.rand(2, 5, 1, 1)
    moved = group.act(g, f)
    assert moved.shape == (2, 5, 3, 6, 6)
    h = torch.randn(5, 3, 8, 6, 6).double()
    lifted = group.act_lifted(g[0], h)
    for e in range(5):
        for b in range(2):
            torch.testing.assert_close(moved[b, e], group.act(g[b, e, 0], f[b, 0]))
        torch.testing.assert_close(lifted[e], group.act_lifted(g[0, e, 0], h[e]))


@given(rotations(), seeds, st.sampled_from([1, 3, 5]))
def test_convolutions_commute_with_quarter_turns(group, seed, kernel_size):
    torch.manual_seed(seed)
    lift = fl.LiftingConvolution(group, 2, 3, kernel_size, bias=True)
    conv = fl.GroupConvolution(group, 2, 3, kernel_size, bias=True)
    g = element(group, seed)
    assert fl.equivariance_error(lift, signal(group, seed, 2, 2), g) < ROUNDING
    f = signal(group, seed, 2, 2, lifted=True)
    assert fl.equivariance_error(conv, f, g, lifted=True) < ROUNDING


def test_convolutions_are_the_sums_they_say(seeded):
    """out_k(theta, x) = sum of W_ki(phi - theta, R_theta^-1 y) h_i(phi, x + y), zero outside."""
    group = fl.Rotations(4, size=4)
    conv = fl.GroupConvolution(group, 2, 3, 3).double()
    basis = circular_harmonics(3, 4)[0]
    kernel = torch.einsum("kipb,byx->kipyx", conv.weight, basis)  # W_ki(phi, y)
    h = torch.randn(2, 4, 4, 4, dtype=torch.float64)
    padded, out = torch.nn.functional.pad(h, (1, 1, 1, 1)), conv(h)
    for theta in range(4):
        turned = torch.rot90(torch.roll(kernel, theta, 2), theta, (-2, -1))
        for y in range(4):
            for x in range(4):
                value = (turned * padded[:, :, y : y + 3, x : x + 3]).sum((1, 2, 3, 4))
                torch.testing.assert_close(out[:, theta, y, x], value)


def test_eight_orientations_come_close_to_equivariance_at_45_degrees(seeded):
    """Bounded by what turning the picture itself loses, far from what plain filters would do."""
    f = smooth()[None, None]
    errors = {}
    for n in (1, 8):
        group = fl.Rotations(n, size=32, interpolation="bicubic")
        layer = fl.LiftingConvolution(group, 1, 4, 5).double().requires_grad_(False)
        result, moved = layer(f), layer(group.act(45, f))
        errors[n] = relative(moved, group.act_lifted(45, result))
    assert errors[8] < 0.05 < 0.3 < errors[1]


def test_project_commutes(seeded):
    group = fl.Rotations(8, size=5)
    h = torch.randn(2, 8, 5, 5).double()
    left = group.project(group.act_lifted(90, h))
    torch.testing.assert_close(left, group.act(90, group.project(h)), rtol=0, atol=1e-15)


def test_bad_input(as_users_see_it):
    group = fl.Rotations(4, size=6)
    with pytest.raises(ValueError, match=r"has 1 entry, got shape \(2,\).*numbers\[:, None\]"):
        group.act((1.0, 2.0), torch.zeros(6, 6))
    with pytest.raises(ValueError, match=r"make the group for \(5, 5\)"):
        group.act(90, torch.zeros(5, 5))
    with pytest.raises(
        ValueError, match=r"last 3 axes should be the shape of the group, \(4, 6, 6\)"
    ):
        group.act_lifted(90, torch.zeros(3, 6, 6))
    with pytest.raises(ValueError, match="bilinear"):
        fl.Rotations(4, interpolation="nearest")
    with pytest.raises(ValueError, match="1 or more"):
        fl.Rotations(0)
    with pytest.raises(ValueError, match="one velocity or more"):
        fl.rotation_velocities([])


@pytest.mark.parametrize(
    "interpolation, degrees",  # at 0 and 90 a bilinear picture has a corner
    [("bilinear", 13.0), ("fourier", 0.0), ("fourier", 13.0), ("fourier", 90.0)],
)
def test_the_gradient_with_respect_to_the_angle(interpolation, degrees, seeded):
    """Also through the matrices of `prepare`, and at angles where nothing is interpolated."""
    group = fl.Rotations(4, size=5, interpolation=interpolation)
    h, f = signal(group, 1, 2, lifted=True), signal(group, 2, 2)
    angle = torch.tensor([degrees], dtype=torch.float64, requires_grad=True)
    for turned in (
        lambda g: group.act(g, f),
        lambda g: group.act_lifted(g, h),
        lambda g: group.act_lifted(group.prepare(g, h), h),
    ):
        torch.autograd.gradcheck(turned, angle, atol=1e-6)


def test_prepared_turns_are_the_turns(seeded):
    """And leave nothing behind: no cache grows with the angles that were asked for."""
    group = fl.Rotations(8, size=6, interpolation="bicubic")
    g = torch.tensor([[-10.0], [0], [90], [33]]).double()
    h = signal(group, 1, 3, 4, lifted=True)
    turned = group.act_lifted(group.prepare(g, h), h)
    torch.testing.assert_close(turned, group.act_lifted(g, h), rtol=0, atol=1e-13)
    assert not hasattr(turning_matrices, "cache_info")
