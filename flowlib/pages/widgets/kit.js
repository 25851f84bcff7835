// What the widgets of the book share: pens, controls, panels. page.py puts kit.css, as STYLE, and this
// text in front of each widget's own, so that all is one ES module, which asks nobody for anything.

const SWATCH = {
  moving: "background: var(--fl-accent)", grey: "background: var(--fl-grey)",
  tint: "background: var(--fl-accent); opacity: .55", still: "border: 2px solid var(--fl-still)",
};

const ROUNDING = 1e-10; // a difference below this is float64 rounding; as in pack.py
const show = (number) => String(number).replace("-", "−");
const signed = (number) => (number > 0 ? "+" : "") + show(number);
const showError = (e) =>
  e === null ? "not defined" : e < ROUNDING ? (e === 0 ? "0" : `${e.toExponential(0)} (rounding)`)
    : e < 0.01 ? e.toExponential(1) : e.toFixed(2);
const range = (count) => Array.from({ length: count }, (_, k) => k);
/** Bytes of a DataView; or of JSON, as which a MyST page holds the state: {"$bytes": base64}. */
const bytesOf = (view) => (view.$bytes !== undefined ? Uint8Array.from(atob(view.$bytes), (c) => c.charCodeAt(0))
  : new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
/** Does what a host may lack: MyST's model has nobody to save for, and throws when it is asked to. */
function ifAble(act) {
  try { act(); } catch (error) { console.debug(error.message); }
}

/** What pack.py packed, as numbers in [-1, 1]; row(k) is the k-th run of N of them. */
function unpack({ zero, bytes }, N) {
  const values = Float32Array.from(bytesOf(bytes), (q) => (q - zero) / (zero ? 127 : 255));
  return { signed: zero > 0, row: (k) => values.subarray(k * N, (k + 1) * N) };
}

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** An element whose text has marks like <i> in it: for the modules' own texts, never for data. */
function marked(tag, text, attributes = {}) {
  const node = element(tag, attributes);
  node.innerHTML = text;
  return node;
}

function isDark() {
  const { documentElement: page, body } = document;
  const named = page.dataset.theme || page.getAttribute("theme") // the book; Colab
    || ["dark", "light"].find((name) => page.classList.contains(name)); // MyST
  if (named === "dark" || named === "light") return named === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false"; // JupyterLab
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Clears a canvas; what draws on it, in CSS pixels. */
function makePen(canvas, colour) {
  const { clientWidth: width, clientHeight: height } = canvas, ctx = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  ctx.scale(ratio, ratio);
  const path = (points) => {
    ctx.beginPath();
    for (const [x, y] of points) ctx.lineTo(x, y);
  };
  const pen = { ctx, width, height };
  pen.text = (string, x, y, { align = "left", fill = colour.muted, bold = false } = {}) => {
    ctx.font = `${bold ? "650 " : ""}12px system-ui, sans-serif`;
    [ctx.fillStyle, ctx.textAlign] = [fill, align];
    ctx.fillText(string, x, y);
  };
  pen.curve = (points, stroke = colour.line, thick = 1) => {
    path(points);
    [ctx.strokeStyle, ctx.lineWidth] = [stroke, thick];
    ctx.stroke();
  };
  pen.line = (x0, y0, x1, y1, stroke, thick) => pen.curve([[x0, y0], [x1, y1]], stroke, thick);
  pen.arrow = (x0, y0, x1, y1, stroke, thick = 2) => {
    const long = Math.hypot(x1 - x0, y1 - y0) || 1, dx = (x1 - x0) / long, dy = (y1 - y0) / long;
    pen.line(x0, y0, x1, y1, stroke, thick);
    for (const side of [-4, 4])
      pen.line(x1 - 5 * dx - side * dy, y1 - 5 * dy + side * dx, x1, y1, stroke, thick);
  };
  pen.dot = (x, y, radius, fill) => {
    ctx.beginPath();
    ctx.arc(x, y, radius, 0, 7);
    ctx.fillStyle = fill;
    ctx.fill();
  };
  /** A row of values in [-1, 1] as steps; the box has its baseline at y. */
  pen.steps = (row, { x, y, width, height }, { fill, stroke, alpha = 1 }) => {
    const cell = width / row.length, points = fill ? [[x, y]] : [];
    row.forEach((value, i) => points.push(
      [x + i * cell, y - value * height], [x + (i + 1) * cell, y - value * height]));
    path(fill ? [...points, [x + width, y]] : points);
    [ctx.globalAlpha, ctx.fillStyle, ctx.strokeStyle, ctx.lineWidth] = [alpha, fill, stroke, 1.75];
    if (fill) ctx.fill();
    if (stroke) ctx.stroke();
    ctx.globalAlpha = 1;
  };
  /** The numbers 0 ... count - 1 along an axis; centre is 0.5 where each names a cell. */
  pen.ticks = (x, y, width, count, name, centre) => {
    const every = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100].find((k) => count / k <= 6) || count;
    for (let k = 0; k < count; k += every)
      pen.text(show(k), x + (k + centre) * width / (count - 1 + 2 * centre), y + 15,
        { align: k || centre ? "center" : "left" });
    pen.text(name, x - 8, y + 15, { align: "right" });
  };
  /** `count` boxes one below the other, `below` left free: draw(k, its box, y of its label). */
  pen.rows = (count, isSigned, left, right, below, draw) => {
    const tall = (height - below) / count, reach = (tall - 8) / (isSigned ? 2 : 1);
    for (let k = 0; k < count; k++) {
      const bottom = Math.round((k + 1) * tall) - 0.5, y = isSigned ? bottom - reach : bottom;
      pen.line(left, y, width - right, y);
      draw(k, { x: left, y, width: width - left - right, height: reach }, bottom - Math.min(tall / 2, 23));
    }
  };
  return pen;
}

/** The element of a widget: controls, each bound to a trait, and panels to draw on. */
function stage({ model, el }, name, css) {
  const id = "fl" + Math.random().toString(36).slice(2), colour = {}, panels = {}, controls = {};
  let timer = null, speaking = null, frame = 0, told = "", drawAll;
  const choose = (trait, value) => { model.set(trait, value); ifAble(() => model.save_changes()); };
  const draw = () => {
    const style = getComputedStyle(root);
    for (const key of ["ink", "muted", "line", "grey", "accent", "still"])
      colour[key] = style.getPropertyValue("--fl-" + key).trim();
    for (const [trait, update] of Object.entries(controls)) update(model.get(trait));
    drawAll();
  };
  const redraw = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };
  const root = element("div", { class: "flowlib-widget " + name }, element("style", {}, STYLE + css));
  if (!el.getAttribute("aria-label")) { // live in a notebook: the page's frame is not there
    root.setAttribute("role", "figure");
    root.setAttribute("aria-label", model.get("description"));
  }
  const form = element("form"), board = element("div", { class: "panels" });
  const spoken = element("p", { class: "spoken", role: "status" });
  form.addEventListener("submit", (event) => event.preventDefault());
  if (model.get("title")) root.append(element("p", { class: "title" }, model.get("title")));
  root.append(form, board, spoken);
  el.append(root);

  /** A slider over sorted whole numbers; text(value) is shown, aloud(value) read out. */
  function slider(trait, label, values, text = show, aloud = text) {
    const input = element("input", { type: "range", name: trait, id: id + trait,
      min: values[0], max: values.at(-1), step: 1 });
    const output = element("output", { for: id + trait, "aria-live": "off" });
    input.addEventListener("input", () => {
      const near = (value) => Math.abs(value - input.value);
      choose(trait, values.reduce((a, b) => (near(b) < near(a) ? b : a)));
      redraw(); // puts the slider back when it stood between two values
    });
    form.append(element("div", { class: "field" }, marked("label", label, { for: id + trait }), output, input));
    controls[trait] = (value) => {
      [input.value, output.value] = [value, text(value)];
      input.setAttribute("aria-valuetext", aloud(value));
    };
    return input;
  }

  /** Buttons of which one is chosen; hidden where there is nothing to choose. */
  function choice(trait, label, names) {
    const radios = names.map((value) => element("input", { type: "radio", name: trait, value }));
    const buttons = radios.map((radio) => element("label", {}, radio, element("span", {}, radio.value)));
    const fieldset = element("fieldset", {}, marked("legend", label),
      element("div", { class: "choices" }, ...buttons));
    fieldset.hidden = names.length < 2;
    form.append(fieldset);
    for (const radio of radios) radio.addEventListener("change", () => choose(trait, radio.value));
    controls[trait] = (value) => { for (const radio of radios) radio.checked = radio.value === value; };
  }

  /** The trait "time", 0 ... steps - 1: a button that plays it, never by itself, and its slider. */
  function film(steps) {
    const button = element("button", { type: "button", "data-role": "play" }, "Play");
    const set = (playing) => {
      button.textContent = playing ? "Pause" : "Play";
      button.dataset.playing = playing;
      if (playing) return tick();
      timer = clearTimeout(timer);
      redraw();
    };
    const tick = () => {
      const next = (model.get("time") + 1) % steps;
      choose("time", next);
      timer = setTimeout(tick, next === steps - 1 ? 1200 : 240); // rest a moment at the end, then again
    };
    form.append(button);
    button.addEventListener("click", () => set(!timer));
    slider("time", "time <i>t</i>", range(steps)).addEventListener("input", () => timer && set(false));
  }

  /** A canvas with a title, a note, and a key of "swatch:text"; pen() clears it for drawing. */
  function panel(name, height, title, ...keys) {
    const canvas = element("canvas", { role: "img", "data-panel": name });
    if (height) canvas.style.height = height + "px"; // else what the widget's own style says
    const note = element("span"), head = element("div", { class: "head" }, marked("span", title), note);
    const key = keys.map((key) => key.split(":")).map(([swatch, text]) =>
      `<span><b style="${SWATCH[swatch]}"></b>${text}</span>`).join("");
    board.append(element("div", { class: "panel", style: `--area: ${name}` },
      head, marked("div", key, { class: "key" }), canvas));
    return panels[name] = { canvas, note, pen: () => makePen(canvas, colour) };
  }

  /** For those who do not see it: a label for each canvas, and the news once they have settled. */
  function describe(labels, news) {
    if (timer) return; // told is where the film stopped, not each frame of it
    for (const [name, text] of Object.entries(labels)) panels[name].canvas.setAttribute("aria-label", text);
    clearTimeout(speaking);
    if (news !== told && told) speaking = setTimeout(() => { spoken.textContent = news; }, 600);
    told = news; // nothing is said when the page opens, nor when only the theme changes
  }

  /** Draws now, and when a trait, the size or the theme changes. Returns what takes it all down. */
  function start(drawing) {
    drawAll = drawing;
    // JupyterLab keeps its keyboard shortcuts to itself where the focused element has this attribute.
    for (const control of root.querySelectorAll("input, button, [tabindex]"))
      control.setAttribute("data-lm-suppress-shortcuts", "true");
    const theme = () => { root.dataset.dark = isDark(); redraw(); };
    const size = new ResizeObserver(redraw), attributes = new MutationObserver(theme);
    const system = matchMedia("(prefers-color-scheme: dark)");
    for (const trait of Object.keys(controls)) model.on("change:" + trait, redraw);
    size.observe(root);
    for (const node of [document.documentElement, document.body])
      attributes.observe(node, { attributeFilter: ["data-theme", "theme", "class", "data-jp-theme-light"] });
    system.addEventListener("change", theme);
    theme();
    return () => {
      for (const id of [timer, speaking]) clearTimeout(id);
      cancelAnimationFrame(frame);
      for (const observer of [size, attributes]) observer.disconnect();
      system.removeEventListener("change", theme);
      for (const trait of Object.keys(controls)) ifAble(() => model.off("change:" + trait, redraw));
      root.remove();
    };
  }

  return { root, board, colour, slider, choice, film, panel, describe, start, redraw, choose };
}
