"""`charrnn translate`: each line turned into another. Loads no torch."""

import importlib
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from charrnn.commands.answering import check_memory, ids_of, is_known, model_for
from charrnn.commands.input_lines import asked
from charrnn.config.settings import TranslateSettings
from charrnn.decoding.answers import Answer, Answering
from charrnn.decoding.translator import Ids, bytes_of
from charrnn.display.attention import drawn
from charrnn.display.attention_page import AttentionPage
from charrnn.display.new_files import check_new_file, put_new_file
from charrnn.display.sanitizer import print_text
from charrnn.errors import UsageError
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.translation_model import remembered, translation_model_of

_LINE_ENDS = str.maketrans("\r\n", "  ")


def translate(
    texts: Sequence[str],
    typed: Sequence[str],
    checkpoint: str | None,
    settings: TranslateSettings,
    *,
    json_wanted: bool,
) -> None:
    """Print for each line what it becomes, in order, as the lines come.

    Args:
        texts: files, folders, built-in texts or `-`; none mean standard input, unless a text is typed.
        typed: texts from the command line.
        checkpoint: the model's path, or None for the newest run.
        settings: how each is answered.
        json_wanted: a JSON object for each line instead.
    """
    _check(settings, {"TEXT": texts, "--text": typed, "--json": json_wanted, "--html": settings.html})
    if settings.html is not None:
        check_new_file(settings.html, "--html", texts)
    path, model = model_for("translate", checkpoint)
    translator = LineTranslator(path, model, settings, json_wanted=json_wanted)
    if settings.interactive:
        converse(translator)
    else:
        for lines in asked(texts, typed, model.reading):
            print_text(translator.answered(lines))
    if settings.html is not None:
        put_new_file(
            settings.html, "--html", translator.page.document([("model", str(path))]).encode("utf-8")
        )
    translator.tell()


def _check(settings: TranslateSettings, others: dict[str, Any]) -> None:
    """Refuse what does not go together."""
    if not settings.interactive:
        return
    if given := [name for name, value in others.items() if value]:
        raise UsageError(f"--interactive does not go with {' and '.join(given)}; leave one out")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "--interactive needs a terminal, and standard input or output is not one; leave it out: lines of "
            "standard input are answered as they come"
        )


class LineTranslator:
    """Answers lines, as text to be printed.

    Attributes:
        page: what was looked at, where a page is wanted.

    Args:
        path: where the model is from.
        model: who answers.
        settings: how.
        json_wanted: a JSON object for each line.
    """

    def __init__(
        self, path: Path, model: Checkpoint, settings: TranslateSettings, *, json_wanted: bool
    ) -> None:
        translator = translation_model_of(model)
        option = "--attention" if settings.attention else "--html"
        if (settings.attention or settings.html) and not translator.architecture.attention:
            raise UsageError(f"{option} shows what a model looks at, and this one has none; leave it out")
        memory = remembered(path.parent, translator) if settings.memory else None
        self._model, self._settings, self._json_wanted = model, settings, json_wanted
        self._architecture = translator.architecture
        self._answering = Answering(translator, settings, memory)
        self._capped, self.page = 0, AttentionPage()

    def answered(self, lines: Sequence[str]) -> str:
        """What is printed for lines."""
        ids, answers = self._answers(lines)
        self._capped += sum(best[0].is_capped for best in answers)
        if self._settings.html is not None:
            for line, source, (first, *_) in zip(lines, ids, answers, strict=True):
                self.page.add((line, first.target), self._symbols(source), first.symbols, first.attention)
        if self._json_wanted:
            each = (self._values(*one) for one in zip(lines, ids, answers, strict=True))
            shown = [json.dumps(values, ensure_ascii=False) + "\n" for values in each]
        else:
            shown = [self._plain(*one) for one in zip(lines, ids, answers, strict=True)]
        return "".join(shown)

    def _answers(self, lines: Sequence[str]) -> tuple[list[Ids], list[list[Answer]]]:
        """The symbols of lines, and the answers to them."""
        ids = [ids_of(line, self._model) for line in lines]
        self._check_memory(max(map(len, ids), default=1))
        are_known = [is_known(line, self._model) for line in lines] if self._settings.memory else ()
        return ids, self._answering(ids, are_known)

    def _check_memory(self, symbols: int) -> None:
        """Refuse a source that is too long for this machine, before memory is taken."""
        settings, architecture = self._settings, self._architecture
        is_shown = settings.attention or settings.html is not None
        looked_at = max(settings.beam, settings.n_best or 1) * settings.max_length if is_shown else 0
        shorter = "shorten it, or lower --max-length or --beam" if is_shown else "shorten it"
        needed = bytes_of(architecture, symbols, looked_at)
        check_memory(needed, f"a line of {symbols - 1:,} symbols", shorter)

    def _plain(self, line: str, ids: Ids, answers: Sequence[Answer]) -> str:
        if self._settings.n_best is None:
            first = answers[0].target.translate(_LINE_ENDS) + "\n"
            return first + self._drawn(ids, answers[0])
        return "".join(
            f"{line}\t{rank}\t{_number(answer.log_probability)}\t{answer.target.translate(_LINE_ENDS)}\n"
            + self._drawn(ids, answer)
            for rank, answer in enumerate(answers, 1)
        )

    def _drawn(self, ids: Ids, answer: Answer) -> str:
        if answer.attention is None or not self._settings.attention:
            return ""
        return drawn(self._symbols(ids), answer.symbols, answer.attention)

    def _symbols(self, ids: Ids) -> list[str]:
        names = self._model.vocabulary.symbols()
        return [names[number] for number in ids.tolist()]

    def values(self, lines: Sequence[str]) -> list[dict[str, Any]]:
        """What `--json` prints of each of some lines."""
        return [self._values(*one) for one in zip(lines, *self._answers(lines), strict=True)]

    def _values(self, line: str, ids: Ids, answers: Sequence[Answer]) -> dict[str, Any]:
        first, *others = answers
        attention = first.attention if self._settings.attention else None
        return {
            "source": line,
            "target": first.target,
            "log_probability": first.log_probability,
            "alternatives": [
                {"target": other.target, "log_probability": other.log_probability} for other in others
            ],
            "attention": None
            if attention is None
            else {
                "source": self._symbols(ids),
                "target": list(first.symbols),
                "weights": [[round(float(share), 4) for share in row] for row in attention],
            },
            "capped": first.is_capped,
        }

    def tell(self) -> None:
        """Say on standard error what was broken off."""
        if self._capped:
            targets = "1 target was" if self._capped == 1 else f"{self._capped:,} targets were"
            sys.stderr.write(f"charrnn: {targets} broken off at --max-length {self._settings.max_length:,}\n")


def _number(log_probability: float | None) -> str:
    """A log-probability; what is remembered has none."""
    return "" if log_probability is None else f"{log_probability:.4f}"


def converse(translator: LineTranslator) -> None:
    """Answer lines that are typed at a terminal, until there are no more."""
    with suppress(ImportError):  # line editing and history for `input`, where there is a library for it
        importlib.import_module("readline")
    while True:
        try:
            line = input("> ")
        except EOFError:
            print_text("\n")
            return
        except KeyboardInterrupt:
            print_text("\n")
            raise
        print_text(translator.answered([line]))
