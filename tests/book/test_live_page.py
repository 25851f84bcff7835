"""The page on which networks learn, in a browser without any other host."""

import json
import re

import pytest
from test_site import Visit, drawn, settle

from flowlib.pages.widgets import weights

pytestmark = pytest.mark.browser

ERRORS = re.compile(
    r"(\d+) updates of the G-RNN, (\d+) of the FERNN.*?"
    r"videos: G-RNN ([\d.e-]+), FERNN ([\d.e-]+), a still picture (\d[\d.e-]*\d)"
)


@pytest.fixture
def live(browser, site):
    with Visit(browser, f"{site}/chapters/live_training.html") as visit:
        visit.page.wait_for_function("document.querySelectorAll('.flowlib-widget').length === 2")
        yield visit
        assert visit.foreign == visit.errors == []


def result(widget):
    return widget.locator("[data-role=result]").text_content()


def told(widget):
    """Updates of both networks, their errors on held-out videos, and that of a still picture."""
    return [float(x) for x in ERRORS.search(result(widget)).groups()]


def wait_for(widget, said):
    widget.page.wait_for_function(
        f"w => w.querySelector('[data-role=result]').{said}",
        arg=widget.element_handle(),
        timeout=120_000,
    )


def wait_for_updates(widget, count):
    wait_for(widget, f"textContent.split(' ')[0] >= {count}")


def test_networks_learn_pause_and_are_saved(live, tmp_path):
    widget = live.page.locator(".train")
    wait_for_updates(widget, 0)
    _, _, *before, still = told(widget)
    widget.get_by_role("button", name="Train").click()
    wait_for_updates(widget, 50)
    widget.get_by_role("button", name="Pause").click()
    widget.get_by_role("button", name="Train").wait_for()
    live.page.wait_for_timeout(500)  # an update that had begun may end
    grnn, fernn, *after, same = told(widget)
    assert abs(grnn - fernn) <= 1 and same == still  # the same updates, measured on the same videos
    assert all(b < min(a, still) for a, b in zip(before, after, strict=True))
    live.page.wait_for_timeout(700)
    assert told(widget) == [grnn, fernn, *after, still]

    widget.locator("summary").click()
    with live.page.expect_download() as download:
        widget.get_by_role("button", name="Save weights").click()
    file = tmp_path / "saved.json"
    download.value.save_as(file)
    models = weights.load(file)
    assert [len(models[name].rnn.velocities) for name in ("G-RNN", "FERNN")] == [1, 9]

    thrown = re.search("This throw.*?picture", result(widget))[
        0
    ]  # its errors are those of the weights saved
    widget.get_by_role("button", name="Start anew").click()
    wait_for(widget, "textContent.startsWith('0 updates')")
    assert thrown not in result(widget)
    widget.locator("input[type=file]").set_input_files(file)
    wait_for(widget, f"textContent.includes('{thrown}')")
    file.write_text(json.dumps({"FERNN": {"format": "another"}}))
    widget.locator("input[type=file]").set_input_files(file)
    widget.get_by_role("alert").filter(has_text="holds no network of flowlib").wait_for()


def test_with_one_velocity_the_fernn_is_the_grnn(live):
    widget = live.page.locator(".train")
    widget.get_by_label("1", exact=True).check()
    widget.get_by_role("button", name="Start anew").click()
    widget.get_by_role("button", name="Train").click()
    wait_for_updates(widget, 20)
    _, _, grnn, fernn, _ = told(widget)
    assert grnn == fernn


def test_each_switch_breaks_the_law(live):
    widget = live.page.locator(".breaking")
    error = widget.locator("[data-role=error-value]")
    settle(widget)
    assert error.inner_text() == "0"
    for name in ("zero padding", "a stride of two", "the last frame twice", "V with a gap"):
        widget.get_by_label(name).check()
        settle(widget)
        assert float(error.inner_text()) > 0.01, name
    widget.get_by_label("nothing").check()
    settle(widget)
    assert error.inner_text() == "0"


def test_what_is_drawn_and_thrown_is_forecast(browser, site):
    with Visit(browser, f"{site}/book/index.html") as visit:
        widget = visit.page.locator(".throw")
        pad = widget.locator("canvas[data-panel=sketch]")
        before = drawn(widget)
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        across = [(box["x"] + box["width"] * k, box["y"] + box["height"] / 2) for k in (0.3, 0.7)]
        visit.page.mouse.move(*across[0])
        visit.page.mouse.down()
        visit.page.mouse.move(*across[1], steps=5)
        visit.page.mouse.up()
        after = drawn(widget)
        assert after[1] != before[1]
        assert all(a != b for a, b in zip(after[0], before[0], strict=True) if a != before[0][1])
        plane = widget.locator("canvas[data-panel=pad]")
        plane.focus()
        plane.press("ArrowUp")
        plane.press("ArrowUp")
        assert "Thrown at (−1, +2)" in drawn(widget)[1]
        assert visit.foreign == visit.errors == []


def test_a_window_is_steered(browser, site):
    with Visit(browser, f"{site}/chapters/25_self_motion.html") as visit:
        widget = visit.page.locator(".steer")
        settle(widget)
        widget.get_by_role("button", name="Close eyes").click()
        before = drawn(widget)
        world = widget.locator("canvas[data-panel=world]")
        world.focus()
        world.press("ArrowRight")
        world.press(" ")
        after = drawn(widget)
        assert all(a != b for a, b in zip(after[0], before[0], strict=True))
        assert "frame 11" in widget.inner_text() and "eyes closed" in widget.inner_text()
        assert visit.foreign == visit.errors == []
