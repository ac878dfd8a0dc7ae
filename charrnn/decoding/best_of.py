"""`--best-of`: the likeliest of several candidates for each text, in order. Knows nothing of files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice, repeat
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


def whole_texts(pieces: Iterable[Piece], numbers: Iterable[int] | None = None) -> Iterator[str]:
    """The texts of these numbers (0, 1, 2 … if None), each once it and those before it are complete."""
    begun: defaultdict[int, list[str]] = defaultdict(list)
    complete: dict[int, str] = {}
    awaited = chain(count() if numbers is None else numbers, repeat(None))
    first = next(awaited)
    for number, text, ended in pieces:
        begun[number].append(text)
        if ended:
            complete[number] = "".join(begun.pop(number))
        while first in complete:
            yield complete.pop(first)
            first = next(awaited)


def likeliest_texts(
    model: LanguageModel,
    request: Request,
    settings: SampleSettings,
    trace: Trace | None = None,
    tell: Tell | None = None,
    *,
    texts: Sequence[int] | None = None,
) -> Iterator[Written]:
    """The texts of a request, each the likeliest of so many candidates as it says.

    What counts is the mean logarithm of the probability of a symbol, before any filter, over all that were
    chosen: an end mark or a stop text too, where one was written. A sum would keep the shortest.

    Args:
        model: who writes.
        request: what to write.
        settings: how to choose.
        trace: tells what was expected at each character; None where nobody asks.
        tell: is told how many more symbols of a long prompt were read.
        texts: the numbers of those to write; all of the request's if None.

    Raises:
        UsageError: as `write` does.
    """
    likelihoods, several = Likelihoods() if request.best_of > 1 else None, request.best_of
    watches = [watch for watch in (likelihoods, trace) if watch is not None]
    candidates: Sequence[int] = range(request.count * several)
    if texts is not None:
        candidates = [number * several + candidate for number in texts for candidate in range(several)]
    pieces = write(model, request, settings, candidates, _all_told(watches) if watches else None, tell=tell)
    numbered = zip(candidates, whole_texts(pieces, candidates), strict=True)
    written = _witnessed(numbered, trace)
    if likelihoods is None:
        return (text for _, text in written)
    return _likeliest(written, likelihoods, several)


def _all_told(watches: Sequence[Watch]) -> Watch:
    def tell(numbers: NDArray[np.intp], logits: Logits, ids: NDArray[np.intp]) -> None:
        for watch in watches:
            watch(numbers, logits, ids)

    return tell


def _witnessed(texts: Iterable[tuple[int, str]], trace: Trace | None) -> Iterator[tuple[int, Written]]:
    for number, text in texts:
        yield number, Written(text, trace.characters(number, text) if trace else ())
        if trace:
            trace.forget(number)


def _likeliest(
    texts: Iterable[tuple[int, Written]], likelihoods: "Likelihoods", of: int
) -> Iterator[Written]:
    scored = ((likelihoods.take(number), written) for number, written in texts)
    while best := max(islice(scored, of), key=itemgetter(0), default=None):
        yield best[1]


class Likelihoods:
    """How likely the symbols of each text were before any filter: a `Watch`."""

    def __init__(self) -> None:
        self._nats: defaultdict[int, float] = defaultdict(float)
        self._symbols: defaultdict[int, int] = defaultdict(int)

    def __call__(self, numbers: NDArray[np.intp], logits: Logits, ids: NDArray[np.intp]) -> None:
        """Take what was chosen at one step."""
        nats = filters.log_probabilities(logits)[np.arange(len(ids)), ids]
        for number, chosen in zip(numbers.tolist(), nats.tolist(), strict=True):
            self._nats[number] += chosen
            self._symbols[number] += 1

    def take(self, number: int) -> float:
        """The mean log-probability of the symbols of a text that is complete, which is then forgotten."""
        return self._nats.pop(number, 0.0) / max(self._symbols.pop(number, 0), 1)
