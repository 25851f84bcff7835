"""One row of an experiment, a table of the book or a reader's own."""

import dataclasses

import pytest
import torch
from torch import nn

import flowlib as fl
from flowlib.lab import translating_mnist
from flowlib.lab.checkpoints import RowIsRunningError, checkpoint_path, row_lock
from flowlib.lab.experiment import Experiment, Preset, Task
from flowlib.lab.memory import TrainingMemory
from flowlib.lab.run import experiments, run
from flowlib.lab.training import constant

CPU = torch.device("cpu")
SIZES = dict(size=4, channels=1, batch=8, updates=12, record_every=4)


def line(name="my-line", source="a line", **changes):
    """No table of flowlib's: a linear model that learns to add up its inputs."""
    preset = Preset("seconds", **SIZES | changes)

    def loss(model, seed, number, name):
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(1000 * seed + number))
        return (model(x) - x.sum(1, keepdim=True)).square().mean()

    def error(model):
        return loss(model, 99, 0, "").item()

    return Experiment(
        name=name,
        title="adding up",
        models={"linear": "one layer", "mean": "no training"},
        presets={"quick": preset.title},
        settings={"quick": preset.settings()},
        metric="mse",
        prepare=lambda preset_name, device: Task(
            preset=preset,
            model=lambda name: nn.Linear(4, 1) if name == "linear" else Sums(),
            loss=loss,
            validate=error,
            measure=lambda model: {"mse": error(model)},
            source=source,
        ),
    )


class Sums(nn.Module):
    def forward(self, x):
        return x.sum(1, keepdim=True)


def test_an_experiment_of_one_s_own(tmp_path):
    own = line()
    path = checkpoint_path(own.name, "linear", "quick", 3)
    assert path.name == "my-line-linear-quick-3.pt"
    result = run(own, "linear", seed=3, checkpoint=tmp_path / path.name, progress=False)
    row = result.row
    assert (row["experiment"], row["data"], row["command"]) == ("my-line", "a line", None)
    assert row["updates"] == 12 and row["parameters"] == 5 and row["settings"]["size"] == 4
    again = run(own, "linear", seed=3, checkpoint=tmp_path / path.name, progress=False)
    assert again.row["metrics"] == row["metrics"] and again.history == result.history


def test_a_model_with_nothing_to_train_is_measured():
    row = run(line(), "mean", progress=False).row
    assert row["metrics"]["mse"] < 1e-12
    assert row["updates"] == row["best_update"] == row["parameters"] == row["seconds"] == 0


def test_a_model_may_have_settings_of_its_own():
    own = {"linear": {"learning_rate": 0.3, "schedule": constant}}
    preset = Preset("", **SIZES, learning_rate=0.1, own=own)
    assert preset.of("linear").training()["learning_rate"] == 0.3
    assert preset.of("mean").training()["learning_rate"] == 0.1
    assert preset.settings()["own"] == {"linear": {"learning_rate": 0.3, "schedule": "constant"}}


def test_nobody_borrows_the_name_of_a_table(as_users_see_it):
    with pytest.raises(ValueError, match="is called 'translating-mnist', and is not the table"):
        run(line("translating-mnist"), "linear")
    table = translating_mnist.TABLES["translating-mnist"]
    changed = {"quick": dataclasses.replace(table.presets["quick"], updates=6)}
    shorter = dataclasses.replace(table, presets=changed)
    with pytest.raises(ValueError, match="give it a name of its own"):
        run(shorter.experiment(), "g-rnn")
    fewer = line(updates=3).prepare("quick", CPU)
    with pytest.raises(ValueError, match="not my-line at quick: updates is 3, not 12; run an exp"):
        run(line(), "linear", task=fewer)
    same = table.experiment()
    assert same == experiments()["translating-mnist"], "the table itself may be given as an object"


@pytest.mark.parametrize("name", ["my line", "a/b", "", "../up"])
def test_names_that_make_no_file_name(name, as_users_see_it):
    with pytest.raises(ValueError, match="becomes part of a file name"):
        line(name)


def test_a_row_says_which_data_it_is_of(as_users_see_it):
    with pytest.raises(ValueError, match="source is empty"):
        run(line(source=""), "linear")


def test_one_row_is_done_by_one(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_CHECKPOINTS", str(tmp_path / "here"))
    with row_lock("a", "b", "c", 0):
        with row_lock("a", "b", "c", 1):
            pass
        with pytest.raises(RowIsRunningError, match="another process runs a b c 0 at this moment"):
            with row_lock("a", "b", "c", 0):
                pytest.fail("not alone")
    with row_lock("a", "b", "c", 0):
        pass


def test_the_memory_of_a_row_is_its_own():
    """Whatever was there before, and whatever came earlier."""
    first = run(line(), "linear", progress=False).row["peak_memory_mb"]
    there = torch.ones(10_000_000)
    again = run(line(), "linear", progress=False).row["peak_memory_mb"]
    # 5 weights 4 times; kept for the backward pass are the input, 8 x 4, and the difference, 8
    assert first == again == round(4 * (4 * 5 + 8 * 4 + 8) / 1e6, 3) and len(there)


@pytest.mark.parametrize("velocities", [1, 9, 25])
def test_memory_grows_with_the_velocities(velocities):
    """A FERNN keeps a state a frame and velocity."""
    group, V = fl.Translations((8, 8)), fl.translation_velocities(2)[:velocities]
    rnn, memory = fl.FERNN(group, V, 1, 4), TrainingMemory(CPU)
    with memory.update(rnn):
        rnn.last(torch.rand(3, 6, 1, 8, 8))
    weights = sum(p.nbytes for p in rnn.parameters())
    states = 4 * 3 * 6 * velocities * 4 * 8 * 8
    assert 0.9 < (memory.mb(rnn) * 1e6 - 4 * weights) / states < 1.5
