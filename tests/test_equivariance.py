import pytest
import torch

import flowlib as fl


def test_the_error_sees_a_layer_that_is_not_equivariant(seeded):
    ring = fl.Translations(8)
    mask = torch.arange(8.0)
    f = torch.rand(2, 1, 8)
    error = fl.equivariance_error(lambda x: x * mask, f, 3, group=ring)
    moved, reference = torch.roll(f, 3, -1) * mask, torch.roll(f * mask, 3, -1)
    expected = (moved - reference).norm() / reference.norm()
    assert error.shape == () and error.dtype == torch.float64
    torch.testing.assert_close(error, expected.double())
    assert error > 0.1


def test_flow_error_by_hand(seeded):
    """A running sum commutes with shifts but not with motion."""
    ring, video = fl.Translations(5), torch.rand(1, 3, 1, 5, dtype=torch.float64)
    error = fl.flow_equivariance_error(lambda f: f.cumsum(1), video, 1, group=ring)
    f0, f1, f2 = (video[0, t, 0] for t in range(3))
    moved = f0 + f1.roll(1) + f2.roll(2)
    reference = (f0 + f1 + f2).roll(2)
    assert error[0] == 0
    torch.testing.assert_close(error[2], (moved - reference).norm() / reference.norm())
    assert fl.equivariance_error(lambda f: f.cumsum(1), video, 1, group=ring).max() < 1e-15


def test_frame_by_frame_maps_have_it_for_nothing(seeded):
    ring = fl.Translations(6)
    layer = fl.GroupConvolution(ring, 1, 2)
    assert fl.flow_equivariance_error(layer, torch.rand(2, 4, 1, 6), 2).max() < 1e-15


def test_the_model_is_left_as_it_was(seeded):
    rnn = fl.GRNN(fl.Translations(6), 1, 2)
    fl.flow_equivariance_error(rnn, torch.rand(1, 2, 1, 6), 1)
    assert rnn.input_conv.weight.dtype == torch.float32


def test_pairs():
    torus, V = fl.Translations((9, 9)), fl.translation_velocities(1)
    channels, partners = fl.velocity_pairs(torus, V, (1, 0))
    assert [V[c].tolist() for c in channels] == [[y, x] for y in (0, 1) for x in (-1, 0, 1)]
    assert torch.equal(V[channels] - torch.tensor([1, 0]), V[partners])


def test_bad_input(as_users_see_it):
    torus, video = fl.Translations((9, 9)), torch.rand(1, 2, 1, 9, 9)
    rnn = fl.FERNN(torus, fl.translation_velocities(1), 1, 2)
    with pytest.raises(ValueError, match=r"at most \[2, 2\] along each axis"):
        fl.flow_equivariance_error(rnn, video, (3, 0))
    with pytest.raises(ValueError, match="say which group"):
        fl.flow_equivariance_error(lambda f: f, video, (1, 0))


def test_a_velocity_for_each_video(seeded):
    """Each exchanges its own channels; one wrong video shows."""
    ring, V = fl.Translations(9), fl.translation_velocities(2, ndim=1)
    rnn, video = fl.FERNN(ring, V, 1, 3).double(), torch.rand(3, 4, 1, 9).double()
    w = torch.tensor([[1], [-2], [1]])
    assert fl.flow_equivariance_error(rnn, video, w).max() < 1e-14
    assert fl.equivariance_error(rnn, video, w).max() < 1e-14

    def spoiled(video):
        states = rnn(video)
        return torch.cat([states[:1], states[1:2] * video[1, 1, 0, 0], states[2:]])

    error = fl.flow_equivariance_error(spoiled, video, w, group=ring, velocities=V)
    assert (error > 1e-3).any()
    with pytest.raises(ValueError, match="say which V it has"):
        fl.flow_equivariance_error(spoiled, video, w, group=ring)
