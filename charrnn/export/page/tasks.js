// What models answer to a line: its label, its tags, its translation. Each answers bit by bit (`*answer`), so
// that the page can do other things in between.

"use strict";

const TARGET_END = 0; // the id of the end mark of a target
const BEAM = 5; // targets that are followed
const LONGEST_TARGET = 500;
const REACH = 4; // characters before and after, of the substrings that a tagger looks up
const HASH_FACTOR = 1103515245;

// Reads whole lines, from both ends where the model does: a hidden state for each symbol.
class Encoder {
  constructor({ cell, layers, hidden, symbols, directions }, weights, prefix = "") {
    const embedding = weights.get(prefix + "embedding.weight");
    this.layers = Array.from({ length: layers }, (_, k) =>
      directions.map((direction) => new Layer(cell, hidden, weights, `${prefix}layers.${k}.${direction}`)));
    this.lookups = this.layers[0].map((layer) => new Lookup(layer, embedding, symbols));
  }

  *read(ids) {
    let rows = null;
    for (const directions of this.layers) {
      const outputs = [];
      for (const [turned, layer] of directions.entries()) {
        const below = rows;
        const entering = (place) =>
          (below ? layer.entering(below[place]) : this.lookups[turned].get(ids[place]));
        outputs.push(yield* this.run(layer, ids.length, turned, entering));
      }
      rows = outputs[0].map((_, place) => joined(outputs.map((output) => output[place])));
    }
    return rows;
  }

  *run(layer, length, turned, entering) {
    const found = new Array(length);
    layer.reset();
    for (let step = 0; step < length; step++) {
      const place = turned ? length - 1 - step : step;
      layer.step(entering(place));
      found[place] = layer.output.slice();
      yield;
    }
    return found;
  }
}

function joined(parts) {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let begin = 0;
  for (const part of parts) {
    all.set(part, begin);
    begin += part.length;
  }
  return all;
}

// A linear output above a hidden state.
class Output {
  constructor(weights) {
    this.weight = weights.get("output.weight");
    this.bias = weights.get("output.bias");
  }

  above(hidden) {
    return multiply(this.weight, hidden, this.bias, new Float64Array(this.bias.length));
  }
}

// The label of a line: a linear output above the mean and the maximum of its hidden states.
class Classifier {
  constructor(facts, weights) {
    this.facts = facts;
    this.vocabulary = new Vocabulary(facts);
    this.encoder = new Encoder(facts, weights);
    this.output = new Output(weights);
  }

  *answer(line) {
    const { labels } = this.facts;
    const chances = softmax(yield* this.logits(this.vocabulary.encodeLine(line)));
    const best = ranked(chances).map((label) => ({ name: labels[label], chance: chances[label] }));
    return { text: best[0].name, best };
  }

  *logits(ids) {
    const rows = yield* this.encoder.read(ids);
    const width = rows[0].length;
    const pooled = new Float64Array(2 * width).fill(-Infinity, width);
    for (const row of rows) {
      for (let i = 0; i < width; i++) {
        pooled[i] += row[i];
        if (row[i] > pooled[width + i]) pooled[width + i] = row[i];
      }
    }
    for (let i = 0; i < width; i++) pooled[i] /= rows.length;
    return this.output.above(pooled).map((logit) => logit / this.facts.temperature);
  }
}

// A tag for each character: a linear output at each symbol, and what neighbours' tags say of each other.
class Tagger {
  constructor(facts, weights) {
    this.facts = facts;
    this.vocabulary = new Vocabulary(facts);
    this.encoder = new Encoder(facts, weights);
    this.output = new Output(weights);
    this.table = weights.get("substrings.weight");
    const { first, follows, last } = facts.possible;
    const ruled = (values, allowed) => Array.from(values, (value, i) => (allowed[i] ? value : -Infinity));
    this.first = ruled(weights.get("chain.first"), first);
    this.last = ruled(weights.get("chain.last"), last);
    this.follows = ruled(weights.get("chain.transition"), follows.flat());
  }

  *answer(line) {
    const { tags, restore } = this.facts;
    const text = restore ? RESTORINGS[restore].take(line) : line;
    const { found, chances } = yield* this.tagged(text);
    const names = found.map((tag) => tags[tag]);
    return { text: this.put(Array.from(text), found, names), tagged: Array.from(text), names, chances };
  }

  // The tag of each character of a text, and how likely that one is.
  *tagged(text) {
    const { vocabulary } = this;
    const codes = vocabulary.spell(vocabulary.normal(text));
    const counts = beginnings(text, codes, vocabulary);
    const strange = vocabulary.unknown ?? vocabulary.codes.length - 1;
    const ids = [...codes.map((code) => vocabulary.ids.get(code) ?? strange), vocabulary.end];
    const rows = yield* this.encoder.read(ids);
    const emissions = [];
    for (let place = 0; place < counts.length; place++) {
      if (counts[place]) emissions.push(this.emission(rows[place], ids, place));
      yield;
    }
    const best = emissions.length ? this.best(emissions) : [];
    const chances = yield* this.chances(emissions, best);
    const spread = (each) => counts.filter(Boolean).flatMap((count, i) => new Array(count).fill(each[i]));
    return { found: spread(best), chances: spread(chances) };
  }

  // The score of each tag at a place.
  emission(row, ids, place) {
    const scores = this.output.above(row);
    if (!this.table) return scores;
    for (const found of substrings(ids, place, this.table.length / scores.length)) {
      for (let tag = 0; tag < scores.length; tag++) scores[tag] += this.table[found * scores.length + tag];
    }
    return scores;
  }

  // The best sequence (Viterbi 1967); of equal ones that of the lower tags.
  best(emissions) {
    const size = this.first.length;
    const cameFrom = [];
    let score = this.first.map((value, tag) => value + emissions[0][tag]);
    for (const emission of emissions.slice(1)) {
      const from = new Array(size);
      score = Array.from({ length: size }, (_, tag) => {
        const paths = score.map((value, before) => value + this.follows[before * size + tag]);
        from[tag] = likeliest(paths);
        return paths[from[tag]] + emission[tag];
      });
      cameFrom.push(from);
    }
    const found = [likeliest(score.map((value, tag) => value + this.last[tag]))];
    for (const from of cameFrom.reverse()) found.unshift(from[found[0]]);
    return found;
  }

  // The probability of the tag at each place, all sequences considered: what leads there, and what follows.
  *chances(emissions, best) {
    const size = this.first.length;
    const leaving = this.first.map((_, tag) => this.follows.slice(tag * size, (tag + 1) * size));
    const reaching = this.first.map((_, tag) => this.follows.filter((_, place) => place % size === tag));
    const sums = (scores, steps) => steps.map((step) => sumOfLogs(scores.map((value, i) => value + step[i])));
    const forward = [];
    for (const emission of emissions) {
      const before = forward.length ? sums(forward[forward.length - 1], reaching) : this.first;
      forward.push(before.map((value, tag) => value + emission[tag]));
      yield;
    }
    const found = new Array(best.length);
    let later = this.last;
    for (let place = best.length - 1; place >= 0; place--) {
      const both = forward[place].map((value, tag) => value + later[tag]);
      found[place] = exp(both[best[place]] - sumOfLogs(both));
      later = sums(later.map((value, tag) => value + emissions[place][tag]), leaving);
      yield;
    }
    return found;
  }

  // The text restored; or cut where a span begins or ends; or, where tags mark no spans, the tags.
  put(characters, tags, names) {
    const { restore, marks } = this.facts;
    if (restore) return RESTORINGS[restore].put(characters, names);
    if (!marks) return names.join(" ");
    const places = cuts(tags, marks);
    return characters.map((character, place) => (places.has(place) ? " " : "") + character).join("");
  }
}

// ln of the sum of e to the power of each; of nothing that is possible, -Infinity.
function sumOfLogs(values) {
  const highest = values.reduce((a, b) => Math.max(a, b));
  if (highest === -Infinity) return highest;
  return highest + Math.log(values.reduce((sum, value) => sum + exp(value - highest), 0));
}

// The substrings around a place, as rows of a table: those that touch the place between the character and
// the one before, each a number by its ids and by where it lies. No product here is beyond 2^53.
function* substrings(ids, place, rows) {
  const prime = 2147483647;
  for (let start = -REACH; start <= 0; start++) {
    let number = start + REACH + 1;
    for (let offset = start; offset <= REACH; offset++) {
      const symbol = place + offset in ids ? ids[place + offset] + 2 : 1;
      const high = (number * (HASH_FACTOR >>> 16)) % prime;
      number = (high * 65536 + number * (HASH_FACTOR & 65535) + symbol) % prime;
      if (offset >= -1) yield number % rows;
    }
  }
}

// Where spans begin or end, but for the ends of the text.
function cuts(tags, { begins, ends, outside, types }) {
  const places = new Set();
  let isOpen = false;
  tags.forEach((tag, place) => {
    const before = tags[place - 1];
    const isNew = place === 0 || outside[before] || ends[before] || types[tag] !== types[before];
    const isBegun = !outside[tag] && (begins[tag] || isNew);
    if (isBegun || (isOpen && outside[tag])) places.add(place);
    isOpen = !outside[tag];
  });
  places.delete(0);
  return places;
}

// What can be taken out of plain text, and put back by tags.
const STROKES = { đ: "d", Đ: "D", ł: "l", Ł: "L", ø: "o", Ø: "O", ħ: "h", Ħ: "H", ŧ: "t", Ŧ: "T" };
const STRUCK = Object.fromEntries(Object.entries(STROKES).map(([letter, plain]) => [plain, letter]));

const RESTORINGS = {
  spaces: {
    take: (text) => text.split(" ").join(""),
    put: (characters, tags) =>
      characters.map((character, i) => (i && tags[i] === "B" ? " " : "") + character).join(""),
  },
  case: {
    take: (text) => Array.from(text, (character) => {
      const lower = character.toLowerCase();
      return Array.from(lower).length === 1 && lower.toUpperCase() === character ? lower : character;
    }).join(""),
    put: (characters, tags) => characters.map((character, i) => {
      const upper = character.toUpperCase();
      return tags[i] === "upper" && Array.from(upper).length === 1 ? upper : character;
    }).join(""),
  },
  marks: {
    take: (text) => Array.from(text.normalize("NFC"), (character) => {
      const [letter, ...marks] = character.normalize("NFD");
      const hasMarks = marks.length && marks.every((mark) => /^\p{Mn}$/u.test(mark));
      return STROKES[character] ?? (hasMarks ? letter : character);
    }).join(""),
    put: (characters, tags) => characters.map((letter, i) => marked(letter, tags[i])).join(""),
  },
};

// A letter with the marks of a tag; without them where there is no such character.
function marked(letter, tag) {
  if (tag === "plain") return letter;
  if (tag === "stroke") return STRUCK[letter] ?? letter;
  const marks = tag.split("+").map((mark) => String.fromCodePoint(parseInt(mark, 16)));
  const whole = (letter + marks.join("")).normalize("NFC");
  return Array.from(whole).length === 1 ? whole : letter;
}

// A line turned into another: one trunk reads the source, another writes the target.
class Translator {
  constructor(facts, weights) {
    this.facts = facts;
    this.weights = weights;
    this.vocabulary = new Vocabulary(facts);
    this.encoder = new Encoder(facts, weights, "encoder.");
    this.network = new Network({ ...facts, symbols: facts.targets.length + 1 }, weights, "decoder.");
  }

  *answer(line) {
    const source = this.vocabulary.encodeLine(line);
    const found = yield* this.search(source);
    const best = found.map(({ ids, score }) => ({ name: this.text(ids), chance: exp(score) }));
    return { text: best[0].name, best, looks: this.facts.attention ? this.looks(source, found[0]) : null };
  }

  // For each symbol of a target, its end mark too, how much each of the source was looked at.
  looks(source, { ids, shares, isWhole }) {
    const symbols = ids.map((id) => shownAs(this.facts.targets[id - 1]));
    const target = isWhole ? [...symbols, "end"] : symbols;
    return { source: source.map((id) => this.vocabulary.name(id)), target, shares };
  }

  text(ids) {
    const symbols = ids.map((id) => this.facts.targets[id - 1]);
    const text = symbols.join(this.facts.unit === "spaces" ? " " : "");
    const bytes = () => Uint8Array.from(text, (byte) => byte.charCodeAt(0));
    const decoded = () => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes());
    const read = this.vocabulary.level === "byte" ? decoded() : text;
    return this.vocabulary.decomposes ? read.normalize("NFC") : read;
  }

  // The likeliest targets that a beam finds, the likeliest first. It holds the best so far, whole ones and
  // others; each step replaces one that is not whole by all its continuations, and keeps the best of all.
  *search(source) {
    const vectors = yield* this.encoder.read(source);
    const state = this.beginning(vectors);
    let beam = [{ ids: [], score: 0, isWhole: false, state, last: TARGET_END, shares: [] }];
    for (let length = 0; length < LONGEST_TARGET && !beam.every((one) => one.isWhole); length++) {
      const next = [];
      for (const one of beam) {
        if (one.isWhole) next.push(one);
        else next.push(...this.continuations(one, vectors));
        yield;
      }
      beam = next.sort((a, b) => b.score - a.score).slice(0, BEAM);
    }
    return beam;
  }

  continuations(one, vectors) {
    this.network.state = one.state;
    const chances = softmax(this.step(one.last, vectors));
    const { state } = this.network;
    const shares = [...one.shares, this.shares];
    return ranked(chances).slice(0, BEAM).sort((a, b) => a - b).map((id) => ({
      ids: id === TARGET_END ? one.ids : [...one.ids, id],
      score: one.score + Math.log(chances[id]),
      isWhole: id === TARGET_END,
      state,
      last: id,
      shares,
    }));
  }

  // Where the decoder begins, from both ends of what the encoder read.
  beginning(vectors) {
    const { hidden, layers } = this.facts;
    const ends = joined([vectors[vectors.length - 1].slice(0, hidden), vectors[0].slice(hidden)]);
    const [weight, bias] = [this.weights.get("bridge_weight"), this.weights.get("bridge_bias")];
    const memories = multiply(weight, ends, bias, new Float64Array(layers * hidden));
    return this.network.layers.map((layer, k) => {
      const memory = memories.slice(k * hidden, (k + 1) * hidden);
      return [memory.map(tanh), memory].slice(0, layer.state.length);
    });
  }

  // Write a symbol; the logits of the next one.
  step(id, vectors) {
    const output = this.network.read(id);
    const hidden = this.facts.attention ? this.mixed(output, vectors) : output;
    return multiply(this.network.outputWeight, hidden, this.network.outputBias, this.network.logits);
  }

  // The decoder's state with what it looks at in the source: query, softmax, mean, mix.
  mixed(hidden, vectors) {
    const width = vectors[0].length;
    const nothing = new Float64Array(width);
    const asked = multiply(this.weights.get("query_weight"), hidden, nothing, new Float64Array(width));
    const shares = softmax(Float64Array.from(vectors, (vector) => dot(vector, 0, asked, width)));
    this.shares = shares;
    const seen = new Float64Array(width);
    vectors.forEach((vector, place) => {
      for (let i = 0; i < width; i++) seen[i] += shares[place] * vector[i];
    });
    const both = joined([hidden, seen]);
    const bias = this.weights.get("mixing_bias");
    return multiply(this.weights.get("mixing_weight"), both, bias, new Float64Array(hidden.length)).map(tanh);
  }
}
