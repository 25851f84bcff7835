// Steer the window: a trained network (fernn.js, moving.js stand before) remembers a world that it sees in part.

const STEPS = { Up: [-1, 0], Down: [1, 0], Left: [0, -1], Right: [0, 1], Stay: [0, 0] };
const FIRST = "Right Right Right Down Down Left Left Left Left".split(" "); // steps before the reader takes over
const KNOWS = "knows its steps", UNTOLD = "is not told";
const CSS = MOVING_CSS + `
.steer .panels { grid-template: "world" "belief" / 1fr; }
@container (min-width: 520px) { .steer .panels { grid-template: "world belief" / 1fr 1fr; } }
.steer .pad { display: flex; flex-wrap: wrap; gap: .4rem; }`;

/** The WindowForecaster of flowlib/self_motion.py, one frame after the other. Its memory stands in the camera's
 *  frame, (velocity, channel, y, x); the window is its middle. */
class Looker {
  constructor(data, window) {
    const network = Forecaster.fromData(data), { grid: [H, W], velocities: V, channels: C } = network;
    Object.assign(this, { network, state: new Float64Array(V.length * C * H * W) });
    const low = [H, W].map((n, axis) => Math.floor((n - window[axis]) / 2));
    const within = (x, axis) => x >= low[axis] && x < low[axis] + window[axis];
    this.middle = range(H * W).map((i) => within(Math.floor(i / W), 0) && within(i % W, 1));
  }

  /** h_t from h_{t-1}: the camera takes the step c; `frame`, a plane of the world, is seen in the window, or null. */
  step([cy, cx], frame) {
    const { network, middle } = this, { grid, velocities: V, channels: C } = network, N = grid[0] * grid[1];
    const shift = (p) => { const [y, x] = V[Math.floor(p / C)]; return [y - cy, x - cx]; };
    const moved = new Float64Array(this.state.length);
    for (let p = 0; p < V.length * C; p++)
      move(this.state.subarray(p * N, (p + 1) * N), grid, shift(p), moved.subarray(p * N, (p + 1) * N));
    if (frame) {
      const laid = Float64Array.from(frame, (value, i) => (middle[i] ? value : 0)), drive = new Float64Array(C * N);
      network.convolution(network.U, network.padded("laid", laid, 1), 1, drive);
      const seen = network.convolution(network.W, network.padded("moved", moved, V.length * C), V.length, new Float64Array(moved.length));
      for (let i = 0; i < seen.length; i++) if (middle[i % N]) moved[i] = Math.max(0, seen[i] + drive[i % (C * N)]);
    }
    this.state = moved;
  }

  /** The world as the network believes it to be, in the camera's frame. */
  believe() {
    const { network, state } = this, { grid, velocities: V, channels: C } = network, size = C * grid[0] * grid[1];
    let signal = state.slice(0, size);
    for (let i = size; i < V.length * size; i++) if (state[i] > signal[i % size]) signal[i % size] = state[i];
    network.R.forEach((layer, l) => {
      const padded = network.padded(`belief ${l}`, signal, layer.inside);
      signal = network.convolution(layer, padded, 1, new Float64Array(layer.outside * grid[0] * grid[1]));
      if (l < network.layers) signal = signal.map((value) => Math.max(0, value));
    });
    return signal;
  }
}

function render({ model, el }) {
  const { network, window, digits, size } = model.get("data"), [H, W] = network.grid, N = H * W;
  const pictures = Float64Array.from(bytesOf(digits), (byte) => byte / 255), P = size[0] * size[1];
  const { root, board, colour, choice, panel, describe, start, redraw } = stage({ model, el }, "steer", CSS);
  let seed = 0, world, camera, lookers, open, time;

  const bar = element("div", { class: "bar" }), pad = element("div", { class: "pad" });
  const button = (text, role, press) => {
    const node = element("button", { type: "button", class: "plain", "data-role": role }, text);
    node.addEventListener("click", press);
    return node;
  };
  for (const [name, step] of Object.entries(STEPS)) pad.append(button(name, name.toLowerCase(), () => take(step)));
  const eyes = button("Close eyes", "eyes", () => { open = !open; redraw(); });
  choice("memory", "The network", [KNOWS, UNTOLD]);
  bar.append(pad, eyes, button("New world", "new", () => { seed++; begin(); redraw(); }), root.querySelector("fieldset"));
  root.querySelector("form").append(bar);
  const panels = { world: panel("world", null, "The world"), belief: panel("belief", null, "What the network believes") };
  for (const { canvas } of Object.values(panels)) {
    canvas.parentNode.classList.add("square");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.addEventListener("keydown", (event) => {
      const name = event.key === " " ? "Stay" : event.key.replace("Arrow", "");
      if (!STEPS[name]) return;
      event.preventDefault();
      take(STEPS[name]);
    });
  }
  const words = element("p", { class: "result", "data-role": "result" });
  board.after(words);

  /** All objects where they are at a time, in the frame of the world. */
  const shown = (t) => {
    const out = new Float64Array(N);
    for (const { picture, place, speed } of world)
      for (let i = 0; i < P; i++) {
        const y = mod(place[0] + t * speed[0] + Math.floor(i / size[1]), H), x = mod(place[1] + t * speed[1] + (i % size[1]), W);
        out[y * W + x] = Math.max(out[y * W + x], picture[i]);
      }
    return out;
  };
  const seen = () => move(shown(time), [H, W], camera.map((a) => -a)); // in the camera's frame

  /** A new world, its window in the middle, seen for some frames. */
  function begin() {
    const uniform = random(seed), whole = (n) => Math.floor(uniform() * n), count = pictures.length / P;
    world = range(2).map(() => {
      const k = whole(count);
      return { picture: pictures.subarray(k * P, (k + 1) * P), place: [whole(H), whole(W)], speed: [whole(3) - 1, whole(3) - 1] };
    });
    [camera, open, time] = [[0, 0], true, -1];
    lookers = { [KNOWS]: new Looker(network, window), [UNTOLD]: new Looker(network, window) };
    for (const name of ["Stay", ...FIRST]) go(STEPS[name]);
  }

  /** The camera takes a step, and the world goes on by one frame. */
  function go(step) {
    camera = camera.map((a, axis) => mod(a + step[axis], [H, W][axis]));
    time++;
    const frame = open ? seen() : null;
    for (const [name, looker] of Object.entries(lookers)) looker.step(name === KNOWS ? step : [0, 0], frame);
  }

  function take(step) {
    go(step);
    redraw();
  }

  begin();
  return start(() => {
    const looker = lookers[model.get("memory")], truth = shown(time), belief = move(looker.believe(), [H, W], camera);
    const inside = move(Float64Array.from(looker.middle, Number), [H, W], camera);
    const error = (within) => {
      let sum = 0, count = 0;
      inside.forEach((value, i) => { if (value === within) { sum += (truth[i] - belief[i]) ** 2; count++; } });
      return sum / count;
    };
    const light = truth.reduce((sum, value) => sum + value * value, 0) / N;
    for (const [name, plane, ink] of [["world", truth, colour.ink], ["belief", belief, colour.accent]]) {
      const pen = panels[name].pen(), cell = pen.width / W;
      drawPlane(pen, plane, [H, W], 0, 0, pen.width, ink);
      inside.forEach((value, i) => { // the rim of the window, which may come in again on the other side
        if (!value) return;
        const y = Math.floor(i / W), x = i % W, at = (dy, dx) => inside[mod(y + dy, H) * W + mod(x + dx, W)];
        const line = (x0, y0, x1, y1) => pen.line((x + x0) * cell, (y + y0) * cell, (x + x1) * cell, (y + y1) * cell, colour.still, 2);
        if (!at(-1, 0)) line(0, 0, 1, 0);
        if (!at(1, 0)) line(0, 1, 1, 1);
        if (!at(0, -1)) line(0, 0, 0, 1);
        if (!at(0, 1)) line(1, 0, 1, 1);
      });
      frame(pen, 0, 0, pen.width, pen.height, colour.line);
    }
    eyes.textContent = open ? "Close eyes" : "Open eyes";
    panels.world.note.textContent = `frame ${time}`;
    panels.belief.note.textContent = open ? "eyes open" : "eyes closed";
    const text = `Mean squared error in the window ${error(1).toFixed(3)}, outside ${error(0).toFixed(3)}; of a black world ${light.toFixed(3)}.`;
    words.textContent = text;
    describe({
      world: `Frame ${time}: two digits on a torus of ${H} by ${W}, and the window of ${window.join(" by ")}. Arrow keys move it, space stays.`,
      belief: `What the network believes about the whole torus, eyes ${open ? "open" : "closed"}. ${text}`,
    }, `Frame ${time}, eyes ${open ? "open" : "closed"}. ${text}`);
  });
}

export default { render };
