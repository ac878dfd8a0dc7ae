// The network: one symbol in, the logits of the next one out. Weights are float32, everything else is
// float64, and every sum has one order.

"use strict";

// The weights as stored: base64 of arrays of float32, float16, or bytes with a scale for each row.
class Weights {
  constructor(base64, arrays) {
    const binary = atob(base64.trim());
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    this.arrays = new Map();
    for (const array of arrays) this.arrays.set(array.name, restored(bytes.buffer, array));
  }

  get(name) {
    return this.arrays.get(name);
  }
}

function restored(buffer, { kind, shape, begin, scales }) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (kind === "f32") return new Float32Array(buffer, begin, size);
  const values = new Float32Array(size);
  if (kind === "f16") {
    const halves = new Uint16Array(buffer, begin, size);
    for (let i = 0; i < size; i++) values[i] = halfToNumber(halves[i]);
    return values;
  }
  const steps = new Int8Array(buffer, begin, size);
  const ofRows = new Float32Array(buffer, scales, shape[0]);
  for (let row = 0, i = 0; row < shape[0]; row++) {
    for (let column = 0; column < shape[1]; column++, i++) values[i] = steps[i] * ofRows[row];
  }
  return values;
}

// A sign, 5 bits of exponent, 10 bits of fraction (IEEE 754, binary16).
function halfToNumber(half) {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const size = exponent ? (1024 + fraction) * POWERS_OF_TWO[exponent - 25 - LOWEST_POWER]
    : fraction * POWERS_OF_TWO[-24 - LOWEST_POWER];
  return half & 0x8000 ? -size : size;
}

// The product of a row of a matrix with a vector: four sums side by side, which the processor adds at the
// same time.
function dot(matrix, begin, vector, length) {
  let a = 0, b = 0, c = 0, d = 0, i = 0;
  for (; i + 3 < length; i += 4) {
    a += matrix[begin + i] * vector[i];
    b += matrix[begin + i + 1] * vector[i + 1];
    c += matrix[begin + i + 2] * vector[i + 2];
    d += matrix[begin + i + 3] * vector[i + 3];
  }
  for (; i < length; i++) a += matrix[begin + i] * vector[i];
  return (a + b) + (c + d);
}

// The product of a matrix with a vector, and a bias. Two rows at a time take two thirds of the time, since
// the vector is read once for both; each row is summed as by `dot`.
function multiply(matrix, vector, bias, out) {
  const { length } = vector;
  const most = length - (length % 4);
  let row = 0;
  for (; row + 1 < out.length; row += 2) {
    const first = row * length, second = first + length;
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (let i = 0; i < most; i += 4) {
      const w = vector[i], x = vector[i + 1], y = vector[i + 2], z = vector[i + 3];
      a += matrix[first + i] * w;
      b += matrix[first + i + 1] * x;
      c += matrix[first + i + 2] * y;
      d += matrix[first + i + 3] * z;
      e += matrix[second + i] * w;
      f += matrix[second + i + 1] * x;
      g += matrix[second + i + 2] * y;
      h += matrix[second + i + 3] * z;
    }
    for (let i = most; i < length; i++) {
      a += matrix[first + i] * vector[i];
      e += matrix[second + i] * vector[i];
    }
    out[row] = bias[row] + ((a + b) + (c + d));
    out[row + 1] = bias[row + 1] + ((e + f) + (g + h));
  }
  if (row < out.length) out[row] = bias[row] + dot(matrix, row * length, vector, length);
  return out;
}

// What each cell does in a step. Given are the shares of each gate, a from the input and u from the state,
// biases included: of LSTM and RNN their sum counts, of the GRU's candidate they are apart.
const CELLS = {
  lstm: {
    gates: 4, // input, forget, candidate, output
    states: 2,
    step(H, a, u, [h, c]) {
      for (let j = 0; j < H; j++) {
        const input = sigmoid(a[j] + u[j]);
        const forget = sigmoid(a[H + j] + u[H + j]);
        const candidate = tanh(a[2 * H + j] + u[2 * H + j]);
        const output = sigmoid(a[3 * H + j] + u[3 * H + j]);
        c[j] = forget * c[j] + input * candidate;
        h[j] = output * tanh(c[j]);
      }
    },
  },
  gru: {
    gates: 3, // reset, update, candidate
    states: 1,
    step(H, a, u, [h]) {
      for (let j = 0; j < H; j++) {
        const reset = sigmoid(a[j] + u[j]);
        const update = sigmoid(a[H + j] + u[H + j]);
        const candidate = tanh(a[2 * H + j] + reset * u[2 * H + j]);
        h[j] = (1 - update) * candidate + update * h[j];
      }
    },
  },
  rnn: {
    gates: 1,
    states: 1,
    step(H, a, u, [h]) {
      for (let j = 0; j < H; j++) h[j] = tanh(a[j] + u[j]);
    },
  },
};

// One recurrent layer in one direction.
class Layer {
  constructor(cell, hidden, weights, name) {
    this.cell = CELLS[cell];
    this.hidden = hidden;
    this.inputWeight = weights.get(name + "input_weight");
    this.recurrentWeight = weights.get(name + "recurrent_weight");
    this.inputBias = weights.get(name + "input_bias");
    this.recurrentBias = weights.get(name + "recurrent_bias");
    this.fromInput = new Float64Array(this.cell.gates * hidden);
    this.fromState = new Float64Array(this.cell.gates * hidden);
    this.state = Array.from({ length: this.cell.states }, () => new Float64Array(hidden));
  }

  get output() {
    return this.state[0];
  }

  reset() {
    for (const part of this.state) part.fill(0);
  }

  // The share of each gate that comes from an input.
  entering(input, out = this.fromInput) {
    return multiply(this.inputWeight, input, this.inputBias, out);
  }

  step(fromInput) {
    multiply(this.recurrentWeight, this.output, this.recurrentBias, this.fromState);
    this.cell.step(this.hidden, fromInput, this.fromState, this.state);
  }
}

// What a symbol gives the first layer's gates; it is computed when the symbol first occurs.
class Lookup {
  constructor(layer, embedding, symbols) {
    this.layer = layer;
    this.embedding = embedding;
    this.symbols = symbols;
    this.rows = new Map();
    this.added = null; // what is added to the vector of every symbol, such as a label's
  }

  get(id) {
    if (!this.rows.has(id)) {
      const row = new Float64Array(this.layer.fromInput.length);
      this.rows.set(id, this.layer.entering(this.vector(id), row));
    }
    return this.rows.get(id);
  }

  vector(id) {
    const size = this.embedding ? this.embedding.length / this.symbols : this.symbols;
    const vector = new Float64Array(size);
    if (this.embedding) vector.set(this.embedding.subarray(id * size, (id + 1) * size));
    else vector[id] = 1;
    if (this.added) for (let i = 0; i < size; i++) vector[i] += this.added[i];
    return vector;
  }

  add(vector) {
    this.added = vector;
    this.rows.clear();
  }
}

// A stack of layers that reads one symbol after the other, and predicts the next.
class Network {
  constructor({ cell, layers, hidden, symbols }, weights, prefix = "") {
    const names = Array.from({ length: layers }, (_, k) => `${prefix}layers.${k}.`);
    this.layers = names.map((name) => new Layer(cell, hidden, weights, name));
    this.lookup = new Lookup(this.layers[0], weights.get(prefix + "embedding.weight"), symbols);
    this.outputWeight = weights.get("output.weight");
    this.outputBias = weights.get("output.bias");
    this.logits = new Float64Array(this.outputBias.length);
  }

  get output() {
    return this.layers[this.layers.length - 1].output;
  }

  reset() {
    for (const layer of this.layers) layer.reset();
  }

  // Watch a cell of a layer from now on, both counted from 0; none where there is no such layer.
  watch(layer, cell) {
    const state = this.layers[layer]?.state;
    this.watched = state && { values: state[state.length - 1], cell };
  }

  // What the cell that is watched hands to its next step: of an LSTM its memory c, else h.
  get value() {
    return this.watched?.values[this.watched.cell];
  }

  // Read a symbol; the hidden state of the last layer.
  read(id) {
    this.layers.forEach((layer, k) => {
      layer.step(k ? layer.entering(this.layers[k - 1].output) : this.lookup.get(id));
    });
    return this.output;
  }

  // Read a symbol; the logits of the next one, an array that the next step writes over.
  step(id) {
    return multiply(this.outputWeight, this.read(id), this.outputBias, this.logits);
  }

  get state() {
    return this.layers.map((layer) => layer.state.map((part) => part.slice()));
  }

  set state(state) {
    state.forEach((parts, k) => parts.forEach((part, i) => this.layers[k].state[i].set(part)));
  }
}
