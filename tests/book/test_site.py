"""The built site in a browser without any other host: what a reader of the site relies on."""

from urllib.parse import urlsplit

import pytest
from conftest import SITE, drawn, settle, toc_pages

pytestmark = pytest.mark.browser

PAGES = toc_pages()


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
    usual = visit.page.viewport_size
    visit.page.set_viewport_size({"width": 360, "height": 740})
    width, room = visit.page.evaluate(
        "(({scrollWidth, clientWidth}) => [scrollWidth, clientWidth])(document.documentElement)"
    )
    visit.page.set_viewport_size(usual)
    assert width <= room + 1


@pytest.fixture(scope="module")
def widgets(visit):
    """The widgets of a page, often none. What is done to them may cause no error and no request."""
    yield visit.page.locator(".flowlib-widget").all()
    assert visit.foreign == visit.errors == []


def test_there_are_widgets(browser, site):
    chapters = (SITE / "chapters").glob("*.html")
    assert sum('class="flowlib-page"' in page.read_text(encoding="utf8") for page in chapters) >= 2


def test_each_panel_has_a_text_and_each_control_a_label(widgets):
    for widget in widgets:
        settle(widget)
        assert widget.locator("canvas").count() > 0
        assert widget.locator("canvas:is(:not([aria-label]), [aria-label=''])").count() == 0
        for control in widget.locator("input").all():
            assert control.evaluate("c => [...c.labels].map(l => l.textContent).join('')").strip()


def test_each_slider_moves_the_picture_by_keyboard(widgets):
    for widget in widgets:
        for slider in widget.locator("input[type=range]").all():
            slider.press("Home")
            before = drawn(widget)
            slider.press("ArrowRight")
            slider.press("ArrowRight")
            low, high = slider.evaluate("s => [Number(s.min), Number(s.max)]")
            assert float(slider.input_value()) == min(low + 2, high)
            pictures, words = drawn(widget)
            assert pictures != before[0] and words != before[1]


def test_each_choice_changes_the_picture(widgets):
    for widget in widgets:
        for slider in widget.locator("input[type=range]").all():
            slider.press("End")  # at time 0, or at rest, all choices may look alike
        for radio in widget.locator("input[type=radio]:not(:checked):visible").all():
            before = drawn(widget)
            radio.check()
            assert drawn(widget)[0] != before[0]


def test_a_film_plays_and_stops(widgets):
    for widget in widgets:
        for button in widget.locator("button[data-role=play]").all():
            slider = widget.locator("input[name=time]")
            slider.press("Home")
            button.click()
            widget.page.wait_for_function("s => s.value > 1", arg=slider.element_handle())
            button.click()
            assert button.inner_text() == "Play"
            time = slider.input_value()
            widget.page.wait_for_timeout(400)
            assert slider.input_value() == time


def test_widgets_follow_dark_mode(widgets):
    for widget in widgets:
        shown = []
        for theme in ("light", "dark"):
            widget.evaluate(
                "(_, theme) => { document.documentElement.dataset.theme = theme }", theme
            )
            shown.append(drawn(widget))
        assert shown[0][0] != shown[1][0]
        assert shown[0][1] == shown[1][1]
