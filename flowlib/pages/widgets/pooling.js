// Pooling over velocities on a ring. Three readings of the memories of a moving signal, brought back to rest, over the
// same readings of the signal at rest. fernn.js and moving.js stand before.

const CSS = `
.pooling .panels { grid-template: "max" "mean" "second" / minmax(0, 1fr); }
.pooling .result { margin: .8rem 0 0; }
.pooling .head { white-space: nowrap; }
@container (min-width: 620px) {
  .pooling .panels { grid-template: "max mean second" / minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr); }
}`;
const POOLS = { // of numbers in falling order
  max: ["Maximum", (row) => row[0]],
  mean: ["Mean", (row) => row.reduce((sum, value) => sum + value, 0) / row.length],
  second: ["Second largest", (row) => row[1]],
};

/** The three readings of the memories h of all channels. */
function readings(h) {
  const rows = range(h[0].length).map((x) => h.map((memory) => memory[x]).sort((a, b) => b - a));
  return Object.fromEntries(Object.entries(POOLS).map(([name, [, pool]]) => [name, rows.map(pool)]));
}

function render({ model, el }) {
  const data = model.get("data"), { size, steps: T, sets, fastest } = data, N = size[1];
  const signal = Float64Array.from(unpack(data.signal, N).row(0)), known = {};
  const { board, colour, film, slider, choice, panel, describe, start } = stage({ model, el }, "pooling", CSS);

  film(T);
  slider("velocity", "signal moves at <i>w</i>", range(2 * fastest + 1).map((k) => k - fastest), signed);
  choice("V", "velocities in <i>V</i>", Object.keys(sets));
  const panels = Object.fromEntries(Object.entries(POOLS).map(([name, [title]]) => [name,
    panel(name, 150, title, ...(name === "max" ? ["tint:moving, brought back", "still:at rest", "grey:memories"] : []))]));
  const words = element("p", { class: "result", "data-role": "result" });
  board.after(words);

  /** h_t(v) of the signal that moves at w, brought back to rest, for all v of V. */
  function seen(name, w, t) {
    const states = known[[name, w]] ||= memories(signal, [0, w], sets[name].map((v) => [0, v]), data);
    return states[t].map((h) => Array.from(move(h, size, [0, -t * w])));
  }
  const top = Math.max(...seen(Object.keys(sets)[0], 0, T - 1).flat());

  /** What is lost, and by whom. */
  function said(V, w, errors) {
    if (V.length === N) return "V is closed: each channel has its partner, in another place of the row. No reading asks for the place.";
    if (w === 0) return "The signal is at rest. Choose a velocity.";
    const lost = Math.min(V.length, Math.abs(w)), count = `${lost} of ${V.length} channels ${lost > 1 ? "have" : "has"} no partner`;
    if (Math.abs(w) > V.at(-1)) return `${count}, and the sharp memory, which would be in channel ${show(w)}, is not in V: all three lose it.`;
    return `${count}. The sharp memory is in V, in channel ${show(w)}: the maximum keeps it, and loses what the others added. ` +
      "The mean asks all channels, the lost ones too. The second largest asks for the runner-up, which may be among the lost.";
  }

  return start(() => {
    const name = model.get("V"), t = model.get("time"), w = model.get("velocity"), errors = {};
    const moving = seen(name, w, t), ours = readings(moving), rest = readings(seen(name, 0, t));
    const norm = (row) => Math.hypot(...row);
    for (const [key, { pen: clear, note }] of Object.entries(panels)) {
      errors[key] = norm(ours[key].map((value, x) => value - rest[key][x])) / norm(rest[key]);
      const pen = clear(), box = { x: 16, y: pen.height - 20.5, width: pen.width - 18, height: pen.height - 30 };
      const scaled = (row) => row.map((value) => value / top);
      pen.line(box.x, box.y, box.x + box.width, box.y);
      pen.steps(scaled(ours[key]), box, { fill: colour.accent, alpha: 0.55 });
      for (const memory of moving)
        pen.curve(memory.map((value, x) => [box.x + (x + 0.5) * box.width / N, box.y - box.height * value / top]), colour.muted);
      pen.steps(scaled(rest[key]), box, { stroke: colour.still });
      pen.ticks(box.x, pen.height - 20, box.width, N, "x", 0.5);
      note.textContent = `error ${showError(errors[key])}`;
    }
    const what = said(sets[name], w, errors);
    words.textContent = what;
    const now = `Time ${t}, signal moves at ${show(w)}, V: ${name}`;
    describe(Object.fromEntries(Object.entries(POOLS).map(([key, [title]]) => [key,
      `${now}. ${title} over ${moving.length} memories, over the same at rest: error ${showError(errors[key])}.`])),
    `${now}: ${Object.entries(POOLS).map(([key, [title]]) => `${title} ${showError(errors[key])}`).join(", ")}. ${what}`);
  });
}

export default { render };
