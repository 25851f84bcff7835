// The window V − w. A grid of velocities wider than V holds the memories of a picture at rest; what lies in the window
// is what the channels of V hold of the picture that moves at w. fernn.js and moving.js stand before.

const CSS = MOVING_CSS + `
.window .panels { grid-template: "field field" "rest window" / 1fr 1fr; max-width: 680px; margin: auto; }
.window canvas { aspect-ratio: 1; margin-top: .4rem; }
.window canvas[tabindex] { aspect-ratio: 1 / 1.03; background: none; }
.window .result { text-align: center; }
.window .result b { white-space: nowrap; }
@container (min-width: 620px) {
  .window .panels { grid-template: "field rest" "field window" / 2.1fr 1fr; }
}`;

const within = (u, r, [y, x] = [0, 0]) => Math.max(Math.abs(u[0] - y), Math.abs(u[1] - x)) <= r;
const largest = (planes) => planes[0].map((_, i) => Math.max(...planes.map((plane) => plane[i])));

/** The maximum over V and over the window V − w of the memories at rest, `rest`, one for each velocity of `wide`;
 *  and how far the window is from what the network reads that watches the moving picture. */
function readings(picture, w, r, wide, rest, data) {
  const over = (centre) => largest(rest.filter((_, k) => within(wide[k], r, centre)));
  const a = over([0, 0]), b = over(w.map((v) => -v)), norm = (plane) => Math.hypot(...plane), { size, steps } = data;
  const moving = largest(memories(picture, w, velocities(r), data)[steps - 1]);
  const found = move(moving, size, w.map((v) => (1 - steps) * v));
  return { w, r, planes: [a, b], error: norm(a.map((value, i) => value - b[i])) / norm(a),
    check: Math.max(...b.map((value, i) => Math.abs(value - found[i]))) };
}

function render({ model, el }) {
  const data = model.get("data"), { size, radius: R, steps: T, most, reach } = data, [H, W] = size, n = 2 * R + 1;
  const picture = Float64Array.from(unpack(data.picture, H * W).row(0)), wide = velocities(R);
  const rest = memories(picture, [0, 0], wide, data)[T - 1], top = Math.max(...rest.map((h) => Math.max(...h)));
  const { board, colour, slider, panel, describe, start, redraw, choose } = stage({ model, el }, "window", CSS);
  const speeds = range(2 * reach + 1).map((k) => k - reach), chosen = () => [model.get("down"), model.get("across")];

  slider("down", "input moves down, <i>w<sub>y</sub></i>", speeds, signed, (w) => `${w} pixels per frame down`);
  slider("across", "to the right, <i>w<sub>x</sub></i>", speeds, signed, (w) => `${w} pixels per frame to the right`);
  slider("radius", "radius of <i>V</i>", range(most).map((k) => k + 1));
  const panels = {
    field: panel("field", null, "Memories of the picture at rest", "still:<i>V</i>", "moving:<i>V</i> − <i>w</i>", "tint:not there"),
    rest: panel("rest", null, "Max over <i>V</i>"), window: panel("window", null, "Max over <i>V</i> − <i>w</i>"),
  };
  const lost = element("b", { "data-role": "lost" }), error = element("b"), check = element("b", { "data-role": "error-value" });
  board.after(element("p", { class: "result" }, lost, " have lost their partner. The maximum is off by ", error,
    " of itself. The network that watches the moving picture, brought back to rest, differs from the window by ", check, "."));
  const left = 20, glide = gliding(redraw);
  velocityPad(panels.field, R, () => chosen().map((a) => -a), (u) => ["down", "across"].forEach( // the window is at −w
    (trait, i) => choose(trait, Math.min(reach, Math.max(-reach, -u[i])))), left);

  function drawField(w, r) {
    const pen = panels.field.pen(), cell = (pen.width - left) / n, y0 = (v) => (v + R) * cell, x0 = (v) => left + y0(v);
    const square = ([y, x], stroke, thick) => frame(pen, x0(x - r), y0(y - r), (2 * r + 1) * cell, (2 * r + 1) * cell, stroke, thick);
    wide.forEach((u, k) => {
      const x = x0(u[1]), y = y0(u[0]), isIn = within(u, r), isRead = within(u, r, w.map((a) => -Math.round(a)));
      pen.ctx.globalAlpha = 0.45;
      pen.ctx.fillStyle = colour.accent;
      if (isRead && !isIn) pen.ctx.fillRect(x, y, cell, cell);
      pen.ctx.globalAlpha = isIn ? 1 : isRead ? 0.75 : 0.2;
      drawPlane(pen, rest[k], size, x + 1, y + 1, cell - 2, colour.ink, 0.7 * top);
      pen.ctx.globalAlpha = 1;
    });
    for (let v = 1 - R; v < R; v += 2) {
      pen.text(show(v), 15, y0(v + 0.5) + 4, { align: "right" });
      pen.text(show(v), x0(v + 0.5), pen.height - 4, { align: "center" });
    }
    square([0, 0], colour.still, 3);
    square([-w[0], -w[1]], colour.accent, 3);
  }

  let known = null;
  return start(() => {
    const w = chosen(), r = model.get("radius"), count = (2 * r + 1) ** 2, { now } = glide(w);
    if (!known || known.r !== r || !same(known.w, w)) known = readings(picture, w, r, wide, rest, data);
    const missing = count - velocities(r).filter((u) => within(u, r, w)).length;
    drawField(now, r);
    ["rest", "window"].forEach((name, k) => {
      const pen = panels[name].pen();
      drawPlane(pen, known.planes[k], size, 0, 0, pen.width, colour.ink, top);
      frame(pen, 0, 0, pen.width, pen.height, k ? colour.accent : colour.still, 2);
    });
    lost.textContent = `${missing} of ${count} channels (${Math.round(100 * missing / count)} %)`;
    error.textContent = `${(100 * known.error).toFixed(known.error && known.error < 0.1 ? 1 : 0)} %`;
    check.textContent = showError(known.check);
    if (!same(now, w)) return;
    const said = `Input moves at ${named(w)}, V has radius ${r}`;
    describe({
      field: `${said}: the window V − w is the square around ${named([-w[0], -w[1]].map((a) => a || 0))}; ${missing} of its ${count} cells lie outside of V. Arrow keys move the window.`,
      rest: `The maximum over V of the memories at rest: a sharp picture.`,
      window: `The maximum over the window, off by ${error.textContent}.`,
    }, `${said}: ${lost.textContent} have lost their partner; the maximum is off by ${error.textContent}.`);
  });
}

export default { render };
