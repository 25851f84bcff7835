// The memories of a FERNN on a torus, in a grid over V. The network is h_t(v) = f_t + W * [ψ_1(v)·h_{t-1}(v)]
// with W = `keep` at its centre and `spread` at its four neighbours; what memories.py packed is its picture.

const CSS = `
.memories .panels { grid-template: "still moving" / minmax(0, 1fr) minmax(0, 1fr); max-width: 680px; margin: auto; }
.memories canvas { aspect-ratio: 1 / 1.03; margin-top: .4rem; }
.memories .result { margin: .8rem 0 0; text-align: center; }
.memories .result b { white-space: nowrap; }`;

/** (g.f)(x) = f(x - g) on the torus. */
function moveBy([gy, gx], f, [H, W]) {
  const moved = new Float64Array(H * W), mod = (a, n) => ((a % n) + n) % n;
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) moved[mod(y + gy, H) * W + mod(x + gx, W)] = f[y * W + x];
  return moved;
}

/** W * h, all of h moving to its four neighbours. */
function blur(h, keep, spread, size) {
  const around = [[1, 0], [-1, 0], [0, 1], [0, -1]].map((g) => moveBy(g, h, size));
  return h.map((value, i) => keep * value + spread * ((around[0][i] + around[1][i]) + (around[2][i] + around[3][i])));
}

/** h_t(v) for all v of V, t = 0 ... steps - 1, of a picture that moves at w: states[t][v]. */
function memories(picture, w, V, { size, keep, spread, steps }) {
  let state = V.map(() => new Float64Array(picture.length));
  return range(steps).map((t) => {
    const frame = moveBy([t * w[0], t * w[1]], picture, size);
    state = state.map((h, k) => blur(moveBy(V[k], h, size), keep, spread, size).map((m, i) => m + frame[i]));
    return state;
  });
}

function render({ model, el }) {
  const data = model.get("data"), { size, radius: r, steps: T, views } = data, [H, W] = size, n = 2 * r + 1;
  const speeds = range(n).map((k) => k - r), V = speeds.flatMap((y) => speeds.map((x) => [y, x]));
  const picture = Float64Array.from(unpack(data.picture, H * W).row(0));
  const { board, colour, film, slider, choice, panel, describe, start } = stage({ model, el }, "memories", CSS);
  const states = {}, of = (w) => (states[w] ||= memories(picture, w, V, data));
  const top = Math.max(...of([0, 0])[T - 1].map((h) => Math.max(...h))); // the brightest memory there is
  const name = (v) => `(${v.map(signed).join(", ")})`;

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
    return moveBy([-t * from[0], -t * from[1]], h, size);
  }

  /** The grid of one panel; channels that the law says nothing about are faint. */
  function drawGrid(name, t, w, all, paired, own) {
    const pen = panels[name].pen(), cell = (pen.width - 20) / n, inner = cell - 4;
    const small = element("canvas", { width: W, height: H }), ctx = small.getContext("2d"), ink = rgb(colour.ink);
    pen.ctx.imageSmoothingEnabled = false;
    V.forEach((v, k) => {
      const x = 20 + (v[1] + r) * cell + 2, y = (v[0] + r) * cell + 2, pixels = ctx.createImageData(W, H);
      seen(all[t][k], v, w, t).forEach((value, i) =>
        pixels.data.set([...ink, 255 * Math.min(1, value / top) ** 0.7], 4 * i));
      ctx.putImageData(pixels, 0, 0);
      pen.ctx.globalAlpha = paired(v) ? 1 : 0.3;
      pen.ctx.drawImage(small, x, y, inner, inner);
      pen.ctx.globalAlpha = 1;
      const mine = v[0] === own[0] && v[1] === own[1];
      pen.ctx.strokeStyle = mine ? colour.accent : paired(v) ? colour.still : colour.line;
      pen.ctx.lineWidth = mine ? 2.5 : 1;
      pen.ctx.strokeRect(x - 0.5, y - 0.5, inner + 1, inner + 1);
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
    partner.forEach((p, k) => p < 0 || moveBy([t * w[0], t * w[1]], rest[t][p], size).forEach(
      (value, i) => { most = Math.max(most, Math.abs(value - moved[t][k][i])); }));
    const peaks = moved[t].map((h) => Math.max(...h)), best = V[peaks.indexOf(Math.max(...peaks))];
    const winner = t ? `v = ${name(best)}` : "all are alike";
    number.textContent = showError(most);
    sharp.textContent = winner;
    const now = `Time ${t}, input moves at ${name(w)}, seen from ${model.get("seen_from")}`;
    describe({
      still: `${now}: ${V.length} memories of the picture at rest, rows v_y, columns v_x.`,
      moving: `${now}: ${V.length} memories of the moving picture; ${partner.filter((p) => p >= 0).length} have a partner. Sharpest: ${winner}.`,
    }, `${now}: sharpest memory ${winner}, largest difference ${showError(most)}.`);
  });
}

/** A CSS colour #rrggbb as three bytes. */
function rgb(text) {
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

export default { render };
