"""The latent action without a browser: what it packs, and what it refuses."""

import numpy as np
import pytest

import flowlib as fl
from flowlib.pages.examples import latent_widget, leaky_network
from flowlib.pages.widgets.latent import LatentWidget

T, N = 4, 9
RING = fl.Translations((N,))


def test_the_law_holds_for_every_channel_when_v_is_a_group():
    network = leaky_network(RING, fl.translation_velocities(4, ndim=1))
    widget = latent_widget(network, steps=T)
    assert widget.data["speeds"] == widget.data["velocities"] == list(range(-4, 5))
    assert widget.data["partners"][4 + 2] == [7, 8, 0, 1, 2, 3, 4, 5, 6]  # v - 2, on the ring
    assert np.array(widget.data["differences"]).max() <= widget.data["rounding"]
    assert "agree up to rounding" in widget.description


def test_channels_without_partner_hold_no_number():
    widget = latent_widget(
        leaky_network(RING, [-1, 0, 1]), steps=T, speeds=[0, 1, 3], velocity=1, time=2
    )
    assert widget.data["partners"] == [[0, 1, 2], [None, 0, 1], [None, None, None]]
    for pairs, rows in zip(widget.data["partners"], widget.data["differences"], strict=True):
        assert [[e is None for e in row] for row in rows] == [[p is None for p in pairs]] * T
    assert repr(widget) == "LatentWidget(V=[-1..1], speeds=[0..3], time=4, N=9)"


def test_rows_keep_their_order():
    widget = latent_widget(leaky_network(RING, [-1, 0, 1]), steps=T, speeds=[0, 1])
    raw = np.frombuffer(widget.data["states"]["bytes"], np.uint8).astype(int)
    still, same, moving, law_0, law_1 = raw.reshape(5, T, 3, N)
    assert (still == same).all() and (still == law_0).all()  # w = 0 changes nothing
    assert np.abs(law_1[:, 1:] - moving[:, 1:]).max() <= 1 and (law_1[:, 0] == 0).all()
    assert (law_1[2, 1] == np.roll(still[2, 0], 2)).all()  # frame 2, row 0: row -1, moved by 2


def test_a_broken_law_shows():
    network = leaky_network(RING, [-1, 0, 1])
    bias = network.state_conv.weight.new_tensor([0.0, 0.1, 0.2]).reshape(3, 1, 1)

    def uneven(state, drive, psi_1=None):  # velocities are no longer treated alike
        return type(network).update(network, state, drive, psi_1) + bias

    network.update = uneven
    widget = latent_widget(network, steps=T, speeds=[1])
    assert "largest difference of a channel that has a partner" in widget.description
    assert max(e for e in widget.data["differences"][0][-1] if e) > 0.05


STATE = np.zeros((T, 2, N))
GOOD = dict(
    velocities=[0, 1], still=STATE, moving={1: STATE}, predicted={1: STATE}, partners={1: [None, 0]}
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(moving={}), "velocities or moving is empty"),
        (dict(still=STATE[0]), r"still has shape \(2, 9\), expected \(time, velocities, N\)"),
        (
            dict(velocities=[0, 1, 2]),
            r"still has shape \(4, 2, 9\), expected \(time=4, velocities=3",
        ),
        (dict(moving={1: STATE[1:]}), r"moving\[1\] has shape \(3, 2, 9\), expected \(time=4"),
        (dict(predicted={}), r"predicted lacks the input velocities \[1\]"),
        (dict(partners={1: [0]}), r"partners\[1\] is \[0\]: expected 2 entries"),
        (dict(partners={1: [0, 2]}), r"partners\[1\] is \[0, 2\]: .*0 to 1, or None"),
        (dict(partners={}), r"partners\[1\] is \[\]: expected 2 entries"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        LatentWidget(**{**GOOD, **change})
