"""Random groups, velocities and signals for the property tests, and the size of float64 rounding."""

import torch
from hypothesis import strategies as st

import flowlib as fl

# Errors of exact laws are sums of a few hundred roundings of 1.1e-16 each, relative to the whole.
ROUNDING = 1e-14

sizes = st.integers(1, 9)
seeds = st.integers(0, 2**31)


@st.composite
def groups(draw):
    """A ring or a torus, also of one point and of even and odd sizes."""
    return fl.Translations(draw(st.one_of(st.tuples(sizes), st.tuples(sizes, sizes))))


def element(group, seed, reach=20):
    """A random element, not reduced to the grid."""
    return torch.randint(-reach, reach + 1, (group.dim,), generator=_random(seed))


def signal(group, seed, *lead):
    """A random float64 signal (*lead, *grid)."""
    return torch.randn(*lead, *group.grid, dtype=torch.float64, generator=_random(seed))


def _random(seed):
    return torch.Generator().manual_seed(seed)
