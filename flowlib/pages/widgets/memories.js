// The memories of a FERNN on a torus, in a grid over V. The network is h_t(v) = f_t + W * [ψ_1(v)·h_{t-1}(v)]
// with W = `keep` at its centre and `spread` at its four neighbours. fernn.js computes it, and moving.js draws its
// planes: both stand before.

const CSS = `
.memories .panels { grid-template: "still moving" / minmax(0, 1fr) minmax(0, 1fr); max-width: 680px; margin: auto; }
.memories canvas { aspect-ratio: 1 / 1.03; margin-top: .4rem; }
.memories .result { margin: .8rem 0 0; text-align: center; }
.memories .result b { white-space: nowrap; }`;

/** h_t(v) for all v of V, t = 0 ... steps - 1, of a picture that moves at w: states[t][v]. */
function memories(picture, w, V, { size, keep, spread, steps }) {
  const rnn = new Forecaster({ grid: size, velocities: V, channels: 1, layers: 0 }), N = picture.length;
  rnn.U.value.set([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  rnn.W.value.set([0, spread, 0, spread, keep, spread, 0, spread, 0]);
  let state = null;
  return range(steps).map((t) => {
    state = rnn.step(t, state, move(picture, size, [t * w[0], t * w[1]]), 1);
    return V.map((_, k) => state.subarray(k * N, (k + 1) * N));
  });
}

function render({ model, el }) {
  const data = model.get("data"), { size, radius: r, steps: T, views } = data, [H, W] = size, n = 2 * r + 1;
  const speeds = range(n).map((k) => k - r), V = velocities(r);
  const picture = Float64Array.from(unpack(data.picture, H * W).row(0));
  const { board, colour, film, slider, choice, panel, describe, start } = stage({ model, el }, "memories", CSS);
  const states = {}, of = (w) => (states[w] ||= memories(picture, w, V, data));
  const top = Math.max(...of([0, 0])[T - 1].map((h) => Math.max(...h))); // the brightest memory there is

  film(T);
  slider("down", "input moves down, <i>w<sub>y</sub></i>", speeds, signed, (w) => `${w} pixels per frame down`);
  slider("across", "to the right, <i>w<sub>x</sub></i>", speeds, signed, (w) => `${w} pixels per frame to the right`);
  choice("seen_from", "seen from", views);
  const panels = {
    still: panel("still", null, "At rest, <i>h<sub>t</sub></i>[<i>f</i>](<i>v</i>)", "still:is a partner"),
    moving: panel("moving", null, "Moving, <i>h<sub>t</sub></i>[<i>ψ</i>(<i>w</i>)·<i>f</i>](<i>v</i>)",
      "still:has a partner"),
  };
  const number = element("b", { "data-role": "error-value" }), sharp = element("b", { "data-role": "sharpest" });
  board.after(element("p", { class: "result" }, "Sharpest memory: ", sharp, ". Largest difference between a channel ",
    marked("span", "<i>v</i>"), " and its partner ", marked("span", "<i>v</i> − <i>w</i>"), ", moved along: ", number, "."));

  /** Where a memory is seen from: the ground, the moving input, or its own channel. */
  function seen(h, v, w, t) {
    const from = { [views[1]]: w, [views[2]]: v }[model.get("seen_from")] || [0, 0];
    return move(h, size, [-t * from[0], -t * from[1]]);
  }

  /** The grid of one panel; channels that the law says nothing about are faint. */
  function drawGrid(name, t, w, all, paired, own) {
    const pen = panels[name].pen(), cell = (pen.width - 20) / n, inner = cell - 4;
    V.forEach((v, k) => {
      const x = 20 + (v[1] + r) * cell + 2, y = (v[0] + r) * cell + 2, mine = same(v, own);
      pen.ctx.globalAlpha = paired(v) ? 1 : 0.3;
      drawPlane(pen, seen(all[t][k], v, w, t), size, x, y, inner, colour.ink, 0.7 * top);
      pen.ctx.globalAlpha = 1;
      frame(pen, x - 1, y - 1, inner + 2, inner + 2, mine ? colour.accent : paired(v) ? colour.still : colour.line, mine ? 2.5 : 1);
    });
    speeds.forEach((v) => {
      pen.text(show(v), 14, (v + r + 0.5) * cell + 4, { align: "right" });
      pen.text(show(v), 20 + (v + r + 0.5) * cell, pen.height - 4, { align: "center" });
    });
    pen.text("v", 8, pen.height - 4, { align: "center" });
  }

  return start(() => {
    const t = model.get("time"), w = [model.get("down"), model.get("across")];
    const rest = of([0, 0]), moved = of(w);
    const at = ([y, x]) => (Math.max(Math.abs(y), Math.abs(x)) > r ? -1 : (y + r) * n + x + r); // its place in V
    const partner = V.map((v) => at([v[0] - w[0], v[1] - w[1]]));
    drawGrid("still", t, [0, 0], rest, ([y, x]) => at([y + w[0], x + w[1]]) >= 0, [0, 0]);
    drawGrid("moving", t, w, moved, ([y, x]) => at([y - w[0], x - w[1]]) >= 0, w);
    let most = 0;
    partner.forEach((p, k) => p < 0 || move(rest[t][p], size, [t * w[0], t * w[1]]).forEach(
      (value, i) => { most = Math.max(most, Math.abs(value - moved[t][k][i])); }));
    const peaks = moved[t].map((h) => Math.max(...h)), best = V[peaks.indexOf(Math.max(...peaks))];
    const winner = t ? `v = ${named(best)}` : "all are alike";
    number.textContent = showError(most);
    sharp.textContent = winner;
    const now = `Time ${t}, input moves at ${named(w)}, seen from ${model.get("seen_from")}`;
    describe({
      still: `${now}: ${V.length} memories of the picture at rest, rows v_y, columns v_x.`,
      moving: `${now}: ${V.length} memories of the moving picture; ${partner.filter((p) => p >= 0).length} have a partner. Sharpest: ${winner}.`,
    }, `${now}: sharpest memory ${winner}, largest difference ${showError(most)}.`);
  });
}

export default { render };
