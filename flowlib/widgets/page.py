"""A widget that lives twice: with a kernel through anywidget, and without one in a built page.

One ES module draws. In Jupyter and Colab it is handed anywidget's model; in the page of the book it
is handed a stand-in with the same methods, filled with the state the widget had when it was shown.
Everything the page needs is inside the HTML, so nothing is requested from anybody.
"""

import base64
import html
import json

import anywidget
import ipywidgets
import traitlets

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


class PageWidget(anywidget.AnyWidget):
    """Base of the book's widgets: subclass it, set `_esm`, and add traits tagged `sync=True`.

    The module's `render({model, el})` reads plain traits as JSON and bytes as a `DataView`, the
    same in both lives. `description` is the text alternative, for readers who do not see it.
    """

    description = traitlets.Unicode("").tag(sync=True)

    def to_html(self) -> str:
        """The widget as a piece of HTML that needs no kernel and no other host."""
        own = set(self.trait_names(sync=True)) - set(ipywidgets.DOMWidget.class_trait_names())
        state = {name: _encode(getattr(self, name)) for name in sorted(own) if name[0] != "_"}
        payload = json.dumps({"module": str(self._esm), "state": state}, allow_nan=False)
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

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:  # a closed widget shows nothing
            return None
        data, metadata = bundle
        return {**data, "text/html": self.to_html()}, metadata

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # no memory address: outputs are compared by tests
