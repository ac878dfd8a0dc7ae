"""The script of an exported page as a test runs it: in Node, without a document."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

_DRIVER = """
const fs = require("fs");
const { pages, code, given } = JSON.parse(fs.readFileSync(0, "utf8"));
const found = pages.map((path, number) => {
  const html = fs.readFileSync(path, "utf8");
  const block = (start) => html.split(start)[1].split("</script>")[0];
  const facts = JSON.parse(block('id="facts">'));
  const base64 = block('id="weights">');
  const run = new Function("facts", "base64", "given", block("<script>") + "\\n" + code);
  return run(facts, base64, given[number]);
});
process.stdout.write(JSON.stringify(found));
"""

_MODEL = "const model = new LanguageModel(facts, new Weights(base64, facts.arrays));"

WRITE = """
const writer = new Writer(model, { prompt: given.prompt, random: new Random(given.seed) });
while (writer.readPrompt());
const pieces = [];
while (!writer.ended && Array.from(pieces.map((piece) => piece.text).join("")).length < given.length) {
  pieces.push(...writer.write({ temperature: given.temperature, topP: given.topP ?? 1 }));
}
return { prompt: writer.prompt, text: pieces.map((piece) => piece.text).join(""), unknown: writer.unknown };
"""
"""What writes a text; what is given has `prompt`, `seed`, `length` and `temperature`."""

PAINT = """
const watch = new Watch(facts, model);
watch.choose(given.layer, given.cell);
const writer = new Writer(model, { prompt: given.prompt, random: new Random(given.seed) });
while (writer.readPrompt());
const pieces = [...writer.given];
while (!writer.ended && writer.ids.length < given.symbols) {
  pieces.push(...writer.write({ temperature: 1, topP: 1 }));
}
const classes = pieces.flatMap((piece) =>
  Array.from(piece.text, () => watch.classOf({ ...piece, writer })));
const values = [...writer.values];
watch.forget([writer]);
for (const _ of watch.reading([writer]));
return { classes, values, again: writer.values, ids: writer.ids, pieces };
"""
"""What paints a text by a cell; what is given has `layer`, `cell`, `prompt`, `seed` and `symbols`."""


def in_node(pages: Sequence[Path], code: str, given: Sequence[Any], *, model: bool = True) -> list[Any]:
    """What a function gives whose body follows a page's script, for each page.

    Args:
        pages: exported ones.
        code: of a function that is given `facts`, `base64` and `given`, and for language has a `model`.
        given: for each page.
        model: whether the page's model is made.
    """
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node is installed: apt-get install nodejs")
    asked = {"pages": [str(page) for page in pages], "code": _MODEL * model + code, "given": list(given)}
    done = subprocess.run(
        [program, "-e", _DRIVER],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))
