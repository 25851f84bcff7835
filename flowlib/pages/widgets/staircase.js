// How the error creeps in from the rim of V. Draws what staircase.py packed: the error of the law over channels and
// time, the staircase before which it is proven to be 0, and the errors of one frame under the bound for all times.

const FLOOR = -17, TOP = 1, LEFT = 52, BELOW = 36;
const CSS = `
.staircase .panels { grid-template: "all" "one" / minmax(0, 1fr); }
.staircase .result { margin: .8rem 0 0; }
@container (min-width: 620px) { .staircase .panels { grid-template: "all one" / minmax(0, 1fr) minmax(0, 1fr); } }`;

function render({ model, el }) {
  const { radius: R, radii, speeds, steps: T, errors, bounds } = model.get("data"), n = 2 * R + 1;
  const channels = range(n).map((k) => k - R);
  const { board, colour, film, slider, panel, describe, start } = stage({ model, el }, "staircase", CSS);
  film(T);
  slider("mixing", "mixing radius <i>r</i>", radii, show, (r) => `${r} channels to each side`);
  slider("velocity", "input moves at <i>w</i>", speeds, signed);
  const panels = {
    all: panel("all", 300, "Error over channels and time", "still:proven exact above"),
    one: panel("one", 300, "At time <i>t</i>", "still:rim has not arrived", "moving:has arrived", "grey:bound for all times"),
  };
  const words = element("p", { class: "result", "data-role": "result" });
  board.after(words);

  const high = (e) => Math.min(1, Math.max(0, (Math.log10(e || 10 ** FLOOR) - FLOOR) / (TOP - FLOOR)));
  const reachedAt = (v, w, r) => { // the first frame at which the law need not be exact
    const j = Math.min(R - Math.max(v, v - w), R + Math.min(v, v - w));
    return r ? Math.floor(j / r) + 1 : Infinity;
  };

  /** A pen, a cell's width, and the channels written below. */
  function axes(name) {
    const pen = panels[name].pen(), cell = (pen.width - LEFT) / n, bottom = pen.height - BELOW;
    for (const v of channels.filter((v) => v % 2 === 0))
      pen.text(show(v), LEFT + (v + R + 0.5) * cell, bottom + 16, { align: "center" });
    pen.text("channel v", LEFT + n * cell / 2, bottom + 32, { align: "center" });
    return { pen, ctx: pen.ctx, cell, bottom, x: (v) => LEFT + (v + R) * cell };
  }

  function drawAll(table, w, r, t) {
    const { pen, ctx, cell, bottom, x } = axes("all"), row = bottom / T, partners = channels.filter((v) => Math.abs(v - w) <= R);
    table.forEach((line, k) => line.forEach((e, i) => {
      ctx.globalAlpha = e === null ? 0.35 : high(e);
      ctx.fillStyle = e === null ? colour.line : colour.ink;
      ctx.fillRect(x(i - R), k * row, cell - 0.5, row - 0.5);
      ctx.globalAlpha = 1;
    }));
    for (let k = 0; k < T; k += 2) pen.text(show(k), LEFT - 8, (k + 0.5) * row + 4, { align: "right", bold: k === t });
    pen.text("t", 12, bottom / 2);
    const y = (v) => Math.min(T, reachedAt(v, w, r)) * row;
    pen.curve(partners.flatMap((v) => [[x(v), y(v)], [x(v) + cell, y(v)]]), colour.still, 3);
    pen.curve([[LEFT, t * row], [pen.width - 1, t * row], [pen.width - 1, (t + 1) * row], [LEFT, (t + 1) * row], [LEFT, t * row]],
      colour.accent, 2);
  }

  function drawOne(line, bound, w, r, t) {
    const { pen, ctx, cell, bottom, x } = axes("one"), y = (e) => 8 + (1 - high(e)) * (bottom - 8);
    for (const power of [0, -4, -8, -12, -16]) {
      pen.line(LEFT, y(10 ** power), pen.width, y(10 ** power));
      pen.text(power ? `1e−${-power}` : "1", LEFT - 6, y(10 ** power) + 4, { align: "right" });
    }
    channels.forEach((v, i) => {
      if (line[i] === null) return;
      ctx.fillStyle = t < reachedAt(v, w, r) ? colour.still : colour.accent;
      ctx.fillRect(x(v) + 1, y(line[i]) - 1, cell - 2, bottom - y(line[i]) + 1);
      if (bound[i]) pen.line(x(v), y(bound[i]), x(v) + cell, y(bound[i]), colour.grey, 2.5);
    });
  }

  return start(() => {
    const t = model.get("time"), w = model.get("velocity"), r = model.get("mixing");
    const at = (table) => table[radii.indexOf(r)][speeds.indexOf(w)], line = at(errors)[t];
    drawAll(at(errors), w, r, t);
    drawOne(line, at(bounds), w, r, t);
    const pairs = channels.filter((v, i) => line[i] !== null), exact = pairs.filter((v) => t < reachedAt(v, w, r));
    const most = (which) => showError(Math.max(0, ...which.map((v) => line[v + R])));
    const said = `The rim has reached ${pairs.length - exact.length} of ${pairs.length} pairs of channels` +
      (exact.length < pairs.length ? `; the largest error is ${most(pairs)}` : "") +
      (exact.length ? `. In the others the error is ${most(exact)}.` : ".") +
      ` ${n - pairs.length} of ${n} channels ${n - pairs.length === 1 ? "has" : "have"} no partner.`;
    words.textContent = said;
    const now = `Mixing radius ${r}, input moves at ${signed(w)}, time ${t}`;
    describe({
      all: `${now}. Error of the law, time downwards, channels across; the staircase comes in ${r} channels a frame.`,
      one: `${now}. Errors of one frame, logarithmic. ${said}`,
    }, `${now}. ${said}`);
  });
}

export default { render };
