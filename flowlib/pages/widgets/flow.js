// The flow explorer. Draws what flow.py packed: the picture at s = t v, the way of its marked point,
// and the elements that the flow has visited, on a torus for shifts and on a circle for angles.

const CSS = `
.flow .panels { grid-template: "picture elements" / minmax(0, 1.5fr) minmax(0, 1fr); max-width: 600px; margin: auto; }
.flow canvas { aspect-ratio: 1; margin-top: .4rem; }
.flow .result { max-width: 600px; margin: .8rem auto 0; text-align: center; }
.flow .result b { white-space: nowrap; }
.flow .choices span { padding: 0 .6em; }`;

function render({ model, el }) {
  const { steps: T, fastest, size: [H, W], orbits } = model.get("data");
  const { root, board, colour, choice, film, slider, panel, describe, start } = stage({ model, el }, "flow", CSS);
  const chosen = () => orbits.find((orbit) => orbit.name === model.get("generator")) || orbits[0];
  const ink = new Map(orbits.map((orbit) => [orbit, bytesOf(orbit.frames.bytes)]));
  const origin = fastest * (T - 1); // where s = 0 stands in the lists over s
  const turns = (orbit) => orbit.elements[0].length === 1;
  const name = (orbit, element) => (turns(orbit) ? `${signed(element[0])}°` : `(${element.map(signed).join(", ")})`);
  const rate = (orbit, v) => name(orbit, orbit.elements[origin + 1].map((e) => v * e));

  choice("generator", "generator", orbits.map((orbit) => orbit.name));
  film(T);
  slider("speed", "velocity <i>v</i>", range(2 * fastest + 1).map((k) => k - fastest),
    (v) => rate(chosen(), v) + (turns(chosen()) ? " a frame" : " px/frame"));
  const panels = {
    picture: panel("picture", null, "<i>ψ<sub>t</sub></i>(<i>v</i>) · <i>f</i>"),
    elements: panel("elements", null, "Visited"),
  };
  const words = element("p", { class: "result" });
  board.after(words);

  /** The packed bytes as ink on the page's ground, whatever its colour. */
  function drawPicture(pen, bytes, side) {
    const small = element("canvas", { width: W, height: H }), ctx = small.getContext("2d");
    const pixels = ctx.createImageData(W, H);
    bytes.forEach((byte, i) => { pixels.data[4 * i + 3] = byte; });
    ctx.putImageData(pixels, 0, 0);
    ctx.globalCompositeOperation = "source-in";
    ctx.fillStyle = colour.ink;
    ctx.fillRect(0, 0, W, H);
    pen.ctx.imageSmoothingEnabled = false;
    pen.ctx.globalAlpha = 0.75;
    pen.ctx.drawImage(small, 0, 0, side, side);
    pen.ctx.globalAlpha = 1;
  }

  /** The way of the marked point from s = 0 to s = t v, and a dot for each frame. */
  function drawWay(pen, orbit, v, t, side) {
    const cell = side / W, wrap = (value, count) => Math.floor((value + 0.5) / count) * count;
    const place = ([y, x], [by, bx]) => [(x - bx + 0.5) * cell, (y - by + 0.5) * cell];
    const sheet = (p) => (turns(orbit) ? [0, 0] : [wrap(p[0], H), wrap(p[1], W)]); // which copy of the torus
    const points = range(Math.abs(v) * t + 1).map((k) => orbit.points[origin + Math.sign(v) * k]);
    points.slice(1).forEach((to, k) => { // a step over the edge is drawn on both sides
      for (const base of [sheet(points[k]), sheet(to)])
        pen.curve([place(points[k], base), place(to, base)], colour.accent, 1.5);
    });
    const frames = points.filter((_, k) => v === 0 || k % v === 0);
    for (const p of frames) pen.dot(...place(p, sheet(p)), 2.6, colour.accent);
    pen.dot(...place(frames[0], sheet(frames[0])), 4.5, colour.still);
    pen.dot(...place(frames.at(-1), sheet(frames.at(-1))), 6, colour.accent);
  }

  function drawElements(pen, orbit, visited) {
    const at = visited.map((s) => orbit.elements[s]), last = at.length - 1;
    const mark = (place) => at.forEach((g, k) =>
      pen.dot(...place(g), k === last ? 6 : 3, k === last ? colour.accent : k ? colour.grey : colour.still));
    const side = Math.min(pen.width, pen.height) - 26, left = 22, top = 22;
    if (turns(orbit)) {
      const x = pen.width / 2, y = pen.height / 2, radius = pen.width / 2 - 10;
      const place = ([angle], r = radius) =>
        [x + r * Math.cos(angle * Math.PI / 180), y - r * Math.sin(angle * Math.PI / 180)];
      pen.ctx.beginPath();
      pen.ctx.arc(x, y, radius, 0, 7);
      pen.ctx.stroke();
      for (const angle of [0, 90, 180, 270]) {
        const [tx, ty] = place([angle], radius - 20);
        pen.text(`${angle}°`, tx, ty + 4, { align: "center" });
      }
      pen.line(x, y, ...place(at[last], radius - 34), colour.accent, 2);
      return mark((g) => place(g));
    }
    pen.ctx.strokeRect(left, top, side, side);
    for (const k of [0, W / 2]) pen.text(show(k), left + (k + 0.5) / W * side, top - 6, { align: "center" });
    for (const k of [0, H / 2]) pen.text(show(k), left - 6, top + (k + 0.5) / H * side + 4, { align: "right" });
    pen.text("x", left + side, top - 6, { align: "right" });
    pen.text("y", left - 6, top + side, { align: "right" });
    const fold = (value, count) => ((value % count) + count) % count;
    mark(([y, x]) => [left + (fold(x, W) + 0.5) / W * side, top + (fold(y, H) + 0.5) / H * side]);
  }

  return start(() => {
    const orbit = chosen(), v = model.get("speed"), t = model.get("time");
    const visited = range(t + 1).map((k) => origin + k * v), s = visited[t];
    const count = new Set(visited.map((k) => orbit.visits[k])).size;
    const home = visited.findIndex((k, i) => i > 0 && orbit.visits[k] === orbit.visits[origin]);
    const pen = panels.picture.pen(), side = pen.width;
    const first = orbit.visits[s] * H * W;
    drawPicture(pen, ink.get(orbit).subarray(first, first + H * W), side);
    pen.ctx.strokeStyle = colour.line;
    pen.ctx.strokeRect(0.5, 0.5, side - 1, side - 1);
    drawWay(pen, orbit, v, t, side);
    const ring = panels.elements.pen();
    ring.ctx.strokeStyle = colour.line;
    drawElements(ring, orbit, visited);
    panels.picture.note.textContent = name(orbit, orbit.elements[s]);
    panels.elements.note.textContent = count === 1 ? "1 element" : `${count} elements`;
    words.textContent = v === 0 ? "Velocity 0: nothing moves."
      : home > 0 ? `Back at the start after ${home} frame${home > 1 ? "s" : ""}.` : "Not yet back at the start.";
    const now = `${orbit.name}, velocity ${rate(orbit, v)}, time ${t}`;
    describe({
      picture: `${now}: the picture after ${name(orbit, orbit.elements[s])}, and the way of a marked point.`,
      elements: `${now}: ${count} elements visited, now at ${name(orbit, orbit.elements[s])}.`,
    }, `${now}: ${count} elements visited. ${words.textContent}`);
  });
}

export default { render };
