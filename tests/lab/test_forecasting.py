"""All tables of moving digits, at the preset `tiny`, with the pictures that need no download."""

import dataclasses
import math

import pytest
import torch
from torch import nn

import flowlib as fl
from flowlib.lab import (
    bouncing_mnist,
    flow_predictor,
    ledger,
    rotating_mnist,
    scan_mnist,
    tables,
    translating_mnist,
)
from flowlib.lab.baselines import LearnedMotionRNN
from flowlib.lab.data.motion import MovingImages, Pictures, generator
from flowlib.lab.evaluation import repeated, still_picture
from flowlib.lab.forecasters import PAPER, TINY, ForecastRow, build
from flowlib.lab.forecasting import ForecastTable
from flowlib.lab.run import experiments, run
from flowlib.lab.tables import table as printed

pytestmark = pytest.mark.filterwarnings("ignore:This is NOT MNIST")
TABLES = {
    name: table
    for room in (translating_mnist, rotating_mnist, bouncing_mnist, scan_mnist, flow_predictor)
    for name, table in room.TABLES.items()
}


@pytest.fixture(scope="module", autouse=True)
def tasks(tmp_path_factory):
    """Each experiment's task, without MNIST; one thread, as the tensors are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWLIB_OFFLINE", "1")
        patch.setenv("FLOWLIB_DATA", str(tmp_path_factory.mktemp("data")))
        yield {n: experiments()[n].prepare("tiny", torch.device("cpu")) for n in TABLES}
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


@pytest.mark.parametrize("name", TABLES)
def test_every_model_runs_and_is_measured(tasks, name):
    parameters, table = {}, TABLES[name]
    for model, told in table.rows.items():
        result = run(name, model, "tiny", task=tasks[name], progress=False)
        row, metrics = result.row, result.row["metrics"]
        assert len(metrics["mse_by_step"]) == TINY.long > TINY.horizon
        first = metrics["mse_by_step"][: TINY.horizon]
        assert metrics["test_mse"] == pytest.approx(sum(first) / len(first))
        numbers = [*metrics["mse_by_step"], *metrics.get("mse_by_velocity", {}).values()]
        assert all(math.isfinite(n) and n > 0 for n in numbers)
        assert (row["experiment"], row["model"], row["updates"]) == (
            name,
            model,
            table.presets["tiny"].of(model).updates if row["parameters"] else 0,
        )
        assert row["best_update"] in result.history.updates
        assert row["settings"]["channels"] == TINY.channels
        kind = told.kind if told.recurrent else model
        size = (kind, told.mixing, told.separable, told.width, told.cell, told.kernel_size)
        size += told.layers, table.presets["tiny"].of(model).channels
        parameters.setdefault(size, set()).add(row["parameters"])
    assert all(len(p) == 1 for p in parameters.values()), "velocities add no parameters"


def test_errors_are_kept_by_velocity(tasks):
    by = {n: tasks[n].measure(Probe()).get("mse_by_velocity") for n in TABLES}
    V = [",".join(map(str, v)) for v in fl.translation_velocities(2).tolist()]
    assert list(by["translating-mnist"]) == list(by["velocity-generalisation"]) == V
    assert list(by["between-generators"]) == [f"0,{x}" for x in range(-5, 6)]
    assert list(by["rotation-generalisation"]) == [str(v) for v in range(-50, 51, 10)]
    assert by["bouncing-mnist"] is by["rotating-mnist-2"] is by["translating-mnist-2"] is None


def test_a_row_knows_what_a_still_picture_scores(tasks):
    """The floors are those of the test videos; a still picture has no skill, the truth has all."""

    class Still(Probe):
        def forward(self, context, steps):
            return self.weight * still_picture(context, steps)

    task = tasks["translating-mnist"]
    metrics, last = task.measure(Still()), task.measure(Probe())
    rounding = pytest.approx(0, abs=1e-6)  # float32
    assert metrics["skill"] == rounding and metrics["still_mse"] - metrics["test_mse"] == rounding
    assert (
        last["test_mse"] - last["last_mse"] == rounding and last["last_mse"] == metrics["last_mse"]
    )
    assert abs(last["last_mse"] - last["still_mse"]) > 1e-3
    assert last["skill"] == pytest.approx(1 - last["last_mse"] / last["still_mse"], abs=1e-6)


@pytest.mark.parametrize("size, context, horizon", [(12, 10, 10), (13, 6, 6), (28, 10, 10)])
def test_repeats_are_those_of_the_periods(size, context, horizon):
    """Frame t repeats frame s where (t - s) v is 0 on the torus: counted, and seen."""
    V = fl.translation_velocities(2)
    counted = [
        any(((t - s) * v % size == 0).all() for s in range(context))
        for v in V
        for t in range(context, context + horizon)
    ]
    spot = torch.zeros(1, 1, size, size)
    spot[..., 0, 0] = 1
    video = fl.flow(
        fl.Translations((size, size)), spot.expand(25, 1, size, size), V, context + horizon
    )
    seen = repeated(video, context).mean().item()
    assert seen == pytest.approx(sum(counted) / len(counted))
    assert seen == pytest.approx({12: 0.872, 13: 0.04, 28: 0.232}[size])


def test_a_blow_up_is_null(tasks):
    class Explodes(Probe):
        def forward(self, context, steps):
            grow = torch.full((steps, 1, 1, 1), math.inf).index_fill(0, torch.arange(2), 1.0)
            return super().forward(context, steps) * grow

    metrics = tasks["translating-mnist"].measure(Explodes())
    assert math.isfinite(metrics["test_mse"]) and metrics["mse_by_step"][2:] == [None, None]


def test_fixed_rows_train_on_one_velocity_a_picture(tasks):
    task, V = tasks["translating-mnist"], fl.translation_velocities(2)
    speeds = {}
    for row in ("fernn-v2", "fernn-v2-fixed"):
        probe, seen = Probe(), {}
        for number in range(400):
            task.loss(probe, 0, number, row)
        for video in torch.cat(probe.trained_on):
            picture = tuple(video[0].flatten().sort().values.tolist())
            seen.setdefault(picture, set()).add(moves_at(video, V))
        speeds[row] = max(len(v) for v in seen.values())
    assert speeds["fernn-v2-fixed"] == 1 < speeds["fernn-v2"]


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
        task.loss(probe, 0, number, "g-rnn")
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
    model = build(fl.Translations((28, 28)), TABLES["translating-mnist"].rows[name], PAPER)
    assert sum(p.numel() for p in model.parameters()) == 739_584
    assert len(model.rnn.velocities) == {"g-rnn": 1, "fernn-v1": 9, "fernn-v2": 25}[name]


@pytest.mark.parametrize("group", [fl.Translations((6, 6)), fl.Rotations(4, size=6)], ids=str)
def test_memory_is_kept_at_first(group):
    """With memory 1 and no new input, the untrained state stays (rotations: nearly) as it is."""
    row = ForecastRow("", [(0, 0)] if group.dim == 2 else [0.0], mixing=1)
    rnn = build(group, row, dataclasses.replace(TINY, memory=1.0)).rnn.double()
    state = torch.ones(1, 1, TINY.channels, *group.shape, dtype=torch.float64)
    kept = rnn.update(state, torch.zeros_like(state[:, 0]))[..., 2:4, 2:4]
    torch.testing.assert_close(kept, state[..., 2:4, 2:4], rtol=0, atol=1e-6)


def test_bad_names(as_users_see_it, tasks):
    for names, message in (
        (("moving-mnist", "g-rnn", "tiny"), "'moving-mnist': choose .*translating-mnist"),
        (("translating-mnist", "rnn", "tiny"), "'rnn': choose one of g-rnn, fernn-v1, fernn-v2"),
        (
            ("translating-mnist", "g-rnn", "huge"),
            "'huge': choose one of tiny, quick, laptop, desk, paper",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            run(*names, progress=False)


class Repeats(nn.Module):
    """A baseline: the last frame again. There is nothing to train."""

    def forward(self, context, steps):
        return context[:, -1:].expand(-1, steps, -1, -1, -1)


class Convolves(Repeats):
    """A baseline: the last frame, filtered, the same for each step."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, channels, 3, padding=1), nn.Dropout(0.5), nn.Conv2d(channels, 2, 1)
        )

    def forward(self, context, steps):
        return self.layers(context[:, -1])[:, None].expand(-1, steps, -1, -1, -1)


def own_table(source="leaves", name="leaves", **changes):
    """Two-coloured leaves that move at (0, 1), and networks of three kinds."""
    leaves = torch.rand(20, 2, 7, 7, generator=torch.Generator().manual_seed(0))
    asked = []

    def read(split, size):
        asked.append((split, size))
        return Pictures(leaves, source) if source else Pictures(leaves)

    def videos(pictures, preset, fixed):
        return MovingImages(pictures.images, [(0, 1)], source=pictures.source)

    table = ForecastTable(
        name=name,
        title="leaves in the wind",
        rows={
            "fernn": ForecastRow("FERNN", None),
            "g-rnn-plus": ForecastRow("G-RNN+", [(0, 0), (0, 1)], LearnedMotionRNN),
            "last-frame": ForecastRow("the last frame", kind=lambda group, channels: Repeats()),
            "cnn": ForecastRow("a CNN", kind=lambda group, channels: Convolves(channels), width=3),
        },
        presets={"tiny": TINY},
        videos=videos,
        read=read,
    )
    return dataclasses.replace(table, **changes), asked


def test_own_pictures_and_own_models_stand_in_a_table(tmp_path, monkeypatch):
    """All kinds of models, from reading to the printed table; no row says MNIST."""
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    table, asked = own_table()
    experiment = table.experiment()
    found = {}
    for model in experiment.models:
        result = run(experiment, model, "tiny", progress=False)
        assert ledger.append(result.row) == tmp_path / "leaves.jsonl"
        found[model] = result.row
        assert result.row["data"] == "leaves" and result.row["command"] is None
        assert math.isfinite(result.row["metrics"]["test_mse"])
    assert set(asked) == {("train", 7), ("test", 7)}
    assert found["cnn"]["parameters"] == 6 * 2 * 9 + 6 + 6 * 2 + 2, "three times the channels"
    assert found["last-frame"]["parameters"] == found["last-frame"]["updates"] == 0
    text = printed(experiment)
    assert "the last frame" in text and "MNIST" not in text
    assert "python -m flowlib" not in text and "Published" not in text, (
        "it is in no paper and no list"
    )
    assert tables.summary(experiment, "cnn", "tiny")["data"] == "leaves"
    # What it measures is what it says: the mean over leaves, colours and pixels.
    video = table.prepare("tiny", torch.device("cpu"))
    leaf = MovingImages(own_table()[0].read("test", 7).images, [(0, 1)]).draw(8, 5, 102, 0)
    by_hand = (leaf[:, 3:] - leaf[:, 2:3]).square().mean().item()
    assert video.source == "leaves"
    assert found["last-frame"]["metrics"]["test_mse"] == pytest.approx(by_hand, rel=0.2)


def test_no_data_are_called_by_the_name_of_others(tmp_path):
    """The source is told by what made the videos, whatever was read before."""
    own = torch.rand(20, 1, 7, 7)

    def videos(pictures, preset, fixed):
        return MovingImages(own, [(0, 1)])  # not those that were read

    few = {"a": ForecastRow("G-RNN", [(0, 0)])}
    table = dataclasses.replace(TABLES["translating-mnist"], name="mine", rows=few)
    mine = dataclasses.replace(table, videos=videos, by_velocity=None)
    cpu = torch.device("cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWLIB_OFFLINE", "1")
        patch.setenv("FLOWLIB_DATA", str(tmp_path))
        assert table.prepare("tiny", cpu).source == "scikit-learn digits"
        assert mine.prepare("tiny", cpu).source == "own pictures"
        boxes = dataclasses.replace(TABLES["bouncing-mnist"], name="boxes")
        assert boxes.prepare("tiny", cpu).source == "scikit-learn digits"
        mute = dataclasses.replace(mine, videos=lambda *_: Mute())
        with pytest.raises(ValueError, match="Mute does not tell where its pictures are from"):
            mute.prepare("tiny", cpu)
    assert own_table(source=None)[0].prepare("tiny", cpu).source == "own pictures"


class Mute:
    group, velocities = fl.Translations((7, 7)), torch.tensor([[0, 1]])


def test_a_model_without_rows_has_no_line_in_a_table_that_has_some(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    experiment = own_table()[0].experiment()
    assert len(tables.records(experiment)) == 4, "nothing is there yet: all that there will be"
    monkeypatch.setattr(tables, "SHOWN", ("tiny",))
    ledger.append(run(experiment, "last-frame", "tiny", progress=False).row)
    assert [record["model"] for record in tables.records(experiment)] == ["the last frame"]
    assert "skill" in tables.records(experiment)[0]["tiny"]
    floors = tables.floors(experiment, "tiny")
    assert floors["last_mse"] == pytest.approx(
        tables.summary(experiment, "last-frame", "tiny")["mean"]
    )
    assert "a still picture" in printed(experiment)


FRESH = [
    (name, preset)
    for name, table in TABLES.items()
    for preset in ("quick", "laptop", "desk")
    if preset in table.presets
]


@pytest.mark.parametrize("name, preset", FRESH)
def test_nothing_is_asked_that_was_shown(name, preset):
    """At most 5 % of the frames to forecast were seen; where V is small, the still digits alone are more,
    and nothing else repeats."""
    table = TABLES[name]
    size = table.presets[preset].size
    images = torch.zeros(20, 1, size, size)
    inside = slice(size // 7, -(size // 7)), slice(size // 3, -(size // 3))  # about a digit
    images[..., *inside] = torch.rand(images[..., *inside].shape, generator=generator(0))
    noise = Pictures(images, "noise")
    table = dataclasses.replace(table, read=lambda split, size: noise)
    source = table.videos(noise, table.presets[preset], False)
    still = (1 / len(source.velocities)) ** getattr(source, "objects", 2)
    assert table.floor(preset, count=2000)["repeat_share"] <= (
        0.05 if still < 0.05 else still + 0.02
    )
