// A picture that turns by quarters. Draws what turning.py packed, and the kernel W(φ, y) of a group convolution
// as the output at the orientation θ reads it: W(φ − θ, R_−θ y). moving.js stands before.
//
// Angles are counted in quarter turns here, and shown in degrees.

const CSS = `
.turning .panels { grid-template: "picture responses" "stored used" ". outputs" / minmax(0, 1fr) minmax(0, 3fr);
  gap: .7rem 1rem; max-width: 640px; margin: auto; }
.turning .head { margin-bottom: .25rem; }
.turning [data-panel=picture] { aspect-ratio: 1; }
.turning canvas { margin-top: 0; }
.turning [data-panel=used] { cursor: pointer; }
.turning .result { max-width: 640px; margin: .8rem auto 0; text-align: center; }
.turning .result b { white-space: nowrap; }
@container (max-width: 500px) { .turning .panels { gap: .7rem .6rem; } }`;

/** Where the entry is stored that the output at θ reads at (φ, y), y = (p, q): (φ − θ, R_−θ y). */
function stored([phi, p, q], theta) {
  for (let k = 0; k < theta; k++) [p, q] = [q, 0 - p];
  return [(phi - theta + 4) % 4, p, q];
}

const LABEL = 18; // the height of the angles below the pictures
const angle = (quarters) => `${90 * quarters}°`;

function render({ model, el }) {
  const { size, window: K, pictures, kernel, responses, outputs } = model.get("data"), [H] = size, r = (K - 1) / 2;
  const inks = [pictures, responses.pictures, outputs.pictures].map((packed) => unpack(packed, H * H).row);
  const { board, colour, slider, panel, describe, start, choose, redraw } = stage({ model, el }, "turning", CSS);
  const numberOf = ([phi, p, q]) => phi * K * K + (p + r) * K + q + r;
  const placeOf = (n) => [Math.floor(n / (K * K)), Math.floor(n / K) % K - r, n % K - r];
  const named = ([phi, p, q]) => `${angle(phi)}, (${show(p)}, ${show(q)})`;
  const valueOf = ([phi, p, q]) => kernel[phi][p + r][q + r], most = Math.max(...kernel.flat(2).map(Math.abs)) || 1;

  slider("turn", "turn the picture by <i>γ</i>", range(4), angle);
  slider("theta", "output orientation <i>θ</i>", range(4), angle);
  slider("place", "lit place <i>φ</i>, <i>y</i>", range(4 * K * K), (n) => named(placeOf(n)));
  const panels = {
    picture: panel("picture", null, "<i>γ</i> · <i>f</i>"),
    responses: panel("responses", null, "Responses <i>h</i>(<i>φ</i>, ·)", "moving:was first"),
    stored: panel("stored", null, "<i>W</i>, stored"),
    used: panel("used", null, "<i>W</i>(<i>φ</i> − <i>θ</i>, <i>R</i><sub>−<i>θ</i></sub> <i>y</i>)", "moving:lit"),
    outputs: panel("outputs", null, "Outputs [<i>W</i> ∗ <i>h</i>](<i>θ</i>, ·)", "moving:was first", "still:<i>θ</i>"),
  };
  const reads = element("p", { class: "result" }), law = element("p", { class: "result" });
  board.after(reads, law);

  /** Four boxes, in rows of `across`, with their angles: draw(pen, o, x, y, side). */
  function boxes({ canvas, pen: open }, across, draw) {
    const cell = canvas.clientWidth / across, side = cell - 4;
    canvas.style.height = `${4 / across * (cell + LABEL)}px`;
    const pen = open();
    range(4).forEach((o) => {
      const x = (o % across) * cell + 2, y = Math.floor(o / across) * (cell + LABEL) + 2;
      draw(pen, o, x, y, side);
      pen.text(angle(o), x + side / 2, y + side + 14, { align: "center" });
    });
  }

  function drawLifted(name, row, g, marked) {
    boxes(panels[name], 4, (pen, o, x, y, side) => {
      drawPlane(pen, row(4 * g + o), size, x, y, side, colour.ink);
      frame(pen, x, y, side, side, o === g ? colour.accent : colour.line, o === g ? 2.5 : 1);
      if (o === marked) frame(pen, x + 3, y + 3, side - 6, side - 6, colour.still, 2.5);
    });
  }

  /** A kernel as squares, full where it adds and hollow where it subtracts; one place is lit. */
  function drawKernel(name, across, entry, lit) {
    boxes(panels[name], across, (pen, o, x, y, side) => {
      const cell = side / K;
      range(K * K).forEach((n) => {
        const [, p, q] = placeOf(n), value = entry([o, p, q]), full = Math.sqrt(Math.abs(value) / most) * 0.72 * cell;
        const left = x + (q + r) * cell, top = y + (p + r) * cell, at = [left + (cell - full) / 2, top + (cell - full) / 2];
        frame(pen, left, top, cell, cell, colour.line);
        pen.ctx.fillStyle = colour.ink;
        if (value > 0) pen.ctx.fillRect(...at, full, full);
        if (value < 0) frame(pen, ...at, full, full, colour.ink, 1.5);
      });
      if (o === lit[0]) frame(pen, x + (lit[2] + r) * cell, y + (lit[1] + r) * cell, cell, cell, colour.accent, 3);
    });
  }

  panels.used.canvas.addEventListener("click", (event) => { // the slider does the same by keyboard
    const { left, top, width } = panels.used.canvas.getBoundingClientRect(), cell = width / 4;
    const [x, y] = [(event.clientX - left) / cell, (event.clientY - top) / cell], phi = Math.min(3, Math.floor(x));
    const within = (a) => Math.min(K - 1, Math.floor(a * K)) - r;
    if (y < 1) choose("place", numberOf([phi, within(y), within(x - phi)]));
    redraw();
  });

  return start(() => {
    const g = model.get("turn"), theta = model.get("theta"), lit = placeOf(model.get("place")), from = stored(lit, theta);
    const pen = panels.picture.pen();
    drawPlane(pen, inks[0](g), size, 0, 0, pen.width, colour.ink);
    frame(pen, 0, 0, pen.width, pen.width, colour.line);
    drawLifted("responses", inks[1], g);
    drawLifted("outputs", inks[2], g, theta);
    drawKernel("stored", 2, valueOf, from);
    drawKernel("used", 4, (place) => valueOf(stored(place, theta)), lit);

    const read = `The output at ${angle(theta)} reads there W(${named(from)}) = ${show(valueOf(from))}.`;
    const error = Math.max(responses.errors[g], outputs.errors[g]);
    const held = `Take the responses and outputs of the upright picture, turn them by ${angle(g)} and move them on by `
      + `${g} place${g === 1 ? "" : "s"}: these are off by ${showError(error)}.`
      + (g ? ` Without moving them on, by ${showError(responses.unmoved[g])} and ${showError(outputs.unmoved[g])}.` : "");
    [reads.textContent, law.textContent] = [read, held];
    const now = `Picture turned by ${angle(g)}`;
    describe({
      picture: `${now}.`,
      responses: `${now}: its responses at four orientations. The one that was first stands at ${angle(g)}.`,
      stored: `The kernel as it is stored, four windows of ${K} by ${K}; lit is ${named(from)}.`,
      used: `The kernel as the output at ${angle(theta)} reads it; lit is ${named(lit)}.`,
      outputs: `${now}: the four outputs of the group convolution. The one that was first stands at ${angle(g)}.`,
    }, `${now}. ${read} ${held}`);
  });
}

export default { render };
