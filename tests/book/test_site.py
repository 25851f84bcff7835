"""The built site in a browser without any other host: what a reader of the site relies on."""

from urllib.parse import urlsplit

import pytest
from conftest import toc_pages

pytestmark = pytest.mark.browser

PAGES = toc_pages()
WIDGET_PAGES = [p for p in PAGES if p.startswith(("chapters/01", "chapters/02"))]


class Visit:
    """An open page, and everything that went wrong on it."""

    def __init__(self, browser, url):
        self.context = browser.new_context()
        self.page = self.context.new_page()
        self.foreign, self.errors = [], []
        self.context.route("**/*", self.local_only)
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.on("response", lambda r: r.status >= 400 and self.errors.append(r.url))
        self.page.goto(url)
        self.page.evaluate("window.MathJax?.startup?.promise.then(() => {})")

    def local_only(self, route):
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def count(self, selector):
        return self.page.locator(selector).count()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.fixture(scope="module", params=PAGES)
def visit(request, browser, site):
    with Visit(browser, f"{site}/{request.param}.html") as visit:
        # Widgets start by themselves; "networkidle" is a matter of how busy the machine is.
        visit.page.wait_for_function(
            "[...document.querySelectorAll('.flowlib-page')].every(p => p.querySelector('canvas'))"
        )
        yield visit


def test_page_needs_no_other_host(visit):
    assert visit.foreign == []


def test_page_opens_without_errors(visit):
    assert visit.errors == []


def test_formulas_are_set(visit):
    assert visit.count("article mjx-container") >= visit.count("article .math")
    assert visit.count("mjx-merror, [data-mjx-error], .MathJax_Error") == 0


def test_pictures_have_a_text(visit):
    # alt="" would be a picture that means nothing: the book has none of those.
    assert visit.count("article :is(img:not([alt]), img[alt=''])") == 0
    # Besides figures there are only the theme's own icons.
    assert visit.count("article svg:not([role=img], [aria-hidden=true], button *)") == 0
    assert visit.count("article svg[role=img]:is(:not([aria-label]), [aria-label=''])") == 0


def test_page_fits_a_phone(visit):
    visit.page.set_viewport_size({"width": 360, "height": 740})
    width, room = visit.page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)"
    )
    assert width <= room + 1


def settle(widget):
    """Waits until a widget that draws in the next frame has drawn."""
    widget.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def pixels(widget, panel="state"):
    return widget.locator(f"canvas[data-panel={panel}]").evaluate("c => c.toDataURL()")


def error_text(widget):
    return widget.locator("[data-role=error-value]").inner_text()


def slide(widget, name, value):
    """Moves a slider as a reader does: with the keyboard, from its lower end."""
    slider = widget.locator(f"input[type=range][name={name}]")
    low, step = slider.evaluate("s => [Number(s.min), Number(s.step) || 1]")
    slider.press("Home")
    for _ in range(round((value - low) / step)):
        slider.press("ArrowRight")
    assert float(slider.input_value()) == value
    settle(widget)


def choose(widget, index):
    """Chooses the index-th network and returns how many there are."""
    control = widget.locator("[name=network]")
    if control.first.evaluate("c => c.tagName") == "SELECT":
        control.select_option(index=index)
        choices = control.locator("option").count()
    else:
        control.nth(index).check()
        choices = control.count()
    settle(widget)
    return choices


@pytest.fixture(scope="module", params=WIDGET_PAGES)
def widgets(request, browser, site):
    with Visit(browser, f"{site}/{request.param}.html") as visit:
        visit.page.wait_for_selector(".flowlib-widget canvas[data-panel=state]")
        yield visit.page.locator(".flowlib-widget").all()
        assert visit.foreign == visit.errors == []


def test_widgets_show_all_panels(widgets):
    for widget in widgets:
        for panel in ("input", "state", "rest", "error"):
            assert widget.locator(f"canvas[data-panel={panel}]").count() == 1
            assert widget.locator(f"canvas[data-panel={panel}]").get_attribute("aria-label")
        for name in ("time", "velocity"):
            slider = widget.locator(f"input[type=range][name={name}]")
            assert slider.evaluate("s => s.labels.length") == 1


@pytest.mark.parametrize(("name", "values"), [("time", (0, 3)), ("velocity", (0, 1))])
def test_slider_moves_the_state(widgets, name, values):
    for widget in widgets:
        slide(widget, "time", 3)
        slide(widget, "velocity", 1)
        drawn = []
        for value in values:
            slide(widget, name, value)
            drawn.append(pixels(widget))
        assert drawn[0] != drawn[1]


def test_network_changes_state_and_error(widgets):
    for widget in widgets:
        slide(widget, "time", 3)
        slide(widget, "velocity", 1)
        choose(widget, 0)
        before = pixels(widget), error_text(widget)
        assert choose(widget, 1) >= 2
        assert pixels(widget) != before[0]
        assert error_text(widget) != before[1]


def test_widgets_follow_dark_mode(widgets):
    for widget in widgets:
        drawn = []
        for theme in ("light", "dark"):
            widget.evaluate(
                "(_, theme) => { document.documentElement.dataset.theme = theme }", theme
            )
            settle(widget)
            drawn.append(pixels(widget))
        assert drawn[0] != drawn[1]
