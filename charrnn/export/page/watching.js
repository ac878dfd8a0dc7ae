// Watches a cell while a text is written. What is painted is what `charrnn inspect --show` paints: the value
// that the cell hands on after each character, in the colours of its values on text that was held out.

"use strict";

const SHARES = [0.2, 0.6]; // of the reach of a cell's values, from which a character is painted, and more so
const CELL_LEVELS = ["far below its middle", "below", "above", "far above its middle"];

class Watch {
  constructor(facts, model) {
    this.facts = facts;
    this.model = model;
    this.scale = null; // of the cell: the value without a colour, and how far from it the strongest are
  }

  get isOn() {
    return this.scale !== null;
  }

  // Watch a cell, both counted from 1; none where there is no such layer.
  choose(layer, cell) {
    const { network } = this.model;
    network.watch(layer - 1, cell - 1);
    this.name = `${layer}:${cell}`;
    this.scale = network.watched ? this.facts.cells[(layer - 1) * this.facts.hidden + cell - 1] : null;
  }

  classOf({ writer, at }) {
    const value = this.isOn ? writer?.values[at] : undefined;
    if (value === undefined) return "";
    const [middle, reach] = this.scale;
    const steps = SHARES.filter((share) => Math.abs(value - middle) >= share * reach).length;
    if (!steps) return "";
    return "w" + (value > middle ? 1 + steps : 2 - steps);
  }

  legend() {
    const [middle, reach] = this.scale;
    const [near, far] = SHARES.map((share) => share * reach);
    const limits = [middle - far, middle - near, middle + near, middle + far];
    const levels = CELL_LEVELS.map((meaning, number) =>
      made("li", `${meaning}, ${number < 2 ? "under" : "over"} ${limits[number].toFixed(2)}`, `w${number}`));
    return [made("li", `cell ${this.name} after each character`), ...levels];
  }

  // Forget the values of another cell.
  forget(writers) {
    for (const writer of new Set(writers)) writer?.values.fill(undefined);
  }

  // Read once more, symbol by symbol, what was read when the cell was not watched.
  *reading(writers) {
    const { network } = this.model;
    for (const writer of new Set(writers)) {
      if (!writer || writer.label !== this.model.label) continue;
      let state = null;
      for (let at = 0; at < writer.ids.length && writer.values[at] === undefined; at++) {
        if (state) network.state = state;
        else network.reset();
        network.read(writer.ids[at]);
        state = network.state;
        writer.values[at] = network.value;
        yield;
      }
    }
  }
}
