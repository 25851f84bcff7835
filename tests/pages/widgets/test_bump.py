"""The bump widget without a browser: what it packs, what it refuses, what a page receives."""

import base64
import json
import re

import numpy as np
import pytest

from flowlib.pages.widgets.bump import BumpWidget, NetworkRun

TIME, N, VELOCITIES = 20, 32, range(-3, 4)


def make_run(channels):
    random = np.random.default_rng(0)
    return NetworkRun(
        velocities=channels,
        states={w: random.random((TIME, len(channels), N)) for w in VELOCITIES},
        errors={w: random.random(TIME) for w in VELOCITIES},
    )


@pytest.fixture
def inputs():
    bump = np.exp(-((np.arange(N) - 8.0) ** 2) / 5)
    return {w: np.stack([np.roll(bump, w * t) for t in range(TIME)]) for w in VELOCITIES}


@pytest.fixture
def networks():
    return {"G-RNN": make_run([0]), "FERNN": make_run([-2, -1, 0, 1, 2])}


def payload(widget):
    text = re.search(r'<script type="application/json">(.*?)</script>', widget.to_html(), re.S)
    return json.loads(text.group(1))


def test_two_full_networks_stay_small(inputs, networks):
    both = {"one": networks["FERNN"], "two": networks["FERNN"]}
    assert len(BumpWidget(inputs, both).to_html()) < 120_000


def test_html_and_repr_are_the_same_on_each_run(inputs, networks):
    first, second = BumpWidget(inputs, networks), BumpWidget(inputs, networks)
    assert first.to_html() == second.to_html()
    expected = "BumpWidget(velocities=[-3..3], networks=[G-RNN, FERNN], time=20, N=32)"
    assert repr(first) == repr(second) == expected


def test_packed_rows_keep_order_zero_and_scale(inputs, networks):
    inputs = {w: video - 0.25 for w, video in inputs.items()}  # with a sign: zero must stay zero
    packed = payload(BumpWidget(inputs, networks))["state"]["data"]["inputs"]
    raw = np.frombuffer(base64.b64decode(packed["bytes"]["$bytes"]), np.uint8).astype(float)
    expected = np.stack([inputs[w] for w in VELOCITIES])
    found = (raw.reshape(expected.shape) - packed["zero"]) / 127 * np.abs(expected).max()
    assert np.abs(found - expected).max() < 1 / 127


def test_errors_stay_numbers_and_nan_becomes_null(inputs, networks):
    networks["FERNN"].errors[2] = np.array([np.nan, 0.0, 2.26e-16] + [0.12345] * (TIME - 3))
    errors = payload(BumpWidget(inputs, networks))["state"]["data"]["networks"][1]["errors"]
    assert errors[list(VELOCITIES).index(2)][:4] == [None, 0.0, 2.26e-16, 0.123]


def test_text_alternative_says_what_was_found(inputs, networks):
    networks["FERNN"].errors[1] = np.full(TIME, 1e-16)
    widget = BumpWidget(inputs, networks, velocity=1)
    assert "zero up to rounding for FERNN" in widget.description
    assert f'aria-label="{widget.description}"' in widget.to_html()


def test_velocities_may_be_a_column_and_arrays_may_be_tensors(inputs):
    torch = pytest.importorskip("torch")
    run = make_run([-1, 0, 1])
    run = NetworkRun(
        velocities=torch.tensor([[-1], [0], [1]]),
        states={w: torch.tensor(s, requires_grad=True) for w, s in run.states.items()},
        errors=run.errors,
    )
    assert BumpWidget(inputs, {"FERNN": run}).data["networks"][0]["velocities"] == [-1, 0, 1]


def no_still_input(inputs, networks):
    del inputs[0]


def short_input(inputs, networks):
    inputs[1] = inputs[1][:-1]


def flat_input(inputs, networks):
    inputs[0] = inputs[0][0]


def missing_run(inputs, networks):
    del networks["FERNN"].states[2]


def missing_channel(inputs, networks):
    networks["FERNN"].states[1] = networks["FERNN"].states[1][:, :-1]


def short_errors(inputs, networks):
    networks["FERNN"].errors[1] = np.zeros(3)


def nan_state(inputs, networks):
    networks["FERNN"].states[1][0] = np.nan


def twice(inputs, networks):
    networks["FERNN"] = make_run([0, 0])


def nothing(inputs, networks):
    networks.clear()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (no_still_input, "it needs 0, the still input"),
        (short_input, r"inputs\[1\] has shape \(19, 32\), expected \(time=20, N=32\)"),
        (flat_input, r"inputs\[0\] has shape \(32,\), expected \(time, N\)"),
        (missing_run, r"\['FERNN'\]\.states lacks the input velocities \[2\]"),
        (missing_channel, r"has shape \(20, 4, 32\), expected \(time=20, velocities=5, N=32\)"),
        (short_errors, r"errors\[1\] has shape \(3,\), expected \(time=20\)"),
        (nan_state, r"\['FERNN'\]\.states holds NaN"),
        (twice, r"is \[0, 0\]: expected distinct ints"),
        (nothing, "networks is empty"),
    ],
)
def test_bad_shapes_are_refused_with_what_was_expected(inputs, networks, spoil, message):
    spoil(inputs, networks)
    with pytest.raises(ValueError, match=message):
        BumpWidget(inputs, networks)
