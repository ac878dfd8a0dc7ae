// Symbols and text: the vocabulary; bytes to characters; decomposed letters to composed ones; what is shown
// of characters that would steer the page.

"use strict";

const END = 0x110000; // ends a line
const UNKNOWN = 0x110001; // stands for every character that the model has no symbol for
const LONGEST_SEQUENCE = 32; // code points that are composed together, at most

class Vocabulary {
  constructor({ codes, level, normalize }) {
    this.codes = codes;
    this.level = level;
    this.form = normalize === "none" ? null : normalize.toUpperCase();
    this.decomposes = normalize === "nfd" || normalize === "nfkd";
    this.composes = this.decomposes && level === "char";
    this.ids = new Map(codes.map((code, id) => [code, id]));
    this.end = this.ids.get(END);
    this.unknown = this.ids.get(UNKNOWN);
  }

  normal(text) {
    return this.form ? text.normalize(this.form) : text;
  }

  // The codes of a text that is in the model's normal form.
  spell(text) {
    if (this.level === "byte") return [...new TextEncoder().encode(text)];
    return Array.from(text, (character) => character.codePointAt(0));
  }

  // The ids of a text, and the characters that have none; these are left out.
  encode(text) {
    const ids = [];
    const unknown = new Set();
    for (const code of this.spell(this.normal(text))) {
      if (this.ids.has(code)) ids.push(this.ids.get(code));
      else unknown.add(String.fromCodePoint(code));
    }
    return { ids, unknown: [...unknown] };
  }

  // The ids of a line and its end mark, for what answers; what has no id is unknown, or else left out.
  encodeLine(text) {
    const ids = this.spell(this.normal(text)).map((code) => this.ids.get(code) ?? this.unknown);
    return [...ids.filter((id) => id !== undefined), this.end];
  }

  // The text of ids, composed.
  decode(ids) {
    return this.pieces(ids).map((piece) => piece.text).join("");
  }

  // The same character by character; the first id has this number.
  pieces(ids, first = 0) {
    const stream = new TextStream(this);
    const pieces = ids.flatMap((id, number) => stream.feed(this.codes[id], null, first + number));
    return [...pieces, ...stream.finish()];
  }

  // A symbol as people see it.
  name(id) {
    const code = this.codes[id];
    if (code === END) return "end";
    if (code === UNKNOWN) return "unknown";
    if (this.level === "byte" && code >= 128) return "\\x" + code.toString(16);
    return shownAs(String.fromCodePoint(code));
  }
}

// A text as it is written: symbols go in one by one, finished characters come out, each with what it cost and
// the number of its last symbol. A character is finished once nothing that follows can change it.
class TextStream {
  constructor(vocabulary) {
    this.isBytes = vocabulary.level === "byte";
    this.composes = vocabulary.decomposes;
    this.utf8 = new Utf8();
    this.held = { text: "", bits: null };
  }

  // Take a code with its cost in bits, null for what was given, and its number; the finished pieces.
  feed(code, bits, at) {
    const character = { text: this.isBytes ? "" : String.fromCodePoint(code), bits, at };
    const pieces = this.isBytes ? this.utf8.feed(code, bits, at) : [character];
    return this.composes ? pieces.flatMap((piece) => this.compose(piece)) : pieces;
  }

  // The end of the text: what was held back.
  finish() {
    const pieces = this.isBytes ? this.utf8.finish() : [];
    const last = this.composes ? [...pieces.flatMap((piece) => this.compose(piece)), this.release()] : pieces;
    return last.filter((piece) => piece.text);
  }

  compose({ text, bits, at }) {
    const finished = [];
    for (const character of text) {
      const composed = this.held.text.normalize("NFC");
      const begins = !joins(composed, character) && !/^\p{M}/u.test(character);
      if (begins || Array.from(this.held.text).length >= LONGEST_SEQUENCE) {
        const piece = this.release();
        if (piece.text) finished.push(piece);
      }
      this.held.text += character;
      this.held.bits = bits === null ? null : this.held.bits + bits;
      this.held.at = at;
    }
    return finished;
  }

  release() {
    const { text, bits, at } = this.held;
    this.held = { text: "", bits: null };
    return { text: text.normalize("NFC"), bits, at };
  }
}

// Whether a character, put after a composed text, becomes one with the end of it.
function joins(text, character) {
  return (text + character).normalize("NFC") !== text + character;
}

// Bytes to characters; a byte that is no part of one becomes U+FFFD.
class Utf8 {
  constructor() {
    this.bytes = [];
    this.bits = null;
  }

  feed(byte, bits, at) {
    const needed = this.bytes.length ? lengthOf(this.bytes[0]) : 0;
    if (needed && !follows(this.bytes, byte)) return [...this.finish(), ...this.feed(byte, bits, at)];
    this.bytes.push(byte);
    this.bits = bits === null ? null : this.bits + bits;
    this.at = at;
    const length = lengthOf(this.bytes[0]);
    if (length && this.bytes.length < length) return [];
    return this.finish();
  }

  // What is there, whole or not.
  finish() {
    if (!this.bytes.length) return [];
    const whole = this.bytes.length === lengthOf(this.bytes[0]);
    const { bytes, bits, at } = this;
    const text = whole ? new TextDecoder().decode(new Uint8Array(bytes)) : "\ufffd".repeat(bytes.length);
    const piece = { text: text || "\ufeff", bits, at }; // the decoder drops a byte-order mark
    this.bytes = [];
    this.bits = null;
    return [piece];
  }
}

// The bytes of a character that begins with this one; 0 where none does.
function lengthOf(byte) {
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

// Whether a byte may stand after these: no character has two spellings, none is a surrogate or beyond
// Unicode.
function follows(bytes, byte) {
  const least = { 0xe0: 0xa0, 0xf0: 0x90 }[bytes[0]] ?? 0x80;
  const most = { 0xed: 0x9f, 0xf4: 0x8f }[bytes[0]] ?? 0xbf;
  return bytes.length > 1 ? byte >= 0x80 && byte <= 0xbf : byte >= least && byte <= most;
}

// Makes text fit to be shown, piece by piece. What would steer the page is shown, not obeyed: C0 as pictures;
// C1, bidirectional controls, separators, tag characters, lone surrogates, and combining marks beyond a few
// in a row by their code points. Newline and tab stay.
class Sanitizer {
  constructor() {
    this.marks = 0;
  }

  feed(text) {
    let shown = "";
    for (const character of text) {
      this.marks = MARK.test(character) ? this.marks + 1 : 0;
      shown += this.marks > MARKS_IN_A_ROW ? codePoint(character) : character.replace(STEERING, picture);
    }
    return shown;
  }
}

const MARKS_IN_A_ROW = 4;
const MARK = /[\p{Mn}\p{Me}]/u;
const STEERING = new RegExp([
  "[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f", // C0, C1 and DEL, but for tab and newline
  "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069", // bidirectional controls
  "\\u2028\\u2029", // line and paragraph separators
  "\\u{d800}-\\u{dfff}",
  "\\u{e0000}-\\u{e007f}]", // tag characters
].join(""), "u");

function visible(text) {
  return new Sanitizer().feed(text);
}

// A character by itself, one that has no shape as a sign.
function shownAs(character) {
  const signs = { "\n": "⏎", "\t": "→", " ": "␣" };
  return signs[character] ?? visible(MARK.test(character) ? "◌" + character : character);
}

function picture(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : codePoint(character);
}

function codePoint(character) {
  return `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}
