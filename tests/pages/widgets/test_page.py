"""What holds for every widget: one ES module with all it needs, small, the same each time, with text."""

import base64
import json
import re

import pytest
import torch
import traitlets

import flowlib as fl
from flowlib.pages.examples import (
    bump,
    bump_widget,
    flow_widget,
    leaky_network,
    square_widget,
    staircase_widget,
)
from flowlib.pages.widgets import page
from flowlib.pages.widgets.breaking import BreakWidget
from flowlib.pages.widgets.bump import NetworkRun
from flowlib.pages.widgets.candidates import CandidatesWidget
from flowlib.pages.widgets.flow import Orbit
from flowlib.pages.widgets.memories import MemoriesWidget
from flowlib.pages.widgets.page import PageWidget
from flowlib.pages.widgets.pooling import PoolingWidget
from flowlib.pages.widgets.slant import SlantWidget
from flowlib.pages.widgets.steer import SteerWidget
from flowlib.pages.widgets.throw import ThrowWidget
from flowlib.pages.widgets.train import TrainWidget
from flowlib.pages.widgets.turning import TurningWidget
from flowlib.pages.widgets.window import WindowWidget

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
RING = fl.Translations((16,))
V = fl.translation_velocities(2, ndim=1)


def make(name):
    if name == "bump":
        networks = {"G-RNN": leaky_network(RING, [0]), "FERNN": leaky_network(RING, V)}
        return bump_widget(networks, steps=4, speeds=range(-1, 2))
    if name == "square":
        return square_widget({"double": lambda f: 2 * f, "flip": lambda f: f.flip(-1)}, size=16)
    of_a_picture = {"memories": MemoriesWidget, "window": WindowWidget, "slant": SlantWidget}
    if name in of_a_picture:
        return of_a_picture[name](torch.arange(30).reshape(5, 6) / 30)
    if name == "pooling":
        return PoolingWidget(bump(16)[0])
    if name == "staircase":
        return staircase_widget()
    generator = torch.Generator().manual_seed(0)
    if name == "turning":
        pictures, kernel = torch.rand(4, 6, 6, generator=generator), torch.arange(36.0) - 18
        lifted = torch.rand(2, 4, 4, 6, 6, generator=generator)
        return TurningWidget(pictures, lifted[0], kernel.reshape(4, 3, 3), lifted[1])
    if name == "candidates":
        video = torch.rand(1, 5, 1, 16, generator=generator).double()
        maps = {"square": torch.square, "sum so far": lambda f: f.cumsum(1)}
        return CandidatesWidget(video, maps, range(-3, 4))
    if name == "flow":
        return flow_widget(torch.rand(1, 28, 28, generator=generator))
    pictures = torch.rand(256, 1, 13, 13, generator=generator)
    if name == "train":
        return TrainWidget(pictures, pictures[:64], "noise")
    if name == "steer":
        return SteerWidget(pictures[:16, :, :8, :8])
    return {"breaking": BreakWidget, "throw": ThrowWidget}[name](pictures[:16])


WIDGETS = ["bump", "square", "memories", "window", "pooling", "staircase", "flow"]
WIDGETS += ["slant", "turning", "candidates", "train", "breaking", "throw", "steer"]


@pytest.fixture(params=WIDGETS)
def widget(request):
    return make(request.param)


def payload(widget):
    text = re.search(r'<script type="application/json">(.*?)</script>', widget.to_html(), re.S)
    return json.loads(text.group(1))


def test_a_notebook_gets_the_live_view_and_a_page_gets_html(widget):
    data, _ = widget._repr_mimebundle_()
    assert {"text/plain", "text/html", WIDGET_VIEW} <= set(data)


def test_the_module_is_the_kit_and_the_widgets_own_text_and_asks_nobody(widget):
    module = payload(widget)["module"]
    own = page.read(type(widget).__module__.split(".")[-1] + ".js")
    assert module == str(widget._esm)
    assert module.startswith(page.KIT) and module.endswith(own)
    assert not re.search(r"\bimport\b|https?:|\burl\(", module)
    assert module.count("export default") == 1
    assert not re.search(r"(https?:)?//[a-z0-9-]+(\.[a-z0-9-]+)+", widget.to_html(), re.I)


def test_a_widget_stays_small(widget):
    assert len(widget.to_html()) < 300_000


def test_html_and_repr_are_the_same_on_each_run(widget):
    again = make(type(widget).__module__.split(".")[-1])
    assert widget.to_html() == again.to_html()
    assert repr(widget) == repr(again)
    assert "0x" not in repr(widget)


def test_a_repr_tells_what_is_inside(widget):
    """Its size and what can be chosen, in a line; also of what a widget is made of, and of a new one."""
    assert (
        re.fullmatch(r"\w+\((\w+=(\[.+?\]|\d+)(, )?)+\)", repr(widget)) and len(repr(widget)) < 120
    )
    run = NetworkRun([[0], [1]], {0: torch.rand(4, 2, 8)}, {0: torch.rand(4)})
    assert repr(run) == "NetworkRun(velocities=[0.0, 1.0], states={0: (4, 2, 8)})"
    orbit = Orbit(torch.zeros(3, 2), torch.rand(3, 4, 4), torch.zeros(3, 2))
    assert repr(orbit) == "Orbit(elements: (3, 2), frames: (3, 4, 4), points: (3, 2))"

    class New(PageWidget):
        _esm = "export default { render() {} }"
        time = traitlets.Int(3).tag(sync=True)
        data = traitlets.Dict().tag(sync=True)

    assert repr(New(title="mine", description="long")) == "New(time=3, title='mine')"


def test_the_text_alternative_is_on_the_page(widget):
    assert widget.description.startswith("Interactive figure: ")
    assert f'aria-label="{widget.description}"' in widget.to_html()


def test_choices_are_checked(widget):
    for name, values in widget.choices().items():
        for value in values:
            setattr(widget, name, value)
        wrong = "none" if isinstance(value, str) else 999
        with pytest.raises(traitlets.TraitError, match=f"{name} is .*expected one of"):
            setattr(widget, name, wrong)


def test_nothing_in_the_data_can_end_the_script(widget):
    widget.title = "</script><script>alert(1)</script><!--"
    assert widget.title not in widget.to_html()
    assert widget.to_html().count("</script>") == 2  # the data's and the starter's
    assert payload(widget)["state"]["title"] == widget.title
    widget.description = '"><b>'
    assert '"><b>' not in widget.to_html().split("<script")[0]


def test_bytes_are_encoded_anywhere():
    class Plain(PageWidget):
        _esm = "export default { render() {} }"
        value = traitlets.Dict().tag(sync=True)

    state = payload(Plain(value={"list": [b"\x00\xff", 1]}))["state"]
    assert base64.b64decode(state["value"]["list"][0]["$bytes"]) == b"\x00\xff"
    assert state == {"description": "", "title": "", "value": {"list": [{"$bytes": "AP8="}, 1]}}
