// What the widgets with living networks share: planes of a torus as ink, a pad to draw on, a pad of velocities.
// fernn.js stands before, where the pads are used.

const MOVING_CSS = `
.flowlib-widget .bar { flex: 1 1 100%; display: flex; flex-wrap: wrap; gap: .6rem 1.4rem; align-items: end; }
.flowlib-widget button.plain { background: var(--fl-well); color: var(--fl-ink); min-width: 0; }
.flowlib-widget button.plain::before { content: none; }
.flowlib-widget details { flex: 1 1 100%; }
.flowlib-widget details .bar { margin-top: .6rem; }
.flowlib-widget .square canvas { aspect-ratio: 1; }
.flowlib-widget canvas[tabindex] { touch-action: none; cursor: crosshair; outline-offset: 2px; background: var(--fl-well); }
.flowlib-widget canvas[tabindex]:focus-visible { outline: 3px solid var(--fl-still); }
.flowlib-widget .result { margin: .8rem 0 0; }`;

const named = ([y, x]) => `(${signed(y)}, ${signed(x)})`;
const same = ([a, b], [c, d]) => a === c && b === d;

/** A plane as ink on the page's ground: 0 is nothing, `largest` and more is all. */
function drawPlane(pen, plane, [H, W], x, y, side, ink, largest = 1) {
  const small = element("canvas", { width: W, height: H }), ctx = small.getContext("2d");
  const pixels = ctx.createImageData(W, H);
  plane.forEach((value, i) => { pixels.data[4 * i + 3] = 255 * Math.min(1, Math.max(0, value / largest)); });
  ctx.putImageData(pixels, 0, 0);
  ctx.globalCompositeOperation = "source-in";
  ctx.fillStyle = ink;
  ctx.fillRect(0, 0, W, H);
  pen.ctx.imageSmoothingEnabled = false;
  pen.ctx.drawImage(small, x, y, side, side * H / W);
}

function frame(pen, x, y, width, height, stroke, thick = 1) {
  [pen.ctx.strokeStyle, pen.ctx.lineWidth] = [stroke, thick];
  pen.ctx.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
}

/** One plane for each v of V, where v points: v_y down, v_x to the right, rest in the middle. One is marked. */
function drawChannels(pen, planes, V, grid, marked, colour) {
  const reach = Math.max(1, ...V.flat().map(Math.abs)), side = pen.width / (2 * reach + 1);
  const largest = Math.max(...planes.map((plane) => Math.max(...plane))) || 1;
  const box = ([vy, vx]) => [(vx + reach) * side, (vy + reach) * side, side, side];
  V.forEach((v, k) => {
    const [x, y] = box(v);
    drawPlane(pen, planes[k], grid, x + 1, y + 1, side - 2, colour.ink, largest);
    frame(pen, ...box(v), colour.line);
  });
  if (V.some((v) => same(v, marked))) frame(pen, ...box(marked), colour.accent, 2);
}

/** h_t(v) for all v of V, t = 0 ... steps - 1, of a picture that moves at w: states[t][v]. The network is
 *  h_t(v) = f_t + W * [psi_1(v).h_{t-1}(v)], W = `kernel`, 3 x 3 numbers. */
function memories(picture, w, V, { size, kernel, steps }) {
  const rnn = new Forecaster({ grid: size, velocities: V, channels: 1, layers: 0 }), N = picture.length;
  rnn.U.value.set([0, 0, 0, 0, 1, 0, 0, 0, 0]);
  rnn.W.value.set(kernel);
  let state = null;
  return range(steps).map((t) => {
    state = rnn.step(t, state, move(picture, size, [t * w[0], t * w[1]]), 1);
    return V.map((_, k) => state.subarray(k * N, (k + 1) * N));
  });
}

/** What is at w slides to the next w, instead of jumping. Tell it w at each drawing: it gives the w it comes
 *  from, and where it is now; it asks to be drawn again until it has come to w. */
function gliding(redraw, duration = 280) {
  let from = null, to = null, start = null, began = 0;
  const place = () => {
    const p = Math.min(1, (performance.now() - began) / duration), eased = p * p * (3 - 2 * p);
    return p < 1 ? start.map((a, i) => a + eased * (to[i] - a)) : to;
  };
  return (w) => {
    if (!to || matchMedia("(prefers-reduced-motion: reduce)").matches) from = to = start = w;
    if (!same(to, w)) [start, from, to, began] = [place(), to, w, performance.now()];
    const now = place();
    if (!same(now, w)) redraw();
    return { from, now };
  };
}

/** The picture that is thrown: what the pointer draws on a panel, or the keys. `begin` gives the plane to draw
 *  on, `change` is told when it has changed. Returns what draws it. */
function sketch({ canvas }, [H, W], begin, change) {
  let plane = null, last = null, cursor = [H >> 1, W >> 1], focused = false;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application"); // its keys are its own
  const dab = (y, x) => {
    for (let i = Math.floor(y - 1); i <= y + 2; i++)
      for (let j = Math.floor(x - 1); j <= x + 2; j++) {
        const near = Math.min(1, Math.max(0, 1.55 - Math.hypot(i - y, j - x))), at = mod(i, H) * W + mod(j, W);
        plane[at] = Math.max(plane[at], near);
      }
  };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientY - box.top) / box.height * H - 0.5, (event.clientX - box.left) / box.width * W - 0.5];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    plane = begin();
    dab(...(last = place(event)));
    change();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const to = place(event), steps = Math.ceil(2 * Math.hypot(to[0] - last[0], to[1] - last[1])) || 1;
    for (let k = 1; k <= steps; k++) dab(...last.map((a, i) => a + (to[i] - a) * k / steps));
    last = to;
    change();
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { last = null; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) cursor = [mod(cursor[0] + step[0], H), mod(cursor[1] + step[1], W)];
    else dab(...cursor, plane = begin());
    change();
  });
  for (const name of ["focus", "blur"])
    canvas.addEventListener(name, () => { focused = name === "focus" && canvas.matches(":focus-visible"); change(); });
  return (pen, shown, colour) => {
    drawPlane(pen, shown, [H, W], 0, 0, pen.width, colour.ink);
    frame(pen, 0, 0, pen.width, pen.width, colour.line);
    if (focused) frame(pen, cursor[1] / W * pen.width, cursor[0] / H * pen.width, pen.width / W, pen.width / W, colour.accent, 2);
  };
}

/** The plane of velocities: drag from the middle, or press arrow keys, to throw. `thrown` tells the velocity that is
 *  chosen, `throwAt` is told another. The plane is square, and begins `left` pixels from the left. Returns what draws it. */
function velocityPad({ canvas }, reach, thrown, throwAt, left = 0) {
  let down = false;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const count = 2 * reach + 1, within = (a) => Math.min(reach, Math.max(-reach, a));
  const pick = (event) => {
    const box = canvas.getBoundingClientRect(), size = box.width - left;
    const along = (from) => within(Math.floor(from / size * count) - reach);
    throwAt([along(event.clientY - box.top), along(event.clientX - box.left - left)]);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); down = true; pick(event); });
  canvas.addEventListener("pointermove", (event) => down && pick(event));
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { down = false; });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    throwAt(thrown().map((a, i) => within(a + step[i])));
  });
  return (pen, v, V, trained, colour) => {
    const side = pen.width / count, at = (k) => (k + reach + 0.5) * side;
    for (const u of trained) pen.dot(at(u[1]), at(u[0]), side * 0.42, colour.line);
    for (const u of velocities(reach)) pen.dot(at(u[1]), at(u[0]), 1.5, colour.grey);
    for (const u of V) frame(pen, at(u[1]) - side * 0.26, at(u[0]) - side * 0.26, side * 0.52, side * 0.52, colour.still, 1.5);
    if (v[0] || v[1]) pen.arrow(at(0), at(0), at(v[1]), at(v[0]), colour.accent, 2.5);
    else pen.dot(at(0), at(0), 5, colour.accent);
  };
}

/** Rows of frames under each other: { name: frames }, a row may begin later. */
function drawFilms(pen, rows, steps, grid, t, colour, label = 54) {
  const side = (pen.width - label) / steps, tall = side * grid[0] / grid[1];
  rows.forEach(({ name, frames, note }, r) => {
    const y = r * (tall + 3), first = steps - frames.length;
    pen.text(name, 0, y + tall / 2 + 4, { fill: colour.ink, bold: true });
    if (note) pen.text(note, label + first * side - 6, y + tall / 2 + 4, { align: "right" });
    frames.forEach((plane, k) => {
      drawPlane(pen, plane, grid, label + (first + k) * side, y, side - 2, colour.ink);
      frame(pen, label + (first + k) * side, y, side - 2, tall, colour.line);
    });
  });
  frame(pen, label + t * side - 1, 0, side, rows.length * (tall + 3) - 2, colour.accent, 2);
}
