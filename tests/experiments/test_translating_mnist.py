"""The experiments on moving digits, at the preset `tiny`, with the pictures that need no download."""

import dataclasses
import math

import pytest
import torch
from torch import nn

import flowlib as fl
from flowlib.experiments import experiments, run
from flowlib.experiments.translating_mnist import EXPERIMENTS, PRESETS, build

pytestmark = pytest.mark.filterwarnings("ignore:This is NOT MNIST")
TINY = PRESETS["tiny"]


@pytest.fixture(scope="module", autouse=True)
def tasks(tmp_path_factory):
    """Each experiment's task, without MNIST; one thread, as the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWLIB_OFFLINE", "1")
        patch.setenv("FLOWLIB_DATA", str(tmp_path_factory.mktemp("data")))
        yield {e.name: e.prepare("tiny", torch.device("cpu")) for e in EXPERIMENTS}
    torch.set_num_threads(threads)


class Probe(nn.Module):
    """Forecasts that everything goes on moving at one velocity, and keeps what it was shown."""

    def __init__(self, velocity=(0, 0)):
        super().__init__()
        self.weight, self.velocity = nn.Parameter(torch.ones(())), velocity
        self.trained_on, self.tested_on = [], []

    def forward(self, context, steps):
        (self.trained_on if self.training else self.tested_on).append(context)
        torus = fl.Translations(context.shape[-2:])
        return self.weight * fl.flow(torus, context[:, -1], self.velocity, steps + 1)[:, 1:]


def moves_at(video, velocities):
    """The one of the velocities at which the video moves, or None."""
    for v in velocities.tolist():
        if torch.equal(torch.roll(video[:-1], v, (-2, -1)), video[1:]):
            return tuple(v)


@pytest.mark.parametrize("name", [e.name for e in EXPERIMENTS])
def test_every_model_runs_and_is_measured(tasks, name):
    parameters = set()
    for model in experiments()[name].models:
        result = run(name, model, "tiny", task=tasks[name], progress=False)
        row, metrics = result.row, result.row["metrics"]
        assert metrics.keys() == {"test_mse", "mse_by_step", "mse_by_velocity"}
        assert len(metrics["mse_by_step"]) == TINY.long > TINY.horizon
        first = metrics["mse_by_step"][: TINY.horizon]
        assert metrics["test_mse"] == pytest.approx(sum(first) / len(first))
        V = [",".join(map(str, v)) for v in fl.translation_velocities(2).tolist()]
        assert list(metrics["mse_by_velocity"]) == V and len(V) == 25
        numbers = [*metrics["mse_by_step"], *metrics["mse_by_velocity"].values()]
        assert all(math.isfinite(n) and n > 0 for n in numbers)
        assert (row["experiment"], row["model"], row["updates"]) == (name, model, TINY.updates)
        assert row["best_update"] in result.history.updates
        parameters.add(row["parameters"])
    assert len(parameters) == 1, "the models differ in their velocities alone"


def test_seeds_change_the_training_and_nothing_else(tasks):
    name, shown = "translating-mnist", {}
    for model, seed in (("g-rnn", 0), ("g-rnn", 1), ("fernn-v2", 0)):
        task = dataclasses.replace(tasks[name], model=lambda name: Probe())
        probe = run(name, model, "tiny", seed, task=task, progress=False).model
        shown[model, seed] = torch.cat(probe.trained_on), torch.cat(probe.tested_on)
    trained, tested = zip(*shown.values(), strict=True)
    assert not torch.equal(trained[0], trained[1]) and torch.equal(trained[0], trained[2])
    assert torch.equal(tested[0], tested[1]) and torch.equal(tested[0], tested[2])
    assert len(trained[0]) == TINY.updates * TINY.batch

    # No video twice, and no test video trained on.
    videos = trained[0].flatten(1)
    assert len(videos.unique(dim=0)) == len(videos)
    assert torch.cdist(videos, tested[0].flatten(1)).min() > 0


def test_the_seed_makes_the_weights(tasks):
    task, trained = tasks["translating-mnist"], []
    for seed in (0, 0, 1):
        model = run("translating-mnist", "g-rnn", "tiny", seed, task=task, progress=False).model
        trained.append(nn.utils.parameters_to_vector(model.parameters()))
    assert torch.equal(trained[0], trained[1]) and not torch.equal(trained[0], trained[2])


@pytest.mark.parametrize("name, radius", [("translating-mnist", 2), ("velocity-generalisation", 1)])
def test_videos_move_as_the_experiment_says(tasks, name, radius):
    task, probe, V = tasks[name], Probe(), fl.translation_velocities(2)
    for number in range(20):
        task.loss(probe, 0, number)
    speeds = {moves_at(video, V) for video in torch.cat(probe.trained_on)}
    assert None not in speeds
    assert max(abs(part) for v in speeds for part in v) == radius


@pytest.mark.parametrize("velocity", [(1, -2), (0, 1)])
def test_errors_stand_at_the_velocity_that_made_them(tasks, velocity):
    """A forecast that moves at (v_y, v_x) is right there, and nowhere else."""
    by_velocity = tasks["translating-mnist"].measure(Probe(velocity))["mse_by_velocity"]
    right = [v for v, error in by_velocity.items() if error == 0]
    assert right == [f"{velocity[0]},{velocity[1]}"]


@pytest.mark.parametrize("name", ["g-rnn", "fernn-v1", "fernn-v2"])
def test_the_paper_preset_builds_the_paper_s_model(name):
    model = build(PRESETS["paper"], name)
    assert sum(p.numel() for p in model.parameters()) == 739_584
    assert len(model.rnn.velocities) == {"g-rnn": 1, "fernn-v1": 9, "fernn-v2": 25}[name]


def test_bad_names(as_users_see_it, tasks):
    for names, message in (
        (("moving-mnist", "g-rnn", "tiny"), "'moving-mnist': choose .*translating-mnist"),
        (("translating-mnist", "rnn", "tiny"), "'rnn': choose one of g-rnn, fernn-v1, fernn-v2"),
        (
            ("translating-mnist", "g-rnn", "huge"),
            "'huge': choose one of tiny, quick, laptop, paper",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            run(*names, progress=False)
