"""Priming: a network reads the prompt, and predicts the first symbol after it. Knows no sampling rules."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.decoding import filters
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import LanguageModel, StepNetwork
from charrnn.decoding.network import Tell
from charrnn.decoding.prompt import Prompt, decomposes
from charrnn.decoding.text_stream import LONGEST_SEQUENCE, joins
from charrnn.text.codes import END

LONG = 1024
"""Symbols of a prompt that are read in blocks; of fewer it would make no difference but for rounding."""


@dataclass(frozen=True)
class Primed:
    """Where every text starts from.

    Attributes:
        network: has read the prompt.
        logits: (1, V), of the first symbol after it.
        ids: the prompt's symbols.
    """

    network: StepNetwork
    logits: Logits
    ids: NDArray[np.intp]


def prime(
    model: LanguageModel, prompt: Prompt, allowed: NDArray[np.bool_], tell: Tell | None = None
) -> Primed:
    """Read a prompt.

    Args:
        model: who writes.
        prompt: what every text begins with.
        allowed: (V,) what may be written at all.
        tell: is told how many more symbols of a long prompt were read.
    """
    network = model.network()
    return Primed(network, first_logits(model, prompt, network, allowed, tell), prompt.ids)


def first_logits(
    model: LanguageModel,
    prompt: Prompt,
    network: StepNetwork,
    allowed: NDArray[np.bool_],
    tell: Tell | None = None,
) -> Logits:
    """The logits of the first symbol after the prompt, (1, V), which a blank network reads.

    What cannot come first is ruled out.
    """
    ids = np.append(model.vocabulary.end_marks, prompt.ids)
    if not len(ids):
        return _start_logits(model, allowed)
    if len(ids) < LONG:
        for row in ids.reshape(-1, 1):
            logits = network.step(row)
    else:
        logits = network.read(ids, tell)
    return possible_logits(model, prompt, logits, allowed)


def possible_logits(
    model: LanguageModel, prompt: Prompt, logits: Logits, allowed: NDArray[np.bool_]
) -> Logits:
    """The logits of the first symbol after the prompt, without what cannot come first.

    Where the rules leave nothing that --allow names, what was asked for comes before them.
    """
    possible = filters.only(logits, _can_follow(model, prompt))
    return possible if np.isfinite(possible[:, allowed]).any() else logits.copy()


def recent_ids(ids: NDArray[np.intp], window: int) -> NDArray[np.intp]:
    """The last ids of the prompt, (1, window), filled up with -1 in front."""
    last = ids[max(len(ids) - window, 0) :]
    return np.pad(last, (window - len(last), 0), constant_values=-1)[None]


def _start_logits(model: LanguageModel, allowed: NDArray[np.bool_]) -> Logits:
    """How lines of the corpus begin; where no such beginning is allowed, how often each symbol occurs."""
    counts: list[NDArray[Any]] = [model.starts, model.vocabulary.counts, allowed.astype(np.int64)]
    some = next(count for count in counts if count[allowed].any())
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(some)[None])


def _can_follow(model: LanguageModel, prompt: Prompt) -> NDArray[np.bool_]:
    """(V,): not the end of an empty record, and nothing that changes the prompt's last character."""
    vocabulary = model.vocabulary
    can_follow = np.ones(len(vocabulary), np.bool_)
    if not len(prompt.ids):
        can_follow[vocabulary.end_marks] = model.empty_records
    if prompt.text and decomposes(model.normal_form) and vocabulary.level == "char":
        last = prompt.text[-LONGEST_SEQUENCE:]
        characters = vocabulary.codes[vocabulary.codes < END].tolist()
        can_follow[: len(characters)] &= [not joins(last, chr(code)) for code in characters]
    return can_follow
