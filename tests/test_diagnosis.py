"""The audit names what was broken, and nothing where nothing was: one change a network."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import flowlib as fl
from flowlib.lab.baselines import Convolution3d, LearnedMotionRNN, TwiceFedForecaster


class Network(nn.Module):
    """A FERNN written out, (batch, time, velocity, channel, *grid), with one thing changed at most."""

    def __init__(self, group, V, channels=4, **change):
        super().__init__()
        self.group, self.V, self.change = group, V, change
        kind = {1: nn.Conv1d, 2: nn.Conv2d}[group.ndim]
        mode = change.get("padding", "circular")
        self.U = kind(1, channels, 3, padding=1, padding_mode=mode, bias="bias" in change)
        self.W = kind(channels, channels, 3, padding=1, padding_mode=mode, bias=False)
        self.place = nn.Parameter(torch.rand(channels, *group.grid))
        self.own = nn.Parameter(torch.rand(len(V), channels, *[1] * group.ndim))
        self.norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}[group.ndim](channels)
        self.kept = 0.0

    def forward(self, video):
        change, states = self.change, []
        h = 0 * self.own * video[:, :1, :1]  # (batch, velocity, channel, *grid)
        h = h + self.place if "begin" in change else h
        h = h + self.kept if "keep" in change else h
        psi_1 = self.group.exp(-self.V if "back" in change else self.V, 1)[:, None]
        for frame in video.unbind(1):
            u = self.U(frame)
            u = u + self.place if "place" in change else u
            u = self.norm(u) if "norm" in change else u
            u = F.dropout(u, 0.3) if "drop" in change else u
            if step := change.get("stride"):
                u = u[(..., *[slice(None, None, step)] * self.group.ndim)]
                u = F.interpolate(u, scale_factor=step)
            u = u[:, None] * (1 + self.own) if "own" in change else u[:, None]
            moved = h if "still" in change or "after" in change else self.group.act(psi_1, h)
            h = torch.tanh(u + self.W(moved.flatten(0, 1)).unflatten(0, moved.shape[:2]))
            h = self.group.act(psi_1, h) if "after" in change else h
            states.append(h)
        self.kept = float(h.mean())
        return torch.stack(states, 1)


BROKEN = {
    "zero padding": {"padding": "zeros"},
    "a stride": {"stride": 2},
    "an absolute position": {"place": True},
    "batch statistics": {"norm": True},
    "randomness": {"drop": True},
    "a state kept between calls": {"keep": True},
    "channels that are not alike": {"own": True},
    "flows that run backwards": {"back": True},
    "another pose": {"after": True},
    "a memory that does not flow": {"still": True},
}
TORI = [(16,), (12, 14)]


@pytest.mark.parametrize("grid", TORI, ids=str)
@pytest.mark.parametrize("cause", BROKEN)
def test_one_change_is_named_and_nothing_else(cause, grid):
    group, V = fl.Translations(grid), fl.translation_velocities(1, len(grid))
    for seed in range(3 if len(grid) == 1 else 1):  # a torus takes longer
        torch.manual_seed(seed)
        report = fl.audit(Network(group, V, **BROKEN[cause]), group, V)
        assert list(report.causes) == [cause], report


def test_the_axes_in_another_order(seeded):
    torus, V = fl.Translations((9, 12)), fl.translation_velocities(1)
    network = fl.FERNN(torus, V, 1, 3)
    assert not fl.audit(network, torus, V).causes
    assert list(fl.audit(network, torus, V.flip(1)).causes) == ["axes in another order"]
    order = torch.randperm(9)  # the channels of a box are in an order of its own
    network.double()

    def box(video):
        return network(video)[:, :, order]

    assert not fl.audit(box, torus, V[order]).causes


def ring_network(n, radius, options, sigma=torch.tanh):
    ring, V = fl.Translations(n), fl.translation_velocities(radius, 1)
    return ring, V, fl.FERNN(ring, V, 1, 4, nonlinearity=sigma, **options)


@pytest.mark.parametrize("seed, options", [(0, {}), (1, {}), (2, {"cell": fl.GatedCell})])
def test_forecasts_and_scores(seed, options):
    """A V that is closed, one with ends, and a G-RNN, read in two ways; frames that come twice."""
    torch.manual_seed(seed)
    for n, radius, name in ((7, 3, None), (9, 1, "a V with ends"), (9, 0, "does not flow")):
        ring, V, rnn = ring_network(n, radius, options)
        for model, steps in ((fl.Forecaster(rnn, 1), {"steps": 2}), (fl.Classifier(rnn, 3), {})):
            causes = " ".join(fl.audit(model, ring, V, **steps).causes)
            assert causes == "" if name is None else causes.endswith(name)
        twice = fl.audit(TwiceFedForecaster(rnn, 1), ring, V, steps=2)
        assert twice.start == 4
        if radius:
            wanted = ["the last frame twice", *([name] if name else [])]
            assert list(twice.causes) == wanted


def test_a_hand_over_without_a_flow(seeded):
    class Early(fl.Forecaster):
        def read(self, state, psi_1=None):
            return self.group.project(self.decoder(self.pool(state)))

    ring, V, rnn = ring_network(9, 4, {})
    report = fl.audit(Early(rnn, 1), ring, V, steps=2)
    assert list(report.causes) == ["another pose"] and "-1 frame late" in report.cause


@pytest.mark.parametrize("radius", [1, 4])
def test_a_forecast_that_is_one_frame_behind(radius, seeded):
    """As in the author's code: the last frame once more, and no flow before reading. A ReLU of one channel
    may be 0 for an even frame, which then says nothing, and the other sign is tried."""

    class Behind(fl.Forecaster):
        def forward(self, context, steps):
            state, frames = self.rnn.last(context), [context[:, -1]]
            while len(frames) <= steps:
                state = self.rnn.step(state, frames[-1])
                frames.append(self.group.project(self.decoder(self.pool(state))))
            return torch.stack(frames[1:], 1)

    wanted = ["the last frame twice", "a V with ends"][: 2 if radius == 1 else 1]
    for sign in (1, -1):
        ring, V, rnn = ring_network(9, radius, {}, torch.relu)
        model = Behind(rnn, 0).requires_grad_(False)
        for weight in model.parameters():
            weight.abs_()
        rnn.input_conv.weight *= sign
        report = fl.audit(model, ring, V, torch.randn(2, 4, 1, 9).abs() * sign, steps=2)
        assert list(report.causes) == wanted
        report = fl.audit(model, ring, V, torch.randn(2, 4, 1, 9), steps=2)
        assert list(report.causes) == wanted


@pytest.mark.parametrize("pool", [lambda h: h.amax(2), lambda h: h.mean(2)], ids=["max", "mean"])
def test_a_reading_of_a_V_with_ends(pool, seeded):
    for n, radius in ((15, 1), (15, 2), (21, 3)):
        ring, V, rnn = ring_network(n, radius, {}, torch.relu)
        rnn = rnn.double()
        report = fl.audit(lambda f, rnn=rnn: pool(rnn(f)), ring, V)
        assert list(report.causes) == ["a V with ends"]
        assert f"period {2 * radius + 1}" in report.cause
        assert report.rounding is None  # float64 was asked for


def test_mixing_loses_at_the_rim(seeded):
    """The states show it. Of a reading it cannot be told, and both are named."""
    ring, V, rnn = ring_network(16, 3, {"velocity_mixing": 1})
    assert list(fl.audit(rnn, ring, V).causes) == ["a V with ends"]
    rnn = rnn.double()
    report = fl.audit(lambda f: rnn(f).amax(2), ring, V)
    assert list(report.causes) == ["a memory that does not flow"] and "ends" in report.cause


@pytest.mark.parametrize("bias", [{}, {"bias": True}], ids=["no bias", "bias"])
def test_scores_see_the_border_and_the_place(bias, seeded):
    class Scores(nn.Module):
        def __init__(self, group, V, **change):
            super().__init__()
            self.states, self.linear = Network(group, V, **change), nn.Linear(4, 3)

        def forward(self, video):
            return self.linear(self.states(video)[:, -1].amax(1).flatten(2).mean(2))

    V = torch.zeros(1, 2, dtype=torch.int64)
    for name, change in list(BROKEN.items())[:3]:
        group = fl.Translations((16, 16))
        report = fl.audit(Scores(group, V, **change, **bias), group)
        assert next(iter(report.causes)) == name
    small = fl.Translations((5, 5))
    for change in list(BROKEN.values())[:3:2]:  # the middle sees the border
        report = fl.audit(Scores(small, V, **change, **bias), small)
        assert list(report.causes) == ["an absolute position or zero padding"]


@pytest.mark.parametrize("size", [9, 12])
def test_turns(size, seeded):
    """Quarter turns: a FERNN is right, an even size and a stride are off, plain kernels do not turn."""
    turns, V = fl.Rotations(4, size), fl.rotation_velocities([-90, 0, 90, 180])
    rnn = fl.FERNN(turns, V, 1, 2, nonlinearity=torch.tanh)
    assert not fl.audit(rnn, turns, V, torch.rand(2, 3, 1, size, size)).causes

    class After(nn.Module):
        def __init__(self, last):
            super().__init__()
            self.rnn, self.last = fl.GRNN(turns, 1, 2, nonlinearity=torch.tanh), last

        def forward(self, video):
            states = self.rnn(video)[:, :, 0]
            return self.last(states.flatten(0, 2)).unflatten(0, states.shape[:3])

    even = After(lambda h: F.avg_pool2d(F.pad(h, (0, 1, 0, 1)), 2, stride=1))
    assert list(fl.audit(even, turns).causes) == ["an even size"]
    if size % 2 == 0:
        step = After(lambda h: h[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2))
        assert list(fl.audit(step, turns).causes) == ["a stride"]
    plain = Network(fl.Translations((size, size)), torch.zeros(1, 2).long(), padding="zeros")
    report = fl.audit(plain, turns)
    assert list(report.causes) == ["kernels that do not turn"]


def test_interpolation_loses_less_of_a_smooth_picture(seeded):
    turns = fl.Rotations(8, 15)
    report = fl.audit(fl.Classifier(fl.GRNN(turns, 1, 2, kernel_size=5), 3), turns)
    rough, smooth = (
        float(word) for word in report.causes["interpolation"].split() if word[:2] == "0."
    )
    assert smooth < rough
    V = fl.rotation_velocities([-10, 0, 10])
    report = fl.audit(fl.FERNN(turns, V, 1, 2, kernel_size=5), turns, V)
    assert list(report.causes) == ["interpolation"] and list(report.flow) == [(10.0,)]


def test_float32_inside(seeded):
    """A Fourier transform rounds another way when its input has moved."""

    class Spectral(nn.Module):
        def forward(self, video):
            filtered = torch.fft.rfft(video.float()) * torch.linspace(1, 2, 8)
            return torch.fft.irfft(filtered, n=15).to(video.dtype)

    report = fl.audit(Spectral(), fl.Translations(15))
    assert list(report.causes) == ["float32 inside"]
    assert 1e-8 < torch.stack(list(report.static.values())).max() < 1e-6


def test_others(seeded):
    torus, ring, V = fl.Translations((16, 16)), fl.Translations(15), [-1, 0, 1]
    causes = list(fl.audit(Convolution3d(1, 4, 3).eval(), torus).causes)
    assert causes == ["a stride", "a memory that does not flow"]
    causes = list(fl.audit(LearnedMotionRNN(ring, V, 1, 4), ring, V).causes)
    assert causes == ["a memory that does not flow"]
    two = fl.Stack(fl.FERNN(ring, V, 1, 2), fl.FERNN(ring, V, 2, 4, lifted=True))
    gapped = fl.FERNN(ring, [-3, 0, 3], 1, 4)
    assert not fl.audit(two, ring, V).causes and not fl.audit(gapped, ring, [-3, 0, 3]).causes
    assert not fl.audit(fl.GroupConvolution(ring, 1, 4), ring).causes


def test_the_report_can_be_read(seeded):
    ring, V, rnn = ring_network(9, 1, {})
    good, bad = fl.audit(rnn, ring, V), fl.audit(fl.GRNN(ring, 1, 4), ring)
    for report in (good, bad):
        single, double = report.rounding
        assert 1e-9 < single < 1e-5 and double < report.tolerance == 1e-13
        assert set(report.static) >= {(1,)} and list(report.flow) == [(1,)]
        assert all(len(e) == 4 for e in [*report.static.values(), *report.flow.values()])
        assert str(report).endswith(report.cause) and str(report) == repr(report)
    assert "Nothing is wrong" in good.cause and "  1  " in str(good)
    assert bad.cause.startswith("A memory that does not flow: the law of flows is off by ")
    rows = str(bad).splitlines()
    assert rows[0].split() == ["static", "0", "1", "2", "3"] and rows[1].split() == ["1", *"...."]
    assert bad.flow[(1,)][0] == 0 and bad.flow[(1,)][1] > 0.01


def test_the_network_and_chance_are_left_as_they_were(seeded):
    ring, V = fl.Translations(9), fl.translation_velocities(1, 1)
    network = Network(ring, V, norm=True)
    before, chance = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    fl.audit(network, ring, V)
    after = network.state_dict()
    assert network.training and all(torch.equal(before[k], after[k]) for k in before)
    assert torch.equal(chance, torch.get_rng_state())


def test_bad_input(as_users_see_it):
    ring, V, rnn = ring_network(9, 1, {})
    with pytest.raises(ValueError, match="say of which V"):
        fl.audit(rnn, ring)
    with pytest.raises(ValueError, match="3 velocity channels, velocities is"):
        fl.audit(rnn, ring, [-2, -1, 0, 1, 2])
    with pytest.raises(ValueError, match="wants Translations or Rotations"):
        fl.audit(rnn, "ring")
    with pytest.raises(ValueError, match="wants one of states, signals, forecast, scores"):
        fl.audit(rnn, ring, V, result="video")
    with pytest.raises(ValueError, match="5 axes for states"):
        fl.audit(lambda f: f.sum(), ring)
    with pytest.raises(ValueError, match="the result is a tuple"):
        fl.audit(lambda f: (f, f), ring)
    with pytest.raises(ValueError, match="0 everywhere"):
        fl.audit(lambda f: 0 * f, ring)
