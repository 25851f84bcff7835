// Break it: the law of a trained FERNN, computed here (fernn.js, moving.js stand before), and what breaks it.

const SEEN = 6, STEPS = 12, FLOOR = -18;
const CSS = MOVING_CSS + `
.breaking .panels { grid-template: "law" "film" / minmax(0, 1fr); }`;
const WHY = {
  nothing: "The law holds for every channel, because V holds all 13 velocities along x. The difference is not small but 0: " +
    "the page adds the same numbers in the same order, at another place.",
  "zero padding": "At the rim the kernels see zeros instead of what is on the other side. A picture near the rim is treated as no " +
    "other one is, so shifts no longer commute with the network, and flows cannot.",
  "a stride of two": "Only every second pixel of the lifted frame is kept. Shifts by an even number of pixels still commute with that, " +
    "odd ones do not: try w = 2.",
  "the last frame twice": "The second time, the frame stands still. The channels have moved on, and the channel that rides along meets it one " +
    "step late. The law holds as long as the video lasts, and breaks at the hand-over.",
  "V with a gap": "V lacks the velocities 2, 3 and 4. The channels whose partner is there obey the law as long as the video lasts. But " +
    "the forecast is a maximum over V, and on the two sides other channels are missing from it; at w = 1, 2 and 3 the very one that rides along.",
};

function render({ model, el }) {
  const { grid, digits, network } = model.get("data"), [H, W] = grid, N = H * W;
  const pictures = Float64Array.from(bytesOf(digits), (byte) => byte / 255), count = pictures.length / N;
  const all = range(W).map((k) => [0, k - (W >> 1)]), gap = all.filter(([, x]) => x < 2 || x > 4);
  const { root, board, colour, choice, film, slider, panel, describe, start, redraw } = stage({ model, el }, "breaking", CSS);
  let number = 0, known = null;

  choice("switch", "what is broken", Object.keys(WHY));
  film(STEPS);
  slider("velocity", "the flow that is added, <i>w</i>", range(W).map((k) => k - (W >> 1)), (w) => `${signed(w)} px/frame`);
  const next = element("button", { type: "button", class: "plain", "data-role": "digit" }, "Next digit");
  next.addEventListener("click", () => { number = (number + 1) % count; redraw(); });
  root.querySelector("form").append(next);
  const panels = {
    law: panel("law", 220, "How far from the law, frame by frame", "moving:states", "still:forecast frames"),
    film: panel("film", null, "What the network sees, and what it expects"),
  };
  const words = element("p", { class: "result", "data-role": "why" }), number_ = element("b", { "data-role": "error-value" });
  board.after(words);

  /** Both sides of the law for a video, and the same one with a flow on top. */
  function measure(broken, w) {
    const V = broken === "V with a gap" ? gap : all;
    const how = { zeros: broken === "zero padding", stride: broken === "a stride of two", twice: broken === "the last frame twice" };
    const picture = pictures.subarray(number * N, (number + 1) * N);
    const run = (speed) => {
      const fernn = Forecaster.fromData(network, V);
      const seen = range(SEEN).map((t) => move(picture, grid, [0, speed * t]));
      return { seen, ...fernn.forecast(seen, STEPS - SEEN, how) };
    };
    const rest = run(1), flowing = run(1 + w), C = network.hidden_channels, extra = how.twice ? 1 : 0;
    const relative = (pairs) => {
      let difference = 0, size = 0;
      for (const [a, b] of pairs) a.forEach((value, i) => { difference += (value - b[i]) ** 2; size += b[i] ** 2; });
      return difference === 0 ? 0 : Math.sqrt(difference / size);
    };
    const partner = V.map(([, x]) => V.findIndex(([, y]) => mod(x - w - y, W) === 0)); // v - w, on the torus
    const states = range(STEPS).map((t) => { // after frame t; twice: the last frame of the video was consumed two times
      const k = t < SEEN ? t : t + extra;
      if (k >= rest.states.length) return null;
      const plane = (state, v, c) => state.subarray((v * C + c) * N, (v * C + c + 1) * N);
      return relative(V.flatMap((_, v) => (partner[v] < 0 ? [] : range(C).map((c) =>
        [plane(flowing.states[k], v, c), move(plane(rest.states[k], partner[v], c), grid, [0, w * t])]))));
    });
    const moved = rest.frames.map((frame, j) => move(frame, grid, [0, w * (SEEN + j)]));
    const frames = flowing.frames.map((frame, j) => relative([[frame, moved[j]]]));
    return {
      broken, w, number, states, frames, V, paired: partner.filter((p) => p >= 0).length,
      left: [...flowing.seen, ...flowing.frames], right: [...rest.seen.map((f, t) => move(f, grid, [0, w * t])), ...moved],
    };
  }

  function drawLaw(pen, { states, frames }, t) {
    const left = 52, bottom = pen.height - 24, high = 1, step = (pen.width - left) / STEPS;
    const y = (e) => 8 + (high - Math.max(FLOOR, Math.min(high, e ? Math.log10(e) : FLOOR))) / (high - FLOOR) * (bottom - 8);
    for (const e of [0, -4, -8, -12, -16]) {
      pen.line(left, y(10 ** e), pen.width, y(10 ** e));
      pen.text(e ? `1e−${-e}` : "1", left - 6, y(10 ** e) + 4, { align: "right" });
    }
    pen.line(left, bottom, pen.width, bottom, colour.grey);
    pen.text("0", left - 6, bottom + 2, { align: "right" });
    pen.line(left + SEEN * step, 0, left + SEEN * step, bottom, colour.grey);
    pen.text("the video", left + SEEN * step - 6, 14, { align: "right" });
    pen.text("the forecast", left + SEEN * step + 6, 14);
    const bar = (k, e, offset, fill) => {
      if (e === null) return;
      pen.ctx.fillStyle = fill;
      pen.ctx.fillRect(left + k * step + offset * step, y(e), step * 0.34, Math.max(2, bottom - y(e)));
    };
    states.forEach((e, k) => bar(k, e, 0.12, colour.accent));
    frames.forEach((e, j) => bar(SEEN + j, e, 0.5, colour.still));
    range(STEPS).forEach((k) => pen.text(show(k), left + (k + 0.5) * step, bottom + 16,
      { align: "center", bold: k === t, fill: k === t ? colour.ink : colour.muted }));
  }

  return start(() => {
    const broken = model.get("switch"), w = model.get("velocity"), t = model.get("time");
    if (known?.broken !== broken || known.w !== w || known.number !== number) known = measure(broken, w);
    const most = Math.max(...known.states.filter((e) => e !== null), ...known.frames);
    drawLaw(panels.law.pen(), known, t);
    panels.film.canvas.style.height = `${3 * ((panels.film.canvas.clientWidth - 76) / STEPS + 3)}px`;
    const differ = known.left.map((frame, k) => frame.map((value, i) => Math.abs(value - known.right[k][i])));
    drawFilms(panels.film.pen(), [
      { name: "flow first", frames: known.left }, { name: "flow after", frames: known.right }, { name: "difference", frames: differ },
    ], STEPS, grid, t, colour, 76);
    number_.textContent = showError(most);
    words.replaceChildren("Largest relative difference: ", number_, `. ${w === 0 && broken !== "nothing" ? "With w = 0 nothing is added, so nothing can differ. " : ""}${WHY[broken]}`);
    const now = `${broken}, w = ${w}: largest relative difference ${showError(most)}`;
    describe({
      law: `Logarithmic bars, one pair a frame. ${now}; ${known.paired} of ${known.V.length} channels have a partner. At frame ${t}: states ${showError(known.states[t])}.`,
      film: `The video with the flow added first, then seen; the flow added after; and their difference. ${now}. Frame ${t} is marked.`,
    }, `${now}.`);
  });
}

export default { render };
