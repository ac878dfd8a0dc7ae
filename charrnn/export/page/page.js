// The page: reads what it is told, and sets up what its model can do.

"use strict";

function start() {
  const element = (id) => document.getElementById(id);
  const facts = JSON.parse(element("facts").textContent);
  const weights = new Weights(element("weights").textContent, facts.arrays);
  tellAbout(facts, element);
  if (facts.task in ANSWERING) {
    new AnsweringDesk(facts, weights, element);
    return;
  }
  const model = new LanguageModel(facts, weights);
  new WritingDesk(facts, model, element);
  new ScoringDesk(model, element);
}

function tellAbout(facts, element) {
  element("summary").textContent = visible(facts.summary);
  for (const [name, value] of facts.about) element("about").append(made("dt", name), made("dd", value));
}

if (typeof document !== "undefined") start();
