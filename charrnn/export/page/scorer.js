// Scores a text, as `charrnn evaluate` does: in a text the first character is given, and the state carried
// through; lines begin blank each, and their end counts as a character.

"use strict";

const UNKNOWN_BITS = Math.log2(0x110000); // as much as naming any character at random

class Scorer {
  constructor(model, text) {
    const { vocabulary, facts } = model;
    const records = model.isLines ? recordsOf(text, facts.hasDelimiter) : text ? [text] : [];
    this.model = model;
    this.network = model.network;
    this.stream = new TextStream(vocabulary);
    this.symbols = records.flatMap((record) => symbolsOf(record, vocabulary));
    this.place = 0;
    this.state = null;
    this.bits = 0;
    this.characters = 0; // scored so far
    this.unknown = 0;
  }

  get isDone() {
    return this.place >= this.symbols.length;
  }

  // Read one more symbol; the pieces that are finished with it.
  step() {
    if (this.isDone) return [];
    const { code, begins, isGiven } = this.symbols[this.place++];
    const { vocabulary } = this.model;
    const id = vocabulary.ids.get(code) ?? vocabulary.unknown;
    let bits = null;
    if (isGiven) {
      if (code === END) this.state = null;
    } else {
      const isUnknown = id === undefined || id === vocabulary.unknown;
      bits = (id === undefined ? 0 : this.cost(id)) + (isUnknown ? UNKNOWN_BITS : 0);
      this.bits += bits;
      this.characters += begins;
      this.unknown += isUnknown ? begins : 0;
    }
    if (id !== undefined) this.read(id);
    const isLast = this.isDone;
    if (code === END) return isGiven ? [] : [...this.stream.finish(), { text: isLast ? "" : "\n", bits }];
    return [...this.stream.feed(code, bits), ...(isLast ? this.stream.finish() : [])];
  }

  // Of a symbol; before the first one, nothing is expected.
  cost(id) {
    return this.logits ? surprise(this.logits, id) : Math.log2(this.model.vocabulary.codes.length);
  }

  read(id) {
    if (this.state) this.network.state = this.state;
    else this.network.reset();
    this.logits = this.network.step(id).slice();
    this.state = this.network.state;
  }

  get bitsPerCharacter() {
    return this.bits / this.characters;
  }

  sentence() {
    if (!this.characters) return "One more character is needed: the first is not scored.";
    const unknown = this.unknown ? `; ${this.unknown.toLocaleString("en")} unknown to the model` : "";
    return `${this.bitsPerCharacter.toFixed(3)} bits per character over ` +
      `${this.characters.toLocaleString("en")} characters${unknown}`;
  }
}

// Lines, without the end of each; or, where records have several lines, all of it as one.
function recordsOf(text, isOne) {
  if (!text) return [];
  if (isOne) return [text];
  const lines = text.split(/\r?\n/);
  if (lines[lines.length - 1] === "") lines.pop();
  return lines;
}

// The codes of a record, and which of them a character as read begins with. What one character decomposes to
// begins one.
function symbolsOf(text, vocabulary) {
  const isLines = vocabulary.end !== undefined;
  const read = isLines && vocabulary.form ? text.normalize("NFC") : text;
  const codes = vocabulary.spell(vocabulary.normal(read));
  const counts = beginnings(read, codes, vocabulary);
  const symbols = codes.map((code, place) => ({ code, begins: counts[place], isGiven: false }));
  if (isLines) {
    return [{ code: END, begins: 0, isGiven: true }, ...symbols, { code: END, begins: 1, isGiven: false }];
  }
  const second = counts.findIndex((count, place) => place > 0 && count > 0);
  for (const symbol of symbols.slice(0, second < 0 ? symbols.length : second)) symbol.isGiven = true;
  return symbols;
}

// How many characters as read begin with each code. Where characters are composed, those of one group begin
// with its codes one by one, and what is left over with the first.
function beginnings(text, codes, vocabulary) {
  if (vocabulary.level === "byte") return codes.map((byte) => Number((byte & 0xc0) !== 0x80));
  if (!vocabulary.form) return codes.map(() => 1);
  const counts = [];
  for (const group of vocabulary.decomposes ? text : groups(text)) {
    const length = Array.from(vocabulary.normal(group)).length;
    const characters = Array.from(group).length;
    const begun = Array.from({ length }, (_, place) => Number(place < characters));
    if (length) begun[0] += Math.max(0, characters - length);
    counts.push(...begun);
  }
  return counts;
}

// Characters with all that may join them.
function groups(text) {
  const found = [];
  for (const character of text) {
    const last = found[found.length - 1];
    if (last !== undefined && (MARK.test(character) || joins(last.normalize("NFC"), character))) {
      found[found.length - 1] += character;
    } else found.push(character);
  }
  return found;
}
