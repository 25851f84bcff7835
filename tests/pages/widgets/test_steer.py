"""The widget with the window that is steered: the page computes what a WindowForecaster does."""

import json

import pytest
import torch
from node import in_node

import flowlib as fl
from flowlib.lab.run import experiments
from flowlib.pages.widgets.steer import FILE, SteerWidget, steered
from flowlib.pages.widgets.weights import from_dict, to_dict

MODULES = "fernn.js", "moving.js", "steer.js"


def test_the_page_believes_what_the_network_believes(seeded):
    torus, V = fl.Translations((9, 8)), fl.translation_velocities(1)
    plain = fl.Forecaster(fl.FERNN(torus, V, 1, 2), 1)
    model = fl.WindowForecaster(plain.rnn, (5, 4), 1)
    model.decoder = plain.decoder
    frames, camera = torch.rand(6, 1, 9, 8).double(), torch.randint(-3, 4, (6, 2))
    data = to_dict(plain)
    model.double().requires_grad_(False)
    state, wanted = model.rnn.initial_state(1), []
    moves = model.motion.moves(camera[None], frames)
    for t, move in enumerate(moves):
        if t < 4:
            state = model.see(state, frames[t, None][model.middle], move)
        else:  # eyes closed
            state = model.motion.flow_on(state, move)
        wanted.append(model.believe(state).flatten())
    program = (
        "steps.map((c, t) => (looker.step(c, t < 4 ? frames[t] : null), [...looker.believe()]))"
    )
    found = in_node(
        MODULES,
        f"((looker) => {program})(new Looker(data, [5, 4]))",
        data=data,
        steps=camera.tolist(),
        frames=frames.flatten(1).tolist(),
    )
    found = torch.tensor(found, dtype=torch.float64)
    torch.testing.assert_close(found, torch.stack(wanted), rtol=0, atol=1e-12)


def test_the_trained_weights_are_small_and_say_what_made_them():
    assert FILE.stat().st_size < 300_000
    data = steered()
    row, table = data["row"], experiments()["window-mnist"]
    today = json.loads(json.dumps(table.settings[row["preset"]]))
    assert row["settings"] == today, "run: python book/steered.py"
    model = from_dict(data)
    assert list(model.rnn.group.grid) == list(row["settings"]["canvas"])
    assert {**to_dict(model), "row": row, "window": list(row["settings"]["window"])} == data


def test_bad_input():
    with pytest.raises(ValueError, match="the world is of"):
        SteerWidget(torch.rand(2, 1, 30, 8))
    with pytest.raises(ValueError, match="expected \\(sample, 1, height, width\\)"):
        SteerWidget(torch.rand(2, 30, 8))
