"""A widget that lives twice: with a kernel through anywidget, and without one in a built page.

One ES module draws: `kit.js`, which all widgets share, and after it the widget's own text. In
Jupyter and Colab it is handed anywidget's model; in the page of the book it is handed a stand-in
with the same methods, filled with the state the widget had when it was shown. Everything the page
needs is inside the HTML, so nothing is requested from anybody.
"""

import base64
import html
import json
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

HERE = Path(__file__).parent


def read(name: str) -> str:
    """The text of a file that lies here."""
    return (HERE / name).read_text(encoding="utf-8")


KIT = f"const STYLE = {json.dumps(read('kit.css'))};\n" + read("kit.js")

# Starts every widget of the page that is not started yet. It knows no widget by name, so the HTML
# is the same on each execution, and any number of widgets (or two equal ones) share a page.
_START = """
for (const el of document.querySelectorAll(".flowlib-page:not([data-started])")) {
  el.dataset.started = "";
  const toView = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const { module, state } = JSON.parse(el.querySelector("script").textContent,
    (key, value) => (value && value.$bytes !== undefined ? toView(value.$bytes) : value));
  const heard = {};
  const model = {
    get: (name) => state[name],
    set: (name, value) => {
      if (Object.is(state[name], value)) return;
      state[name] = value;
      for (const event of ["change:" + name, "change"])
        for (const call of [...(heard[event] || [])]) call(model, value);
    },
    on: (event, call) => (heard[event] ||= new Set()).add(call),
    off: (event, call) => (call ? heard[event]?.delete(call) : delete heard[event]),
    save_changes: () => {},
    send: () => {},
  };
  const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
  import(url).then(({ default: widget }) => {
    el.replaceChildren();
    return widget.render({ model, el });
  }).catch((error) => {
    el.append("This figure could not start: " + error.message);
    console.error(error);
  }).finally(() => URL.revokeObjectURL(url));
}
"""

# The book's dark theme puts HTML outputs on a light card; a widget has colours for both modes.
_STYLE = (
    ".text_html:has(> .flowlib-page) { background: none !important; color: inherit !important; "
    "padding: 0 !important; }"
)


def _encode(value):
    """The value as JSON; bytes, also inside lists and dicts, become {"$bytes": base64}."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    return value


def chosen(*names: str):
    """A validator for traits of a `PageWidget`: a value is one of `self.choices()[name]`."""

    def check(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if value not in (choices := self.choices()[name]):
            raise traitlets.TraitError(f"{name} is {value!r}, expected one of {list(choices)}")
        return value

    return traitlets.validate(*names)(check)


class PageWidget(anywidget.AnyWidget):
    """Base of the book's widgets: subclass it, set `_esm`, and add traits tagged `sync=True`.

    `_esm` is the path of the module's own text; it may use all that `kit.js` defines. Its
    `render({model, el})` reads plain traits as JSON and bytes through the kit, the same in a notebook,
    in the book and in a MyST site. `title` stands above; `description` is the text alternative, for
    readers who do not see it.
    """

    title = traitlets.Unicode("").tag(sync=True)
    description = traitlets.Unicode("").tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if isinstance(own := cls.__dict__.get("_esm"), Path):
            cls._esm = KIT + own.read_text(encoding="utf-8")
        super().__init_subclass__(**kwargs)

    def _state(self) -> dict:
        """The synced traits that a subclass or this class added, by name."""
        own = set(self.trait_names(sync=True)) - set(ipywidgets.DOMWidget.class_trait_names())
        return {name: getattr(self, name) for name in sorted(own) if name[0] != "_"}

    def _json(self) -> dict:
        return {name: _encode(value) for name, value in self._state().items()}

    def to_html(self) -> str:
        """The widget as a piece of HTML that needs no kernel and no other host."""
        payload = json.dumps({"module": str(self._esm), "state": self._json()}, allow_nan=False)
        # Here "<" only occurs inside strings, where this is the same character; without it no
        # "</script>" and no "<!--" can end the script early.
        payload = payload.replace("<", "\\u003c")
        text = html.escape(self.description)
        return (
            f"<style>{_STYLE}</style>\n"
            f'<div class="flowlib-page" role="figure" aria-label="{text}">'
            f'<script type="application/json">{payload}</script>'
            f"<noscript><p>{text}</p></noscript></div>\n"
            f'<script type="module">{_START}</script>'
        )

    def to_myst(self, module: str | Path) -> str:
        """Write the ES module to a file, and return the directive that shows the widget in a MyST site.

        Args:
            module: the file, as the page names it, e.g. "square.mjs".

        Returns:
            An `{anywidget}` directive: the module, and as its body the state as JSON.

        Source: MyST's guide to widgets, https://mystmd.org/guide/widgets (mystmd 1.8).
        """
        Path(module).write_text(str(self._esm), encoding="utf-8")
        state = json.dumps(self._json(), allow_nan=False)
        # MyST reads a body as Markdown too, and needs minutes for 100 kB of text with many brackets;
        # what is indented by four is code, which it leaves alone.
        return f"```{{anywidget}} {module}\n    {state}\n```\n"

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # a closed widget shows nothing
            return None
        data, metadata = bundle
        return {**data, "text/html": self.to_html()}, metadata

    def __repr__(self) -> str:
        """What it holds; no memory address, because tests compare outputs."""
        short = {k: v for k, v in self._state().items() if isinstance(v, (str, int, float))}
        short.pop("description")
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in short.items())})"
