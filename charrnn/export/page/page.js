// The page: what people see and do. All text that is not of this file goes in as text, made visible before.

"use strict";

const SLICE_MS = 8; // of computing, after which the browser may do other things
const NEXT = 5;
const LEVELS_FROM_BITS = [0, 1, 3, 6, 10];
const LEVELS = ["over 1/2", "1/2 to 1/8", "1/8 to 1/64", "1/64 to 1/1,024", "under 1/1,024"];
const SETTINGS = ["label", "prompt", "temperature", "top-p", "seed", "length", "surprise"];

function start() {
  const element = (id) => document.getElementById(id);
  const facts = JSON.parse(element("facts").textContent);
  const weights = new Weights(element("weights").textContent, facts.arrays);
  tellAbout(facts, element);
  const model = new LanguageModel(facts, weights);
  new WritingDesk(facts, model, element);
  new ScoringDesk(model, element);
}

function tellAbout(facts, element) {
  element("summary").textContent = visible(facts.summary);
  for (const [name, value] of facts.about) element("about").append(made("dt", name), made("dd", value));
}

function made(kind, text, className = "") {
  const node = document.createElement(kind);
  node.textContent = visible(text);
  node.className = className;
  return node;
}

// Work in slices: `step` does a little, and says whether there is more.
class Work {
  constructor(step, done = () => {}) {
    this.isOver = false;
    const slice = () => {
      if (this.isOver) return;
      const end = performance.now() + SLICE_MS;
      do this.isOver = !step();
      while (!this.isOver && performance.now() < end);
      if (this.isOver) done();
      else setTimeout(slice, 0);
    };
    setTimeout(slice, 0);
  }

  cancel() {
    this.isOver = true;
  }
}

// A place for text that is coloured by surprise if it is wished.
class Written {
  constructor(node) {
    this.node = node;
    this.clear();
  }

  clear() {
    this.node.replaceChildren();
    this.sanitizer = new Sanitizer();
    this.text = "";
    this.className = null;
  }

  // Add text that cost so many bits; null for what was given.
  add(text, bits) {
    if (!text) return;
    this.text += text;
    const className = bits === null ? "given" : "l" + level(bits);
    const shown = this.sanitizer.feed(text);
    if (className === this.className) {
      this.node.lastChild.firstChild.appendData(shown);
      return;
    }
    const span = document.createElement("span");
    span.className = this.className = className;
    span.append(document.createTextNode(shown));
    this.node.append(span);
  }
}

function level(bits) {
  let found = 0;
  while (found + 1 < LEVELS_FROM_BITS.length && !(bits < LEVELS_FROM_BITS[found + 1])) found++;
  return found;
}

// The settings, each an element of the page and a word of its address.
class Settings {
  constructor(element, names, changed) {
    this.element = element;
    this.names = names;
    for (const name of names) {
      const slider = element(name + "-slider");
      element(name).addEventListener("input", () => {
        if (slider) slider.value = element(name).value;
        this.show();
        changed(name);
      });
      if (slider) slider.addEventListener("input", () => {
        element(name).value = slider.value;
        this.show();
        changed(name);
      });
    }
    addEventListener("hashchange", () => {
      this.readAddress();
      changed("address");
    });
    this.readAddress();
  }

  // A number between limits; where there is none, the default.
  number(name) {
    const { value, defaultValue, min, max } = this.element(name);
    const number = value.trim() === "" || !isFinite(value) ? Number(defaultValue) : Number(value);
    return Math.min(Math.max(number, Number(min)), Number(max));
  }

  get choosing() {
    return { temperature: this.number("temperature"), topP: this.number("top-p") };
  }

  readAddress() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of this.names) {
      const node = this.element(name);
      if (!given.has(name)) continue;
      if (node.type === "checkbox") node.checked = given.get(name) === "1";
      else node.value = given.get(name);
      if (this.element(name + "-slider")) this.element(name + "-slider").value = node.value;
    }
    this.show();
  }

  show() {
    const words = new URLSearchParams();
    for (const name of this.names) {
      const node = this.element(name);
      if (node.closest("[hidden]")) continue;
      words.set(name, node.type === "checkbox" ? Number(node.checked) : node.value);
    }
    this.element("link").href = "#" + words;
  }
}

// Writing, character by character: a text, or line after line.
class WritingDesk {
  constructor(facts, model, element) {
    this.facts = facts;
    this.model = model;
    this.element = element;
    this.written = new Written(element("text"));
    this.left = 0; // characters still to write; in lines mode, lines
    this.prepare();
    this.settings = new Settings(element, SETTINGS, (name) => this.changed(name));
    this.listen();
    this.colour();
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
    const levels = LEVELS.map((meaning, number) => made("li", `chance ${meaning}`, `l${number}`));
    element("legend").append(...levels);
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
    if (name === "surprise" || name === "address") this.colour();
    if (name === "prompt" || name === "label" || name === "address") this.begin({ isToWrite: false });
  }

  colour() {
    const isWished = this.element("surprise").checked;
    this.element("text").classList.toggle("surprised", isWished);
    this.element("legend").hidden = !isWished;
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
    this.written.add(this.writer.prompt, null);
    this.isBegun = true;
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
    this.written.add("\n", 0);
    this.written.add(this.writer.prompt, null);
  }

  // Show finished pieces, as many as are wanted; whether there is more to write.
  take(pieces) {
    this.waiting.push(...pieces);
    while (this.waiting.length && (this.model.isLines || this.left > 0)) {
      const { text, bits } = this.waiting.shift();
      const characters = Array.from(text);
      const shown = this.model.isLines ? characters : characters.slice(0, this.left);
      const rest = characters.slice(shown.length).join("");
      this.written.add(shown.join(""), bits);
      this.count += shown.length;
      this.ofLine += shown.length;
      if (!this.model.isLines) this.left -= shown.length;
      if (rest) this.waiting.unshift({ text: rest, bits: 0 });
    }
    if (this.model.isLines && this.ofLine >= longestLine(this.facts)) this.writer.ended = true;
    if (this.writer.ended) this.left -= 1;
    return this.left > 0;
  }

  stop() {
    const { element } = this;
    if (this.work) this.work.cancel();
    this.left = 0;
    element("stop").disabled = true;
    element("text").removeAttribute("aria-busy");
    element("copy").disabled = !this.written.text;
    element("go-on").disabled = !this.isBegun;
  }

  finish() {
    this.stop();
    const { writer } = this;
    this.showNext(writer.logits && !writer.ended ? writer.next(NEXT) : []);
    const left = visible(writer.unknown.join(" "));
    this.tell([
      writer.unknown.length ? `Left out of the prompt, since the model does not know it: ${left}` : "",
      this.isWriting ? `${this.count.toLocaleString("en")} characters written.` : "",
    ].join(" ").trim());
    this.isWriting = false;
  }

  tell(text) {
    this.element("status").textContent = text;
  }

  // The likeliest next symbols, each a bar that can be chosen.
  showNext(found) {
    this.element("next").replaceChildren(...found.map(({ id, chance }) => {
      const name = this.model.vocabulary.name(id);
      const button = document.createElement("button");
      const bar = made("span", "", "bar");
      bar.style.width = `${100 * chance}%`;
      button.type = "button";
      button.setAttribute("aria-label", `${name}, ${percent(chance)}: write it`);
      button.append(bar, made("span", name), made("span", percent(chance)));
      button.addEventListener("click", () => this.pick(id));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
  }

  pick(id) {
    if (!this.isBegun) this.showBeginning();
    this.left = Infinity;
    this.take(this.writer.write(this.settings.choosing, id));
    this.finish();
    this.element("next").querySelector("button")?.focus({ preventScroll: true });
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.written.text);
    } catch {
      getSelection().selectAllChildren(this.element("text")); // where a browser keeps the clipboard to itself
      document.execCommand("copy");
    }
    this.tell("Copied.");
  }
}

// Where a line is cut that does not end.
function longestLine({ longestRecord }) {
  return longestRecord ? Math.max(100, 10 * longestRecord) : 10000;
}

function percent(chance) {
  return chance < 0.001 ? "under 0.1 %" : `${(100 * chance).toFixed(1)} %`;
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
      for (const { text, bits } of scorer.step()) this.scored.add(text, bits);
      return !scorer.isDone;
    }, () => {
      this.element("score").textContent = scorer.sentence();
    });
  }
}

if (typeof document !== "undefined") start();
