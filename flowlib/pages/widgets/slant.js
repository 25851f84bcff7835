// A picture that moves over a torus, and its space-time picture. moving.js stands before; of its planes
// nothing needs fernn.js.

const CSS = `
.slant .panels { grid-template: "picture trace" / minmax(0, 1fr) minmax(0, 1fr); max-width: 600px; margin: auto; }
.slant .head { margin-bottom: .4rem; }
.slant .result { max-width: 600px; margin: .8rem auto 0; text-align: center; }`;

/** Frame t of a picture that starts at the shift a and moves at v, both in columns to the right. */
function slid(picture, [H, W], v, a, t) {
  const from = (x) => (((x - a - t * v) % W) + W) % W;
  return range(H).flatMap((y) => range(W).map((x) => picture[y * W + from(x)]));
}

/** The brightness of each column: a picture as a signal on the ring. */
const columns = (plane, [H, W]) =>
  range(W).map((x) => range(H).reduce((sum, y) => sum + plane[y * W + x], 0));

function render({ model, el }) {
  const { picture: packed, size, steps: T, fastest } = model.get("data"), [H, W] = size, reach = Math.floor(W / 3);
  const picture = unpack(packed, H * W).row(0), row = columns(picture, size), most = Math.max(...row);
  const middle = row.reduce((sum, b, x) => sum + b * (x + 0.5), 0) / row.reduce((sum, b) => sum + b, 0);
  const { board, colour, film, slider, panel, describe, start } = stage({ model, el }, "slant", CSS);
  const to = (n) => (n > 1 || n < -1 ? `${Math.abs(n)} columns` : "one column") + (n < 0 ? " to the left" : " to the right");

  film(T);
  slider("velocity", "velocity <i>v</i>", range(2 * fastest + 1).map((k) => k - fastest),
    (v) => `${signed(v)} px/frame`, (v) => (v ? `${to(v)} a frame` : "at rest"));
  slider("shift", "static shift <i>a</i>", range(2 * reach + 1).map((k) => k - reach),
    (a) => `${signed(a)} px`, (a) => (a ? to(a) : "none"));
  const panels = {
    picture: panel("picture", null, "Frame <i>t</i>"),
    trace: panel("trace", null, "Space-time picture"),
  };
  panels.picture.canvas.style.aspectRatio = `${W} / ${H}`;
  panels.trace.canvas.style.aspectRatio = `${W} / ${T}`;
  panels.trace.note.textContent = "x →  t ↓";
  const words = element("p", { class: "result" });
  board.after(words);

  return start(() => {
    const t = model.get("time"), v = model.get("velocity"), a = model.get("shift");
    const frames = range(T).map((s) => slid(picture, size, v, a, s));
    const at = (s) => (((middle + a + s * v) % W) + W) % W; // where the middle of the picture stands
    panels.picture.note.textContent = `t = ${t}`;

    const pen = panels.picture.pen(), cell = pen.width / W;
    drawPlane(pen, frames[t], size, 0, 0, pen.width, colour.ink);
    frame(pen, 0, 0, pen.width, pen.height, colour.line);
    pen.line(at(t) * cell, 0, at(t) * cell, pen.height, colour.accent, 2.5);

    const trace = panels.trace.pen(), step = trace.width / W;
    drawPlane(trace, frames.flatMap((f) => columns(f, size)), [T, W], 0, 0, trace.width, colour.ink, most);
    frame(trace, 0, 0, trace.width, trace.height, colour.line);
    frame(trace, 0, t * step, trace.width, step, colour.still, 2);
    for (const k of range(2 * fastest * T / W + 3).map((k) => k - fastest * T / W - 1).map(Math.round)) { // each copy of the ring
      const x = middle + a + k * W;
      trace.line(x * step, step / 2, (x + (T - 1) * v) * step, (T - 0.5) * step, colour.accent, 2.5);
    }
    trace.dot(at(t) * step, (t + 0.5) * step, 4.5, colour.accent);

    const slant = v ? `One row down, ${to(v)}: the stripe leans ${v > 0 ? "right" : "left"}.` : "At rest: the stripe stands upright.";
    words.textContent = slant;
    const now = `Time ${t}, velocity ${v}, static shift ${a}`;
    describe({
      picture: `${now}: the picture, its middle in column ${Math.floor(at(t))}.`,
      trace: `${now}: ${T} rows, one a frame. ${slant}`,
    }, `${now}. ${slant}`);
  });
}

export default { render };
