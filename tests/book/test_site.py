"""The built site in a browser without any other host: what a reader of the site relies on."""

from pathlib import Path
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from conftest import SITE, drawn, settle, toc_pages
from fontTools.ttLib import TTFont

pytestmark = pytest.mark.browser

PAGES = [*toc_pages(), "genindex", "search"]
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf8")
# axe-core counts this one as experimental.
RULES = {"label-content-name-mismatch": {"enabled": True}}
CHAPTER = "chapters/08_lifting_to_velocities"  # has figures, formulas and widgets
FIGURES = "svg.flowlib-figure, .flowlib-page, .flowlib-animation"


class Visit:
    """An open page, and everything that went wrong on it."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.foreign, self.errors = [], []
        self.context.route("**/*", self.local_only)
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.errors.append(request.url))
        self.page.on("response", lambda r: r.status >= 400 and self.errors.append(r.url))
        self.page.goto(url)

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
    assert visit.count("article .math") == visit.count("article .math:has(mjx-container)")
    assert visit.count("mjx-merror, [data-mjx-error], .MathJax_Error") == 0


def test_every_page_is_visited():
    built = {str(page.relative_to(SITE).with_suffix("")) for page in SITE.rglob("*.html")}
    built = {page for page in built if not page.startswith("_static")}
    assert built - {"index", "changed"} == set(PAGES)  # index leads to the first page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, theme):
    found = visit.page.evaluate(
        """async ([axe, rules, theme]) => {
            document.documentElement.dataset.theme = theme
            const fading = document.getAnimations().filter(a => a instanceof CSSTransition)
            await Promise.allSettled(fading.map(a => a.finished))
            if (!window.axe) Function("define", "module", axe)()
            // It would load the style sheets once more, with addresses that it gets wrong.
            const options = { rules, resultTypes: ["violations"], preload: false }
            const { violations } = await window.axe.run(options)
            return violations.map(v => [v.id, ...v.nodes.map(n => n.html)])
        }""",
        [AXE, RULES, theme],
    )
    assert found == []


def test_page_is_light(visit):
    weight, figures = visit.page.evaluate(
        """async figures => {
            const kinds = ["navigation", "resource"]
            const loaded = kinds.flatMap(kind => performance.getEntriesByType(kind))
            const sizes = loaded.filter(e => e.name.startsWith("http")).map(e => e.decodedBodySize)
            const text = await (await fetch(location)).text()
            const drawn = new DOMParser().parseFromString(text, "text/html").querySelectorAll(figures)
            const html = [...drawn].map(e => e.outerHTML).join("")
            return [sizes.reduce((a, b) => a + b), new Blob([html]).size]
        }""",
        FIGURES,
    )
    assert 100_000 < weight - figures < 1_200_000


def test_pictures_and_formulas_need_no_script(browser, site):
    with Visit(browser, f"{site}/{CHAPTER}.html", java_script_enabled=False) as visit:
        for drawn in ("svg.flowlib-figure", "mjx-container"):
            box = visit.page.locator(f"article {drawn}").first.bounding_box()
            assert box["width"] > 5 and box["height"] > 5


MOVES = """[
    ...document.getAnimations().filter(a => a instanceof CSSAnimation && a.playState == "running"),
    ...[...document.querySelectorAll("animate")].filter(a => a.parentNode.checkVisibility()),
].length"""


@pytest.mark.parametrize("page", ["book/index", "chapters/19_actions"])
def test_motion_stops_for_who_wants_none(browser, site, page):
    with Visit(browser, f"{site}/{page}.html") as visit:
        assert visit.page.evaluate(MOVES) > 0
    with Visit(browser, f"{site}/{page}.html", reduced_motion="reduce") as visit:
        assert visit.page.evaluate(MOVES) == 0


def test_icons_are_in_their_fonts(visit):
    used = visit.page.evaluate(
        """() => [...document.querySelectorAll("*")].flatMap(e => ["::before", "::after"].map(part => {
            const { content, fontFamily, fontWeight } = getComputedStyle(e, part)
            const icon = /Font Awesome/.test(fontFamily) && content.match(/^"(.)"$/)
            return icon ? [/Brands/.test(fontFamily), fontWeight, icon[1]].join() : ""
        }).filter(Boolean))"""
    )
    assert used
    for icon in set(used):
        brand, weight, character = icon.split(",", 2)
        name = "brands-400" if brand == "true" else {"900": "solid-900"}.get(weight, "regular-400")
        font = TTFont(next((SITE / "_static").rglob(f"fa-{name}.woff2")))
        assert ord(character) in font.getBestCmap(), f"{ord(character):x} in {name}"


def test_pictures_have_a_text(visit):
    # alt="" would be a picture that means nothing: the book has none of those.
    assert visit.count("article :is(img:not([alt]), img[alt=''])") == 0
    # Besides figures there are only the theme's own icons.
    assert (
        visit.count(
            "article svg:not([role=img], [role=list][aria-label], [aria-hidden=true], button *)"
        )
        == 0
    )
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


def test_focus_is_seen(visit):
    page = visit.page
    page.keyboard.press("Tab")  # after a click, focus need not be seen
    for control in page.locator(f":is({FIGURES}) :is(input, button):visible, svg[tabindex]").all():
        control.scroll_into_view_if_needed()
        control.focus()
        box = control.evaluate(
            "c => c.parentNode.getBoundingClientRect().toJSON()"
        )  # a radio button shows its focus beside itself
        clip = {
            "x": box["x"] - 6,
            "y": box["y"] - 6,
            "width": box["width"] + 12,
            "height": box["height"] + 12,
        }
        seen = page.screenshot(clip=clip)
        control.blur()
        assert page.screenshot(clip=clip) != seen


KINDS = [CHAPTER, "search", "index"]
KINDS += [f"book/{n}" for n in ("index", "api", "api_wings", "glossary", "references")]


@pytest.mark.parametrize("name", KINDS)
def test_site_works_at_a_path(browser, project_site, name):
    with Visit(browser, f"{project_site}/{name}.html") as visit:
        visit.page.wait_for_load_state("networkidle")
        assert visit.foreign == visit.errors == []
        whole = "all => all.map(a => new URL(a.getAttribute('href'), document.baseURI).href)"
        links = visit.page.locator("a[href]").evaluate_all(whole)
        inside = {link.split("#")[0] for link in links if urlsplit(link).hostname == "127.0.0.1"}
        assert len(inside) > 5
        for link in inside:
            assert link.startswith(project_site)
            assert visit.context.request.head(link).ok, link


def test_search_works_at_a_path(browser, project_site):
    with Visit(browser, f"{project_site}/{CHAPTER}.html") as visit:
        visit.page.wait_for_load_state("networkidle")  # else the next page cuts requests off
        visit.page.keyboard.press("Control+k")
        visit.page.keyboard.type("steerable")
        visit.page.keyboard.press("Enter")
        found = visit.page.locator("#search-results li a").first
        found.wait_for()
        visit.page.wait_for_load_state("networkidle")  # what is found is read, to quote it
        found.click()
        visit.page.wait_for_load_state()
        assert visit.page.url.startswith(f"{project_site}/") and "search" not in visit.page.url
        assert visit.page.locator("article h1").is_visible()
        assert visit.foreign == visit.errors == []


def test_widgets_work_at_a_path(browser, project_site):
    with Visit(browser, f"{project_site}/{CHAPTER}.html") as visit:
        widget = visit.page.locator(".flowlib-widget").first
        slider = widget.locator("input[type=range]").first
        slider.press("Home")
        before = drawn(widget)
        slider.press("ArrowRight")
        assert drawn(widget)[0] != before[0]
        assert visit.foreign == visit.errors == []
