// Draw and throw: trained networks (fernn.js, moving.js stand before) forecast what the reader draws and throws.

const SEEN = 6, STEPS = 12, REACH = 3, RADIUS = { 25: 2, 49: 3 };
const CSS = MOVING_CSS + `
.throw .panels { grid-template: "sketch sketch sketch pad pad pad" "truth truth grnn grnn fernn fernn" "film film film film film film" / 1fr 1fr 1fr 1fr 1fr 1fr; }
@container (min-width: 620px) {
  .throw .panels { grid-template: "sketch pad truth grnn fernn" "film film film film film" / 1fr 1fr 1fr 1fr 1fr; gap: 1.1rem .9rem; }
}`;

function render({ model, el }) {
  const { grid, digits, networks } = model.get("data"), [H, W] = grid, N = H * W;
  const pictures = Float64Array.from(bytesOf(digits), (byte) => byte / 255), count = pictures.length / N;
  const digit = (k) => pictures.slice(k * N, (k + 1) * N);
  const grnn = Forecaster.fromData(networks["G-RNN"]);
  const fernns = Object.fromEntries(Object.entries(RADIUS).map(([many, radius]) => // the same weights for every V
    [many, Forecaster.fromData(networks.FERNN, velocities(radius))]));
  const { root, board, colour, choice, film, slider, panel, describe, start, redraw, choose } = stage({ model, el }, "throw", CSS);
  let shown = digit(0), own = false, number = 0, known = null;

  const button = (text, role, press) => {
    const node = element("button", { type: "button", class: "plain", "data-role": role }, text);
    node.addEventListener("click", () => { press(); known = null; redraw(); });
    return node;
  };
  film(STEPS);
  const speeds = range(2 * REACH + 1).map((k) => k - REACH), unit = (v) => `${signed(v)} px/frame`;
  slider("down", "thrown down by <i>v<sub>y</sub></i>", speeds, unit);
  slider("right", "right by <i>v<sub>x</sub></i>", speeds, unit);
  choice("velocities", "velocities in <i>V</i>", Object.keys(RADIUS));
  root.querySelector("form").append(element("div", { class: "bar" }, root.querySelector("fieldset"),
    button("Clear", "clear", () => { shown = new Float64Array(N); own = true; }),
    button("Next digit", "digit", () => { number = (number + 1) % count; shown = digit(number); own = false; })));
  const panels = {
    sketch: panel("sketch", null, "Draw here"), pad: panel("pad", null, "and throw"),
    truth: panel("truth", null, "What happens"), grnn: panel("grnn", null, "G-RNN"), fernn: panel("fernn", null, "FERNN"),
    film: panel("film", null, "What comes next?"),
  };
  for (const [name, { canvas }] of Object.entries(panels)) if (name !== "film") canvas.parentNode.classList.add("square");
  const words = element("p", { class: "result", "data-role": "result" });
  board.after(words);

  const thrown = () => [model.get("down"), model.get("right")];
  const drawSketch = sketch(panels.sketch, grid, () => {
    if (!own) [shown, own] = [new Float64Array(N), true]; // the first stroke takes the digit's place
    return shown;
  }, () => { known = null; redraw(); });
  const drawPad = velocityPad(panels.pad, REACH, thrown, (v) => ["down", "right"].forEach((trait, i) => choose(trait, v[i])));

  /** What both networks forecast of the picture as it is thrown now. */
  function forecast(v, fernn) {
    const truth = range(STEPS).map((t) => move(shown, grid, v.map((a) => a * t))), seen = truth.slice(0, SEEN);
    const error = (frames) => frames.reduce((sum, frame, j) =>
      sum + frame.reduce((s, value, i) => s + (value - truth[SEEN + j][i]) ** 2, 0) / N, 0) / frames.length;
    const mean = seen[0].map((_, i) => seen.reduce((sum, frame) => sum + frame[i], 0) / SEEN);
    const [a, b] = [grnn, fernn].map((network) => network.forecast(seen, STEPS - SEEN).frames.map((f) => Float64Array.from(f)));
    return { v, fernn, truth, a, b, errors: [a, b, range(STEPS - SEEN).map(() => mean)].map(error) };
  }

  return start(() => {
    const v = thrown(), t = model.get("time"), fernn = fernns[model.get("velocities")];
    if (known?.fernn !== fernn || !same(known.v, v)) known = forecast(v, fernn);
    const { truth, a, b, errors } = known, text = (e) => (e < 0.001 && e ? e.toExponential(0) : e.toFixed(3));
    drawSketch(panels.sketch.pen(), shown, colour);
    drawPad(panels.pad.pen(), v, fernn.velocities, [], colour);
    for (const [name, frames] of [["truth", truth.slice(SEEN)], ["grnn", a], ["fernn", b]]) {
      const pen = panels[name].pen(), ahead = t >= SEEN;
      drawPlane(pen, ahead ? frames[t - SEEN] : truth[t], grid, 0, 0, pen.width, ahead && name !== "truth" ? colour.accent : colour.ink);
      frame(pen, 0, 0, pen.width, pen.width, colour.line);
      panels[name].note.textContent = name === "truth" ? "" : ahead ? "expects" : "sees";
    }
    panels.film.canvas.style.height = `${3 * ((panels.film.canvas.clientWidth - 54) / STEPS + 3)}px`;
    drawFilms(panels.film.pen(), [
      { name: "truth", frames: truth },
      { name: "G-RNN", frames: a, note: `error ${text(errors[0])}` },
      { name: "FERNN", frames: b, note: `error ${text(errors[1])}` },
    ], STEPS, grid, t, colour);
    const inV = fernn.velocities.some((u) => same(u, v)), trained = Math.max(...v.map(Math.abs)) <= 2, empty = shown.every((value) => value === 0);
    words.textContent = empty ? "Draw something." : `Thrown at ${named(v)}, ` +
      `${trained ? "a velocity of training" : "faster than in training"}${inV ? "" : " and than all in V"}. Mean squared error of six frames: G-RNN ${text(errors[0])}, FERNN ${text(errors[1])}, a still picture ${text(errors[2])}.`;
    describe({
      sketch: `The picture that is thrown, ${own ? "drawn by you" : "a digit"}. Draw with the pointer, or with arrow keys and space.`,
      pad: `Velocities: thrown at ${named(v)}. Squares mark V. Arrow keys choose.`,
      truth: `What happens at frame ${t}.`,
      grnn: `What the G-RNN ${t < SEEN ? "sees" : "expects"} at frame ${t}.`,
      fernn: `What the FERNN ${t < SEEN ? "sees" : "expects"} at frame ${t}.`,
      film: `Twelve frames of the truth; the last six as each network forecasts them. ${words.textContent}`,
    }, words.textContent);
  });
}

export default { render };
