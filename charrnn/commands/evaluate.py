"""`charrnn evaluate`: bits per character of a text under a model."""

import itertools
import json
import math
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from charrnn.checkpoint import Checkpoint, load
from charrnn.commands.baselines import Baseline, baselines, comparison
from charrnn.commands.corpora import counted, reading_of
from charrnn.commands.show import check_page, met, show, write_page
from charrnn.config import ReadingSettings
from charrnn.display import print_result, two_columns
from charrnn.errors import CorpusError, UsageError
from charrnn.learning.batches import Ids
from charrnn.learning.evaluation import (
    UNKNOWN_NATS,
    Predictions,
    Score,
    predictions,
    score_records,
    score_text,
)
from charrnn.learning.model import CharRNN
from charrnn.reading.census import Tally
from charrnn.reading.codes import END, LINE_FEED, UNKNOWN, to_text
from charrnn.reading.corpus import Corpus
from charrnn.reading.sources import listed
from charrnn.reading.vocabulary import Vocabulary
from charrnn.run import find_checkpoint
from charrnn.terminal import visible, write_text

WHOLE_VOCABULARY = 32
LIKELIEST = 10
"""`--per-character` shows a vocabulary up to so many symbols whole, of a larger one the likeliest."""


@dataclass(frozen=True)
class EncodedText:
    """A text as a model reads it.

    Attributes:
        ids: its known symbols; in lines mode an end mark, and each record with its own.
        characters: those that are scored, as read.
        utf8_bytes: what these take in UTF-8.
        unknown: how many of them the model does not know.
    """

    ids: Ids
    characters: int
    utf8_bytes: int
    unknown: int


@dataclass(frozen=True)
class Wanted:
    """What is to be printed or written.

    Attributes:
        per_character: a JSON line for each character, instead of the score.
        show: the text painted by surprise, instead of the score.
        baselines: what simple models and compressors reach too.
        html: a file for a page that shows the text painted.
        json: one JSON object instead of lines.
    """

    per_character: bool = False
    show: bool = False
    baselines: bool = False
    html: str | None = None
    json: bool = False

    def check(self) -> None:
        """Refuse what does not go together, and a page that cannot be written.

        Raises:
            UsageError: one of these.
        """
        instead = {"--show": self.show, "--per-character": self.per_character}
        beside = {
            "--per-character": self.per_character and self.show,
            "--baselines": self.baselines,
            "--html": self.html is not None,
            "--json": self.json and self.show,
        }
        first = next((option for option, wanted in instead.items() if wanted), None)
        second = next((option for option, wanted in beside.items() if wanted), None)
        if first and second:
            raise UsageError(f"{first} and {second} are given, but {first} is printed alone; leave one out")
        if self.html is not None:
            check_page(self.html)


def evaluate(
    paths: tuple[str, ...], checkpoint: str | None, given: Mapping[str, Any], *, window: int, wanted: Wanted
) -> None:
    """Print how well a model predicts a text.

    Args:
        paths: the text.
        checkpoint: the model's path.
        given: reading settings that were set; the model's own stand for the others.
        window: blank the state after so many characters; 0 carries it.
        wanted: what to print or write.
    """
    if window < 0:
        raise UsageError(f"--window is {window}; expected 0 to carry the state, or a number of characters")
    wanted.check()
    path = find_checkpoint(checkpoint)
    model = load(path)
    reading = reading_of(model, given)
    if window and model.vocabulary.end is not None:
        raise UsageError(
            "--window is for one long text; in lines mode each line starts blank, so leave it out"
        )
    corpus = counted(paths, reading)
    text = encode(corpus, model)
    network = network_of(model)
    found = in_order(network, text, model.vocabulary, window)
    if wanted.per_character:
        _print_characters(character_lines(found, model.vocabulary))
    elif wanted.show:
        show(met(corpus, found, model.vocabulary), text.characters)
    else:
        score = {"checkpoint": str(path), "window": window}
        score |= figures(network, text, model.vocabulary, window)
        rows = _rows(score, reading.mode)
        if wanted.html is not None:
            write_page(wanted.html, listed(paths), rows, met(corpus, found, model.vocabulary))
        compared = compare(corpus, text, model, path.parent) if wanted.baselines else None
        _print(score, rows, compared, json_wanted=wanted.json)


def compare(corpus: Corpus, text: EncodedText, model: Checkpoint, folder: Path) -> list[Baseline]:
    """What simple models and compressors reach on the text; the run's folder has what n-grams learn from."""
    return baselines(corpus, text.ids, model, folder, characters=text.characters, unknown=text.unknown)


def encode(corpus: Corpus, model: Checkpoint) -> EncodedText:
    """Read a text as the model does; what it does not know is counted and left out.

    Raises:
        CorpusError: there is nothing to score.
    """
    census = corpus.census()
    vocabulary, lines = model.vocabulary, corpus.reading.mode == "lines"
    if lines != (vocabulary.end is not None):
        raise UsageError(
            f"--mode is {corpus.reading.mode}, but the model was trained with the other one; leave it out"
        )
    if min(census.symbols, census.characters) < 2:
        raise CorpusError(
            f"{corpus.sources[0].name} has one character; the first is given, so two are needed"
        )
    reader = Reader(vocabulary, corpus.reading)
    for codes in corpus.codes():
        reader.read(codes)
    if lines:
        return EncodedText(reader.ids, reader.tally.characters, reader.tally.utf8_bytes, reader.unknown)
    first = corpus.first_character()
    first_bytes = 1 if vocabulary.level == "byte" else len(first.encode("utf-8", "replace"))
    return EncodedText(
        reader.ids,
        census.characters - 1,
        census.utf8_bytes - first_bytes,
        reader.unknown - reader.begins_unknown,
    )


class Reader:
    """Codes to ids, piece by piece, so that a long text takes no more memory than its ids.

    Attributes:
        tally: characters and bytes of records, one for each end mark included; composed where they were
            normalised.
        unknown: how many symbols were unknown.
        begins_unknown: whether the first one was.
    """

    def __init__(self, vocabulary: Vocabulary, reading: ReadingSettings) -> None:
        self.tally, self.unknown, self.begins_unknown = Tally(reading.level), 0, False
        self._vocabulary, self._reading = vocabulary, reading
        known = vocabulary.codes[vocabulary.codes != UNKNOWN]
        # What the model does not know has the id after those it knows, with an unknown symbol or without.
        self._marking = Vocabulary("char", np.append(known, UNKNOWN), np.zeros(len(known) + 1, np.int64))
        before = [] if vocabulary.end is None else [vocabulary.end]
        self._pieces: list[Ids] = [np.array(before, vocabulary.dtype)]

    @property
    def ids(self) -> Ids:
        """The known symbols' ids; in lines mode an end mark before them."""
        return np.concatenate(self._pieces)

    def read(self, codes: NDArray[np.uint32]) -> None:
        """Read on."""
        marked = self._marking.encode_codes(codes)
        is_unknown = marked == self._marking.unknown
        if len(self._pieces) == 1 and len(codes):
            self.begins_unknown = bool(is_unknown[0])
        self.unknown += int(np.count_nonzero(is_unknown))
        if self._vocabulary.unknown is None:
            marked = marked[~is_unknown]
        if len(codes):
            self._pieces.append(marked.astype(self._vocabulary.dtype))
        if self._vocabulary.end is not None:
            text = to_text(np.where(codes == END, np.uint32(LINE_FEED), codes))
            self.tally.add(text if self._reading.normalize == "none" else unicodedata.normalize("NFC", text))


def network_of(checkpoint: Checkpoint) -> CharRNN:
    """The network with a checkpoint's weights."""
    network = CharRNN(checkpoint.architecture, 0.0, torch.Generator().manual_seed(0))
    network.load_state_dict({name: torch.from_numpy(values) for name, values in checkpoint.weights.items()})
    return network.eval()


def in_order(
    network: CharRNN, text: EncodedText, vocabulary: Vocabulary, window: int
) -> Iterator[Predictions]:
    """What the network expected at each scored place, in the text's order: records one after the other."""
    if vocabulary.end is None:
        return predictions(network, text.ids, window)
    ends = np.flatnonzero(text.ids == vocabulary.end).tolist()
    records = (text.ids[begin : end + 1] for begin, end in itertools.pairwise(ends))
    return itertools.chain.from_iterable(predictions(network, record) for record in records)


def figures(network: CharRNN, text: EncodedText, vocabulary: Vocabulary, window: int) -> dict[str, Any]:
    """The score by name."""
    if vocabulary.end is None:
        known = score_text(network, text.ids, window, unknown=vocabulary.unknown)
    else:
        bounds = np.flatnonzero(text.ids == vocabulary.end)
        every = np.arange(len(bounds) - 1)
        known = score_records(network, text.ids, bounds, every, unknown=vocabulary.unknown)
    # Without an unknown symbol such characters were left out, and are charged here.
    left_out = text.unknown if vocabulary.unknown is None else 0
    nats = known.nats + left_out * UNKNOWN_NATS
    score = Score(nats, known.symbols, text.characters)
    return {
        "characters": text.characters,
        "unknown_characters": text.unknown,
        "nats_per_character": score.nats_per_character,
        "bits_per_character": score.bits_per_character,
        "bits_per_byte": nats / math.log(2) / text.utf8_bytes,
        "perplexity": score.perplexity,
    }


def character_lines(found: Iterator[Predictions], vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    """For each symbol what it cost, and what was expected in its place, the likeliest first."""
    symbols = vocabulary.symbols()
    shown = len(symbols) if len(symbols) <= WHOLE_VOCABULARY else LIKELIEST
    for logs, targets in found:
        best, places = logs.topk(shown, dim=-1)
        costs = -logs.gather(1, targets[:, None])[:, 0]
        rows = zip(targets.tolist(), costs.tolist(), best.exp().tolist(), places.tolist(), strict=True)
        for target, nats, chances, ids in rows:
            expected = {symbols[i]: _short(chance) for i, chance in zip(ids, chances, strict=True)}
            yield {"character": symbols[target], "nats": _short(nats), "probabilities": expected}


def _short(number: float) -> float:
    """Six digits, which is all that float32 has."""
    return float(f"{number:.6g}")


def _print_characters(lines: Iterator[dict[str, Any]]) -> None:
    for line in lines:
        shown = json.dumps(line, ensure_ascii=False) + "\n"
        write_text(sys.stdout, visible(shown) if sys.stdout.isatty() else shown)


def _print(
    score: Mapping[str, Any],
    rows: Sequence[tuple[str, str]],
    compared: Sequence[Baseline] | None,
    *,
    json_wanted: bool,
) -> None:
    """Print the score, as rows or as JSON, and what it is compared with."""
    if json_wanted:
        more = {} if compared is None else {"baselines": [baseline.json() for baseline in compared]}
        write_text(sys.stdout, json.dumps({**score, **more}) + "\n")
        return
    print_result(two_columns(rows))
    if compared is not None:
        write_text(sys.stdout, "\n")
        print_result(comparison(compared, score["bits_per_character"]))


def _rows(score: Mapping[str, Any], mode: str) -> list[tuple[str, str]]:
    """The score in words."""
    carried = "carried through" if mode == "text" else "blank at the start of each line"
    state = f"blank every {score['window']:,} characters" if score["window"] else carried
    return [
        ("bits per character", f"{score['bits_per_character']:.4f}"),
        ("nats per character", f"{score['nats_per_character']:.4f}"),
        ("bits per byte", f"{score['bits_per_byte']:.4f}"),
        ("perplexity", f"{score['perplexity']:.3f} per character"),
        (
            "characters",
            f"{score['characters']:,}, of which {score['unknown_characters']:,} unknown to the model",
        ),
        ("state", state),
        ("model", str(score["checkpoint"])),
    ]
