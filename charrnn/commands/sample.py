"""`charrnn sample`: writes text with one or several models. Does not load torch."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charrnn.commands.answering import model_for
from charrnn.commands.prompts import typed_prompt
from charrnn.commands.writers import Writers
from charrnn.config.settings import Request, SampleSettings, SeeingSettings
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.length import Cuts, bound_of, has_end, length_of
from charrnn.decoding.network import Tell
from charrnn.decoding.sampler import Piece, read, write
from charrnn.decoding.trace import Expected, Trace, Written
from charrnn.display.new_files import check_new_file
from charrnn.display.output import Destination, Output, output_file
from charrnn.display.sanitizer import visible
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    from charrnn.commands.novelty import Reference


SHOWN = 20_000
"""Symbols of a prompt that take a second or more to read."""


def sample(
    checkpoints: tuple[str, ...],
    request: Request,
    settings: SampleSettings,
    seeing: SeeingSettings,
    *,
    raw: bool,
    json_wanted: bool,
) -> None:
    """Write what was asked for to its place; what there is to say about it to standard error.

    Args:
        checkpoints: the models, more than one for an ensemble; none for that of the newest run.
        request: what to write.
        settings: how to choose.
        seeing: what else to tell of it.
        raw: whether a terminal gets control characters as they are.
        json_wanted: whether to print one JSON object.
    """
    if request.output is not None:
        inputs = (*checkpoints, *seeing.novelty, request.prompt.removeprefix("@"))
        check_new_file(request.output, "--output", inputs)
    models = [model_for("sample", checkpoint) for checkpoint in checkpoints or (None,)]
    writers = Writers([model for _, model in models], request, settings.mix)
    model = writers.of()
    request = replace(request, prompt=typed_prompt(request.prompt, models[0][1].reading))
    if seeing.interactive:
        _converse(model, request, settings, seeing, others={"--raw": raw, "--json": json_wanted})
        return
    _check_ends(model, request, json_wanted=json_wanted, novelty_wanted=bool(seeing.novelty))
    prompt = read(model, request)
    reference = _reference(seeing, models)
    _say(prompt.notice)
    output = Output(raw=raw, color=seeing.color) if request.output is None else None
    trace = _trace(model, output, json_wanted=json_wanted)
    # Whatever is wrong with the request shows here, before a file is made.
    with reading(len(prompt.ids)) as tell:
        texts = all_texts(writers, request, settings, trace, whole=json_wanted, tell=tell)
    cuts = Cuts(bound_of(model, request), model.longest_record)
    texts, length = cuts.counted(texts), length_of(model, request)
    if output is not None and output.terminal and sys.stderr.isatty():
        _say(visible(_told(models, request, settings)))
    with nullcontext(output) if output else output_file(request.output or "", request.count, length) as place:
        if json_wanted:
            write_json(_head(models, request), prompt.text, texts, reference, place, label=writers.label)
        else:
            _write_texts(prompt.text, texts, reference, place, newline=_end_in_newlines(model, request))
    _say(cuts.notice())
    if reference is not None and not json_wanted:
        sys.stderr.write(reference.compare().report())


def _say(line: str | None) -> None:
    """Say on standard error what there is to say, if anything."""
    if line:
        sys.stderr.write(f"charrnn: {line}\n")


def _told(models: Sequence[tuple[Path, Checkpoint]], request: Request, settings: SampleSettings) -> str:
    """Which models write, and how: whoever watches may have forgotten what the newest run is."""
    paths = " and ".join(str(path) for path, _ in models)
    temperature = settings.temperature
    shown = temperature if isinstance(temperature, str) else f"{temperature:g}"
    label = "" if request.label is None else f"label {request.label}, "
    return f"{paths}, {label}temperature {shown}, seed {request.seed}"


def _reference(seeing: SeeingSettings, models: Sequence[tuple[Path, Checkpoint]]) -> "Reference | None":
    """The corpus to compare with, if that is wanted."""
    if not seeing.novelty:
        return None
    from charrnn.commands.novelty import AUTO, open_reference

    if len(models) > 1 and AUTO in seeing.novelty:
        raise UsageError("--novelty auto is the corpus of one model, and there are several; name the corpora")
    return open_reference(seeing.novelty, *models[0])


def _check_interactive(request: Request, seeing: SeeingSettings, others: Mapping[str, bool]) -> None:
    """Refuse what makes no sense in a conversation."""
    asked = {
        **others,
        "--count": request.count > 1,
        "--best-of": request.best_of > 1,
        "--output": request.output is not None,
        "--color": seeing.color != "none",
        "--novelty": seeing.novelty,
    }
    given = [name for name, is_given in asked.items() if is_given]
    if given:
        raise UsageError(f"--interactive does not go with {' and '.join(given)}; leave one out")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "--interactive needs a terminal, and standard input or output is not one; give a --prompt instead"
        )


def _check_ends(model: LanguageModel, request: Request, *, json_wanted: bool, novelty_wanted: bool) -> None:
    """Refuse to wait for the end of a text that has none."""
    if has_end(model, request):
        return
    waiting = {
        "--count above 1 would never begin the second": request.count > 1,
        "--best-of would never have two to compare": request.best_of > 1,
        "--json would never print": json_wanted,
        "--novelty would never print": novelty_wanted,
    }
    for what, is_asked in waiting.items():
        if is_asked:
            raise UsageError(f"--length 0 never ends, so {what}; give one of them, --stop or --until-line")


def _converse(
    model: LanguageModel,
    request: Request,
    settings: SampleSettings,
    seeing: SeeingSettings,
    *,
    others: Mapping[str, bool],
) -> None:
    """Write together with whoever sits at the terminal, where nothing else is asked for."""
    _check_interactive(request, seeing, others)
    from charrnn.commands.interactive import write_together
    from charrnn.decoding.conversation import Conversation

    write_together(Conversation(model, request, settings), request)


@contextmanager
def reading(symbols: int) -> Iterator[Tell | None]:
    """Shows on standard error how far a long prompt is read."""
    if symbols < SHOWN:
        yield None
        return
    from rich.console import Console

    from charrnn.display.progress import Counter

    with Counter(Console(stderr=True, highlight=False), "reading the prompt", "symbols", symbols) as counter:
        yield counter.add


def all_texts(
    writers: Writers,
    request: Request,
    settings: SampleSettings,
    trace: Trace | None,
    *,
    whole: bool,
    tell: Tell | None = None,
) -> Iterator[Iterator[Written]]:
    """The texts that are asked for in order, whole ones in one piece; the only one as it comes.

    Raises:
        UsageError: as `write` does.
    """
    if whole or request.count * request.best_of > 1:
        return (iter((text,)) for text in writers.texts(request, settings, trace, tell))
    pieces = write(writers.of(), request, settings, watch=trace, tell=tell)
    return iter((_witnessed(pieces, trace),))


def _witnessed(pieces: Iterable[Piece], trace: Trace | None) -> Iterator[Written]:
    for piece in pieces:
        yield Written(piece.text, trace.characters(piece.number, piece.text) if trace else ())


def kept(pieces: Iterator[Written], prompt: str, reference: "Reference | None") -> Iterator[Written]:
    """The pieces of a text as they come; the whole text is told to the reference at its end."""
    text = ""
    for piece in pieces:
        text += piece.text if reference else ""
        yield piece
    if reference:
        reference.add(text, line=prompt + text)


def _trace(model: LanguageModel, output: Output | None, *, json_wanted: bool) -> Trace | None:
    """What keeps the probability of each character, where it is shown."""
    is_shown = json_wanted or (output is not None and output.painted)
    return Trace(model.vocabulary, model.normal_form) if is_shown else None


def _end_in_newlines(model: LanguageModel, request: Request) -> bool:
    """Whether a newline ends each text: where several follow one another, or a text is a line."""
    return request.count > 1 or model.vocabulary.mode == "lines" or request.until_line is not None


def _write_texts(
    prompt: str,
    texts: Iterable[Iterator[Written]],
    reference: "Reference | None",
    place: Destination,
    *,
    newline: bool,
) -> None:
    """Write texts one after the other, each with its prompt, as they come."""
    for pieces in texts:
        place.write(prompt)
        for piece in kept(pieces, prompt, reference):
            place.show(piece)
        place.end(newline)


def _head(models: Sequence[tuple[Path, Checkpoint]], request: Request) -> dict[str, Any]:
    """What the JSON object begins with."""
    first, *others = [str(path) for path, _ in models]
    return {"checkpoint": first, "seed": request.seed} | ({"mixed_with": others} if others else {})


def write_json(
    head: Mapping[str, Any],
    prompt: str,
    texts: Iterator[Iterator[Written]],
    reference: "Reference | None",
    place: Destination,
    *,
    label: Callable[[int], str | None],
) -> None:
    """Write one JSON object, text by text, so that any number of them takes no memory."""
    place.write(json.dumps(head).removesuffix("}") + ', "texts": [')
    between = ""
    for number, (text,) in enumerate(texts):
        told = {} if (name := label(number)) is None else {"label": name}
        characters = [*map(_as_json, text.characters)]
        entry = {"prompt": prompt, **told, "text": text.text, "characters": characters}
        place.write(between + json.dumps(entry))
        place.count(1, len(text.text))
        between = ", "
        if reference:
            reference.add(text.text, line=prompt + text.text)
    novelty = f', "novelty": {json.dumps(reference.compare().as_json())}' if reference else ""
    place.write(f"]{novelty}}}\n")


def _as_json(expected: Expected) -> dict[str, Any]:
    return {
        "character": expected.character,
        "probability": _short(expected.probability),
        "alternatives": {symbol: _short(chance) for symbol, chance in expected.alternatives.items()},
    }


def _short(number: float) -> float:
    """Six digits, which is all that float32 has."""
    return float(f"{number:.6g}")
