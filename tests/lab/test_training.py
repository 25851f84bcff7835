"""Training: what comes out does not depend on what happened on the way."""

from pathlib import Path

import pytest
import torch
from torch import nn

import flowlib as fl
from flowlib.lab import checkpoints
from flowlib.lab.checkpoints import load_checkpoint, remove_checkpoint, save_checkpoint
from flowlib.lab.evaluation import evaluate, mode
from flowlib.lab.training import History, OutOfTime, constant, cosine, fit


def toy(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(4, 1)


def loss(model, number):
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(number))
    return (model(x) - x.sum(1, keepdim=True)).square().mean()


def validate(model):
    """Best in the middle of the run: the weights pass 0.1 on their way to 1."""
    return (model.weight.detach() - 0.1).abs().mean().item()


RUN = dict(
    updates=12,
    record_every=3,
    learning_rate=0.1,
    schedule=cosine,
    validate=validate,
    progress=False,
)


def failing(function, call, error, after=False):
    """The function, which raises the error in its call of that number, before or after its work."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(0)
        if len(calls) == call and not after:
            raise error
        result = function(*args, **kwargs)
        if len(calls) == call:
            raise error
        return result

    return wrapped


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def same(model, before):
    return all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def without_seconds(history):
    return {k: v for k, v in vars(history).items() if k != "seconds"}


def test_fit_lowers_the_loss():
    model = toy()
    before = loss(model, 99).item()
    history = fit(model, loss, 100, learning_rate=0.05, record_every=30, progress=False)
    assert loss(model, 99).item() < 0.1 * before
    assert history.updates == [30, 60, 90, 100] and history.validation == []
    assert history.loss == sorted(history.loss, reverse=True)
    assert history.seconds == sorted(history.seconds) and history.seconds[0] > 0


def test_it_ends_with_the_best_weights():
    seen, errors = [], iter([torch.nan, 3.0, 1.0, 2.0])

    def scripted(model):
        seen.append(weights(model))
        return next(errors)

    model = toy()
    history = fit(model, loss, **RUN | {"validate": scripted})
    assert history.best == 2 and same(model, seen[2]) and not same(model, seen[3])


@pytest.mark.parametrize("before", [True, False])
def test_training_is_done_in_training_mode(before):
    """Whatever mode the model comes in, and what is frozen comes back frozen."""
    modes = []
    model = nn.Sequential(toy(), nn.BatchNorm1d(1)).train(before)
    model[1].eval()

    def noted(model, number):
        modes.append(("loss", model.training, model[1].training))
        return loss(model, number)

    def validated(model):
        modes.append(("validation", model.training, model[1].training))
        model.train()  # a validation that forgets to tidy up
        return 0.0

    fit(model, noted, **RUN | {"validate": validated})
    assert set(modes) == {("loss", True, True), ("validation", False, False)}
    assert (model.training, model[1].training) == (before, False)


def test_the_best_record_is_that_of_the_weights_that_are_kept():
    model = toy()
    history = fit(model, loss, **RUN | {"validate": None})
    assert history.updates[history.best] == 12, "nothing was validated: the last weights stay"
    with pytest.raises(ValueError, match="the history has no record yet"):
        History().best  # noqa: B018


@pytest.mark.parametrize("save_seconds", [0.0, 1e3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("where", ["loss", "validation", "step", "loss, nothing validated"])
def test_a_stopped_run_comes_to_the_same_numbers(tmp_path, monkeypatch, where, error, save_seconds):
    """Wherever it stops, and whether it can still save (Ctrl-C) or not (killed)."""
    run = RUN | {"validate": None} if "nothing" in where else RUN
    whole = toy()
    expected = fit(whole, loss, **run)
    assert expected.validation == [] or 0 < expected.best < 3

    stops = dict(loss=loss, validation=run["validate"], step=torch.optim.Adam.step)
    what = where.split(",")[0]
    stops[what] = failing(stops[what], 3 if what == "validation" else 8, error, what == "step")
    path = tmp_path / "run.pt"
    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(torch.optim.Adam, "step", stops["step"])
        stopped = run | {"validate": stops["validation"], "save_seconds": save_seconds}
        fit(toy(), stops["loss"], checkpoint=path, **stopped)
    # In the middle of a step the weights belong to no update: nothing to be saved then.
    assert path.exists() == (save_seconds == 0 or error is KeyboardInterrupt and what != "step")

    resumed = toy(seed=1 if path.exists() else 0)
    history = fit(resumed, loss, checkpoint=path, **run)
    assert same(resumed, weights(whole))
    assert without_seconds(history) == without_seconds(expected)
    assert len(history.seconds) == 4 and history.seconds == sorted(history.seconds)


def test_a_resumed_run_does_not_begin_anew(tmp_path):
    """It does the updates that are missing, and a finished run does none."""
    path, numbers = tmp_path / "run.pt", []
    with pytest.raises(KeyboardInterrupt):
        fit(toy(), failing(loss, 8, KeyboardInterrupt), checkpoint=path, **RUN)

    def noted(model, number):
        numbers.append(number)
        return loss(model, number)

    first, second = toy(), toy(seed=1)
    fit(first, noted, checkpoint=path, **RUN)
    assert numbers == list(range(7, 12))
    fit(second, noted, checkpoint=path, **RUN)
    assert numbers == list(range(7, 12)) and same(second, weights(first))


def test_a_loss_that_is_not_finite(tmp_path):
    """Neither it nor an infinite gradient gets into the weights that are kept."""
    path = tmp_path / "run.pt"

    def diverges(model, number):
        return loss(model, number) * (torch.nan if number == 5 else 1)

    def steep(model, number):  # the square root at 0 is finite, its slope is not
        value = loss(model, number)
        return value + (0 * value).sqrt() if number == 5 else value

    with pytest.raises(FloatingPointError, match="update 5 is nan.*last good weights: not saved"):
        fit(toy(), diverges, **RUN)
    with pytest.raises(FloatingPointError, match=r"update 5 .* norm nan.*run\.pt"):
        fit(toy(), steep, checkpoint=path, save_seconds=0.0, **RUN)
    model = toy()
    state = load_checkpoint(path, model)
    assert state["done"] == 5 and all(v.isfinite().all() for v in model.state_dict().values())


@pytest.mark.parametrize("how", ["empty", "cut off", "one bit", "text", "other data"])
def test_a_damaged_checkpoint_is_refused(tmp_path, how):
    path, model = tmp_path / "run.pt", toy()
    with torch.no_grad():
        model.weight.copy_(torch.ones(1, 4))
    save_checkpoint(path, model, {})
    load_checkpoint(path, model)
    content = bytearray(path.read_bytes())
    ones = content.index(torch.ones(4).numpy().tobytes())
    content[ones] ^= 4
    path.write_bytes(
        {"empty": b"", "cut off": content[: ones + 8], "text": b"not a checkpoint"}.get(
            how, content
        )
    )
    if how == "other data":
        torch.save({"weights": [1, 2]}, path)
    before = weights(model)
    with pytest.raises(ValueError, match=r"run\.pt cannot be read.*move it away to start afresh"):
        fit(model, loss, checkpoint=path, **RUN)
    assert same(model, before)


class Opens:
    """What a pickle can do on loading: anything, here make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_checkpoint_is_plain_data(tmp_path):
    """So that one from somewhere else can do no harm, and ours is read under the same rule."""
    path, trap = tmp_path / "run.pt", tmp_path / "trap"
    fit(toy(), loss, checkpoint=path, identity={"seed": 3, "data": "toy"}, **RUN)
    state = torch.load(path, weights_only=True)
    assert state["identity"]["seed"] == 3 and state["done"] == 12

    torch.save(state | {"identity": Opens(trap)}, path)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        load_checkpoint(path, toy())
    assert not trap.exists()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    fit(toy(), loss, checkpoint=path, identity={"seed": 3}, **RUN)
    model = toy(seed=1)
    before = weights(model)
    with pytest.raises(ValueError, match="another run: seed is 3 there, 4 here"):
        fit(model, loss, checkpoint=path, identity={"seed": 4}, **RUN)
    with pytest.raises(ValueError, match="updates is 12 there, 13 here"):
        fit(model, loss, checkpoint=path, identity={"seed": 3}, **RUN | {"updates": 13})
    torch.save(torch.load(path, weights_only=True) | {"format": 99}, path)
    with pytest.raises(ValueError, match="format 99"):
        load_checkpoint(path, model)
    assert same(model, before)


TORUS = fl.Translations((4, 4))
TURN = fl.Rotations(4, size=5)


@pytest.mark.parametrize(
    "saved, other, message",
    [
        (
            (TORUS, [[0, 0], [0, 1]]),
            (TORUS, [[0, 1], [1, 0]]),
            r"velocities.*\[\[0, 1\], \[1, 0\]\]",
        ),
        (
            (TORUS, [[0, 0], [0, 1]]),
            (TORUS, [[0, 0]]),
            r"velocities is \(2, 2\) there, \(1, 2\) here",
        ),
        ((TURN, [-10, 0, 10]), (TURN, [-20, 0, 20]), r"velocities.*-20"),
        (
            (TORUS, [[0, 0]], 1, 2),
            (TORUS, [[0, 0]], 1, 3),
            r"weight is \(2, .*\) there, \(3, .*\) here",
        ),
    ],
    ids=["other velocities", "fewer velocities", "other angles", "more channels"],
)
def test_a_checkpoint_of_another_model_is_refused(tmp_path, saved, other, message):
    """Also where all shapes agree and only the velocities are others."""
    path = tmp_path / "run.pt"
    save_checkpoint(path, fl.FERNN(*saved), {})
    model = fl.FERNN(*other)
    before = weights(model)
    with pytest.raises(ValueError, match=rf"(?s)is of another model: .*{message}"):
        load_checkpoint(path, model)
    assert same(model, before)


def test_a_model_that_refuses_half_way_is_left_as_it_was(tmp_path):
    """Names and shapes agree, and one part of the model has its own reason."""

    class Particular(nn.Linear):
        def _load_from_state_dict(self, state, prefix, *rest):
            rest[-1].append("not these weights")

    path = tmp_path / "run.pt"
    save_checkpoint(path, nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), {})
    model = nn.Sequential(nn.Linear(2, 2), Particular(2, 2))
    before = weights(model)
    with pytest.raises(ValueError, match="(?s)is of another model: .*not these weights"):
        load_checkpoint(path, model)
    assert same(model, before)


def test_a_failing_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path, model = tmp_path / "run.pt", toy()
    save_checkpoint(path, model, {"version": "old"})
    assert list(tmp_path.iterdir()) == [path]

    write = Path.write_bytes

    def disk_full(self, content):
        write(self, content[: len(content) // 2])
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", disk_full)
        with pytest.raises(OSError, match="no space left"):
            save_checkpoint(path, model, {"version": "new"})
    assert list(tmp_path.iterdir()) == [path]
    assert load_checkpoint(path, model)["identity"] == {"version": "old"}


def test_a_large_checkpoint_is_cut_into_parts(tmp_path, monkeypatch):
    """Each file small enough to carry; a part that is missing or of another state is noticed."""
    monkeypatch.setattr(checkpoints, "PART_BYTES", 1000)
    path, model = tmp_path / "run.pt", toy()
    save_checkpoint(path, model, {"version": "old"}, more=torch.arange(500))
    old = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert len(old) > 4 and max(map(len, old.values())) < 2000
    assert load_checkpoint(path, toy())["more"][-1] == 499
    save_checkpoint(path, model, {"version": "new"}, more=torch.arange(500))
    assert load_checkpoint(path, toy())["identity"] == {"version": "new"}
    parts = sorted(p for p in tmp_path.iterdir() if p != path)
    assert not old.keys() & {p.name for p in parts}, "the parts of the old state are gone"
    whole = parts[1].read_bytes()
    parts[1].write_bytes(parts[2].read_bytes())
    with pytest.raises(ValueError, match="do not belong together|cannot be read as a checkpoint"):
        load_checkpoint(path, toy())
    parts[1].write_bytes(whole)
    load_checkpoint(path, toy())
    remove_checkpoint(path)
    assert not list(tmp_path.iterdir())


def test_the_deadline_saves_and_stops(tmp_path):
    path, whole = tmp_path / "run.pt", toy()
    torch.manual_seed(1)
    fit(whole, loss, **RUN)
    stopped = toy()
    with pytest.raises(OutOfTime, match="updates done"):
        fit(stopped, loss, checkpoint=path, deadline=0.0, **RUN)
    resumed = toy()
    fit(resumed, loss, checkpoint=path, **RUN)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_evaluate_weighs_samples_not_batches():
    model, x = toy().train(), torch.arange(14.0).reshape(7, 2)
    modes = []

    def measure(model, batch):
        modes.append((model.training, torch.is_grad_enabled()))
        return batch

    mean = evaluate(model, x.split([5, 2]), measure)
    torch.testing.assert_close(mean, x.double().mean(0))
    assert modes == [(False, False)] * 2 and model.training


def test_a_mode_is_given_back_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    with pytest.raises(KeyError), mode(model, training=False):
        assert not model[0].training
        raise KeyError
    assert model.training and model[0].training and not model[1].training


def test_schedules():
    assert cosine(0.0) == 0 and cosine(0.025) == 0.5
    assert cosine(0.05) == pytest.approx(1, abs=0.01)
    assert cosine(0.5) == pytest.approx(0.5) and cosine(1.0) == pytest.approx(0)
    assert {constant(p / 10) for p in range(11)} == {1.0}


def test_the_schedule_is_followed():
    """One update of Adam moves each weight by the learning rate, here by none and by all of it."""
    still, moved = toy(), toy()
    fit(still, loss, 1, learning_rate=0.1, schedule=lambda progress: 0.0, progress=False)
    assert same(still, weights(toy()))
    fit(moved, loss, 1, learning_rate=0.1, progress=False)
    torch.testing.assert_close((moved.weight - toy().weight).abs(), torch.full((1, 4), 0.1))


def test_bad_input(as_users_see_it, tmp_path):
    with pytest.raises(ValueError, match="updates is 0"):
        fit(toy(), loss, 0)
    with pytest.raises(ValueError, match="record_every is 0"):
        fit(toy(), loss, 5, record_every=0)
    with pytest.raises(ValueError, match="Linear has no parameter that wants a gradient"):
        fit(toy().requires_grad_(False), loss, 5)
    with pytest.raises(ValueError, match="no batch"):
        evaluate(toy(), [], lambda model, batch: batch)
    with pytest.raises(FileNotFoundError, match="nowhere.pt"):
        load_checkpoint(tmp_path / "nowhere.pt", toy())
