// What people do with a model that answers lines: with labels, tags or translations.

"use strict";

const ANSWERING = {
  classify: { model: Classifier, does: "Classify", best: "How likely each label is" },
  tag: { model: Tagger, does: "Tag", best: "" },
  translate: { model: Translator, does: "Translate", best: "The likeliest translations" },
};
const BARS = 10;

class AnsweringDesk {
  constructor(facts, weights, element) {
    const { model, does, best } = ANSWERING[facts.task];
    this.model = new model(facts, weights);
    this.element = element;
    this.written = new Written(element("text"));
    for (const id of ["settings", "go-on", "surprise-setting", "score-section"]) element(id).hidden = true;
    element("prompt").value = element("prompt").defaultValue = facts.prompt;
    element("prompt-label").textContent = "Text, a line each";
    element("write").textContent = does;
    element("text").setAttribute("aria-label", "Answers");
    element("next-heading").textContent = best;
    element("next-section").hidden = true;
    element("next-hint").hidden = true;
    new Settings(element, ["prompt"], () => {});
    element("write").addEventListener("click", () => this.begin());
    element("stop").addEventListener("click", () => this.finish());
    element("copy").addEventListener("click", async () => {
      element("status").textContent = await copied(this.written.text, element("text"));
    });
    element("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.begin();
    });
  }

  begin() {
    const { element } = this;
    const lines = recordsOf(element("prompt").value, false);
    this.finish();
    this.written.clear();
    this.answers = [];
    element("next-section").hidden = true;
    element("tags").replaceChildren();
    element("text").setAttribute("aria-busy", "true");
    element("stop").disabled = false;
    element("copy").disabled = true;
    element("status").textContent = "Reading …";
    const answering = this.answering(lines);
    this.work = new Work(() => !answering.next().done, () => this.finish());
  }

  *answering(lines) {
    for (const line of lines) {
      const answer = yield* this.model.answer(line);
      this.written.add({ text: answer.text + "\n", bits: 0 });
      this.answers.push(answer);
    }
  }

  finish() {
    const { element } = this;
    if (this.work) this.work.cancel();
    element("stop").disabled = true;
    element("copy").disabled = !this.written.text;
    element("text").removeAttribute("aria-busy");
    element("status").textContent = "";
    if (this.answers?.length === 1) this.explain(this.answers[0]);
  }

  // Of one line alone: how likely what is; the tag of each character; what each symbol looked at.
  explain({ best, tagged, names, chances, looks }) {
    const { element } = this;
    element("next-section").hidden = !best;
    element("next").replaceChildren(...bars((best ?? []).slice(0, BARS)));
    const cells = (tagged ?? []).map((character, place) => {
      const cell = document.createElement("span");
      const below = [names[place], percent(chances[place])].map((text) => made("small", text));
      cell.append(made("span", shownAs(character)), ...below);
      return cell;
    });
    element("tags").replaceChildren(...(looks ? [tableOf(looks)] : cells));
  }
}

// A row for each symbol of a target, a column for each of its source, the stronger the more it was looked at.
function tableOf({ source, target, shares }) {
  const table = document.createElement("table");
  const above = rowOf(["", ...source].map((name) => made("th", name)));
  table.append(made("caption", "What each symbol looked at"), above);
  target.forEach((name, place) => {
    const cells = source.map((from, i) => {
      const cell = document.createElement("td");
      cell.title = visible(`${name} looks at ${from}: ${percent(shares[place][i])}`);
      cell.append(document.createElement("span"));
      cell.firstChild.style.opacity = shares[place][i];
      return cell;
    });
    table.append(rowOf([made("th", name), ...cells]));
  });
  return table;
}

function rowOf(cells) {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}
