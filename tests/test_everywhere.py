"""Everywhere torch goes: fewer digits, other devices, copies, threads, forward derivatives."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import flowlib as fl

V1 = fl.translation_velocities(1)


def rounding_bound(rnn, video):
    """How far rounding can have carried each state of a ReLU network from the exact one.

    A sum of n products is wrong by at most n u (1 + n u) times the sum of their sizes, u half the
    distance of 1 to the next number (Higham 2002, section 3.1). ReLU adds nothing, moving adds
    nothing, and an error e of the state becomes |W| * e in the next.
    """
    u, C = torch.finfo(video.dtype).eps / 2, rnn.hidden_channels
    n = 9 * C + 9 + 2  # products of both convolutions, and their sum; inputs are rounded once more
    n = n * u * (1 + n * u)
    sizes = copy.deepcopy(rnn).double().requires_grad_(False)
    for p in sizes.parameters():
        p.abs_()
    state = sizes.initial_state(len(video)).clone()
    error, bounds = state.clone(), []
    for frame in video.double().abs().unbind(1):
        drive = sizes.input_conv(frame)
        state = sizes.update(state, drive)
        error = sizes.update(error, 0 * drive) + n * (state + error)
        bounds.append(error)
    return torch.stack(bounds, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_law_in_fewer_digits(dtype, seeded):
    """Both sides of the law are within the bound of rounding from the exact states, so from each other
    they are within twice that; and the bound is no free pass: a G-RNN breaks it."""
    torus, w = fl.Translations((6, 5)), (1, 0)
    rnn = fl.FERNN(torus, V1, 1, 2).requires_grad_(False)
    for p in rnn.parameters():
        p.abs_().mul_(
            0.5
        )  # so that states are as large as what rounds, and the bound means something
    rnn.to(dtype)
    video = (torch.rand(2, 3, 1, 6, 5) > 0.8).to(dtype)
    moved, still = rnn(fl.flow_video(torus, video, w)), rnn(video)
    bound = 2 * rounding_bound(rnn, video)
    channels, partners = fl.velocity_pairs(torus, V1, w)
    law = fl.flow_video(torus, still[:, :, partners].movedim(2, 1), w, lifted=True).movedim(1, 2)
    limit = fl.flow_video(torus, bound[:, :, partners].movedim(2, 1), w, lifted=True).movedim(1, 2)
    assert still.dtype == dtype and still.any()
    assert ((moved[:, :, channels] - law).double().abs() <= limit).all()
    unmoved = fl.flow_video(torus, still.movedim(2, 1), w, lifted=True).movedim(1, 2)
    assert ((moved - unmoved).double().abs() > bound).any()


def test_velocities_are_never_rounded():
    V = [-10.3, 0.0, 10.3]
    rnn = fl.FERNN(fl.Rotations(4, size=5), V, 1, 2, velocity_mixing=1).bfloat16()
    assert rnn.velocities.flatten().tolist() == V and rnn.state_conv.between.dtype == torch.float64
    assert rnn(torch.rand(1, 2, 1, 5, 5).bfloat16()).dtype == torch.bfloat16
    assert rnn.half().float().velocities.flatten().tolist() == V


OPTIONS = [
    {},
    {"cell": fl.GatedCell},
    {"cell": fl.ScanCell},
    {"velocity_mixing": 1},
    {"velocity_mixing": 1, "separable": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_copies_pickles_and_goes_to_meta(options, seeded):
    model = fl.Forecaster(fl.FERNN(fl.Translations((4, 5)), V1, 1, 2, **options), 1)
    video = torch.rand(2, 3, 1, 4, 5)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(video, 2), model(video, 2))
    assert model.to("meta")(video.to("meta"), 2).shape == (2, 2, 1, 4, 5)


def test_threads_do_not_disturb_each_other(seeded):
    model = fl.Forecaster(fl.FERNN(fl.Translations((6, 6)), V1, 1, 2), 1)
    videos = torch.rand(8, 2, 3, 1, 6, 6)

    def gradient(video):
        return torch.autograd.grad(model(video, 2).sum(), list(model.parameters()))

    with ThreadPoolExecutor(4) as pool:
        for video, got in zip(videos, pool.map(gradient, videos), strict=True):
            torch.testing.assert_close(got, gradient(video))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_forward_derivatives_are_those_of_the_backward_pass(options, seeded):
    """<r, J d> = <J^T r, d>, for the state and all weights at once."""
    rnn = fl.FERNN(fl.Translations((4, 5)), V1, 1, 2, nonlinearity=torch.tanh, **options).double()
    video = torch.rand(1, 3, 1, 4, 5).double()
    names, weights = zip(*((n, p.detach()) for n, p in rnn.named_parameters()), strict=True)
    point = (torch.rand(1, 9, 2, 4, 5).double(), *weights)

    def run(state, *weights):
        return torch.func.functional_call(
            rnn, dict(zip(names, weights, strict=True)), (video, state)
        )

    nudge = tuple(torch.randn_like(x) for x in point)
    out, forward = torch.func.jvp(run, point, nudge)
    r = torch.randn_like(out)
    backward = torch.func.vjp(run, *point)[1](r)
    torch.testing.assert_close(
        (r * forward).sum(), sum((a * b).sum() for a, b in zip(backward, nudge, strict=True))
    )
