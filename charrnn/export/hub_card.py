r"""The model card of a folder for a hub: markdown, with tags in YAML that hubs read.

Names, texts of a corpus and what a model writes are of no trust: in the text every character that could mean
something in markdown or HTML is escaped, in a block of code the fence is longer than any in it, in YAML it is
a quoted string of JSON, and nowhere are control characters left.
"""

import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from charrnn.display.sanitizer import visible
from charrnn.display.units import clock, figure_json
from charrnn.export.about import about
from charrnn.export.hub_samples import TEMPERATURE, copied, samples, writes
from charrnn.export.source import Source
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.folder import EXPORTED
from charrnn.text.answers import ANSWERS

SHOWN_NAMES = 20
"""Labels, tags or symbols that are listed."""

PLACE = "NAME"
"""What stands for the folder into which somebody has loaded it."""


@dataclass(frozen=True)
class Use:
    """What a model of a task is to a hub and to people.

    Attributes:
        pipeline: what hubs call the task.
        does: what it does, after "that".
        command: what uses it, after its checkpoint is named.
    """

    pipeline: str
    does: str
    command: str


USES = {
    "language": Use("text-generation", "writes text", "sample"),
    "generate": Use("text-generation", "writes text with a given label", "sample --label LABEL"),
    "classify": Use("text-classification", "predicts the label of a text", "classify --text TEXT"),
    "tag": Use("token-classification", "tags each character of a text", "tag --text TEXT"),
    "translate": Use("translation", "turns a text into another", "translate --text TEXT"),
}
"""By task."""


def card(source: Source) -> str:
    """The whole card."""
    return "\n".join(line for part in _parts(source) for line in (*part, ""))


def _parts(source: Source) -> Iterator[list[str]]:
    model = source.model
    network, use = model.architecture, USES[model.task]
    yield _tags(source)
    yield [f"# {escaped(source.title)}"]
    layers = "1 layer" if network.layers == 1 else f"{network.layers} layers"
    yield [
        f"A character-level {network.cell.upper()} ({layers} of {network.hidden:,} units, "
        f"{network.parameters:,} parameters) that {use.does}. It was trained with charrnn, a command-line "
        "tool for character-level recurrent networks."
    ]
    yield ["## Use"]
    command = f"charrnn {use.command.split()[0]} --checkpoint {PLACE}"
    yield fenced(" ".join([command, *use.command.split()[1:]]), "sh")
    if writes(model):
        arguments = ", ".join(
            [f"label={json.dumps(visible(name))}" for name in model.answers[:1]]
            + ["length=300"] * (model.reading.mode == "text")
        )
        python = f'import charrnn\n\nmodel = charrnn.load("{PLACE}")\nprint(model.sample({arguments}))'
        yield fenced(python, "python")
    yield [
        f"`{PLACE}` is this folder. `{EXPORTED}` is the checkpoint as training wrote it, without pickle or "
        "code. It has the vocabulary and the settings too; `config.json` repeats them for other programs."
    ]
    yield ["## Figures"]
    yield _table(_figures(source))
    yield from _samples(model)
    yield from _training(source)
    yield from _memorisation(source)


def _tags(source: Source) -> list[str]:
    """The front matter."""
    model, use = source.model, USES[source.model.task]
    lines = [
        "---",
        f"license: {_hub_license(source.settings.license or 'other')}",
        "library_name: charrnn",
        f"pipeline_tag: {use.pipeline}",
        "tags:",
        *[f"- {tag}" for tag in ("charrnn", "character-level", "rnn", model.architecture.cell)],
    ]
    figure = figure_json(model.progress.figure)
    if figure is not None:
        lines += [
            "model-index:",
            f"- name: {quoted(source.title)}",
            "  results:",
            f"  - task: {{type: {use.pipeline}}}",
            f"    dataset: {{type: text, name: {quoted(model.corpus.name)}, split: validation}}",
            f"    metrics: [{{type: {quoted(str(figure['name']))}, value: {figure['value']:.4f}}}]",
        ]
    return [*lines, "---"]


def _hub_license(identifier: str) -> str:
    """What hubs call a licence: the identifier in small letters, `gpl-3.0` for both of its variants."""
    return re.sub(r"-(only|or-later)$", "", identifier.lower())


def _figures(source: Source) -> dict[str, str]:
    model = source.model
    progress, reading = model.progress, model.reading
    found = {name: value for name, value in about(source) if name != "command"}
    found["held out"] = f"{model.corpus.validation_characters:,} characters"
    found["read as"] = f"{reading.mode}, normal form {reading.normalize}"
    if model.task != "language":
        names = ", ".join(model.answers[:SHOWN_NAMES]) + (" …" if len(model.answers) > SHOWN_NAMES else "")
        found[ANSWERS[model.task].name.replace("_", " ")] = names
    epochs = "1 epoch" if progress.epoch == 1 else f"{progress.epoch:.3g} epochs"
    found["training"] = f"{progress.step:,} updates, {epochs}, {clock(progress.seconds)}"
    found["charrnn"] = model.versions.get("charrnn", "")
    return found


def _samples(model: Checkpoint) -> Iterator[list[str]]:
    if not writes(model):
        return
    yield ["## Samples"]
    yield [f"What it writes with seed 1 at temperature {TEMPERATURE}, not chosen from among others:"]
    for label, text in samples(model):
        if label is not None:
            yield [f"Label {escaped(label)}:"]
        yield fenced(text, "text")


def _training(source: Source) -> Iterator[list[str]]:
    corpus = source.model.corpus
    yield ["## Training"]
    yield [
        f"It learnt from one corpus, {escaped(corpus.name)}: {corpus.characters:,} characters, whose SHA-256 "
        f"as read is `{escaped_code(corpus.fingerprint)}`. The command, every setting as it was resolved:"
    ]
    yield fenced(source.command, "sh")


def _memorisation(source: Source) -> Iterator[list[str]]:
    yield ["## Memorisation"]
    if writes(source.model):
        yield [
            copied(source)
            or "How much of what it writes stands in its training text was not measured, as that was not at "
            "hand; `charrnn sample --novelty CORPUS` measures it."
        ]
    yield [
        "A network like this can repeat stretches of what it was trained on, above all such as are frequent "
        "there, and its vocabulary lists every character of it. Publish it only if that text may be public."
    ]


def _table(rows: Mapping[str, str]) -> list[str]:
    lines = [f"| {escaped(name)} | {escaped(value)} |" for name, value in rows.items()]
    return ["| | |", "|---|---|", *lines]


_MEANING = re.compile(rf"(?!,|'|%|\"|(?<=\d)[.:](?=\d))[{re.escape(string.punctuation)}]")
"""What may mean something in markdown; a point or a colon between digits does not."""


def escaped(text: str) -> str:
    """Text as itself in markdown, on one line."""
    return _MEANING.sub(r"\\\g<0>", _on_one_line(text))


def escaped_code(text: str) -> str:
    """Text for a span of code."""
    return _on_one_line(text).replace("`", "'")


def quoted(text: str) -> str:
    """Text as a string of YAML, which takes those of JSON."""
    return json.dumps(_on_one_line(text), ensure_ascii=False)


def fenced(text: str, language: str) -> list[str]:
    """Text as a block of code, whatever it holds."""
    text = visible(text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return [f"{fence}{language}", text, fence]


def _on_one_line(text: str) -> str:
    return visible(text).replace("\n", "␊").replace("\t", "␉")
