import pytest
import torch

import flowlib as fl
from flowlib.lab.data.wandering import WanderingImages


def test_every_frame_has_its_own_step_and_the_last_goes_on(seeded):
    """The steps are found again by the best shift; noise is in the context only, and of its size."""
    V = fl.translation_velocities(2)
    images = torch.rand(3, 1, 9, 9)
    torus = fl.Translations((9, 9))
    best = fl.CorrelationPredictor(torus)
    for steady in (False, True):
        clean, noisy = (
            WanderingImages(images, V, 6, noise, steady).draw(50, 10, 1) for noise in (0.0, 0.2)
        )
        pairs = zip(clean[:, :-1].unbind(1), clean[:, 1:].unbind(1), strict=True)
        steps = torch.stack([best(a, b, None) for a, b in pairs], 1)
        assert ((steps + 2) % 9 <= 4).all()
        assert (steps[:, 5:] == steps[:, 4:5]).all()
        assert (steps == steps[:, :1]).all() == steady
        assert torch.equal(noisy[:, 6:], clean[:, 6:])
        assert (noisy - clean)[:, :6].std().sub(0.2).abs() < 0.01
        assert torch.equal(noisy, WanderingImages(images, V, 6, 0.2, steady).draw(50, 10, 1))


def test_bad_input(as_users_see_it):
    images = torch.rand(1, 1, 5, 5)
    with pytest.raises(ValueError, match="two frames or more"):
        WanderingImages(images, [(0, 0)], 1)
    with pytest.raises(ValueError, match="more frames than the context of 3"):
        WanderingImages(images, [(0, 0)], 3).draw(2, 3, 0)
