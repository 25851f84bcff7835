"""The network that learns in a page, in Node: what it computes is what `flowlib` and torch compute."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.lab.baselines import MeanForecaster, TwiceFedForecaster
from flowlib.pages.widgets import weights

MODULE = Path(weights.__file__).parent / "fernn.js"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node to run the page's module in")

CONTEXT, STEPS, VIDEOS, GRID = 3, 3, 2, (5, 7)
ROUNDING = 1e-12  # sums of a few thousand terms of order 1, relative to the largest


def in_node(program: str, **given) -> dict:
    """What a program finds with the module: it sees what is given by name, and sets `found`."""
    text = (
        f"{MODULE.read_text()}\nconst {{{', '.join(given)}}} = {json.dumps(given)};\nlet found;\n"
    )
    text += f"{program}\nconsole.log(JSON.stringify(found));"
    done = subprocess.run(
        [NODE, "--input-type=module"], input=text, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def network(velocities, layers=2, seed=0):
    torch.manual_seed(seed)
    rnn = fl.FERNN(fl.Translations(GRID), velocities, 1, 3, memory=0.5)
    return fl.Forecaster(rnn, layers)


def video(seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(VIDEOS, CONTEXT + STEPS, 1, *GRID, generator=random, dtype=torch.float64)


def frames(video):
    """One flat list (video, y, x) a frame, as the module wants it."""
    return [frame.flatten().tolist() for frame in video.unbind(1)]


def differ(found, wanted):
    wanted = np.asarray(wanted.detach()).reshape(-1)
    return np.abs(np.asarray(found).reshape(-1) - wanted).max() / np.abs(wanted).max()


VELOCITIES = {
    "G-RNN": [(0, 0)],
    "V1": fl.translation_velocities(1),
    "faster than the grid": [(0, 0), (2, -3), (-7, 9)],
}


@needs_node
@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("V", VELOCITIES.values(), ids=VELOCITIES)
def test_forecasts_and_gradients_are_those_of_torch(V, layers):
    model, videos = network(V, layers), video()
    found = in_node(
        """const network = Forecaster.fromData(data);
        const [context, future] = [videos.slice(0, count), videos.slice(count)].map((v) =>
          v.map((frame) => Float64Array.from(frame)));
        const frames = network.forecast(context, future.length).frames.map((f) => [...f]);
        const loss = network.loss(context, future);
        const gradients = Object.fromEntries(network.parameters.map((p) => [p.name, [...p.gradient]]));
        found = { frames, loss, gradients };""",
        data=weights.to_dict(model),
        videos=frames(videos),
        count=CONTEXT,
    )
    model = model.double()
    forecast = model(videos[:, :CONTEXT], STEPS)
    loss = (forecast - videos[:, CONTEXT:]).square().mean()
    loss.backward()
    assert differ(found["frames"], forecast.transpose(0, 1)) < ROUNDING
    assert abs(found["loss"] - loss.item()) < ROUNDING * loss.item()
    parameters = dict(model.named_parameters())
    assert found["gradients"].keys() == parameters.keys()
    for name, parameter in parameters.items():
        assert parameter.grad.abs().max() > 0
        assert differ(found["gradients"][name], parameter.grad) < ROUNDING, name


@needs_node
def test_an_update_is_that_of_torch():
    """Adam, with the gradient clipped: the same weights after a few updates."""
    model, videos, updates = network(VELOCITIES["V1"]), 20 * video(), 4
    found = in_node(
        """const network = Forecaster.fromData(data), norms = [];
        const film = videos.map((frame) => Float64Array.from(frame));
        for (let k = 0; k < updates; k++) {
          network.loss(film.slice(0, count), film.slice(count));
          norms.push(network.update(0.01));
        }
        const { U, W, R } = network;
        found = { norms, values: [U, W, ...R].map((p) => [...p.value]) };""",
        data=weights.to_dict(model),
        videos=frames(videos),
        count=CONTEXT,
        updates=updates,
    )
    model = model.double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for k in range(updates):
        optimizer.zero_grad()
        (model(videos[:, :CONTEXT], STEPS) - videos[:, CONTEXT:]).square().mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        assert abs(found["norms"][k] - norm.item()) < 1e-9 * norm.item()
        optimizer.step()
    assert found["norms"][0] > 1  # it was clipped
    for values, parameter in zip(found["values"], model.parameters(), strict=True):
        assert differ(values, parameter) < 1e-9  # Adam divides by roots of small squares


@needs_node
def test_what_breaks_the_law_is_what_it_says():
    """Zero padding, a stride of two and the last frame twice, against torch's own."""
    model, videos = network(VELOCITIES["V1"]), video()
    program = """const network = Forecaster.fromData(data);
        const film = videos.map((frame) => Float64Array.from(frame));
        found = Object.fromEntries(["zeros", "stride", "twice"].map((name) =>
          [name, network.forecast(film, 2, { [name]: true }).frames.map((f) => [...f])]));"""
    found = in_node(program, data=weights.to_dict(model), videos=frames(videos))

    model, V = model.double(), VELOCITIES["V1"]
    U, W = model.rnn.input_conv.weight, model.rnn.state_conv.weight
    R = [layer.weight for layer in model.decoder if hasattr(layer, "weight")]

    def moved(state):  # psi_1(v).h(v)
        planes = zip(state.unbind(1), V.tolist(), strict=True)
        return torch.stack([torch.roll(plane, v, (-2, -1)) for plane, v in planes], 1)

    def forecast(convolve, thin=lambda drive: drive):
        state, out = torch.zeros(VIDEOS, len(V), 3, *GRID, dtype=torch.float64), []
        seen = list(videos.unbind(1))
        for t in range(len(seen) + 1):
            frame = seen[t] if t < len(seen) else out[-1]
            past = convolve(moved(state).flatten(0, 1), W).unflatten(0, state.shape[:2])
            state = (thin(convolve(frame, U))[:, None] + past).relu()
            if t >= len(seen) - 1:
                signal = moved(state).amax(1)
                for weight in R[:-1]:
                    signal = convolve(signal, weight).relu()
                out.append(convolve(signal, R[-1]))
        return torch.stack(out)

    def around(signal, weight):
        padded = torch.nn.functional.pad(signal, (1, 1, 1, 1), mode="circular")
        return torch.nn.functional.conv2d(padded, weight)

    def zeros(signal, weight):
        return torch.nn.functional.conv2d(signal, weight, padding=1)

    def every_second(drive):
        held = drive[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2)
        return held[..., : GRID[0], : GRID[1]]

    with torch.no_grad():
        assert differ(found["zeros"], forecast(zeros)) < ROUNDING
        assert differ(found["stride"], forecast(around, every_second)) < ROUNDING
        twice = TwiceFedForecaster(model.rnn)
        twice.decoder = model.decoder
        assert differ(found["twice"], twice(videos, 2).transpose(0, 1)) < ROUNDING


@needs_node
def test_weights_go_both_ways(tmp_path):
    models = {name: network(VELOCITIES[name]) for name in ("G-RNN", "V1")}
    file = tmp_path / "mine.json"
    weights.save(models, file)
    data = json.loads(file.read_text())
    program = """found = Object.fromEntries(Object.entries(data).map(([name, one]) =>
        [name, Forecaster.fromData(one).toData()]));"""
    assert in_node(program, data=data) == data
    for name, model in weights.load(file).items():
        assert model.rnn.velocities.tolist() == models[name].rnn.velocities.tolist()
        for one, two in zip(model.parameters(), models[name].parameters(), strict=True):
            assert torch.equal(one, two)


@needs_node
def test_a_new_network_starts_as_flowlib_would():
    """The same bounds, and half of the identity in W; another seed is another network."""
    found = in_node("""const make = (seed) => new Forecaster(
          { grid: [5, 5], velocities: velocities(1), channels: 8, layers: 1, seed });
        found = [make(1), make(1), make(2)].map((n) => n.toData());""")
    assert found[0] == found[1] != found[2]
    model = weights.from_dict(found[0])
    assert torch.equal(model.rnn.velocities, VELOCITIES["V1"])
    U, W = model.rnn.input_conv.weight, model.rnn.state_conv.weight
    assert 0.9 / 3 < U.abs().max() <= 1 / 3
    W = W - 0.5 * torch.eye(8)[..., None, None] * torch.eye(9)[4].reshape(3, 3)
    assert 0.9 * 0.5 < W.abs().max() * np.sqrt(72) <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rnn: dict(rnn=fl.FERNN(rnn.group, [(0, 1)], bias=True)), "has a bias"),
        (
            lambda rnn: dict(rnn=fl.FERNN(rnn.group, [(0, 1)], nonlinearity=torch.tanh)),
            "another cell",
        ),
        (lambda rnn: dict(rnn=fl.FERNN(rnn.group, VELOCITIES["V1"], velocity_mixing=1)), "mixes"),
        (lambda rnn: dict(rnn=fl.FERNN(rnn.group, [(0, 1)], kernel_size=5)), "kernels of size 5"),
        (lambda rnn: dict(rnn=fl.GRNN(fl.Translations(5))), r"the group Translations\(\(5,\)\)"),
    ],
)
def test_other_networks_are_refused(change, message):
    with pytest.raises(ValueError, match=f"the model .*{message}.*a page computes"):
        weights.to_dict(fl.Forecaster(**change(network([(0, 0)]).rnn)))


def test_another_reading_is_refused():
    with pytest.raises(ValueError, match="is a MeanForecaster"):
        weights.to_dict(MeanForecaster(network([(0, 0)]).rnn))


def test_damaged_weights_are_refused():
    data = weights.to_dict(network([(0, 0)]))
    with pytest.raises(ValueError, match="this is no 'flowlib forecaster 1'"):
        weights.from_dict({"weights": {}})
    with pytest.raises(ValueError, match=r"has 27 numbers: \(4, 1, 3, 3\) wants 36"):
        weights.from_dict({**data, "hidden_channels": 4})
    with pytest.raises(ValueError, match="the weights are .*it wants"):
        weights.from_dict({**data, "decoder_layers": 1})
