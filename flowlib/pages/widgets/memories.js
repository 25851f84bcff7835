// The memories of a FERNN on a torus, in a grid over V, which slides when the velocity of the input changes.
// fernn.js computes them, and moving.js draws their planes: both stand before.

const CSS = MOVING_CSS + `
.memories .panels { grid-template: "still moving" / minmax(0, 1fr) minmax(0, 1fr); max-width: 680px; margin: auto; }
.memories canvas { aspect-ratio: 1 / 1.03; margin-top: .4rem; }
.memories canvas[tabindex] { background: none; }
.memories .result { text-align: center; }
.memories .result b { white-space: nowrap; }`;

function render({ model, el }) {
  const data = model.get("data"), { size, radius: r, steps: T, views } = data, [H, W] = size, n = 2 * r + 1;
  const speeds = range(n).map((k) => k - r), V = velocities(r);
  const picture = Float64Array.from(unpack(data.picture, H * W).row(0));
  const { board, colour, film, slider, choice, panel, describe, start, redraw, choose } = stage({ model, el }, "memories", CSS);
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

  const at = ([y, x]) => (Math.max(Math.abs(y), Math.abs(x)) > r ? -1 : (y + r) * n + x + r); // its place in V
  const left = 20, chosen = () => [model.get("down"), model.get("across")], glide = gliding(redraw);
  velocityPad(panels.moving, r, chosen, (w) => ["down", "across"].forEach((trait, i) => choose(trait, w[i])), left);

  /** Where a memory is seen from: the ground, the moving input, or its own channel. */
  function seen(h, v, w, t) {
    const from = { [views[1]]: w, [views[2]]: v }[model.get("seen_from")] || [0, 0];
    return move(h, size, [-t * from[0], -t * from[1]]);
  }

  /** The memories for an input at w, `shift` cells from their places; those that the law does not speak of are faint. */
  function drawMemories({ pen, cell }, t, w, paired, shift = [0, 0]) {
    const all = of(w)[t], inner = cell - 4;
    V.forEach((v, k) => {
      const x = left + (v[1] + r + shift[1]) * cell + 2, y = (v[0] + r + shift[0]) * cell + 2, mine = same(v, w);
      pen.ctx.clearRect(x - 2, y - 2, cell, cell);
      pen.ctx.globalAlpha = paired(v) ? 1 : 0.3;
      drawPlane(pen, seen(all[k], v, w, t), size, x, y, inner, colour.ink, 0.7 * top);
      pen.ctx.globalAlpha = 1;
      frame(pen, x - 1, y - 1, inner + 2, inner + 2, mine ? colour.accent : paired(v) ? colour.still : colour.line, mine ? 2.5 : 1);
    });
  }

  /** Draws a grid's own numbers, and then what stands in it and nowhere else. */
  function drawGrid(name, inside) {
    const pen = panels[name].pen(), cell = (pen.width - left) / n;
    speeds.forEach((v) => {
      pen.text(show(v), 14, (v + r + 0.5) * cell + 4, { align: "right" });
      pen.text(show(v), left + (v + r + 0.5) * cell, pen.height - 4, { align: "center" });
    });
    pen.text("v", 8, pen.height - 4, { align: "center" });
    pen.ctx.beginPath();
    pen.ctx.rect(left, 0, n * cell, n * cell);
    pen.ctx.clip();
    inside({ pen, cell });
  }

  return start(() => {
    const t = model.get("time"), w = chosen(), rest = of([0, 0]), moved = of(w), { from, now } = glide(w);
    const partner = V.map((v) => at([v[0] - w[0], v[1] - w[1]]));
    const hasPartner = (w) => ([y, x]) => at([y - w[0], x - w[1]]) >= 0;
    drawGrid("still", (grid) => drawMemories(grid, t, [0, 0], ([y, x]) => at([y + w[0], x + w[1]]) >= 0));
    drawGrid("moving", (grid) => { // while it slides, from one velocity to the other, both are in it
      for (const u of same(now, w) ? [w] : [from, w])
        drawMemories(grid, t, u, hasPartner(u), now.map((place, i) => place - u[i]));
    });
    let most = 0;
    partner.forEach((p, k) => p < 0 || move(rest[t][p], size, [t * w[0], t * w[1]]).forEach(
      (value, i) => { most = Math.max(most, Math.abs(value - moved[t][k][i])); }));
    const peaks = moved[t].map((h) => Math.max(...h)), best = V[peaks.indexOf(Math.max(...peaks))];
    const winner = t ? `v = ${named(best)}` : "all are alike";
    number.textContent = showError(most);
    sharp.textContent = winner;
    if (!same(now, w)) return;
    const said = `Time ${t}, input moves at ${named(w)}, seen from ${model.get("seen_from")}`;
    describe({
      still: `${said}: ${V.length} memories of the picture at rest, rows v_y, columns v_x.`,
      moving: `${said}: ${V.length} memories of the moving picture; ${partner.filter((p) => p >= 0).length} have a partner. Sharpest: ${winner}.`,
    }, `${said}: sharpest memory ${winner}, largest difference ${showError(most)}.`);
  });
}

export default { render };
