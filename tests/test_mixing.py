import pytest
import torch
from strategies import ROUNDING

import flowlib as fl


@pytest.mark.parametrize("separable", [False, True])
def test_velocities_that_wrap_around_share_their_neighbours(separable, seeded):
    """On a ring of 3 the velocities -1, 0, 1 are a group: 1 + 1 is -1; each hears all."""
    ring, V = fl.Translations(3), fl.translation_velocities(1, ndim=1)
    rnn = fl.FERNN(ring, V, 1, 2, velocity_mixing=1, separable=separable)
    assert fl.flow_equivariance_error(rnn, torch.rand(2, 4, 1, 3), 1).max() < ROUNDING


def test_separable_mixing_is_mixing_with_kernels_that_factor(seeded):
    ring, V, C = fl.Translations(9), fl.translation_velocities(2, ndim=1), 3
    separable = fl.FERNN(ring, V, 1, C, velocity_mixing=1, separable=True).double()
    full = fl.FERNN(ring, V, 1, C, velocity_mixing=1).double().requires_grad_(False)
    full.input_conv.load_state_dict(separable.input_conv.state_dict())
    for d, a in enumerate(separable.mixing.share):  # W_d = W diag(a_d)
        full.state_conv.weight[:, C * d : C * (d + 1)] = separable.state_conv.weight * a[:, None]
    video = torch.rand(2, 5, 1, 9).double()
    torch.testing.assert_close(separable(video), full(video), rtol=0, atol=ROUNDING)


def test_mixing_refuses_velocities_that_move_the_grid_alike():
    with pytest.raises(ValueError, match="alike.*one of each"):
        fl.FERNN(fl.Translations(5), [[-2], [0], [3]], velocity_mixing=1)
