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


@st.composite
def rotations(draw, orientations=(4, 8)):
    """Rotations that quarter turns act on exactly: pictures of even and odd sizes."""
    return fl.Rotations(draw(st.sampled_from(orientations)), size=draw(st.integers(1, 8)))


def all_groups():
    """Ring, torus, or rotations."""
    return st.one_of(groups(), rotations())


@st.composite
def closed_velocities(draw):
    """A group with a set V of velocities that is a group itself: every w has all its partners."""
    if draw(st.booleans()):
        return draw(rotations()), fl.rotation_velocities([-90, 0, 90, 180])
    ndim = draw(st.integers(1, 2))
    radius = draw(st.integers(1, 3 if ndim == 1 else 1))
    size = 2 * radius + 1
    return fl.Translations((size,) * ndim), fl.translation_velocities(radius, ndim)


def element(group, seed, reach=20):
    """A random element that moves the grid exactly, not reduced: whole pixels, or quarter turns."""
    g = torch.randint(-reach, reach + 1, (group.dim,), generator=_random(seed))
    return g * 90 if isinstance(group, fl.Rotations) else g


def velocities(group, radius):
    """A set V of exact velocities: `radius` steps to each side of 0 along each axis."""
    if isinstance(group, fl.Rotations):
        return fl.rotation_velocities([90 * v for v in range(-min(radius, 1), min(radius, 2) + 1)])
    return fl.translation_velocities(radius, group.ndim)


def signal(group, seed, *lead, lifted=False):
    """A random float64 signal, (*lead, *grid), or (*lead, *group) for a lifted one."""
    shape = group.shape if lifted else group.grid
    return torch.randn(*lead, *shape, dtype=torch.float64, generator=_random(seed))


def _random(seed):
    return torch.Generator().manual_seed(seed)
