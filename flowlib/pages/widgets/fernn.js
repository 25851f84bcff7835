// A FERNN that computes, learns and forgets in a page: the Forecaster of flowlib/models.py on a torus.
//
//     h_t(v) = relu( U * f_t + W * [ psi_1(v).h_{t-1}(v) ] ),   h_{-1} = 0        (recurrent.py)
//     f^_{t+1} = R( max_v psi_1(v).h_t(v) ),   R: convolutions with relu between  (models.py)
//
// A G-RNN is the same with V = {0}. Forward, backward and Adam, by hand, in float64; the same numbers as
// torch's up to rounding. It asks for nothing and depends on nothing. Signals are flat Float64Arrays in
// the order (sample, velocity, channel, y, x); "padded" ones have a border of one pixel around y and x.

const K = 9; // entries of a kernel of 3 x 3

/** Random numbers in [0, 1) from a seed, by shifts and exclusive ors (Marsaglia 2003, "Xorshift RNGs"). */
export function random(seed) {
  let x = Math.imul(seed + 1, 0x9e3779b1) || 1; // seeds side by side begin far apart
  const next = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
  for (let k = 0; k < 8; k++) next();
  return next;
}

export const mod = (a, n) => ((a % n) + n) % n;

/** All whole velocities (v_y, v_x) of at most `radius` along each axis, sorted. */
export function velocities(radius) {
  const side = Array.from({ length: 2 * radius + 1 }, (_, k) => k - radius);
  return side.flatMap((y) => side.map((x) => [y, x]));
}

/** psi(v).signal of one plane: content moves with v. */
export function move(plane, [H, W], [vy, vx], out = new Float64Array(H * W)) {
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) out[y * W + x] = plane[mod(y - vy, H) * W + mod(x - vx, W)];
  return out;
}

/** `out` = the planes of `signal`, each moved, with a border that wraps around (or holds zeros).
 *  planes: how many one after the other; shift(p): how plane p moves. */
function pad(signal, planes, [H, W], shift, out, zeros = false) {
  const wide = W + 2;
  for (let p = 0, o = 0; p < planes; p++) {
    const [sy, sx] = shift(p), start = mod(-1 - sx, W);
    for (let y = -1; y <= H; y++) {
      const row = p * H * W + mod(y - sy, H) * W, outside = zeros && (y < 0 || y === H);
      for (let x = 0, from = start; x < wide; x++, o++) {
        out[o] = outside || (zeros && (x === 0 || x > W)) ? 0 : signal[row + from];
        if (++from === W) from = 0;
      }
    }
  }
  return out;
}

/** out(k) += sum over c of weight(k, c) * padded(c), for each of `samples`; cross-correlation, as torch. */
function convolve(padded, weight, out, samples, inside, outside, [H, W]) {
  const wide = W + 2, large = (H + 2) * wide, small = H * W;
  for (let s = 0; s < samples; s++)
    for (let k = 0; k < outside; k++)
      for (let c = 0; c < inside; c++) {
        const w = (k * inside + c) * K;
        const w0 = weight[w], w1 = weight[w + 1], w2 = weight[w + 2], w3 = weight[w + 3], w4 = weight[w + 4],
          w5 = weight[w + 5], w6 = weight[w + 6], w7 = weight[w + 7], w8 = weight[w + 8];
        let o = (s * outside + k) * small;
        for (let y = 0, p = (s * inside + c) * large; y < H; y++, p += wide) {
          let q = p + wide, r = q + wide, i = p + 2;
          let a0 = padded[p], a1 = padded[p + 1], b0 = padded[q], b1 = padded[q + 1], c0 = padded[r], c1 = padded[r + 1];
          for (const end = i + W; i < end; i++, o++) {
            const a2 = padded[i], b2 = padded[i + wide], c2 = padded[i + 2 * wide];
            out[o] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * b0 + w4 * b1 + w5 * b2 + w6 * c0 + w7 * c1 + w8 * c2;
            a0 = a1; a1 = a2; b0 = b1; b1 = b2; c0 = c1; c1 = c2;
          }
        }
      }
  return out;
}

/** gradient(k, c) += how the loss changes with weight(k, c), when it changes with out(k) by `back`. */
function kernelGradient(padded, back, gradient, samples, inside, outside, [H, W]) {
  const wide = W + 2, large = (H + 2) * wide, small = H * W;
  for (let s = 0; s < samples; s++)
    for (let k = 0; k < outside; k++)
      for (let c = 0; c < inside; c++) {
        let g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0, g6 = 0, g7 = 0, g8 = 0;
        let o = (s * outside + k) * small;
        for (let y = 0, p = (s * inside + c) * large; y < H; y++, p += wide)
          for (let i = p, end = p + W; i < end; i++, o++) {
            const b = back[o], q = i + wide, r = q + wide;
            g0 += b * padded[i]; g1 += b * padded[i + 1]; g2 += b * padded[i + 2];
            g3 += b * padded[q]; g4 += b * padded[q + 1]; g5 += b * padded[q + 2];
            g6 += b * padded[r]; g7 += b * padded[r + 1]; g8 += b * padded[r + 2];
          }
        const w = (k * inside + c) * K;
        gradient[w] += g0; gradient[w + 1] += g1; gradient[w + 2] += g2; gradient[w + 3] += g3;
        gradient[w + 4] += g4; gradient[w + 5] += g5; gradient[w + 6] += g6; gradient[w + 7] += g7;
        gradient[w + 8] += g8;
      }
}

/** The kernel of the transposed convolution: (out, in) becomes (in, out), each entry its opposite. */
function transposed(weight, inside, outside) {
  const out = new Float64Array(weight.length);
  for (let k = 0; k < outside; k++)
    for (let c = 0; c < inside; c++)
      for (let j = 0; j < K; j++) out[(c * outside + k) * K + j] = weight[(k * inside + c) * K + K - 1 - j];
  return out;
}

const STILL = () => [0, 0];

export class Forecaster {
  /** grid: [H, W]; velocities: V, [[v_y, v_x], ...]; channels: hidden ones of a velocity; layers: hidden
   *  ones of R; seed: of the weights. `memory`: W starts with so much of the identity, as in flowlib. */
  constructor({ grid, velocities, channels, layers, seed = 0, memory = 0.5 }) {
    Object.assign(this, { grid, velocities, channels, layers, updates: 0, rooms: {} });
    const uniform = random(seed), C = channels;
    const parameter = (name, inside, outside) => {
      const value = new Float64Array(outside * inside * K), bound = 1 / Math.sqrt(inside * K);
      value.forEach((_, i) => { value[i] = bound * (2 * uniform() - 1); });
      const zeros = () => new Float64Array(value.length);
      return { name, inside, outside, value, gradient: zeros(), mean: zeros(), square: zeros() };
    };
    this.U = parameter("rnn.input_conv.weight", 1, C);
    this.W = parameter("rnn.cell.state_conv.weight", C, C);
    this.W.value.forEach((w, i) => { this.W.value[i] = (1 - memory) * w; });
    for (let c = 0; c < C; c++) this.W.value[(c * C + c) * K + 4] += memory;
    this.R = Array.from({ length: layers + 1 }, (_, l) => parameter(`decoder.${2 * l}.weight`, C, l < layers ? C : 1));
    this.parameters = [this.U, this.W, ...this.R];
  }

  /** An array that is kept from one update to the next; what stands in it is not. */
  room(name, size) {
    return this.rooms[name]?.length === size ? this.rooms[name] : (this.rooms[name] = new Float64Array(size));
  }

  convolution({ inside, outside, value }, padded, samples, out) {
    return convolve(padded, value, out, samples, inside, outside, this.grid);
  }

  padded(name, signal, planes, shift = STILL, zeros = false) {
    const [H, W] = this.grid;
    return pad(signal, planes, this.grid, shift, this.room(name, planes * (H + 2) * (W + 2)), zeros);
  }

  /** How plane p of a state moves in one frame: psi_1(v), or back. */
  flow(sign) {
    const { velocities: V, channels: C } = this, steps = V.map(([y, x]) => [sign * y, sign * x]);
    return (p) => steps[Math.floor(p / C) % V.length];
  }

  /** h_t from h_{t-1} (null for zero) and the frames f_t of all videos. */
  step(t, state, frame, videos, { zeros = false, stride = false } = {}) {
    const { grid: [H, W], velocities: V, channels: C } = this, N = H * W;
    const drive = this.room("drive", videos * C * N).fill(0), out = this.room(`state ${t}`, videos * V.length * C * N);
    this.convolution(this.U, this.padded(`frame ${t}`, frame, videos, STILL, zeros), videos, drive);
    if (stride) // every second pixel only, held over two
      for (let i = 0; i < drive.length; i++) {
        const x = i % W, y = Math.floor(i / W) % H;
        drive[i] = drive[i - (x & 1) - (y & 1) * W];
      }
    for (let s = 0; s < videos * V.length; s++) { // the same for every velocity
      const b = Math.floor(s / V.length) * C * N;
      out.set(drive.subarray(b, b + C * N), s * C * N);
    }
    if (state) {
      const moved = this.padded(`moved ${t}`, state, videos * V.length * C, this.flow(1), zeros);
      this.convolution(this.W, moved, videos * V.length, out);
    }
    for (let i = 0; i < out.length; i++) if (out[i] < 0) out[i] = 0;
    return out;
  }

  /** f^_{t+1} from h_t: the state flows on, is pooled over V, and decoded. */
  read(t, state, videos, { zeros = false } = {}) {
    const { grid: [H, W], velocities: V, channels: C } = this, N = H * W;
    const pooled = this.room(`pooled ${t}`, videos * C * N).fill(-Infinity), from = this.room(`from ${t}`, pooled.length);
    for (let b = 0, i = 0; b < videos; b++)
      for (let v = 0; v < V.length; v++)
        for (let c = 0; c < C; c++)
          for (let y = 0; y < H; y++)
            for (let x = 0, o = (b * C + c) * N + mod(y + V[v][0], H) * W, to = mod(V[v][1], W); x < W; x++, i++) {
              if (state[i] > pooled[o + to]) { pooled[o + to] = state[i]; from[o + to] = i; }
              if (++to === W) to = 0;
            }
    let signal = pooled;
    this.R.forEach((layer, l) => {
      const padded = this.padded(`layer ${t} ${l}`, signal, videos * layer.inside, STILL, zeros);
      signal = this.room(`signal ${t} ${l}`, videos * layer.outside * N).fill(0);
      this.convolution(layer, padded, videos, signal);
      if (l < this.layers) for (let i = 0; i < signal.length; i++) if (signal[i] < 0) signal[i] = 0;
    });
    return signal;
  }

  /** The frames that follow those of `context`, each from the last, none consumed twice.
   *  context: a Float64Array (video, y, x) for each frame. broken: { zeros, stride, twice }, what breaks the law.
   *  Returns { frames, states }: the forecast, and h_t of all frames consumed. Both are this network's own
   *  arrays, and hold until it is asked again. */
  forecast(context, steps, broken = {}) {
    const videos = context[0].length / (this.grid[0] * this.grid[1]);
    const seen = broken.twice ? [...context, context.at(-1)] : context;
    const states = [], frames = [], count = seen.length + steps - 1;
    for (let t = 0; t < count; t++) {
      states.push(this.step(t, states.at(-1), t < seen.length ? seen[t] : frames.at(-1), videos, broken));
      if (t >= seen.length - 1) frames.push(this.read(t, states[t], videos, broken));
    }
    return { frames, states };
  }

  /** The mean squared error of the forecast of `future` from `context`; its gradient is in the parameters. */
  loss(context, future) {
    const { grid: [H, W], velocities: V, channels: C } = this, N = H * W, videos = context[0].length / N;
    const { frames, states } = this.forecast(context, future.length);
    const planes = videos * V.length, size = planes * C * N, count = videos * N * future.length;
    for (const { gradient } of this.parameters) gradient.fill(0);
    const WT = { inside: C, outside: C, value: transposed(this.W.value, C, C) };
    const UT = { inside: C, outside: 1, value: transposed(this.U.value, 1, C) };
    const RT = this.R.map(({ inside, outside, value }) =>
      ({ inside: outside, outside: inside, value: transposed(value, inside, outside) }));
    let sum = 0, ofFrame = null, ofState = this.room("of state", size).fill(0);
    for (let t = states.length - 1; t >= 0; t--) {
      const j = t + 1 - context.length; // the forecast read from this state
      if (j >= 0) {
        let back = this.room("of forecast", videos * N);
        for (let i = 0; i < back.length; i++) {
          const difference = frames[j][i] - future[j][i];
          sum += difference * difference;
          back[i] = 2 * difference / count + (ofFrame ? ofFrame[i] : 0);
        }
        for (let l = this.layers; l >= 0; l--) {
          const { inside, outside, gradient } = this.R[l];
          kernelGradient(this.rooms[`layer ${t} ${l}`], back, gradient, videos, inside, outside, this.grid);
          const below = this.room(`of layer ${l}`, videos * inside * N).fill(0);
          this.convolution(RT[l], this.padded(`of padded ${l}`, back, videos * outside), videos, below);
          if (l) this.rooms[`signal ${t} ${l - 1}`].forEach((value, i) => { if (value === 0) below[i] = 0; });
          back = below;
        }
        this.rooms[`from ${t}`].forEach((i, o) => { ofState[i] += back[o]; }); // the maximum over V
      }
      for (let i = 0; i < size; i++) if (states[t][i] === 0) ofState[i] = 0; // relu
      const ofDrive = this.room("of drive", videos * C * N).fill(0);
      for (let s = 0, i = 0; s < planes; s++)
        for (let o = Math.floor(s / V.length) * C * N, end = o + C * N; o < end; o++, i++) ofDrive[o] += ofState[i];
      kernelGradient(this.rooms[`frame ${t}`], ofDrive, this.U.gradient, videos, 1, C, this.grid);
      if (j > 0) { // f_t was a forecast
        ofFrame = this.room("of frame", videos * N).fill(0);
        this.convolution(UT, this.padded("of padded drive", ofDrive, videos * C), videos, ofFrame);
      }
      if (t) {
        kernelGradient(this.rooms[`moved ${t}`], ofState, this.W.gradient, planes, C, C, this.grid);
        const padded = this.padded("of padded state", ofState, planes * C, this.flow(-1));
        ofState = this.convolution(WT, padded, planes, ofState.fill(0));
      }
    }
    return sum / count;
  }

  /** One step of Adam, with the gradient scaled down to a norm of 1 at most. */
  update(rate, [b1, b2] = [0.9, 0.999]) {
    const norm = Math.sqrt(this.parameters.reduce((sum, { gradient }) => gradient.reduce((s, g) => s + g * g, sum), 0));
    const scale = Math.min(1, 1 / (norm + 1e-6)), k = ++this.updates;
    for (const { value, gradient, mean, square } of this.parameters)
      for (let i = 0; i < value.length; i++) {
        const g = scale * gradient[i];
        mean[i] += (1 - b1) * (g - mean[i]);
        square[i] += (1 - b2) * (g * g - square[i]);
        value[i] -= rate * (mean[i] / (1 - b1 ** k)) / (Math.sqrt(square[i] / (1 - b2 ** k)) + 1e-8);
      }
    return norm;
  }

  /** As flowlib/pages/widgets/weights.py writes it. */
  toData() {
    const text = ({ value }) => btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(value).buffer)));
    return {
      format: "flowlib forecaster 1", grid: this.grid, velocities: this.velocities, in_channels: 1,
      hidden_channels: this.channels, kernel_size: 3, decoder_layers: this.layers,
      weights: Object.fromEntries(this.parameters.map((p) => [p.name, text(p)])),
    };
  }

  /** The network that toData or weights.py wrote down, over its own V or another one: the weights are the
   *  same for all velocities. */
  static fromData(data, V = data.velocities) {
    if (data?.format !== "flowlib forecaster 1") throw new Error("this file holds no network of flowlib");
    if (data.kernel_size !== 3 || data.in_channels !== 1)
      throw new Error("this page computes networks with kernels of 3 x 3 and one input channel");
    const { grid, hidden_channels: channels, decoder_layers: layers, weights } = data;
    const network = new Forecaster({ grid, velocities: V, channels, layers });
    for (const { name, value } of network.parameters) {
      const bytes = Uint8Array.from(atob(weights[name] ?? ""), (c) => c.charCodeAt(0));
      if (bytes.length !== 4 * value.length) throw new Error(`${name} wants ${value.length} numbers`);
      value.set(new Float32Array(bytes.buffer));
    }
    return network;
  }
}
