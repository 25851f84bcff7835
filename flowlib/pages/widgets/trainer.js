// What trains in the page, in a worker of its own: a G-RNN and a FERNN, on the same moving pictures, from
// the same weights, with the same learning rate. page: train.js; networks: fernn.js, which stands before.

const CHANNELS = 8, LAYERS = 2, CONTEXT = 4, HORIZON = 4, BATCH = 4, HELD_OUT = 32, WARM = 20;
let pictures, settings, networks, held, running = false, said = 0;

/** Videos as flowlib's MovingImages draws them: a random picture, place and velocity each. Frames of
 *  (video, y, x), and the velocities. */
function draw(images, videos, uniform) {
  const { grid: [H, W], moves } = settings, pick = (list) => list[Math.floor(uniform() * list.length)];
  const shown = Array.from({ length: videos }, () =>
    ({ image: pick(images), v: pick(moves), from: [Math.floor(uniform() * H), Math.floor(uniform() * W)] }));
  return Array.from({ length: CONTEXT + HORIZON }, (_, t) => {
    const frame = new Float64Array(videos * H * W);
    shown.forEach(({ image, v, from }, b) =>
      move(image, settings.grid, [from[0] + t * v[0], from[1] + t * v[1]], frame.subarray(b * H * W, (b + 1) * H * W)));
    return frame;
  });
}

const meanSquare = (a, b) => a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
const average = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const errorOf = (frames, film) => average(frames.map((frame, j) => meanSquare(frame, film[CONTEXT + j])));

/** The forecast that knows the picture and no motion: the mean of the frames seen. */
function still(film) {
  const mean = film[0].map((_, i) => average(film.slice(0, CONTEXT).map((frame) => frame[i])));
  return errorOf(film.slice(CONTEXT).map(() => mean), film);
}

function start() {
  const { grid, V, seed } = settings, make = (velocities) =>
    new Forecaster({ grid, velocities, channels: CHANNELS, layers: LAYERS, seed });
  networks = [{ name: "G-RNN", model: make([[0, 0]]) }, { name: "FERNN", model: make(V) }];
  for (const network of networks) Object.assign(network, { seconds: 0, videos: random(seed + 1), curve: [] });
  held = null;
  networks.forEach(measure);
}

/** The held-out videos, the same for both networks. */
const heldOut = () => (held ??= draw(settings.own ? [pictures.own] : pictures.test, HELD_OUT, random(7)));

function measure(network) {
  const { frames } = network.model.forecast(heldOut().slice(0, CONTEXT), HORIZON);
  network.curve.push([network.model.updates, network.seconds, errorOf(frames, held)]);
}

/** One update. Each network draws its videos by itself, but from the same seed: video for video the same. */
function train(network) {
  const film = draw(settings.own ? [pictures.own] : pictures.train, BATCH, network.videos), began = performance.now();
  network.model.loss(film.slice(0, CONTEXT), film.slice(CONTEXT));
  network.model.update(settings.rate * Math.min(1, (network.model.updates + 1) / WARM));
  network.seconds += (performance.now() - began) / 1000;
  if (network.model.updates % (network.model.updates < 100 ? 10 : 25) === 0) measure(network);
}

/** Whose turn it is: the one that is behind, in updates or in seconds. */
function next() {
  const behind = ({ model, seconds }) => (settings.share === "seconds" ? seconds : model.updates);
  return behind(networks[0]) <= behind(networks[1]) ? networks[0] : networks[1];
}

/** What the page draws: the curves, and the film that was thrown, as each network sees it. */
function tell() {
  const { film, grid: [H, W] } = settings;
  said = performance.now();
  const seen = networks.map(({ name, model, seconds, curve }) => {
    const { frames, states } = model.forecast(film.slice(0, CONTEXT), film.length - CONTEXT);
    const channels = states.map((state) => model.velocities.map((_, v) => { // the mean over hidden channels
      const plane = new Float32Array(H * W);
      for (let c = 0, i = v * model.channels * H * W; c < model.channels; c++)
        for (let p = 0; p < H * W; p++, i++) plane[p] += state[i] / model.channels;
      return plane;
    }));
    return { name, updates: model.updates, seconds, curve, error: errorOf(frames, film), velocities: model.velocities, channels,
      frames: frames.map((frame) => Float32Array.from(frame)) };
  });
  postMessage({ seen, still: still(heldOut()), thrown: still(film) });
}

async function loop() {
  while (running) {
    const network = next();
    try { train(network); } catch (error) { running = false; throw error; }
    const both = networks[0].model.updates === networks[1].model.updates || settings.share === "seconds";
    if (both && performance.now() - said > 100) tell();
    await new Promise((done) => setTimeout(done, settings.slow && both ? 200 : 0));
  }
  tell();
}

onmessage = ({ data: { pictures: given, settings: wanted, fresh, run, load, save } }) => {
  if (given) [pictures, held] = [{ ...pictures, ...given }, null];
  if (wanted) {
    settings = { ...settings, ...wanted };
    if (networks && wanted.V) { // the weights are the same for all velocities
      networks[1].model.velocities = settings.V;
      networks[1].model.rooms = {};
    }
  }
  if (fresh) start();
  try {
    for (const one of load ?? []) {
      const model = Forecaster.fromData(one), slot = one.velocities.length === 1 ? 0 : 1; // a G-RNN has one
      if (slot) model.velocities = settings.V;
      if (`${one.grid}` !== `${settings.grid}`) throw new Error(`a network on ${one.grid.join(" × ")}, not on ${settings.grid.join(" × ")}`);
      Object.assign(networks[slot], { model, curve: [] });
      measure(networks[slot]);
    }
  } catch (error) { postMessage({ problem: error.message }); }
  if (save) postMessage({ saved: Object.fromEntries(networks.map(({ name, model }) => [name, model.toData()])) });
  if (run !== undefined && run !== running) {
    running = run;
    if (running) loop();
  }
  if (!running) tell();
};
