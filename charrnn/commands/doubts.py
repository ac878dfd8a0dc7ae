"""Warnings about scores that mean little: the text was trained on, or is mostly unknown to the model."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.commands.scored_text import NamedText
from charrnn.commands.scoring import Subject
from charrnn.errors import CheckpointError
from charrnn.evaluation.overlap import compare
from charrnn.text.corpus import Corpus
from charrnn.text.dataset import is_encoded, open_dataset
from charrnn.text.parts import Part
from charrnn.text.record_part import Records
from charrnn.text.shared_lines import repeated_records
from charrnn.text.vocabulary import Ids, Vocabulary

SPAN, SPANS = 40, 200
"""So many spans of so many symbols are looked for in what the model learnt from."""

ADVICE = "charrnn evaluate --part validation scores what its run held out"


def doubts(subject: Subject, figures: Mapping[str, Any]) -> Iterator[str]:
    """What there is to say of a score, each in one line."""
    unknown, characters = figures["unknown_characters"], figures["characters"]
    name = subject.text.name
    if 2 * unknown > characters:
        yield (
            f"{name}: most of it, {unknown:,} of {characters:,} characters, is unknown to the model, so the "
            "score is mostly the fixed cost of unknown characters; give a text in the model's own script"
        )
    if isinstance(subject.text, NamedText):
        yield from _learnt_from(subject, subject.text.corpus)


def _learnt_from(subject: Subject, corpus: Corpus) -> Iterator[str]:
    """Whether a text, or most of it, was learnt from."""
    facts, name = subject.model.corpus, subject.text.name
    if corpus.statistics().fingerprint == facts.fingerprint:
        yield f"{name} is what the model was trained on, so the score is optimistic; {ADVICE}"
        return
    if not is_encoded(subject.path.parent):
        return
    try:
        dataset = open_dataset(subject.path.parent)
    except CheckpointError:
        return
    if not dataset.is_learnt_by(facts.encoded, subject.vocabulary):
        return
    share = _share_learnt_from(corpus, dataset.training, subject.vocabulary)
    if share > 0.5:
        yield (
            f"{name}: most of it ({share:.0%}) is in the training text of the model, so the score is "
            f"optimistic; {ADVICE}"
        )


def _share_learnt_from(corpus: Corpus, training: Part, vocabulary: Vocabulary) -> float:
    """Share of spans of a text, or of its records, that stand in the training part word for word."""
    marking = vocabulary.marking()
    ids = (marking.encode_codes(codes) for codes in corpus.codes())
    if vocabulary.mode == "lines":
        whole = np.concatenate([vocabulary.end_marks.astype(marking.dtype), *ids])
        bounds = np.flatnonzero(whole == vocabulary.end).astype(np.int64)
        text = Records(whole, 0, 0, bounds, np.arange(len(bounds) - 1))
        return repeated_records(training, text) / max(1, len(bounds) - 1)
    spans = list(_spans(ids, corpus.statistics().symbols))
    if not spans:
        return 0.0
    found = compare(spans, (block.astype(np.uint32) for block in training.blocks()))
    return found.shares[SPAN].share or 0.0


def _spans(blocks: Iterable[Ids], symbols: int) -> Iterator[NDArray[np.uint32]]:
    """Spans spread evenly over a text that comes in pieces."""
    if symbols < SPAN:
        return
    wanted = np.unique(np.linspace(0, symbols - SPAN, SPANS).astype(np.int64))
    held, begin = np.empty(0, np.uint32), 0
    for block in blocks:
        held = np.append(held, block.astype(np.uint32))
        count = int(np.searchsorted(wanted, begin + len(held) - SPAN, "right"))
        yield from (held[place - begin : place - begin + SPAN] for place in wanted[:count])
        wanted, drop = wanted[count:], max(0, len(held) - SPAN + 1)
        held, begin = held[drop:], begin + drop
