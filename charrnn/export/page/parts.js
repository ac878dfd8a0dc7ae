// What the page is made of: work in slices, text that is coloured, bars, settings. All text that is not of
// this file goes in as text, and is made visible before.

"use strict";

const SLICE_MS = 8; // of computing, after which the browser may do other things
const LEVELS_FROM_BITS = [0, 1, 3, 6, 10];
const LEVELS = ["over 1/2", "1/2 to 1/8", "1/8 to 1/64", "1/64 to 1/1,024", "under 1/1,024"];

function made(kind, text, className = "") {
  const node = document.createElement(kind);
  node.textContent = visible(text);
  node.className = className;
  return node;
}

// Work in slices: `step` does a little, and says whether there is more. Between two slices the browser does
// what else there is to do; a message comes back sooner than a timer, which waits for 4 ms at least.
class Work {
  constructor(step, done = () => {}) {
    this.isOver = false;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (this.isOver) return;
      const end = performance.now() + SLICE_MS;
      do this.isOver = !step();
      while (!this.isOver && performance.now() < end);
      if (this.isOver) done();
      else port2.postMessage(null);
    };
    port2.postMessage(null);
  }

  cancel() {
    this.isOver = true;
  }
}

// A place for text that is coloured by surprise if it is wished, or by what gives each piece a class more.
class Written {
  constructor(node, classOf = () => "") {
    this.node = node;
    this.classOf = classOf;
    this.clear();
  }

  clear() {
    this.text = "";
    this.pieces = [];
    this.empty();
  }

  empty() {
    this.node.replaceChildren();
    this.sanitizer = new Sanitizer();
    this.className = null;
  }

  // Add text that cost so many bits; null for what was given.
  add(piece) {
    if (!piece.text) return;
    this.text += piece.text;
    this.pieces.push(piece);
    this.paint(piece);
  }

  repaint() {
    this.empty();
    for (const piece of this.pieces) this.paint(piece);
  }

  paint(piece) {
    const { text, bits } = piece;
    const className = `${bits === null ? "given" : "l" + level(bits)} ${this.classOf(piece)}`.trim();
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

function legendOfSurprise() {
  return LEVELS.map((meaning, number) => made("li", `chance ${meaning}`, `l${number}`));
}

function level(bits) {
  let found = 0;
  while (found + 1 < LEVELS_FROM_BITS.length && !(bits < LEVELS_FROM_BITS[found + 1])) found++;
  return found;
}

// Bars, each with a name and a chance; what there is to do when one is chosen, if anything.
function bars(found, chosen) {
  return found.map(({ id, name, chance }) => {
    const node = document.createElement(chosen ? "button" : "div");
    const bar = made("span", "", "bar");
    bar.style.width = `${100 * chance}%`;
    node.append(bar, made("span", name), made("span", percent(chance)));
    if (chosen) {
      node.type = "button";
      node.setAttribute("aria-label", `${visible(name)}, ${percent(chance)}: write it`);
      node.addEventListener("click", () => chosen(id));
    }
    const item = document.createElement("li");
    item.append(node);
    return item;
  });
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
      if (location.hash === element("link").hash) return; // these are the settings already
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

// Copy a text; what to say of it.
async function copied(text, node) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    getSelection().selectAllChildren(node); // where a browser keeps the clipboard to itself
    document.execCommand("copy");
  }
  return "Copied.";
}

function percent(chance) {
  return chance < 0.001 ? "under 0.1 %" : `${(100 * chance).toFixed(1)} %`;
}
