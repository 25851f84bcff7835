// The bump on the ring. Draws what bump.py packed, and computes nothing but positions on the canvas.
//
// A drawing is a function of (time, velocity, network), read from the model each time.

const LEFT = 58, RIGHT = 6, AXIS = 20; // margins of every canvas, so that positions line up
const CSS = `
.bump .panels { grid-template: "input" "state" "rest" "error" / minmax(0, 1fr); }
@container (min-width: 620px) {
  .bump .panels { grid-template: "input error" "state rest" / 1fr 1fr; }
}`;
const roll = (row, shift) => row.map((_, i) => row.at((i - shift) % row.length));

function render({ model, el }) {
  const data = model.get("data");
  const { velocities, steps: T, positions: N } = data;
  const inputs = unpack(data.inputs, N);
  const networks = data.networks.map((run) => ({ ...run, states: unpack(run.states, N) }));
  const most = Math.max(...networks.map((run) => run.velocities.length));
  const worst = Math.max(...networks.flatMap((run) => run.errors.flat()));
  const { colour, choice, film, slider, panel, describe, start } = stage({ model, el }, "bump", CSS);

  choice("network", "network", networks.map((run) => run.name));
  film(T);
  slider("velocity", "input velocity <i>w</i>", velocities, (w) => `${signed(w)} px/frame`,
    (w) => `${w} pixels per frame`);
  const tall = Math.max(most * Math.min(46, Math.max(32, 320 / most)), 120) + AXIS; // no jumps
  const panels = {
    input: panel("input", 120, "Input <i>f<sub>t</sub></i>", "moving:moving input", "still:still input"),
    state: panel("state", tall, "Hidden state <i>h<sub>t</sub></i>(<i>v</i>)",
      "moving:channel <i>v</i> = <i>w</i> rides along", "grey:other channels"),
    rest: panel("rest", tall, "Brought back to rest", "tint:shifted back by <i>wt</i>",
      "still:still input, channel <i>v</i> − <i>w</i>"),
    error: panel("error", 138, "Flow equivariance error"),
  };
  panels.error.note.dataset.role = "error-value";
  panels.rest.note.dataset.role = "verdict";

  function drawInput(w, f, still) {
    const pen = panels.input.pen(), width = pen.width - LEFT - RIGHT;
    const room = pen.height - AXIS - 16; // above the bump: the arrow
    const reach = inputs.signed ? room / 2 : room;
    const box = { x: LEFT, y: pen.height - AXIS - 0.5 - (inputs.signed ? reach : 0), width, height: reach };
    pen.line(LEFT, box.y, LEFT + width, box.y);
    pen.steps(f, box, { fill: colour.accent });
    pen.steps(still, box, { stroke: colour.still });
    if (w) { // an arrow as long as one frame's way
      const peak = LEFT + (f.indexOf(Math.max(...f)) + 0.5) * width / N, y = box.y - reach - 8;
      for (const x of [peak - width, peak, peak + width]) // it may leave on one side: a ring
        pen.arrow(x, y, x + w * width / N, y, colour.accent);
      pen.ctx.clearRect(0, 0, LEFT, box.y - reach);
    }
    pen.ticks(LEFT, pen.height - AXIS, width, N, "x", 0.5);
  }

  function drawRows(name, run, draw) {
    const pen = panels[name].pen();
    pen.rows(run.velocities.length, run.states.signed, LEFT, RIGHT, AXIS,
      (k, box, middle) => draw(pen, run.velocities[k], k, box, middle));
    pen.ticks(LEFT, pen.height - AXIS, pen.width - LEFT - RIGHT, N, "x", 0.5);
  }

  function drawError(run, iw, t) {
    const pen = panels.error.pen(), width = pen.width - LEFT - RIGHT;
    const top = 16, bottom = pen.height - AXIS - 0.5, power = 10 ** Math.floor(Math.log10(worst));
    const highest = worst < ROUNDING ? 1 : [1, 2, 5, 10].find((k) => k * power >= worst) * power;
    const x = (k) => LEFT + (T > 1 ? k * width / (T - 1) : 0), y = (e) => bottom - e / highest * (bottom - top);
    for (const level of [0, highest / 2, highest]) {
      pen.line(LEFT, y(level), LEFT + width, y(level));
      pen.text(String(+level.toPrecision(2)), LEFT - 8, y(level) + 4, { align: "right" });
    }
    pen.line(x(t), top - 8, x(t), bottom, colour.muted);
    pen.ticks(LEFT, pen.height - AXIS, width, T, "t", 0);
    let taken = Infinity;
    const end = (r) => r.errors[iw].findLast((e) => e !== null) ?? 0;
    for (const r of [...networks].sort((a, b) => end(a) - end(b))) {
      const known = r.errors[iw].map((e, k) => [x(k), e]).filter(([, e]) => e !== null);
      if (!known.length) continue;
      const fill = r === run ? colour.accent : colour.muted;
      pen.curve(known.map(([at, e]) => [at, y(e)]), fill, r === run ? 2.5 : 1.25);
      taken = Math.min(y(end(r)) - 6, taken - 14);
      pen.text(r.name, LEFT + width, taken, { align: "right", fill, bold: r === run });
    }
    if (run.errors[iw][t] !== null) pen.dot(x(t), y(run.errors[iw][t]), 4.5, colour.accent);
  }

  return start(() => {
    const t = model.get("time"), w = model.get("velocity");
    const run = networks.find((r) => r.name === model.get("network")) || networks[0];
    const V = run.velocities, iw = velocities.indexOf(w), i0 = velocities.indexOf(0), e = run.errors[iw][t];
    drawInput(w, inputs.row(iw * T + t), inputs.row(i0 * T + t));
    drawRows("state", run, (pen, v, k, box, middle) => {
      const rides = v === w, fill = rides ? colour.accent : colour.grey;
      pen.steps(run.states.row((iw * T + t) * V.length + k), box, { fill });
      pen.text(`v = ${show(v)}`, LEFT - 8, middle + 15,
        { align: "right", fill: rides ? colour.accent : colour.ink, bold: rides });
    });
    drawRows("rest", run, (pen, v, k, box, middle) => {
      // The law pairs h_t[moving](v, .) with h_t[still](v - w, .); a G-RNN has one channel only.
      const partner = V.length === 1 ? 0 : V.indexOf(v - w), alone = partner < 0;
      const row = roll(run.states.row((iw * T + t) * V.length + k), -w * t);
      pen.steps(row, box, alone ? { fill: colour.grey, alpha: 0.25 } : { fill: colour.accent, alpha: 0.55 });
      pen.text(`v = ${show(v)}`, LEFT - 8, middle + 3, { align: "right", fill: alone ? colour.muted : colour.ink });
      if (alone) {
        const words = `no partner: v − w = ${show(v - w)} is not in V`;
        return pen.text(words, LEFT + box.width / 2, middle + 4, { align: "center" });
      }
      pen.steps(run.states.row((i0 * T + t) * V.length + partner), box, { stroke: colour.still });
      pen.text(`still ${show(V[partner])}`, LEFT - 8, middle + 17, { align: "right", fill: colour.still });
    });
    drawError(run, iw, t);

    const verdict = e === null ? "nothing to compare" : e < ROUNDING ? "they coincide"
      : e < 0.01 ? "they almost coincide" : "they differ";
    panels.input.note.textContent = w === 0 ? "still" : `moves ${w > 0 ? "right" : "left"}`;
    panels.state.note.textContent =
      V.length === 1 ? "one channel" : V.includes(w) ? "" : `no channel v = ${show(w)}`;
    panels.rest.note.textContent = verdict;
    panels.error.note.textContent = showError(e);
    const now = `Time ${t}, input velocity ${w}, ${run.name}`;
    const alone = V.length > 1 ? V.filter((v) => !V.includes(v - w)) : [];
    describe({
      input: `${now}: the input has moved by ${w * t} positions.`,
      state: `${now}: hidden state, velocity channels ${V.join(", ")}${
        V.length > 1 && V.includes(w) ? `; channel ${w} rides along with the input` : ""}.`,
      rest: `${now}: the state shifted back by ${w * t} over the state of the still input: ${verdict}${
        alone.length ? `; channels ${alone.join(", ")} have no partner` : ""}.`,
      error: `${now}: flow equivariance error ${showError(e)}.`,
    }, `${now}: error ${showError(e)}, ${verdict}.`);
  });
}

export default { render };
