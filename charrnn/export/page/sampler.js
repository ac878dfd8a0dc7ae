// Writes: chooses one symbol after the other, and tells finished characters with their surprise.

"use strict";

// The probabilities of logits; what is ruled out is -Infinity.
function softmax(logits) {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  const chances = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < chances.length; i++) sum += chances[i] = exp(logits[i] - highest);
  for (let i = 0; i < chances.length; i++) chances[i] /= sum;
  return chances;
}

function likeliest(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

// What a symbol costs, in bits.
function surprise(logits, id) {
  return -Math.log2(softmax(logits)[id]);
}

// Ids by their chance, the likeliest first, of equal ones the lower id.
function ranked(chances) {
  return Array.from(chances.keys()).sort((a, b) => chances[b] - chances[a] || a - b);
}

// Choose an id: temperature, then top-p (Holtzman et al. 2019), then a draw by the cumulative distribution.
function choose(logits, { temperature, topP }, random) {
  if (temperature === 0) return likeliest(logits);
  const chances = softmax(temperature === 1 ? logits : logits.map((logit) => logit / temperature));
  if (topP < 1) keepMost(chances, topP);
  let total = 0;
  for (const chance of chances) total += chance;
  const threshold = random.next() * total;
  let cumulative = 0;
  for (let id = 0; id < chances.length; id++) {
    cumulative += chances[id];
    if (cumulative > threshold) return id;
  }
  return likeliest(chances);
}

// Leave the fewest likeliest that hold this share together.
function keepMost(chances, share) {
  let before = 0;
  ranked(chances).forEach((id, rank) => {
    const chance = chances[id];
    if (rank && before >= share - 1e-12) chances[id] = 0;
    before += chance;
  });
}

// A model that writes: its network, its symbols, how its texts begin.
class LanguageModel {
  constructor(facts, weights) {
    this.facts = facts;
    this.vocabulary = new Vocabulary(facts);
    this.network = new Network(facts, weights);
    this.labels = weights.get("label.weight");
  }

  get isLines() {
    return this.vocabulary.end !== undefined;
  }

  // Let it write texts with a label, where it knows labels.
  setLabel(label) {
    if (!this.labels) return;
    this.label = label;
    const size = this.labels.length / this.facts.labels.length;
    this.network.lookup.add(this.labels.subarray(label * size, (label + 1) * size));
  }

  // What comes first, without a prompt: in text as lines of the corpus begin.
  startLogits() {
    return Float64Array.from(this.facts.startLogits, (logit) => logit ?? -Infinity);
  }
}

// One text. A long prompt is read symbol by symbol, so that the page can do other things in between. What was
// read is kept, with the value after each symbol of the cell that was watched then.
class Writer {
  constructor(model, { prompt, random }) {
    const { vocabulary } = model;
    const { ids, unknown } = vocabulary.encode(prompt);
    this.model = model;
    this.random = random;
    this.stream = new TextStream(vocabulary);
    this.unknown = unknown; // characters of the prompt that the model does not know; they are left out
    this.prompt = vocabulary.decode(ids);
    this.given = vocabulary.pieces(ids, Number(model.isLines)); // the same character by character
    this.hasPrompt = ids.length > 0;
    this.unread = model.isLines ? [vocabulary.end, ...ids] : ids;
    this.label = model.label;
    this.ids = [];
    this.values = [];
    this.ended = false;
    this.state = null;
    this.logits = this.unread.length ? null : model.startLogits();
    this.isAllowed = (id) => vocabulary.codes[id] !== UNKNOWN;
  }

  // Read one more symbol of the prompt; whether there are others.
  readPrompt() {
    if (!this.unread.length) return false;
    this.read(this.unread.shift());
    return this.unread.length > 0;
  }

  read(id) {
    const { network } = this.model;
    if (this.state) network.state = this.state;
    else network.reset();
    this.logits = network.step(id).slice();
    this.state = network.state;
    this.ids.push(id);
    this.values.push(network.value);
  }

  // What may come next. Right after the prompt that is no end of an empty line, and nothing that changes the
  // prompt's last character, unless there is nothing else.
  possible() {
    const allowed = this.only(this.isAllowed);
    if (this.written) return allowed;
    const { vocabulary, facts } = this.model;
    const last = Array.from(this.prompt).slice(-LONGEST_SEQUENCE).join("");
    const changes = (code) => last && vocabulary.composes && joins(last, String.fromCodePoint(code));
    const first = this.only((id) => {
      const code = vocabulary.codes[id];
      return code === END ? this.hasPrompt || facts.emptyRecords : this.isAllowed(id) && !changes(code);
    });
    return first.some((logit) => logit > -Infinity) ? first : allowed;
  }

  only(isAllowed) {
    return this.logits.map((logit, id) => (isAllowed(id) ? logit : -Infinity));
  }

  // Write a symbol that is chosen, or this one; the finished characters. After an end there is nothing more.
  write(settings, id = choose(this.possible(), settings, this.random)) {
    const code = this.model.vocabulary.codes[id];
    const bits = surprise(this.logits, id);
    this.written = true;
    if (code === END) {
      this.ended = true;
      return this.stream.finish();
    }
    this.read(id);
    return this.stream.feed(code, bits, this.ids.length - 1);
  }

  // The likeliest next symbols, each with its chance.
  next(count) {
    const chances = softmax(this.logits);
    const possible = this.possible();
    return ranked(chances).filter((id) => possible[id] > -Infinity).slice(0, count)
      .map((id) => ({ id, chance: chances[id] }));
  }
}
