import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import seeds

from flowlib import sampling


@given(seeds, st.integers(1, 9), st.integers(-9, 9))
def test_a_whole_shift_is_a_roll(seed, size, by):
    f = torch.randn(2, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    shifted = sampling.shift(f, torch.tensor([[by]], dtype=torch.float64))
    torch.testing.assert_close(shifted, torch.roll(f, by, -1), rtol=0, atol=1e-13)


def test_shifts_move_waves_that_the_grid_can_show(seeded):
    x = torch.arange(9).double()
    wave = lambda by: torch.sin(2 * torch.pi * 3 * (x - by) / 9)  # noqa: E731
    shifted = sampling.shift(wave(0), torch.tensor([0.3]))
    torch.testing.assert_close(shifted, wave(0.3), rtol=0, atol=1e-6)  # by is a float32 here
    f = torch.randn(9).double()
    by = lambda s: torch.tensor([s], dtype=torch.float64)  # noqa: E731
    both = sampling.shift(sampling.shift(f, by(0.7)), by(1.9))
    torch.testing.assert_close(both, sampling.shift(f, by(2.6)), rtol=0, atol=1e-14)


def test_translations_by_fractions(seeded):
    """Whole pixels exactly; half a pixel by the mean of two, when bilinear; there and back."""
    f = torch.randn(3, 7, 9).double()
    for mode in sampling.INTERPOLATIONS:
        moved = sampling.translate(f, torch.tensor([2.0, -11.0]), mode)
        assert torch.equal(moved, torch.roll(f, (2, -11), (-2, -1)))
    half = sampling.translate(f, torch.tensor([0.0, 0.5], dtype=torch.float64), "bilinear")
    torch.testing.assert_close(half, (f + torch.roll(f, 1, -1)) / 2)
    by = torch.tensor([[0.3, -1.6], [2.2, 0.1]], dtype=torch.float64)
    for mode, error in (("bilinear", 1.0), ("bicubic", 0.6), ("fourier", 1e-14)):
        back = sampling.translate(sampling.translate(f[:, None], by, mode), -by, mode)
        assert ((back - f[:, None]).norm() / f.norm() / 2**0.5) < error
        one = sampling.translate(f[0], by[1], mode)
        torch.testing.assert_close(sampling.translate(f[:, None], by, mode)[0, 1], one)
