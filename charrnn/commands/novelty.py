"""`charrnn sample --novelty`: how much of the output is copied from a corpus, as text and as JSON."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charrnn.config.settings import ReadingSettings
from charrnn.decoding.prompt import in_normal_form
from charrnn.decoding.text_stream import spell
from charrnn.display.sanitizer import visible
from charrnn.errors import CorpusError, InputError, UsageError
from charrnn.evaluation.overlap import MARKED, Copy, Novelty, Share, compare
from charrnn.evaluation.spans import Codes
from charrnn.runs.checkpoint import Checkpoint
from charrnn.runs.folder import Run, read_config
from charrnn.text.codes import to_text
from charrnn.text.corpus import Corpus
from charrnn.text.encodings import unix_newlines
from charrnn.text.sources import STANDARD_INPUT, listed

AUTO = "auto"

_COMPOSED = {"nfd": "nfc", "nfkd": "nfkc"}
"""The form in which people read what a model of decomposed text learnt and writes."""

_SHOWN = 5
_CONTEXT = 12
_LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Findings:
    """What of some texts stands in a corpus.

    Attributes:
        corpus: names, for people.
        unit: what is counted: characters, or bytes of a model that knows nothing else.
        texts: the texts that were looked for, in the model's normal form.
        novelty: what was found.
        source: the file or other source in which the longest span stands, whole.
        line: the line of it, or the record, from 1.
    """

    corpus: str
    unit: str
    texts: Sequence[Codes]
    novelty: Novelty
    source: str
    line: int

    def quote(self, text: int, start: int, stop: int) -> str:
        """Characters of one of the texts."""
        codes = self.texts[text][max(start, 0) : stop]
        return (
            to_text(codes)
            if self.unit == "character"
            else codes.astype("u1").tobytes().decode("utf-8", "replace")
        )

    def as_json(self) -> dict[str, Any]:
        """The findings by name."""
        novelty, longest = self.novelty, self.novelty.longest
        stop = longest.start + longest.length
        place = {"source": self.source, "line": self.line, "position": longest.position}
        return {
            "corpus": self.corpus,
            "unit": self.unit,
            "written": novelty.characters,
            "corpus_length": novelty.corpus_characters,
            "longest": {
                "length": longest.length,
                "text": longest.text,
                "start": longest.start,
                "copied": self.quote(longest.text, longest.start, stop),
            }
            | (place if longest.length else {}),
            "spans": {str(length): _share(share) for length, share in novelty.shares.items()},
            "copied": [
                {"text": text, "start": start, "stop": stop}
                for text, stretches in enumerate(novelty.copied)
                for start, stop in stretches
            ],
        } | ({"lines": _share(novelty.lines)} if novelty.lines.total else {})

    def report(self) -> str:
        """The findings in a few lines, what was copied being marked with brackets; fit for a terminal."""
        novelty, unit = self.novelty, self.unit
        spans = ", ".join(
            f"{_percent(share)} of {length}-{unit} spans" for length, share in novelty.shares.items()
        )
        rows = [
            (
                "written",
                f"{_count(novelty.characters, unit)}, compared with {self.corpus} "
                f"({_count(novelty.corpus_characters, unit)})",
            ),
            ("longest span copied", _longest(self)),
            ("spans copied", spans),
        ]
        if novelty.lines.total:
            lines = novelty.lines
            rows.append(("lines copied", f"{lines.copied:,} of {lines.total:,} whole ({_percent(lines)})"))
        marked = [(text, start, stop) for text, some in enumerate(novelty.copied) for start, stop in some]
        longest_first = sorted(marked, key=lambda mark: mark[1] - mark[2])
        rows += [
            (_where(*mark, several=len(self.texts) > 1), _marked(self, *mark))
            for mark in longest_first[:_SHOWN]
        ]
        if len(marked) > _SHOWN:
            rows.append(("", f"and {len(marked) - _SHOWN:,} more stretches of {MARKED} {unit}s and more"))
        width = max(len(name) for name, _ in rows) + 2
        return "".join(f"{name:<{width}}{visible(_on_one_line(value))}\n" for name, value in rows)


class Reference:
    """What was written, and the corpus to compare it with, read as the model's own but composed as that."""

    def __init__(self, paths: Sequence[str], reading: ReadingSettings) -> None:
        """Open it, so that what is missing is told before anything is written.

        Raises:
            CorpusError: it is missing, or is not what its settings say.
        """
        form = _COMPOSED.get(reading.normalize, reading.normalize)
        self._corpus = Corpus(paths, replace(reading, normalize=form))
        self._name = listed(paths)
        self._texts: list[Codes] = []
        self._lines: list[Codes] = []
        self._corpus.statistics()
        for notice in self._corpus.notices:
            sys.stderr.write(f"charrnn: {visible(notice)}\n")

    def add(self, text: str, line: str) -> None:
        """Take a text that was written; in lines mode also the whole line, with its prompt."""
        self._texts.append(self._codes(text))
        if self._corpus.reading.mode == "lines":
            self._lines.append(self._codes(line))

    def compare(self) -> Findings:
        """Look for all that was written."""
        novelty = compare(self._texts, self._corpus.codes(), self._lines)
        source, line = self._place(novelty.longest)
        unit = "byte" if self._corpus.reading.level == "byte" else "character"
        return Findings(self._name, unit, self._texts, novelty, source, line)

    def _codes(self, text: str) -> Codes:
        reading = self._corpus.reading
        text = "".join(unix_newlines([text])) if reading.newlines == "lf" else text
        return spell(in_normal_form(text, reading.normalize), reading.level)

    def _place(self, longest: Copy) -> tuple[str, int]:
        """The first source in which a copy stands whole, and the line; both of the corpus if in none."""
        sources = self._corpus.sources
        copied = self._texts[longest.text][longest.start : longest.start + longest.length]
        for number, source in enumerate(sources if len(sources) > 1 else []):
            found = compare([copied], self._corpus.source_codes(number)).longest
            if found.length == longest.length:
                return source.name, found.line
        return self._name, longest.line


def open_reference(paths: tuple[str, ...], checkpoint: Path, model: Checkpoint) -> Reference:
    """The corpus that `--novelty` means.

    Raises:
        CorpusError: it is missing or unreadable, or no longer what the model was trained on where that is
            meant.
    """
    return Reference(_training_paths(checkpoint, model) if paths == (AUTO,) else paths, model.reading)


def _training_paths(checkpoint: Path, model: Checkpoint) -> tuple[str, ...]:
    """The paths that the run's settings name, if what lies there is what the model was trained on."""
    advice = "give the text itself: --novelty CORPUS"
    config = Run(checkpoint.parent).config
    try:
        paths = tuple(read_config(str(config)).get("corpus", ()))
        if not paths or STANDARD_INPUT in paths:
            raise CorpusError(f"{config} names no file that it was read from")
        fingerprint = Corpus(paths, model.reading).statistics().fingerprint
    except (InputError, UsageError) as error:
        raise CorpusError(f"--novelty auto finds no training corpus: {error}; {advice}") from error
    if fingerprint != model.corpus.fingerprint:
        raise CorpusError(
            f"--novelty auto: {listed(paths)} is no longer what the model was trained on; {advice}"
        )
    return paths


def _share(share: Share) -> dict[str, float | int | None]:
    return {"copied": share.copied, "total": share.total, "share": share.share}


def _longest(findings: Findings) -> str:
    longest = findings.novelty.longest
    if not longest.length:
        return "none"
    place = f"it stands in {findings.source}, line {findings.line:,}"
    return f"{_count(longest.length, findings.unit)}; {place}"


def _where(text: int, start: int, stop: int, *, several: bool) -> str:
    """Which characters of which text, counted from 1."""
    return (f"text {text + 1:,}, " if several else "") + f"{start + 1:,} to {stop:,}"


def _marked(findings: Findings, text: int, start: int, stop: int) -> str:
    """A copied stretch in brackets, between what stands around it."""
    before = findings.quote(text, start - _CONTEXT, start)
    after = findings.quote(text, stop, stop + _CONTEXT)
    shown = min(stop, start + _LONGEST_QUOTE)
    cut = "" if shown == stop else " …"
    return f"{before}⟦{findings.quote(text, start, shown)}{cut}⟧{after}"


def _on_one_line(text: str) -> str:
    return text.replace("\n", "␊").replace("\t", "␉")


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _percent(share: Share) -> str:
    return "–" if share.share is None else f"{share.share:.1%}"
