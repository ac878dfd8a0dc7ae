"""Of several candidates the likeliest text, whole texts in order. Knows nothing of files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from charrnn.config.settings import Request, SampleSettings
from charrnn.decoding import filters
from charrnn.decoding.filters import Logits
from charrnn.decoding.language_model import LanguageModel
from charrnn.decoding.network import Tell
from charrnn.decoding.sampler import Piece, Watch, write
from charrnn.decoding.trace import Trace, Written


def whole_texts(pieces: Iterable[Piece]) -> Iterator[str]:
    """The texts 0, 1, 2 …, each as soon as it and those before it are complete."""
    begun: defaultdict[int, list[str]] = defaultdict(list)
    complete: dict[int, str] = {}
    awaited = 0
    for number, text, ended in pieces:
        begun[number].append(text)
        if ended:
            complete[number] = "".join(begun.pop(number))
        while awaited in complete:
            yield complete.pop(awaited)
            awaited += 1


def likeliest_texts(
    model: LanguageModel,
    request: Request,
    settings: SampleSettings,
    trace: Trace | None = None,
    tell: Tell | None = None,
) -> Iterator[Written]:
    """The texts of a request, each the likeliest of so many candidates as it says.

    What counts is the mean logarithm of the probability of a character, before any filter: the sum over the
    symbols that were chosen, end mark included, by the characters that were written, end mark included. A sum
    alone would keep the shortest.

    Args:
        model: who writes.
        request: what to write.
        settings: how to choose.
        trace: tells what was expected at each character; None where nobody asks.
        tell: is told how many more symbols of a long prompt were read.

    Raises:
        UsageError: as `write` does.
    """
    likelihoods = Likelihoods() if request.best_of > 1 else None
    watches = [watch for watch in (likelihoods, trace) if watch is not None]
    candidates = range(request.count * request.best_of)
    pieces = write(model, request, settings, candidates, _all_told(watches) if watches else None, tell=tell)
    texts = _witnessed(whole_texts(pieces), trace)
    if likelihoods is None:
        return texts
    return _likeliest(texts, likelihoods, request.best_of, ends=model.vocabulary.mode == "lines")


def _all_told(watches: Sequence[Watch]) -> Watch:
    def tell(numbers: NDArray[np.intp], logits: Logits, ids: NDArray[np.intp]) -> None:
        for watch in watches:
            watch(numbers, logits, ids)

    return tell


def _witnessed(texts: Iterator[str], trace: Trace | None) -> Iterator[Written]:
    for number, text in enumerate(texts):
        yield Written(text, trace.characters(number, text) if trace else ())
        if trace:
            trace.forget(number)


def _likeliest(
    texts: Iterator[Written], likelihoods: "Likelihoods", of: int, *, ends: bool
) -> Iterator[Written]:
    scored = (
        (likelihoods.take(number) / max(len(written.text) + ends, 1), written)
        for number, written in enumerate(texts)
    )
    while best := max(islice(scored, of), key=itemgetter(0), default=None):
        yield best[1]


class Likelihoods:
    """Adds up how likely the symbols of each text were before any filter: a `Watch`."""

    def __init__(self) -> None:
        self._nats: defaultdict[int, float] = defaultdict(float)

    def __call__(self, numbers: NDArray[np.intp], logits: Logits, ids: NDArray[np.intp]) -> None:
        """Take what was chosen at one step."""
        nats = filters.log_probabilities(logits)[np.arange(len(ids)), ids]
        for number, chosen in zip(numbers.tolist(), nats.tolist(), strict=True):
            self._nats[number] += chosen

    def take(self, number: int) -> float:
        """The logarithm of the probability of a text that is complete, which is then forgotten."""
        return self._nats.pop(number, 0.0)
