// The law of a map at candidate velocities. Draws what candidates.py packed, as space-time pictures, and the
// error at each w. moving.js stands before.

const CSS = `
.candidates .panels { grid-template-areas: "input left right apart" "errors errors errors errors"; gap: 1rem;
  grid-template-columns: repeat(4, minmax(0, 1fr)); max-width: 680px; margin: auto; }
.candidates canvas:not([data-panel=errors]) { aspect-ratio: 1; }
.candidates .head { margin-bottom: .3rem; }
.candidates [data-panel=errors] { cursor: pointer; }
.candidates .result { max-width: 680px; margin: .8rem auto 0; text-align: center; }
.candidates .result b { white-space: nowrap; }
@container (max-width: 500px) {
  .candidates .panels { grid-template-areas: "input apart" "left right" "errors errors";
    grid-template-columns: repeat(2, minmax(0, 1fr)); } }`;

/** ψ(w)·f of a video on a ring, time by position: frame t is shifted by t w. */
const flowing = (video, [T, N], w) =>
  range(T).flatMap((t) => range(N).map((x) => video[t * N + (((x - t * w) % N) + N) % N]));

function render({ model, el }) {
  const { velocities: V, size, video, maps } = model.get("data"), [T, N] = size;
  const films = maps.map((map) => unpack(map.results, T * N).row), f = unpack(video, T * N).row(0);
  const { board, colour, choice, slider, panel, describe, start, choose, redraw } = stage({ model, el }, "candidates", CSS);

  choice("map", "map <i>F</i>", maps.map((map) => map.name));
  slider("velocity", "candidate <i>w</i>", V, (w) => `${signed(w)} px/frame`);
  const panels = {
    input: panel("input", null, "<i>ψ</i>(<i>w</i>)·<i>f</i>"),
    left: panel("left", null, "<i>F</i>[<i>ψ</i>(<i>w</i>)·<i>f</i>]"),
    right: panel("right", null, "<i>ψ</i>(<i>w</i>)·<i>F</i>[<i>f</i>]"),
    apart: panel("apart", null, "Difference"),
    errors: panel("errors", 120, "Error at each <i>w</i> (a dot: the law holds)"),
  };
  const number = element("b", { "data-role": "error-value" }), verdict = element("b", { "data-role": "verdict" });
  board.after(element("p", { class: "result" }, number, verdict));

  /** A space-time picture: position to the right, time down; its canvas is a square. */
  function drawTrace(name, plane, ink, largest = 1) {
    const pen = panels[name].pen();
    pen.ctx.save();
    pen.ctx.scale(1, N / T * pen.height / pen.width);
    drawPlane(pen, plane, size, 0, 0, pen.width, ink, largest);
    pen.ctx.restore();
    frame(pen, 0, 0, pen.width, pen.height, colour.line);
  }

  function drawErrors(errors, chosen) {
    const pen = panels.errors.pen(), cell = pen.width / V.length, low = pen.height - 24, most = Math.max(...errors, ROUNDING);
    pen.line(0, low, pen.width, low);
    V.forEach((w, k) => {
      const x = (k + 0.5) * cell, holds = errors[k] < ROUNDING, tall = errors[k] / most * (low - 8);
      if (holds) pen.dot(x, low, 4.5, colour.ink);
      else pen.line(x, low, x, low - tall, colour.grey, 0.5 * cell);
      if (w === chosen) frame(pen, k * cell + 1, 1, cell - 2, pen.height - 2, colour.ink, 1.5);
      pen.text(show(w), x, pen.height - 6, { align: "center", fill: w === chosen ? colour.ink : colour.muted });
    });
  }

  panels.errors.canvas.addEventListener("click", (event) => { // the slider does the same by keyboard
    const box = panels.errors.canvas.getBoundingClientRect();
    choose("velocity", V[Math.min(V.length - 1, Math.floor((event.clientX - box.left) / box.width * V.length))]);
    redraw();
  });

  return start(() => {
    const w = model.get("velocity"), at = V.indexOf(w), k = Math.max(0, maps.findIndex((map) => map.name === model.get("map")));
    const { name, errors } = maps[k], error = errors[at], holds = error < ROUNDING;
    const left = films[k](at), right = flowing(films[k](V.indexOf(0)), size, w);
    const most = Math.max(...right); // one scale for both sides and their difference; what is more is full ink
    drawTrace("input", flowing(f, size, w), colour.ink);
    drawTrace("left", left, colour.accent, most);
    drawTrace("right", right, colour.still, most);
    drawTrace("apart", right.map((value, i) => Math.abs(value - left[i])), colour.ink, most);
    drawErrors(errors, w);
    number.textContent = `w = ${signed(w)}: error ${showError(error)}. `;
    verdict.textContent = holds ? "The law holds." : "The law fails.";
    const count = errors.filter((e) => e < ROUNDING).length;
    describe({
      input: `The video under the flow of velocity ${w}.`,
      left: `${name} of the video that flows at ${w}.`,
      right: `${name} of the video, which then flows at ${w}.`,
      apart: `Their difference: ${holds ? "nothing" : `error ${showError(error)}`}.`,
      errors: `The error of ${name} at ${V.length} velocities; the law holds at ${count} of them.`,
    }, `${name}, w = ${w}: error ${showError(error)}. ${verdict.textContent}`);
  });
}

export default { render };
