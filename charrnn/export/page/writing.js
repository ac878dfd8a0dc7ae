// What people do with a model that writes: let it write, choose what comes next, score a text of their own.

"use strict";

const NEXT = 5;
const SETTINGS = ["label", "prompt", "temperature", "top-p", "seed", "length", "surprise", "layer", "cell"];

// Writing, character by character: a text, or line after line.
class WritingDesk {
  constructor(facts, model, element) {
    this.facts = facts;
    this.model = model;
    this.element = element;
    this.watch = new Watch(facts, model);
    this.written = new Written(element("text"), (piece) => this.watch.classOf(piece));
    this.left = 0; // characters still to write; in lines mode, lines
    this.prepare();
    this.settings = new Settings(element, SETTINGS, (name) => this.changed(name));
    this.listen();
    this.chooseCell();
    this.begin({ isToWrite: false });
  }

  // Fit the page to the model.
  prepare() {
    const { element, facts } = this;
    element("prompt").value = element("prompt").defaultValue = facts.prompt;
    if (this.model.isLines) {
      element("length-label").textContent = "Lines";
      element("length").value = element("length").defaultValue = 1;
    }
    element("label-setting").hidden = !facts.labels;
    const labels = facts.labels ?? [];
    element("label").append(...labels.map((name, label) => new Option(visible(name), label)));
    for (let layer = 1; layer <= facts.layers; layer++) {
      element("layer").append(new Option(`layer ${layer}`, layer));
    }
    element("cell").max = facts.hidden;
  }

  listen() {
    const { element } = this;
    element("write").addEventListener("click", () => this.begin({ isToWrite: true }));
    element("stop").addEventListener("click", () => this.finish());
    element("go-on").addEventListener("click", () => this.goOn());
    element("copy").addEventListener("click", () => this.copy());
    element("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.begin({ isToWrite: true });
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.left > 0) this.finish();
    });
  }

  changed(name) {
    if (name === "surprise") this.colour();
    if (name === "layer" || name === "cell" || name === "address") this.chooseCell();
    if (name === "prompt" || name === "label" || name === "address") this.begin({ isToWrite: false });
  }

  // Let colours mean surprise, or the cell that is watched, or nothing.
  colour() {
    const { element, watch } = this;
    const isWished = element("surprise").checked && !watch.isOn;
    element("text").classList.toggle("surprised", isWished);
    element("text").classList.toggle("watched", watch.isOn);
    element("surprise").disabled = watch.isOn;
    element("legend").hidden = !isWished && !watch.isOn;
    element("legend").replaceChildren(...(watch.isOn ? watch.legend() : legendOfSurprise()));
  }

  // Watch the cell that is chosen, or none; what is there already is painted anew.
  chooseCell() {
    const { element, watch } = this;
    watch.choose(Number(element("layer").value), Math.floor(this.settings.number("cell")));
    element("cell").disabled = !watch.isOn;
    watch.forget([this.writer, ...this.written.pieces.map(({ writer }) => writer)]);
    this.colour();
    this.written.repaint();
    this.paint();
  }

  // Paint what was read before the cell was chosen, or before it was known.
  paint() {
    this.painting?.cancel();
    if (!this.watch.isOn) return;
    const reading = this.watch.reading(this.written.pieces.map(({ writer }) => writer));
    this.painting = new Work(() => !reading.next().done, () => this.written.repaint());
  }

  // Read the prompt anew, to write, or only to look at what may come next.
  begin({ isToWrite }) {
    this.stop();
    this.model.setLabel(Number(this.element("label").value));
    this.newWriter(new Random(this.settings.number("seed")));
    this.isBegun = false; // whether what is written is of this writer
    this.waiting = []; // finished pieces that were not wanted yet
    if (isToWrite) {
      this.showBeginning();
      this.left = this.settings.number("length");
    }
    this.run();
  }

  goOn() {
    this.left = this.settings.number("length");
    this.run();
  }

  newWriter(random) {
    this.writer = new Writer(this.model, { prompt: this.element("prompt").value, random });
    this.ofLine = 0; // characters of this line
  }

  showBeginning() {
    this.written.clear();
    this.showPrompt();
    this.isBegun = true;
  }

  showPrompt() {
    const { writer } = this;
    for (const piece of writer.given) this.written.add({ ...piece, writer });
  }

  // Read what is left of the prompt, and write as long as something is left to write.
  run() {
    const { element } = this;
    this.isWriting = this.left > 0;
    this.count = 0;
    this.showNext([]);
    if (this.isWriting) {
      element("text").setAttribute("aria-busy", "true");
      element("stop").disabled = false;
      element("copy").disabled = element("go-on").disabled = true;
      this.tell("Writing …");
    }
    const step = () => this.writer.readPrompt() || (this.isWriting && this.step());
    this.work = new Work(step, () => this.finish());
  }

  // Write one symbol; whether there is more to write.
  step() {
    if (this.waiting.length) return this.take([]);
    if (this.writer.ended) this.nextLine();
    if (this.writer.readPrompt()) return true;
    return this.take(this.writer.write(this.settings.choosing));
  }

  nextLine() {
    this.newWriter(this.writer.random);
    this.written.add({ text: "\n", bits: 0 });
    this.showPrompt();
  }

  // Show finished pieces, as many as are wanted; whether there is more to write.
  take(pieces) {
    const { writer } = this;
    this.waiting.push(...pieces.map((piece) => ({ ...piece, writer })));
    while (this.waiting.length && (this.model.isLines || this.left > 0)) {
      const piece = this.waiting.shift();
      const characters = Array.from(piece.text);
      const shown = this.model.isLines ? characters : characters.slice(0, this.left);
      const rest = characters.slice(shown.length).join("");
      this.written.add({ ...piece, text: shown.join("") });
      this.count += shown.length;
      this.ofLine += shown.length;
      if (!this.model.isLines) this.left -= shown.length;
      if (rest) this.waiting.unshift({ ...piece, text: rest, bits: 0 });
    }
    if (this.model.isLines && this.ofLine >= longestLine(this.facts)) this.writer.ended = true;
    if (this.writer.ended) this.left -= 1;
    return this.left > 0;
  }

  stop() {
    const { element } = this;
    if (this.work) this.work.cancel();
    this.painting?.cancel();
    this.left = 0;
    element("stop").disabled = true;
    element("text").removeAttribute("aria-busy");
    element("copy").disabled = !this.written.text;
    element("go-on").disabled = !this.isBegun;
  }

  finish() {
    this.stop();
    const { writer } = this;
    this.element("next-section").hidden = writer.ended; // nothing comes after the end of a line
    this.showNext(writer.logits && !writer.ended ? writer.next(NEXT) : []);
    const left = visible(writer.unknown.join(" "));
    this.tell([
      writer.unknown.length ? `Left out of the prompt, since the model does not know it: ${left}` : "",
      this.isWriting ? `${this.count.toLocaleString("en")} characters written.` : "",
    ].join(" ").trim());
    this.isWriting = false;
    this.paint();
  }

  tell(text) {
    this.element("status").textContent = text;
  }

  // The likeliest next symbols, each a bar that can be chosen.
  showNext(found) {
    const named = found.map(({ id, chance }) => ({ id, chance, name: this.model.vocabulary.name(id) }));
    this.element("next").replaceChildren(...bars(named, (id) => this.pick(id)));
  }

  pick(id) {
    if (!this.isBegun) this.showBeginning();
    this.left = Infinity;
    this.take(this.writer.write(this.settings.choosing, id));
    this.finish();
    this.element("next").querySelector("button")?.focus({ preventScroll: true });
  }

  async copy() {
    this.tell(await copied(this.written.text, this.element("text")));
  }
}

// Where a line is cut that does not end.
function longestLine({ longestRecord }) {
  return longestRecord ? Math.max(100, 10 * longestRecord) : 10000;
}

// Scoring: bits per character of a text that is pasted.
class ScoringDesk {
  constructor(model, element) {
    this.model = model;
    this.element = element;
    this.scored = new Written(element("scored"));
    element("pasted").addEventListener("input", () => this.begin());
  }

  begin() {
    if (this.work) this.work.cancel();
    const scorer = new Scorer(this.model, this.element("pasted").value);
    this.scored.clear();
    this.element("score").textContent = scorer.isDone ? "" : "Reading …";
    if (scorer.isDone) return;
    this.work = new Work(() => {
      for (const piece of scorer.step()) this.scored.add(piece);
      return !scorer.isDone;
    }, () => {
      this.element("score").textContent = scorer.sentence();
    });
  }
}
