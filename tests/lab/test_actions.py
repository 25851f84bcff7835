"""The tables of actions: folds that share nobody, and every model at `tiny`."""

import dataclasses
import os
from pathlib import Path

import pytest
import torch

import flowlib as fl
from flowlib.lab import actions as module
from flowlib.lab import recognition
from flowlib.lab.baselines import LearnedMotionRNN
from flowlib.lab.data.actions import Actions, Sequence
from flowlib.lab.data.kth import KTH, NAMES, SUBSET, split
from flowlib.lab.data.stick import stick
from flowlib.lab.experiment import Row
from flowlib.lab.run import experiments, run
from flowlib.lab.tables import table

REAL = Path(os.environ.get("FLOWLIB_DATA", "nowhere")) / "kth"


@pytest.fixture(scope="module")
def few():
    """The four tables, on few stick figures, under names of their own."""
    figures = stick(module.PRESETS["tiny"].size, persons=6, takes=1, frames=12)
    return {
        asked: dataclasses.replace(
            module.TABLES[f"stick-{asked}"], name=f"few-{asked}", read=lambda size: figures
        ).experiment()
        for asked in module.QUESTIONS
    }


@pytest.mark.parametrize("asked", module.QUESTIONS)
def test_every_model_runs_and_is_measured(few, asked):
    for model in module.ROWS:
        row = run(few[asked], model, "tiny", 1, progress=False).row
        confusion = torch.tensor(row["metrics"]["confusion"])
        assert confusion.shape == (6, 6) and confusion.sum() == 12, "two persons, six actions"
        right = confusion.diagonal().sum() / confusion.sum()
        assert row["metrics"]["test_accuracy"] == pytest.approx(right.item())
        assert row["metrics"]["chance"] == pytest.approx(1 / 6)
        assert row["data"] == "stick figures (synthetic)"
        speeds = row["metrics"].get("accuracy_by_speed")
        assert (speeds is None) == (asked != "faster") and (not speeds or len(speeds) == 3)


def listed(source, persons):
    """Everybody in `persons` does all actions, and 'extra' boxes."""
    rows = [Sequence(a, p, f"{p}_{a}", 0, 9) for p in persons for a in NAMES]
    rows.append(Sequence("boxing", "extra", "extra_boxing", 0, 9))
    frames = torch.zeros(9, 4, 4, dtype=torch.uint8)
    return Actions(source, NAMES, frames, tuple(rows), split("paper") if source == KTH else None)


@pytest.mark.parametrize("source, count", [(SUBSET, 3), ("Weizmann", 9), (KTH, 25)])
def test_folds_share_nobody(source, count):
    everybody = listed(source, [f"person{n:02d}" for n in range(1, count + 1)])
    tested = []
    for seed in range(3):
        parts = [part.persons for part in recognition.fold(everybody, seed)]
        assert len(sum(parts, [])) == len(set(sum(parts, [])))
        assert "extra" in parts[0] or source == KTH
        tested.append(parts[2])
    if source == KTH:
        assert tested[0] == tested[1] == [f"person{n}" for n in range(21, 26)]
    else:
        assert len(set(sum(tested, []))) == count, "each tests once in three folds"


def test_the_flow_of_the_camera_is_the_same_question():
    """A FERNN on a V that is a group, behind an encoder with batch normalisation, is invariant."""
    torus = fl.Translations((3, 3))
    torch.manual_seed(0)
    row = Row("", fl.translation_velocities(1))
    preset = dataclasses.replace(module.PRESETS["tiny"], size=3)
    model = recognition.build(row, preset, 6).double().requires_grad_(False)
    video = torch.rand(5, 6, 1, 3, 3).double()
    for mode in (True, False):  # with the statistics of the batch, and with those that were kept
        model.train(mode)
        scores = model(video)
        moved = model(fl.flow_video(torus, video, (1, -1)))
        torch.testing.assert_close(moved, scores, rtol=0, atol=1e-13)
    plus = recognition.build(dataclasses.replace(row, kind=LearnedMotionRNN), preset, 6).double()
    assert (plus(fl.flow_video(torus, video, (1, -1))) - plus(video)).abs().max() > 1e-4


@pytest.mark.skipif(not REAL.exists(), reason="FLOWLIB_DATA names no folder with KTH")
def test_a_dry_run_of_the_paper_s_preset_on_real_videos(tmp_path, monkeypatch):
    """The command that is meant for KTH proper, cut short: smaller, and two updates."""
    folder = tmp_path / "kth"
    folder.mkdir()
    for pattern in ("00sequences.txt", "person01_*", "person10_*d1*", "person15_*d1*"):
        for path in REAL.glob(pattern):
            (folder / path.name).symlink_to(path)
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path))
    monkeypatch.setenv("FLOWLIB_CACHE", str(tmp_path / "cache"))
    short = dataclasses.replace(
        module.PRESETS["paper"], size=8, channels=2, batch=4, updates=2, record_every=1, every=1
    )
    table = dataclasses.replace(
        module.TABLES["kth-fixed"], name="dry-run", presets={"paper": short}
    )
    experiment = table.experiment()
    task = experiment.prepare("paper", torch.device("cpu"))
    for model in ("3d-cnn", "fernn-v2"):
        row = run(experiment, model, "paper", task=task, progress=False).row
        assert row["data"] == SUBSET, "a part of KTH is never called KTH"
        assert sum(map(sum, row["metrics"]["confusion"])) > 20


def test_accuracies_stand_in_the_table_as_they_were_published(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_RESULTS", str(tmp_path))
    assert "0.716 ± 0.04 " in table(experiments()["kth-fixed"])
    assert "Published: not in the paper." in table(experiments()["weizmann-fixed"])


def test_what_is_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWLIB_DATA", str(tmp_path))
    assert module.at_hand().name == "stick"
    if REAL.exists():
        for name in ("kth", "weizmann"):
            (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / "kth" / "00sequences.txt").symlink_to(REAL / "00sequences.txt")
        assert module.at_hand().name == "stick", "an annotation without a video"
        video = "person01_walking_d1_uncomp.avi"
        (tmp_path / "kth" / video).symlink_to(REAL / video)
        assert module.at_hand().name == "stick", "one person makes no folds"
        for path in REAL.glob("person*d1*"):
            if path.name != video:
                (tmp_path / "kth" / path.name).symlink_to(path)
        assert module.at_hand().name == "kth"


def test_one_more_data_set_is_one_object():
    """Its tables, their presets and names follow from it."""
    figures = stick(8, persons=3, takes=1, frames=12)
    own = dataclasses.replace(figures, source="my cats")
    cats = module.DataSet("cats", "cats, filmed at home", lambda size: own)
    table = cats.table("switch")
    assert table.name == "cats-switch" and "paper" not in table.presets
    assert table.title == "cats, filmed at home: the camera changes its velocity half-way"
    row = run(table.experiment(), "g-rnn", "tiny", progress=False).row
    assert row["data"] == "my cats" and row["command"] is None
    assert "paper" in module.DATA["kth"].table("fixed").presets


def test_measuring_leaves_the_mode_of_a_model(few):
    task = few["fixed"].prepare("tiny", torch.device("cpu"))
    model = task.model("3d-cnn").train()
    model.norms[0].eval()
    task.measure(model)
    assert model.training and not model.norms[0].training
