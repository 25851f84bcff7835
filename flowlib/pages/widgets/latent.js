// The latent action. Draws what latent.py packed: the rows h_t[f](v, .) of the still input, the same
// rows after the action that the law predicts, and the rows that the network really has.

const AXIS = 20, LEFT = 52, RIGHT = 4, NUMBERS = 52;
const CSS = `
.latent .panels { grid-template: "still pairs predicted" "true true true" / minmax(0, 1fr) 2.6em minmax(0, 1fr);
  gap: 1.1rem 0; }
.latent .result { margin: .8rem 0 0; text-align: center; }
.latent .result b { white-space: nowrap; }
@container (min-width: 620px) {
  .latent .panels { grid-template: "still pairs predicted true" / minmax(0, 1fr) 3em minmax(0, 1fr) calc(33% + 2em); }
  .latent .panel[style*=true] { padding-left: 1.4rem; }
}`;

function render({ model, el }) {
  const data = model.get("data");
  const { velocities: V, speeds, steps: T, positions: N, states, partners, differences, rounding } = data;
  const rows = unpack(states, N), n = V.length, block = (k, t, v) => rows.row((k * T + t) * n + v);
  const { board, colour, film, slider, panel, describe, start } = stage({ model, el }, "latent", CSS);

  film(T);
  slider("velocity", "input flows by <i>w</i>", speeds, (w) => `${signed(w)} px/frame`,
    (w) => `${w} pixels per frame`);
  const tall = Math.max(n * Math.min(46, Math.max(30, 320 / n)), 120) + AXIS;
  const panels = {
    still: panel("still", tall, "Still input", "grey:<i>h<sub>t</sub></i>[<i>f</i>](<i>v</i>)"),
    pairs: panel("pairs", tall, ""),
    predicted: panel("predicted", tall, "Predicted",
      "still:<i>ψ<sub>t</sub></i>(<i>w</i>)·<i>h<sub>t</sub></i>[<i>f</i>](<i>v</i>−<i>w</i>)"),
    true: panel("true", tall, "Moving input",
      "moving:<i>h<sub>t</sub></i>[<i>ψ</i>(<i>w</i>)·<i>f</i>](<i>v</i>)", "still:predicted"),
  };
  const number = element("b", { "data-role": "error-value" }), verdict = element("b", { "data-role": "verdict" });
  board.after(element("p", { class: "result" },
    "Largest difference of a channel with a partner: ", number, ". Prediction and truth ", verdict, "."));

  function drawRows(name, right, draw) {
    const pen = panels[name].pen();
    pen.rows(n, rows.signed, LEFT, right, AXIS, (k, box, middle) => {
      pen.text(`v = ${show(V[k])}`, LEFT - 6, middle + 15, { align: "right", fill: colour.ink });
      if (!draw(pen, k, box, middle)) // there is nothing to hold it against
        pen.text("no partner", LEFT + box.width / 2, Math.min(middle + 4, box.y - 5), { align: "center" });
    });
    pen.ticks(LEFT, pen.height - AXIS, pen.width - LEFT - right, N, "x", 0.5);
    return pen;
  }

  return start(() => {
    const t = model.get("time"), w = model.get("velocity"), iw = speeds.indexOf(w), S = speeds.length;
    const pair = partners[iw], error = differences[iw][t], paired = range(n).filter((k) => pair[k] !== null);
    const middles = [], outline = { stroke: colour.still };
    drawRows("still", RIGHT, (pen, k, box, middle) => {
      middles[k] = middle + 11;
      pen.steps(block(0, t, k), box, { fill: colour.grey });
      return true;
    });
    const pen = panels.pairs.pen();
    for (const k of paired) pen.arrow(4, middles[pair[k]], pen.width - 6, middles[k], colour.still, 1.5);
    drawRows("predicted", RIGHT, (pen, k, box) => {
      if (pair[k] !== null) pen.steps(block(1 + S + iw, t, k), box, outline);
      return pair[k] !== null;
    });
    const last = drawRows("true", NUMBERS, (pen, k, box, middle) => {
      const alone = pair[k] === null;
      pen.steps(block(1 + iw, t, k), box, alone ? { fill: colour.grey, alpha: 0.25 } : { fill: colour.accent });
      if (alone) return false;
      pen.steps(block(1 + S + iw, t, k), box, outline);
      pen.text(showError(error[k]).split(" ")[0], pen.width, middle + 15, { align: "right", fill: colour.ink });
      return true;
    });
    last.text("differ by", last.width, last.height - 5, { align: "right" });

    const known = error.filter((e) => e !== null), most = known.length ? Math.max(...known) : null;
    const word = most === null ? "cannot be compared" : most <= rounding ? "are equal up to rounding" : "differ";
    number.textContent = showError(most);
    verdict.textContent = word;
    const now = `Time ${t}, input flows by ${w}`;
    const alone = V.filter((_, k) => pair[k] === null);
    const without = alone.length ? `; channels ${alone.join(", ")} have no partner` : "";
    const moves = paired.map((k) => `row ${V[pair[k]]} goes to row ${V[k]}`).join(", ");
    describe({
      still: `${now}: hidden state of the still input, channels ${V.join(", ")}.`,
      pairs: `${now}: ${moves || "no row goes to another"}.`,
      predicted: `${now}: rows moved on by ${w} and shifted by ${w * t}${without}.`,
      true: `${now}: hidden state of the moving input, and the predicted one: they ${word}${without}.`,
    }, `${now}: largest difference ${showError(most)}, prediction and truth ${word}.`);
  });
}

export default { render };
