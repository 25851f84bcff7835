import pytest
import torch
from hypothesis import given
from strategies import ROUNDING, closed_velocities, element, seeds, signal

import flowlib as fl

V1 = fl.translation_velocities(1)


@given(closed_velocities(), seeds)
def test_a_stack_obeys_the_law(closed, seed):
    torch.manual_seed(seed)
    group, V = closed
    options = dict(lifted=True, velocity_mixing=seed % 2)
    stack = fl.Stack(
        fl.FERNN(group, V, 1, 2), fl.FERNN(group, V, 2, 3, cell=fl.GatedCell, **options)
    )
    video, w = signal(group, seed, 1, 4, 1), element(group, seed)
    assert fl.flow_equivariance_error(stack, video, w).max() < ROUNDING
    forecast = fl.Forecaster(stack, decoder_layers=1).double()
    error = fl.flow_equivariance_error(lambda f: forecast(f, 2), video, w, group=group, start=4)
    assert error.max() < ROUNDING


def test_a_stack_is_one_layer_after_the_other(seeded, as_users_see_it):
    torus = fl.Translations((4, 5))
    below, above = fl.FERNN(torus, V1, 1, 2), fl.FERNN(torus, V1, 2, 3, lifted=True)
    stack, video = fl.Stack(below, above), torch.rand(2, 5, 1, 4, 5)
    torch.testing.assert_close(stack(video), above(below(video)))
    first = stack.last(video[:, :3])
    torch.testing.assert_close(stack(video[:, 3:], first), stack(video)[:, 3:])
    fast = stack.with_velocities(fl.translation_velocities(2))
    torch.testing.assert_close(fast(video)[:, :, 6], stack(video)[:, :, 0])  # v = (-1, -1)
    for layers, text in (
        ((), "one layer or more"),
        ((below, below), "lifted=True"),
        (
            (below, fl.FERNN(torus, fl.translation_velocities(2), 2, 3, lifted=True)),
            "same group and V",
        ),
    ):
        with pytest.raises(ValueError, match=text):
            fl.Stack(*layers)
    with pytest.raises(ValueError, match="a tuple of as many"):
        stack(video, first[0])
