"""A widget in a MyST site: its module runs there as it is, with its state as JSON.

MyST's `{anywidget}` documents `get`, `set` and `on` of its model, for mystmd 1.8 (its theme 1.4 has
`off` and `save_changes` too, which throw), and renders into a shadow root. The page below offers just
that, and any other use of the model throws.
"""

import json
import re
import runpy

import pytest
from conftest import ROOT
from test_site import Visit, drawn, settle

pytestmark = pytest.mark.browser

make = runpy.run_path(str(ROOT / "tests/pages/widgets/test_page.py"))["make"]
WIDGETS = sorted((ROOT / "flowlib/pages/widgets").glob("*.js"))
MODULES = [p.stem for p in WIDGETS if p.with_suffix(".py").exists()]  # the others are parts of them
START = """
async ([module, state]) => {
  const heard = new EventTarget();
  const documented = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      for (const event of ["change:" + name, "change"])
        heard.dispatchEvent(new CustomEvent(event, { detail: value }));
    },
    on: (event, call) => heard.addEventListener(event, call),
  };
  const model = new Proxy(documented, { get: (has, name) => {
    if (name in has) return has[name];
    throw new Error(`MyST's model has no ${String(name)}`);
  } });
  const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const host = document.body.appendChild(document.createElement("div"));
  const el = host.attachShadow({ mode: "open" }).appendChild(document.createElement("div"));
  window.takeDown = await widget.render({ model, el });
}
"""


@pytest.fixture(scope="module", params=MODULES)
def shown(request, browser, tmp_path_factory):
    file = tmp_path_factory.mktemp("myst") / "widget.mjs"
    text = make(request.param).to_myst(file)
    address, body = re.fullmatch(r"```\{anywidget\} (.+)\n(    .+)\n```\n", text).groups()
    assert address == str(file)
    with Visit(browser, "about:blank") as visit:
        visit.page.evaluate(START, [file.read_text(encoding="utf8"), json.loads(body)])
        yield visit
        assert visit.errors == visit.foreign == []


def test_it_is_drawn_and_its_controls_work(shown):
    widget = shown.page.locator(".flowlib-widget")
    settle(widget)
    assert widget.evaluate(
        "w => [...w.querySelectorAll('canvas')].every(c => "
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean))"
    )
    sliders = widget.locator("input[type=range]").all()
    if not sliders:  # the window is steered by buttons and arrow keys
        before = drawn(widget)
        widget.get_by_role("button", name="Right").click()
        settle(widget)
        assert drawn(widget)[0] != before[0]
    for slider in sliders:
        slider.press("Home")
        before = drawn(widget)
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        assert drawn(widget)[0] != before[0]


def test_it_follows_the_sites_theme(shown):
    widget = shown.page.locator(".flowlib-widget")
    shades = []
    for theme in ("light", "dark"):
        shown.page.evaluate("theme => { document.documentElement.className = theme }", theme)
        settle(widget)
        shades.append(drawn(widget)[0])
    assert shades[0] != shades[1]


def test_it_can_be_taken_down(shown):
    shown.page.evaluate("takeDown()")
    assert shown.count(".flowlib-widget") == 0
