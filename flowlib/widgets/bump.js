// The bump on the ring. Draws what bump.py packed, and computes nothing but positions on the canvas.
//
// Colours carry meaning: orange is the moving input, blue outlines are the still one.
// A drawing is a function of (time, velocity, network), read from the model each time.

const ROUNDING = 1e-10; // as in bump.py
const LEFT = 58, RIGHT = 6, AXIS = 20; // margins of every canvas, so that positions line up

const CSS = `
.flowlib-widget { --fl-ink: #1f2937; --fl-muted: #5b6472; --fl-line: #cfd5dd; --fl-grey: #8590a0;
  --fl-accent: var(--flowlib-accent, #c2410c); --fl-still: var(--flowlib-still, #1d4ed8);
  --fl-on: #fff; --fl-well: #eef1f4; color-scheme: light; container-type: inline-size;
  color: var(--fl-ink); font: 14px/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums;
  margin: .5rem 0; text-align: left; }
.flowlib-widget[data-dark=true] { --fl-ink: #e5e7eb; --fl-muted: #a7b0bd; --fl-line: #47505c;
  --fl-grey: #7f8a99; --fl-accent: var(--flowlib-accent-dark, #fb923c);
  --fl-still: var(--flowlib-still-dark, #7db4ff); --fl-on: #14181e; --fl-well: #2a3038;
  color-scheme: dark; }
.flowlib-widget * { box-sizing: border-box; }
.flowlib-widget .title { font-weight: 650; font-size: 16px; margin: 0 0 .5rem; }
.flowlib-widget form { display: flex; flex-wrap: wrap; justify-content: space-between;
  align-items: end; gap: .6rem 1.4rem; margin: 0 0 1rem; padding: 0 0 .8rem;
  border-bottom: 1px solid var(--fl-line); }
.flowlib-widget .field { flex: 1 1 100%; display: grid; grid-template-columns: 1fr auto;
  column-gap: .6em; white-space: nowrap; }
.flowlib-widget label { margin: 0; font-weight: 400; }
.flowlib-widget output { font-weight: 650; }
.flowlib-widget i { font-family: Georgia, "Times New Roman", serif; font-size: 1.06em; }
.flowlib-widget sub { line-height: 0; }
.flowlib-widget input[type=range] { appearance: none; grid-column: 1 / -1; width: 100%;
  height: 32px; margin: 0; background: none; outline: none; cursor: pointer; }
.flowlib-widget input::-webkit-slider-runnable-track { height: 4px; border-radius: 2px;
  background: var(--fl-grey); }
.flowlib-widget input::-moz-range-track { height: 4px; border-radius: 2px;
  background: var(--fl-grey); }
.flowlib-widget input::-webkit-slider-thumb { appearance: none; width: 20px; height: 20px;
  margin-top: -8px; border: 0; border-radius: 50%; background: var(--fl-ink); }
.flowlib-widget input::-moz-range-thumb { width: 20px; height: 20px; border: 0; border-radius: 50%;
  background: var(--fl-ink); }
.flowlib-widget button { display: inline-flex; gap: .5em; align-items: center; min-width: 6em;
  height: 32px; padding: 0 .9em; border: 0; border-radius: 6px; font: inherit; font-weight: 600;
  background: var(--fl-ink); color: var(--fl-on); cursor: pointer; }
.flowlib-widget button::before { content: ""; width: 10px; height: 12px; background: currentColor;
  clip-path: polygon(0 0, 100% 50%, 0 100%); }
.flowlib-widget button[data-playing=true]::before { clip-path:
  polygon(0 0, 35% 0, 35% 100%, 65% 100%, 65% 0, 100% 0, 100% 100%, 0 100%); }
.flowlib-widget fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
.flowlib-widget legend { float: none; width: auto; margin: 0; padding: 0; font-size: inherit; }
.flowlib-widget .choices { display: inline-flex; flex-wrap: wrap; border-radius: 6px; padding: 2px;
  background: var(--fl-well); }
.flowlib-widget .choices label { position: relative; }
.flowlib-widget .choices input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0;
  opacity: 0; cursor: pointer; }
.flowlib-widget .choices span { display: block; padding: 0 .8em; line-height: 28px;
  border-radius: 5px; }
.flowlib-widget .choices input:checked + span { background: var(--fl-ink); color: var(--fl-on);
  font-weight: 600; }
.flowlib-widget :is(button, .choices input + span) { outline-offset: 2px; }
.flowlib-widget :is(button:focus-visible, .choices input:focus-visible + span) {
  outline: 3px solid var(--fl-still); }
.flowlib-widget input:focus-visible::-webkit-slider-thumb { box-shadow: 0 0 0 4px var(--fl-still); }
.flowlib-widget input:focus-visible::-moz-range-thumb { box-shadow: 0 0 0 4px var(--fl-still); }
.flowlib-widget .panels { display: grid; gap: 1.1rem 1.6rem; }
.flowlib-widget .panel { min-width: 0; display: flex; flex-direction: column; }
.flowlib-widget .head { display: flex; flex-wrap: wrap; gap: 0 1em; justify-content: space-between; font-weight: 650; }
.flowlib-widget .key { color: var(--fl-muted); font-size: 12.5px; }
.flowlib-widget .key b { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 0;
  vertical-align: -.06em; border-radius: 2px; }
.flowlib-widget .key span { margin-right: 1em; white-space: nowrap; }
.flowlib-widget canvas { display: block; width: 100%; margin-top: auto; }
.flowlib-widget .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); margin: 0; }
@container (min-width: 620px) {
  .flowlib-widget .field { flex: 1 1 130px; }
  .flowlib-widget .field + .field { flex-grow: 1.6; }
  .flowlib-widget .panels { grid-template: "input error" "state rest" / 1fr 1fr; }
  .flowlib-widget .panel { grid-area: var(--area); }
}`;

const PANELS = {
  input: ["Input <i>f<sub>t</sub></i>", "moving:moving input", "still:still input"],
  state: ["Hidden state <i>h<sub>t</sub></i>(<i>v</i>)",
    "moving:channel <i>v</i> = <i>w</i> rides along", "grey:other channels"],
  rest: ["Brought back to rest", "tint:shifted back by <i>wt</i>", "still:still input, channel <i>v</i> − <i>w</i>"],
  error: ["Flow equivariance error"],
};
const SWATCH = {
  moving: "background: var(--fl-accent)", grey: "background: var(--fl-grey)",
  tint: "background: var(--fl-accent); opacity: .55", still: "border: 2px solid var(--fl-still)",
};

const show = (number) => String(number).replace("-", "−");
const showError = (e) =>
  e === null ? "not defined" : e < ROUNDING ? (e === 0 ? "0" : `${e.toExponential(0)} (rounding)`)
    : e < 0.01 ? e.toExponential(1) : e.toFixed(2);
const roll = (row, shift) => row.map((_, i) => row.at((i - shift) % row.length));

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** The packed bytes as numbers in [-1, 1], and row(k): the k-th run of N of them. */
function unpack({ zero, bytes }, N) {
  const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Float32Array.from(raw, (q) => (q - zero) / (zero ? 127 : 255));
  return { signed: zero > 0, row: (k) => values.subarray(k * N, (k + 1) * N) };
}

function isDark() {
  const { documentElement: page, body } = document;
  const named = page.dataset.theme || page.getAttribute("theme"); // the book; Colab
  if (named === "dark" || named === "light") return named === "dark";
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false"; // JupyterLab
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function render({ model, el }) {
  const data = model.get("data");
  const { velocities, steps: T, positions: N } = data;
  const inputs = unpack(data.inputs, N);
  const networks = data.networks.map((run) => ({ ...run, states: unpack(run.states, N) }));
  const most = Math.max(...networks.map((run) => run.velocities.length));
  const worst = Math.max(...networks.flatMap((run) => run.errors.flat()));
  const id = "fl" + Math.random().toString(36).slice(2);

  // ---- the page elements
  // JupyterLab keeps its keyboard shortcuts to itself below an element with this attribute.
  const root = element("div", { class: "flowlib-widget", "data-lm-suppress-shortcuts": "true" },
    element("style", {}, CSS));
  if (!el.getAttribute("aria-label")) { // live in a notebook: the page's frame is not there
    root.setAttribute("role", "figure");
    root.setAttribute("aria-label", model.get("description"));
  }
  if (model.get("title")) root.append(element("p", { class: "title" }, model.get("title")));
  const slider = (name, label, min, max) => {
    const input = element("input", { type: "range", name, id: id + name, min, max, step: 1 });
    const output = element("output", { for: id + name, "aria-live": "off" });
    const field = element("div", { class: "field" }, element("label", { for: id + name }), output, input);
    field.firstChild.innerHTML = label;
    return { field, input, output };
  };
  const time = slider("time", "time <i>t</i>", 0, T - 1);
  const velocity = slider("velocity", "input velocity <i>w</i>", velocities[0], velocities.at(-1));
  const play = element("button", { type: "button", "data-role": "play" }, "Play");
  const radios = networks.map(({ name }) => element("input", { type: "radio", name: "network", value: name }));
  const choices = element("div", { class: "choices" }, ...radios.map((radio) =>
    element("label", {}, radio, element("span", {}, radio.value))));
  const choice = element("fieldset", {}, element("legend", {}, "network"), choices);
  choice.hidden = networks.length < 2;
  const form = element("form", {}, choice, play, time.field, velocity.field); // keeps radios apart
  const panels = element("div", { class: "panels" });
  const canvas = {}, note = {};
  for (const [name, [title, ...keys]] of Object.entries(PANELS)) {
    canvas[name] = element("canvas", { role: "img", "data-panel": name });
    const rows = Math.max(most * Math.min(46, Math.max(32, 320 / most)), 120) + AXIS;
    const tall = { input: 120, error: 138 }[name] || rows; // the same for all networks: no jumps
    canvas[name].style.height = tall + "px";
    note[name] = element("span");
    const head = element("div", { class: "head" }, element("span"), note[name]);
    head.firstChild.innerHTML = title;
    const panel = element("div", { class: "panel" }, head, canvas[name]);
    const key = element("div", { class: "key" });
    key.innerHTML = keys.map((k) => k.split(":")).map(([swatch, text]) =>
      `<span><b style="${SWATCH[swatch]}"></b>${text}</span>`).join("");
    if (keys.length) head.after(key);
    panel.style.setProperty("--area", name);
    panels.append(panel);
  }
  note.error.dataset.role = "error-value";
  note.rest.dataset.role = "verdict";
  const spoken = element("p", { class: "spoken", role: "status" });
  root.append(form, panels, spoken);
  el.append(root);

  // ---- drawing
  let colour = {};
  function begin(name) {
    const { clientWidth: width, clientHeight: height } = canvas[name];
    const ratio = window.devicePixelRatio || 1;
    canvas[name].width = Math.round(width * ratio); // also clears it
    canvas[name].height = Math.round(height * ratio);
    const pen = canvas[name].getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    return { pen, width: width - LEFT - RIGHT, height };
  }
  function text(pen, string, x, y, { align = "left", fill = colour.muted, bold = false } = {}) {
    pen.font = `${bold ? "650 " : ""}12px system-ui, sans-serif`;
    [pen.fillStyle, pen.textAlign] = [fill, align];
    pen.fillText(string, x, y);
  }
  function line(pen, x0, y0, x1, y1, stroke = colour.line, width = 1) {
    [pen.strokeStyle, pen.lineWidth] = [stroke, width];
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
  }
  /** One row of N values as steps, one step a position; box = {y: baseline, width, height}. */
  function steps(pen, row, box, { fill, stroke, alpha = 1 }) {
    const cell = box.width / N;
    pen.beginPath();
    if (fill) pen.moveTo(LEFT, box.y);
    row.forEach((value, i) => {
      pen.lineTo(LEFT + i * cell, box.y - value * box.height);
      pen.lineTo(LEFT + (i + 1) * cell, box.y - value * box.height);
    });
    if (fill) pen.lineTo(LEFT + box.width, box.y);
    [pen.globalAlpha, pen.fillStyle, pen.strokeStyle, pen.lineWidth] = [alpha, fill, stroke, 1.75];
    if (fill) pen.fill();
    if (stroke) pen.stroke();
    pen.globalAlpha = 1;
  }
  function ticks(pen, width, y, count, name, centre) {
    const every = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 50, 64, 100].find((k) => count / k <= 6) || count;
    for (let k = 0; k < count; k += every) {
      const x = LEFT + (k + centre) * width / (count - 1 + 2 * centre);
      text(pen, show(k), x, y + 15, { align: k ? "center" : centre ? "center" : "left" });
    }
    text(pen, name, LEFT - 8, y + 15, { align: "right" });
  }
  /** Lays the rows of one network out in a canvas and calls draw(v, its index, its box). */
  function rows(name, run, draw) {
    const { pen, width, height } = begin(name);
    const tall = (height - AXIS) / run.velocities.length;
    run.velocities.forEach((v, k) => {
      const bottom = Math.round((k + 1) * tall) - 0.5;
      const reach = (tall - 8) / (run.states.signed ? 2 : 1);
      const box = { y: run.states.signed ? bottom - reach : bottom, width, height: reach };
      line(pen, LEFT, box.y, LEFT + width, box.y);
      draw(pen, v, k, box, bottom - Math.min(tall / 2, 23));
    });
    ticks(pen, width, height - AXIS, N, "x", 0.5);
  }

  function drawInput(w, f, still) {
    const { pen, width, height } = begin("input");
    const room = height - AXIS - 16; // above the bump: the arrow
    const reach = inputs.signed ? room / 2 : room;
    const box = { y: height - AXIS - 0.5 - (inputs.signed ? reach : 0), width, height: reach };
    line(pen, LEFT, box.y, LEFT + width, box.y);
    steps(pen, f, box, { fill: colour.accent });
    steps(pen, still, box, { stroke: colour.still });
    if (w) { // an arrow as long as one frame's way
      const peak = LEFT + (f.indexOf(Math.max(...f)) + 0.5) * width / N;
      const y = box.y - reach - 8, back = Math.sign(w) * 5;
      for (const x of [peak - width, peak, peak + width]) { // it may leave on one side: a ring
        const tip = x + w * width / N;
        line(pen, x, y, tip, y, colour.accent, 2);
        line(pen, tip - back, y - 4, tip, y, colour.accent, 2);
        line(pen, tip - back, y + 4, tip, y, colour.accent, 2);
      }
      pen.clearRect(0, 0, LEFT, box.y - reach);
    }
    ticks(pen, width, height - AXIS, N, "x", 0.5);
  }

  function drawError(run, iw, t) {
    const { pen, width, height } = begin("error");
    const top = 16, bottom = height - AXIS - 0.5;
    const power = 10 ** Math.floor(Math.log10(worst));
    const most = worst < ROUNDING ? 1 : [1, 2, 5, 10].find((k) => k * power >= worst) * power;
    const x = (k) => LEFT + (T > 1 ? k * width / (T - 1) : 0), y = (e) => bottom - e / most * (bottom - top);
    for (const level of [0, most / 2, most]) {
      line(pen, LEFT, y(level), LEFT + width, y(level));
      text(pen, String(+level.toPrecision(2)), LEFT - 8, y(level) + 4, { align: "right" });
    }
    line(pen, x(t), top - 8, x(t), bottom, colour.muted);
    ticks(pen, width, height - AXIS, T, "t", 0);
    let taken = Infinity;
    const ends = (r) => r.errors[iw].findLast((e) => e !== null) ?? 0;
    for (const r of [...networks].sort((a, b) => ends(a) - ends(b))) {
      if (r.errors[iw].every((e) => e === null)) continue;
      const fill = r === run ? colour.accent : colour.muted;
      pen.beginPath();
      r.errors[iw].forEach((e, k) => (e === null ? 0 : r.errors[iw][k - 1] == null
        ? pen.moveTo(x(k), y(e)) : pen.lineTo(x(k), y(e))));
      [pen.strokeStyle, pen.lineWidth] = [fill, r === run ? 2.5 : 1.25];
      pen.stroke();
      taken = Math.min(y(ends(r)) - 6, taken - 14);
      text(pen, r.name, LEFT + width, taken, { align: "right", fill, bold: r === run });
    }
    const e = run.errors[iw][t];
    if (e === null) return;
    pen.beginPath();
    pen.arc(x(t), y(e), 4.5, 0, 7);
    pen.fillStyle = colour.accent;
    pen.fill();
  }

  function draw() {
    const t = model.get("time"), w = model.get("velocity");
    const run = networks.find((r) => r.name === model.get("network")) || networks[0];
    const V = run.velocities, iw = velocities.indexOf(w), i0 = velocities.indexOf(0), e = run.errors[iw][t];
    const style = getComputedStyle(root);
    for (const name of ["ink", "muted", "line", "grey", "accent", "still"])
      colour[name] = style.getPropertyValue("--fl-" + name).trim();

    [time.input.value, velocity.input.value] = [t, w];
    time.output.value = t;
    velocity.output.value = (w > 0 ? "+" : "") + show(w) + " px/frame";
    velocity.input.setAttribute("aria-valuetext", `${w} pixels per frame`);
    for (const radio of radios) radio.checked = radio.value === run.name;

    drawInput(w, inputs.row(iw * T + t), inputs.row(i0 * T + t));
    rows("state", run, (pen, v, k, box, middle) => {
      const rides = v === w, fill = rides ? colour.accent : colour.grey;
      steps(pen, run.states.row((iw * T + t) * V.length + k), box, { fill });
      text(pen, `v = ${show(v)}`, LEFT - 8, middle + 15,
        { align: "right", fill: rides ? colour.accent : colour.ink, bold: rides });
    });
    rows("rest", run, (pen, v, k, box, middle) => {
      // The law pairs h_t[moving](v, .) with h_t[still](v - w, .); a G-RNN has one channel only.
      const partner = V.length === 1 ? 0 : V.indexOf(v - w);
      const row = roll(run.states.row((iw * T + t) * V.length + k), -w * t);
      steps(pen, row, box, partner < 0 ? { fill: colour.grey, alpha: 0.25 } : { fill: colour.accent, alpha: 0.55 });
      text(pen, `v = ${show(v)}`, LEFT - 8, middle + 3, { align: "right", fill: partner < 0 ? colour.muted : colour.ink });
      if (partner < 0) {
        text(pen, `no partner: v − w = ${show(v - w)} is not in V`, LEFT + box.width / 2, middle + 4, { align: "center" });
        return;
      }
      steps(pen, run.states.row((i0 * T + t) * V.length + partner), box, { stroke: colour.still });
      text(pen, `still ${show(V[partner])}`, LEFT - 8, middle + 17, { align: "right", fill: colour.still });
    });
    drawError(run, iw, t);

    // ---- words
    const verdict = e === null ? "nothing to compare" : e < ROUNDING ? "they coincide"
      : e < 0.01 ? "they almost coincide" : "they differ";
    note.input.textContent = w === 0 ? "still" : `moves ${w > 0 ? "right" : "left"}`;
    note.state.textContent = V.length === 1 ? "one channel" : V.includes(w) ? "" : `no channel v = ${show(w)}`;
    note.rest.textContent = verdict;
    note.error.textContent = showError(e);
    if (timer) return; // a screen reader is told where the film stopped, not each frame of it
    const now = `Time ${t}, input velocity ${w}, ${run.name}`;
    const alone = V.length > 1 ? V.filter((v) => !V.includes(v - w)) : [];
    canvas.input.setAttribute("aria-label", `${now}: the input has moved by ${w * t} positions.`);
    canvas.state.setAttribute("aria-label", `${now}: hidden state, velocity channels ${V.join(", ")}${
      V.length > 1 && V.includes(w) ? `; channel ${w} rides along with the input` : ""}.`);
    canvas.rest.setAttribute("aria-label", `${now}: the state shifted back by ${w * t} over the state of the ` +
      `still input: ${verdict}${alone.length ? `; channels ${alone.join(", ")} have no partner` : ""}.`);
    canvas.error.setAttribute("aria-label", `${now}: flow equivariance error ${showError(e)}.`);
    clearTimeout(speaking);
    const news = `${now}: error ${showError(e)}, ${verdict}.`;
    if (news !== told && told) speaking = setTimeout(() => { spoken.textContent = news; }, 600);
    told = news; // nothing is said when the page opens, nor when only the theme changes
  }

  // ---- what makes it change
  let timer = null, speaking = null, frame = 0, told = "";
  const redraw = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };
  const choose = (name, value) => { model.set(name, value); model.save_changes(); };
  const pause = () => {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
    play.dataset.playing = false;
    redraw();
  };
  const tick = () => {
    const next = (model.get("time") + 1) % T;
    choose("time", next);
    timer = setTimeout(tick, next === T - 1 ? 1200 : 240); // rest a moment at the end, then again
  };
  play.addEventListener("click", () => { // it never starts by itself
    if (timer) return pause();
    play.textContent = "Pause";
    play.dataset.playing = true;
    tick();
  });
  time.input.addEventListener("input", () => { if (timer) pause(); choose("time", +time.input.value); });
  velocity.input.addEventListener("input", () => {
    const near = (w) => Math.abs(w - velocity.input.value);
    choose("velocity", velocities.reduce((a, b) => (near(b) < near(a) ? b : a)));
    redraw(); // puts the slider back when it stood between two velocities
  });
  for (const radio of radios) radio.addEventListener("change", () => choose("network", radio.value));
  form.addEventListener("submit", (event) => event.preventDefault());
  const theme = () => { root.dataset.dark = isDark(); redraw(); };
  const watched = ["time", "velocity", "network"].map((name) => "change:" + name);
  for (const event of watched) model.on(event, redraw);
  const size = new ResizeObserver(redraw), attributes = new MutationObserver(theme);
  const system = matchMedia("(prefers-color-scheme: dark)");
  size.observe(root);
  for (const node of [document.documentElement, document.body])
    attributes.observe(node, { attributeFilter: ["data-theme", "theme", "data-jp-theme-light"] });
  system.addEventListener("change", theme);
  theme();

  return () => {
    clearTimeout(timer);
    clearTimeout(speaking);
    cancelAnimationFrame(frame);
    size.disconnect();
    attributes.disconnect();
    system.removeEventListener("change", theme);
    for (const event of watched) model.off(event, redraw);
    root.remove();
  };
}

export default { render };
