"""Figures as the page gets them: text alternative, the page's own colours, nothing from outside."""

import re
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest
import torch

from flowlib.pages import plots

ALT = 'Two lines, "a" & <b>,\nthat cross at 1 > 0'


@pytest.fixture(autouse=True)
def own_style():
    """What a test does to matplotlib ends with it."""
    with plt.rc_context():
        yield
    plt.close("all")


def drawn():
    drawing, axes = plots.figure(1, 2)
    axes[0].plot([0, 1], [1, 0], color=plots.COLORS["g-rnn"], label="error", marker="o")
    axes[0].set(xlabel="time t", title="$v_y$ rises")
    axes[0].legend()
    plots.space_time(axes[1], torch.rand(4, 6), "states")
    return drawing


def test_a_figure_has_its_text_alternative():
    picture = plots.show(drawn(), ALT)
    root = ElementTree.fromstring(picture._repr_html_())  # so it is well formed
    assert root.get("role") == "img"
    assert root.get("aria-label").split() == ALT.split()
    assert repr(picture) == f"Picture: {ALT}"
    for alt in ("", "  \n"):
        with pytest.raises(ValueError, match="alt is empty"):
            plots.show(drawn(), alt)


def test_a_figure_takes_the_colours_of_the_page():
    """Letters, axes, ticks and the legend are the page's; the curve keeps its own colour."""
    svg = plots.show(drawn(), ALT).html
    assert plots.INK not in svg and "currentColor" in svg
    black = r"(fill|stroke): ?(#000000|black)|#ffffff"
    assert not re.search(black, svg), "black ink or white ground would be lost on one of the modes"
    assert plots.COLORS["g-rnn"] in svg
    for text in ("time t", "states", "error"):
        assert text in svg, "letters stay letters"


def test_a_figure_asks_nobody_for_anything():
    svg = plots.show(drawn(), ALT).html
    hosts = set(re.findall(r"(?:https?:)?//([\w.-]+\.\w+)/", svg))
    assert hosts == {"www.w3.org"}, "its namespaces, which no browser fetches"
    links = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', svg)
    assert links and all((a or b).startswith(("#", "data:")) for a, b in links)


def test_a_figure_is_closed_when_it_is_shown():
    drawing = drawn()
    plots.show(drawing, ALT)
    assert not plt.fignum_exists(drawing.number)


def test_film():
    """A row a video and a column a frame, each of them the frame that its label says."""
    videos = {"truth": torch.rand(6, 4, 5), "G-RNN": torch.rand(6, 4, 5)}
    drawing = plots.film(videos, frames=[0, 2, 5])
    shown = [axis.images[0].get_array() for axis in drawing.axes]
    wanted = [video[t] for video in videos.values() for t in (0, 2, 5)]
    assert len(shown) == 6
    for a, b in zip(shown, wanted, strict=True):
        torch.testing.assert_close(torch.as_tensor(a.data), b)
    assert [axis.get_xlabel() for axis in drawing.axes[3:]] == ["0", "2", "5"]
    assert {axis.images[0].get_cmap().name for axis in drawing.axes} == {"gray"}
    svg = plots.show(drawing, "a film").html
    assert svg.count("<image") == 6 and "truth" in svg and "G-RNN" in svg


def test_an_arrow_lies_between_its_axes():
    drawing, axes = plots.figure(2, 2)
    drawing.get_layout_engine().set(wspace=0.2, hspace=0.2)
    plots.arrow(axes[0, 0], axes[0, 1], "right")
    plots.arrow(axes[0, 0], axes[1, 0], "down", plots.BLUE)
    drawing.draw_without_rendering()
    right, down = (line.get_window_extent() for line in drawing.artists)
    corner, beside, below = (axis.bbox for axis in (axes[0, 0], axes[0, 1], axes[1, 0]))
    assert corner.x1 < right.x0 < right.x1 < beside.x0
    assert corner.y0 > down.y1 > down.y0 > below.y1
    assert [text.get_text() for text in axes[0, 0].texts] == ["right", "down"]


def test_what_is_remembered_has_the_colours_of_a_memory():
    """Those of the space-time picture; `vmax` is its brightest, and more is not brighter."""
    values = torch.tensor([[[0.0, 1, 2], [3, 4, 9]]])
    shown = plots.heat(values, vmax=4.0)
    drawing, axis = plots.figure()
    plots.space_time(axis, values[0], "h", vmax=4.0)
    (image,) = axis.images
    expected = image.to_rgba(values[0].numpy())[..., :3]
    torch.testing.assert_close(shown[0], torch.from_numpy(expected))
    assert (shown[0].diff(dim=-1) != 0).any(), "no grey"


def test_velocity_map():
    """v_y down and v_x right, as everywhere: the error of each velocity lies where it belongs."""
    errors = {f"{y},{x}": 10.0 ** (3 * y + x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    drawing, axis = plots.figure()
    image = plots.velocity_map(axis, errors, "errors", 1e-4, 1e4)
    left, right, bottom, top = image.get_extent()
    assert left < right and top < bottom
    assert image.get_array()[2, 0] == errors["1,-1"] and image.get_array()[0, 2] == errors["-1,1"]
    assert plots.show(drawing, "a map").html.count("<image") == 1


def test_mosaic():
    """Each channel stands where its velocity points; a gap in V stays dark."""
    V = torch.tensor([[-1, -1], [0, 0], [1, 1]])
    channels = torch.arange(3.0).reshape(1, 3, 1, 1).expand(2, 3, 4, 5)
    picture = plots.mosaic(channels, V)
    assert picture.shape == (2, 3 * 5 - 1, 3 * 6 - 1, 3)
    places = picture[1, 2::5, 2::6]
    assert torch.equal(places, plots.heat(torch.tensor([[[0, 0, 0], [0, 0.5, 0], [0, 0, 1]]]))[0])
    row = plots.mosaic(channels, torch.tensor([[-20.0], [0.0], [10.0]]))  # a gap at -10
    assert row.shape == (2, 4, 4 * 6 - 1, 3) and (row[0, :, 6:11] == row[0, 0, 0]).all()


def test_winners_have_the_colour_of_their_velocity():
    V = torch.tensor([[-1, 0], [0, 0], [0, 1]])
    up, rest, right = colors = plots.velocity_colors(V)
    assert len(colors.unique(dim=0)) == 3 and (rest == 1).all()
    assert right.tolist() == [1, 0, 0], "angle 0 is red"
    channels = torch.zeros(1, 3, 1, 2).double()
    channels[0, 2, 0, 0], channels[0, 0, 0, 1] = 4, 2
    shown = plots.winners(channels, V)
    assert torch.equal(shown[0, 0, 0], right) and torch.equal(shown[0, 0, 1], up / 2)
    html = plots.animation({"who wins": shown}, alt="a film")._repr_html_()
    assert "data:image/png" in html and "who wins" in html
    drawing, axis = plots.figure()
    plots.velocity_wheel(axis, V)
    assert axis.yaxis_inverted() and plots.show(drawing, "a legend").html
