"""What a reader gets wrong: each a ValueError that names the argument and says what would work."""

import numpy as np
import pytest
import torch

import flowlib as fl
from flowlib.pages import examples, plots
from flowlib.pages.measured import measured
from flowlib.pages.widgets.square import SquareWidget

RING, TORUS = fl.Translations((8,)), fl.Translations((4, 4))
VIDEO = torch.rand(3, 4, 5)
V = fl.translation_velocities(1)
CHANNELS = torch.rand(2, 9, 4, 5)
ERRORS = {f"{y},{x}": 0.1 for y in (0, 1) for x in (0, 1)}


@pytest.fixture(autouse=True)
def bare(as_users_see_it):
    yield
    plots.plt.close("all")


def axis():
    return plots.figure()[1]


def film(videos, frames):
    return plots.film(videos, frames)


CASES = {
    "nothing measured": (lambda: measured("thm-a", []), r"residual .*\(0,\).*at least one number"),
    "an empty tensor": (
        lambda: measured("thm-a", torch.rand(3, 0), above=0.1),
        r"residual .*\(3, 0\).*at least one number",
    ),
    "no number": (lambda: measured("thm-a", "small"), "residual is 'small'.*a number, a tensor"),
    "ragged": (lambda: measured("thm-a", [[1.0], [1.0, 2.0]]), "residual is .*a number, a tensor"),
    "states of a network": (
        lambda: plots.space_time(axis(), torch.rand(4, 3, 8), "h"),
        r"states has shape \(4, 3, 8\).*\(time, position\)",
    ),
    "no states": (
        lambda: plots.space_time(axis(), torch.rand(0, 8), "h"),
        r"states has shape \(0, 8\).*\(time, position\)",
    ),
    "no video": (lambda: film({}, [0]), "videos is empty.*one video"),
    "no frame": (lambda: film({"a": VIDEO}, []), "frames is empty.*0 to 2"),
    "a frame past the end": (lambda: film({"a": VIDEO}, [0, 3]), "frames holds 3.*'a'.*0 to 2"),
    "a batch": (
        lambda: film({"a": VIDEO[None, None]}, [0]),
        r"videos\['a'\] has shape \(1, 1, 3, 4, 5\).*\(time, height, width\)",
    ),
    "no moving video": (lambda: plots.animation({}, "a film"), "videos is empty.*one video"),
    "unequal lengths": (
        lambda: plots.animation({"a": VIDEO, "b": VIDEO[:2]}, "a film"),
        "videos .*one length.*3.*2",
    ),
    "a moving batch": (
        lambda: plots.animation({"a": VIDEO[None, None]}, "a film"),
        r"videos\['a'\] has shape .*\(time, height, width\)",
    ),
    "two colours": (
        lambda: plots.animation({"a": VIDEO[..., None].expand(-1, -1, -1, 2)}, "a film"),
        r"videos\['a'\] has shape \(3, 4, 5, 2\).*\(time, height, width, 3\)",
    ),
    "a batch of memories": (
        lambda: plots.heat(VIDEO[None]),
        r"memory has shape \(1, 3, 4, 5\).*\(time, height, width\)",
    ),
    "nothing is brightest": (lambda: plots.heat(VIDEO, 0.0), "vmax is 0.*above 0"),
    "channels of another V": (
        lambda: plots.mosaic(CHANNELS, V[:5]),
        r"channels has 9 velocity channels.*velocities has 5",
    ),
    "channels with a batch": (
        lambda: plots.mosaic(CHANNELS[None], V),
        r"channels has shape \(1, 2, 9, 4, 5\).*\(time, velocity, height, width\)",
    ),
    "winners of another V": (
        lambda: plots.winners(CHANNELS, V[:5]),
        r"channels has 9 velocity channels.*velocities has 5",
    ),
    "colours on a ring": (
        lambda: plots.velocity_colors(fl.translation_velocities(1, ndim=1)),
        r"velocities has shape \(3, 1\).*\(velocity, 2\)",
    ),
    "a wheel on a ring": (
        lambda: plots.velocity_wheel(axis(), torch.zeros(3, 1)),
        r"velocities has shape \(3, 1\).*\(velocity, 2\)",
    ),
    "a hole in the map": (
        lambda: plots.velocity_map(axis(), {k: ERRORS[k] for k in ("0,0", "1,1")}, "e", 0.01, 1),
        "errors lacks '0,1', '1,0'",
    ),
    "keys of one axis": (
        lambda: plots.velocity_map(axis(), {"0": 0.1}, "errors", 0.01, 1),
        "errors has the key '0'.*'v_y,v_x'",
    ),
    "a scale from zero": (
        lambda: plots.velocity_map(axis(), ERRORS, "errors", 0, 1),
        "vmin is 0 and vmax 1.*logarithmic",
    ),
    "no ring": (lambda: examples.bump(0), "size is 0.*1 point"),
    "no width": (lambda: examples.bump(8, width=0), "width is 0.*above 0"),
    "a leaky torus": (
        lambda: examples.leaky_network(TORUS, [(0, 0)]),
        r"ring has .*4.*wants a ring, Translations\(\(N,\)\)",
    ),
    "no network": (lambda: examples.bump_widget({}), "networks is empty.*one"),
    "a network on a torus": (
        lambda: examples.bump_widget({"a": fl.GRNN(TORUS, 1, 1).double()}),
        r"networks\['a'\] has .*4.*wants a ring, Translations\(\(N,\)\)",
    ),
    "two rings": (
        lambda: examples.bump_widget(
            {
                "a": examples.leaky_network(RING, [0]),
                "b": examples.leaky_network(fl.Translations((6,)), [0]),
            }
        ),
        r"networks\['b'\] has .*6.*first one .*8",
    ),
    "no frames": (
        lambda: examples.bump_widget({"a": examples.leaky_network(RING, [0])}, steps=0),
        "steps",
    ),
    "no still input": (
        lambda: examples.bump_widget({"a": examples.leaky_network(RING, [0])}, speeds=[1]),
        r"speeds is \[1\].*0",
    ),
    "a picture that is no square": (
        lambda: examples.flow_widget(torch.rand(1, 4, 6)),
        r"image has shape \(1, 4, 6\).*\(1, size, size\)",
    ),
    "a picture without a channel": (
        lambda: examples.flow_widget(torch.rand(4, 4)),
        r"image has shape \(4, 4\).*\(1, size, size\)",
    ),
    "a velocity in space": (
        lambda: examples.flow_widget(torch.rand(1, 4, 4), {"up": (0, 0, 1)}),
        r"generators\['up'\] is \(0, 0, 1\).*\(v_y, v_x\).*\(angle,\)",
    ),
    "no speed": (
        lambda: examples.flow_widget(torch.rand(1, 4, 4), fastest=0),
        "fastest is 0.*1 or more",
    ),
    "a ring of no points": (
        lambda: SquareWidget(np.zeros((0, 0)), {"a": (np.zeros((0, 0)),) * 2}),
        "moved is empty",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(name):
    act, message = CASES[name]
    with pytest.raises(ValueError, match=message):
        act()


def test_dark_channels_make_dark_pictures():
    """Nothing to scale by is no reason for NaN."""
    dark = torch.zeros(2, 9, 4, 5)
    assert plots.mosaic(dark, V).isfinite().all()
    assert (plots.winners(dark, V) == 0).all()


def test_states_with_a_gradient_are_drawn():
    plots.space_time(axis(), torch.rand(4, 8, requires_grad=True), "h")
    plots.film({"a": VIDEO.clone().requires_grad_()}, [0])


def test_colours_of_its_own_are_drawn():
    plots.space_time(axis(), torch.rand(4, 8, 3), "winner")
    plots.film({"a": torch.rand(2, 4, 5, 3)}, [0])
    plots.animation({"a": torch.rand(2, 4, 5, 3)}, "a film")
