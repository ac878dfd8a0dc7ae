"""`charrnn evaluate`: bits per character of a text under a model."""

import itertools
import json
import math
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from charrnn.checkpoint import Checkpoint, load
from charrnn.commands.corpora import counted, reading_of
from charrnn.config import ReadingSettings
from charrnn.display import print_result, two_columns
from charrnn.errors import CorpusError, UsageError
from charrnn.learning.batches import Ids
from charrnn.learning.evaluation import Predictions, Score, predictions, score_records, score_text
from charrnn.learning.model import CharRNN
from charrnn.reading.census import Tally
from charrnn.reading.codes import END, LINE_FEED, UNKNOWN, to_text
from charrnn.reading.corpus import Corpus
from charrnn.reading.vocabulary import Vocabulary
from charrnn.run import find_checkpoint
from charrnn.terminal import write_text

WHOLE_VOCABULARY = 32
LIKELIEST = 10
"""`--per-character` shows a vocabulary up to so many symbols whole, of a larger one the likeliest."""

UNKNOWN_NATS = math.log(0x110000)
"""What a character costs that the model does not know: as much as naming any code point at random."""


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


def evaluate(
    paths: tuple[str, ...],
    checkpoint: str | None,
    given: Mapping[str, Any],
    *,
    window: int,
    per_character: bool,
    json_wanted: bool,
) -> None:
    """Print how well a model predicts a text.

    Args:
        paths: the text.
        checkpoint: the model's path.
        given: reading settings that were set; the model's own stand for the others.
        window: blank the state after so many characters; 0 carries it.
        per_character: a JSON line for each character instead.
        json_wanted: one JSON object instead of lines.
    """
    if window < 0:
        raise UsageError(f"--window is {window}; expected 0 to carry the state, or a number of characters")
    path = find_checkpoint(checkpoint)
    model = load(path)
    reading = reading_of(model, given)
    if window and model.vocabulary.end is not None:
        raise UsageError(
            "--window is for one long text; in lines mode each line starts blank, so leave it out"
        )
    text = encode(counted(paths, reading), model)
    network = network_of(model)
    if per_character:
        for line in character_lines(in_order(network, text, model.vocabulary, window), model.vocabulary):
            write_text(sys.stdout, json.dumps(line, ensure_ascii=False) + "\n")
        return
    score = {"checkpoint": str(path), "window": window} | figures(network, text, model.vocabulary, window)
    if json_wanted:
        write_text(sys.stdout, json.dumps(score) + "\n")
    else:
        _print(score, reading.mode)


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
    codes = np.concatenate(list(corpus.codes()))
    if min(len(codes), census.characters) < 2:
        raise CorpusError(
            f"{corpus.sources[0].name} has one character; the first is given, so two are needed"
        )
    marked = marked_unknown(codes, vocabulary)
    is_unknown = marked == len(vocabulary) - (vocabulary.unknown is not None)
    ids = (marked if vocabulary.unknown is not None else marked[~is_unknown]).astype(vocabulary.dtype)
    unknown = int(is_unknown.sum())
    if lines:
        tally = tally_of_records(codes, corpus.reading)
        before = np.full(1, vocabulary.end, vocabulary.dtype)
        return EncodedText(np.append(before, ids), tally.characters, tally.utf8_bytes, unknown)
    first_bytes = 1 if vocabulary.level == "byte" else len(to_text(codes[:1]).encode("utf-8", "replace"))
    return EncodedText(
        ids, census.characters - 1, census.utf8_bytes - first_bytes, unknown - int(is_unknown[0])
    )


def marked_unknown(codes: NDArray[np.uint32], vocabulary: Vocabulary) -> NDArray[np.uint32]:
    """The ids of codes; a character without one of its own has the id after those that have."""
    known = vocabulary.codes[vocabulary.codes != UNKNOWN]
    table = Vocabulary("char", np.append(known, UNKNOWN), np.zeros(len(known) + 1, np.int64))
    return table.encode_codes(codes).astype(np.uint32)


def tally_of_records(codes: NDArray[np.uint32], reading: ReadingSettings) -> Tally:
    """Characters and bytes of records, one for each end mark included; composed where it was normalised."""
    text = to_text(np.where(codes == END, np.uint32(LINE_FEED), codes))
    tally = Tally(reading.level)
    tally.add(text if reading.normalize == "none" else unicodedata.normalize("NFC", text))
    return tally


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
        known = score_text(network, text.ids, window)
    else:
        bounds = np.flatnonzero(text.ids == vocabulary.end)
        known = score_records(network, text.ids, bounds, np.arange(len(bounds) - 1))
    nats = known.nats + text.unknown * UNKNOWN_NATS
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


def _print(score: Mapping[str, Any], mode: str) -> None:
    carried = "carried through" if mode == "text" else "blank at the start of each line"
    state = f"blank every {score['window']:,} characters" if score["window"] else carried
    rows = [
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
    print_result(two_columns(rows))
