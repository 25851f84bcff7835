// Train a FERNN here: a G-RNN and a FERNN learn side by side in a worker (trainer.js), on what moves.
// WORKER, its text, fernn.js and moving.js stand before.

const STEPS = 10, SEEN = 4, REACH = 3;
const MOVES = {
  "|v| ≤ 1": velocities(1), "|v| ≤ 2": velocities(2), "along x, |v| ≤ 2": velocities(2).filter(([y]) => y === 0),
};
const RADIUS = { 1: 0, 9: 1, 25: 2 };
const CSS = MOVING_CSS + `
.train .panels { grid-template: "film film" "curves curves" "sketch pad" "grnn fernn" / minmax(0, 1fr) minmax(0, 1fr); }
@container (min-width: 620px) {
  .train .panels { grid-template: "sketch pad grnn fernn" "film film film film" "curves curves curves curves" / 1fr 1fr 1fr 1fr; }
}`;

function render({ model, el }) {
  const { grid, train, test } = model.get("data"), [H, W] = grid, N = H * W;
  const digits = [train, test].map((bytes) => {
    const values = Float64Array.from(bytesOf(bytes), (byte) => byte / 255);
    return range(values.length / N).map((k) => values.slice(k * N, (k + 1) * N));
  });
  const { root, board, colour, choice, film, slider, panel, describe, start, redraw, choose } = stage({ model, el }, "train", CSS);
  const form = root.querySelector("form");
  let shown = digits[1][0], own = false, number = 0, seed = 0, running = false, news = null;

  const button = (text, role, press, kind = "plain") => {
    const node = element("button", { type: "button", class: kind, "data-role": role }, text);
    node.addEventListener("click", press);
    return node;
  };
  const row = (...nodes) => element("div", { class: "bar" }, ...nodes);
  const last = () => form.lastElementChild;
  const go = button("Train", "train", () => { running = !running; send({ run: running }); redraw(); }, "");
  const add = (make) => { make(); return last(); };
  choice("moves", "training moves at", Object.keys(MOVES));
  const moves = last();
  const radius = add(() => choice("velocities", "velocities in <i>V</i>", Object.keys(RADIUS)));
  form.prepend(row(go, button("Start anew", "anew", () => { seed += 1; begin(); }), moves, radius));
  film(STEPS);
  slider("down", "thrown down by <i>v<sub>y</sub></i>", range(2 * REACH + 1).map((k) => k - REACH), (v) => `${signed(v)} px/frame`);
  slider("right", "right by <i>v<sub>x</sub></i>", range(2 * REACH + 1).map((k) => k - REACH), (v) => `${signed(v)} px/frame`);
  const more = element("details", {}, element("summary", {}, "More choices"));
  const others = row(
    add(() => choice("pictures", "training shows", ["digits", "the picture thrown"])),
    add(() => choice("share", "both get the same", ["updates", "seconds"])),
    add(() => choice("rate", "learning rate", ["0.001", "0.004", "0.016"])),
    add(() => choice("speed", "speed", ["full", "slow"])),
    button("Save weights", "save", () => send({ save: true })),
    button("Load weights", "load", () => file.click()),
  );
  const file = element("input", { type: "file", accept: ".json" }); // the button opens it
  more.append(others);
  form.append(row(
    button("Clear", "clear", () => { shown = new Float64Array(N); own = true; changed(); }),
    button("Next digit", "digit", () => { number = (number + 1) % digits[1].length; shown = digits[1][number]; own = false; changed(); })),
  more, element("label", { hidden: "" }, "A file of weights", file));

  const panels = {
    sketch: panel("sketch", null, "Draw here"),
    pad: panel("pad", null, "and throw"),
    grnn: panel("grnn", null, "G-RNN remembers"),
    fernn: panel("fernn", null, "FERNN remembers"),
    film: panel("film", null, "What comes next?"),
    curves: panel("curves", 210, "Error on held-out videos", "grey:G-RNN", "moving:FERNN"),
  };
  for (const name of ["sketch", "pad", "grnn", "fernn"]) panels[name].canvas.parentNode.classList.add("square");
  const words = element("p", { class: "result", "data-role": "result" }), problem = element("p", { role: "alert" });
  board.after(words, problem);

  const thrown = () => [model.get("down"), model.get("right")];
  const V = () => velocities(RADIUS[model.get("velocities")]), trained = () => MOVES[model.get("moves")];
  const movie = () => range(STEPS).map((t) => move(shown, grid, thrown().map((v) => v * t)));
  const drawSketch = sketch(panels.sketch, grid, () => {
    if (!own) [shown, own] = [new Float64Array(N), true]; // the first stroke takes the digit's place
    return shown;
  }, () => changed());
  const drawPad = velocityPad(panels.pad, REACH, thrown, (v) => ["down", "right"].forEach((trait, i) => choose(trait, v[i])));

  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const worker = new Worker(url); // a module would not start in a page that was opened from a disk
  worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  const send = (message) => worker.postMessage(message);
  const settings = () => ({
    grid, V: V(), moves: trained(), seed, rate: Number(model.get("rate")), share: model.get("share"), film: movie(),
    own: model.get("pictures") !== "digits", slow: model.get("speed") === "slow",
  });
  const changed = () => { send({ settings: settings(), pictures: { own: shown } }); redraw(); };
  const begin = () => { send({ settings: settings(), fresh: true }); redraw(); };
  worker.onmessage = ({ data }) => {
    if (data.problem) problem.textContent = `This file does not fit: ${data.problem}.`;
    else if (data.saved) keep(data.saved);
    else { news = data; redraw(); }
  };
  worker.onerror = (event) => { problem.textContent = `Training stopped: ${event.message}.`; running = false; redraw(); };
  send({ pictures: { train: digits[0], test: digits[1], own: shown }, settings: settings(), fresh: true });
  const heard = { changed: ["down", "right", "velocities", "speed"], begin: ["moves", "pictures", "share", "rate"] };
  const listen = (way) => Object.entries({ changed, begin }).forEach(([name, call]) =>
    heard[name].forEach((trait) => model[way]("change:" + trait, call)));
  listen("on");

  function keep(saved) {
    const text = JSON.stringify(saved), link = element("a", { download: "flowlib-networks.json",
      href: URL.createObjectURL(new Blob([text], { type: "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    choose("saved", text);
  }
  file.addEventListener("change", async () => {
    problem.textContent = "";
    try { send({ load: Object.values(JSON.parse(await file.files[0].text())) }); }
    catch { problem.textContent = "This file is no JSON."; }
    file.value = "";
  });
  const look = () => { // nobody trains behind a page that nobody sees
    if (running) send({ run: !document.hidden });
  };
  document.addEventListener("visibilitychange", look);

  function drawCurves(pen) {
    const inSeconds = model.get("share") === "seconds", left = 44, right = 8, bottom = pen.height - 20, at = inSeconds ? 1 : 0;
    const curves = news ? news.seen.map(({ curve }) => curve) : [[], []], points = curves.flat();
    const most = Math.max(inSeconds ? 5 : 50, ...points.map((p) => p[at]));
    const errors = [...points.map((p) => p[2]), news?.still ?? 0.06, 0.02].filter((e) => e > 0 && Number.isFinite(e));
    const low = Math.floor(Math.log10(Math.min(...errors)) * 2) / 2, high = Math.min(1, Math.ceil(Math.log10(Math.max(...errors)) * 2) / 2);
    const x = (value) => left + value / most * (pen.width - left - right);
    const y = (error) => 6 + (high - Math.min(high, Math.log10(error))) / (high - low) * (bottom - 6);
    for (let e = Math.ceil(low); e <= high; e++) {
      pen.line(left, y(10 ** e), pen.width - right, y(10 ** e));
      pen.text(String(10 ** e), left - 6, y(10 ** e) + 4, { align: "right" });
    }
    const step = 10 ** Math.floor(Math.log10(most / 2)), every = [1, 2, 5].map((k) => k * step).find((s) => most / s <= 6) ?? step;
    for (let k = 0; k <= 0.85 * most; k += every) pen.text(show(k), x(k), bottom + 16, { align: k ? "center" : "left" });
    pen.text(inSeconds ? "seconds" : "updates", pen.width - right, bottom + 16, { align: "right" });
    pen.line(left, bottom, pen.width - right, bottom, colour.grey);
    if (news) {
      pen.ctx.setLineDash([2, 4]);
      pen.line(left, y(news.still), pen.width - right, y(news.still), colour.ink, 1.5);
      pen.ctx.setLineDash([]);
      pen.text("a still picture", left + 6, y(news.still) - 5, { fill: colour.ink });
    }
    curves.forEach((curve, k) => {
      const stroke = k ? colour.accent : colour.grey, line = curve.map((p) => [x(p[at]), y(p[2])]);
      pen.curve(line, stroke, 2);
      if (line.length) pen.dot(...line.at(-1), 3.5, stroke);
    });
  }

  const stop = start(() => {
    go.textContent = running ? "Pause" : "Train";
    go.dataset.playing = running;
    const v = thrown(), t = model.get("time"), truth = movie(), [a, b] = news?.seen ?? [];
    drawSketch(panels.sketch.pen(), shown, colour);
    drawPad(panels.pad.pen(), v, V(), trained(), colour);
    for (const [name, seen] of [["grnn", a], ["fernn", b]]) {
      const pen = panels[name].pen(), planes = seen?.channels[Math.min(t, STEPS - 2)];
      if (planes && name === "grnn") drawPlane(pen, planes[0], grid, 0, 0, pen.width, colour.ink, Math.max(...planes[0]) || 1);
      if (planes && name === "fernn") drawChannels(pen, planes, seen.velocities, grid, v, colour);
      frame(pen, 0, 0, pen.width, pen.width, colour.line);
    }
    panels.film.canvas.style.height = `${3 * ((panels.film.canvas.clientWidth - 54) / STEPS + 3)}px`;
    const error = (e) => (e === 0 ? "0" : e >= 0.001 ? e.toFixed(4) : e.toExponential(1));
    drawFilms(panels.film.pen(), [
      { name: "truth", frames: truth },
      { name: "G-RNN", frames: a?.frames ?? [], note: a && `error ${error(a.error)}` },
      { name: "FERNN", frames: b?.frames ?? [], note: b && `error ${error(b.error)}` },
    ], STEPS, grid, t, colour);
    drawCurves(panels.curves.pen());
    panels.curves.note.textContent = `rate ${model.get("rate")}`;

    const inV = V().some((u) => same(u, v)), known = trained().some((u) => same(u, v));
    const where = `${known ? "Training moves like this throw" : "Training never moves like this throw"}, and V ${inV ? "has" : "lacks"} its velocity.`;
    const now = news ? `${a.updates} updates of the G-RNN, ${b.updates} of the FERNN (${a.seconds.toFixed(0)} s and ${b.seconds.toFixed(0)} s). ` +
      `Error on held-out videos: G-RNN ${error(a.curve.at(-1)[2])}, FERNN ${error(b.curve.at(-1)[2])}, a still picture ${error(news.still)}. ` +
      `This throw, ${named(v)}: G-RNN ${error(a.error)}, FERNN ${error(b.error)}, a still picture ${error(news.thrown)}. ` : "";
    words.textContent = now + where;
    describe({
      sketch: `The picture that is thrown, ${own ? "drawn by you" : "a digit that was held out"}. Draw with the pointer, or with arrow keys and space.`,
      pad: `Velocities: thrown at ${named(v)}. Squares mark V, ${V().length} in all, discs the velocities of training. Arrow keys choose.`,
      grnn: `Memory of the G-RNN after frame ${Math.min(t, STEPS - 2)}.`,
      fernn: `Memory of the FERNN after frame ${Math.min(t, STEPS - 2)}, one picture for each of ${V().length} velocities.`,
      film: `Ten frames of the truth, and the last six as each network forecasts them from the first four. ${news ? `Errors: G-RNN ${error(a.error)}, FERNN ${error(b.error)}.` : ""}`,
      curves: `Error on held-out videos while training, logarithmic. ${now}`,
    }, running ? "Training." : now + where);
  });
  return () => {
    document.removeEventListener("visibilitychange", look);
    ifAble(() => listen("off"));
    worker.terminate();
    stop();
  };
}

export default { render };
