"""How good written targets are, beside those that were wanted. Knows nothing of networks or files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charrnn.text.example_parts import Paired
from charrnn.text.target_vocabulary import TargetVocabulary
from charrnn.text.vocabulary import Vocabulary

Ids = NDArray[np.integer[Any]]


def distance(one: Ids, other: Ids) -> int:
    """How many symbols have to be put in, taken out or replaced to make one of the other (Levenshtein 1966).

    Of `kitten` and `sitting` it is 3.
    """
    steps = np.arange(len(other) + 1)
    row = steps
    for symbol in one:
        # Coming from above or from above left; from the left, each step costs one more.
        best = np.append(row[0] + 1, np.minimum(row[1:] + 1, row[:-1] + (other != symbol)))
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])


@dataclass(frozen=True)
class WrittenTargets:
    """What was written for some sources, beside what was wanted.

    Attributes:
        written: for each source targets, the likeliest first, one at least.
        wanted: for each source its target.
    """

    written: Sequence[Sequence[Ids]]
    wanted: Sequence[Ids]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(R,) whether the first one is exactly what was wanted."""
        pairs = zip(self.written, self.wanted, strict=True)
        return np.array([np.array_equal(best[0], wanted) for best, wanted in pairs], np.bool_)

    def figures(self) -> dict[str, float]:
        """Shares from 0 to 1, but for the error rate, which may be more; of no source at all, none."""
        if not self.wanted:
            return {}
        pairs = list(zip(self.written, self.wanted, strict=True))
        errors = sum(distance(best[0], wanted) for best, wanted in pairs)
        found = {
            "exact": float(self.is_right.mean()),
            "symbol_error_rate": errors / max(1, sum(len(wanted) for wanted in self.wanted)),
        }
        if any(len(best) > 1 for best in self.written):
            right = [any(np.array_equal(one, wanted) for one in best) for best, wanted in pairs]
            found["oracle_exact"] = float(np.mean(right))
        return found

    def only(self, chosen: NDArray[np.bool_]) -> "WrittenTargets":
        """Those of some sources."""
        places = np.flatnonzero(chosen).tolist()
        return WrittenTargets(
            [self.written[place] for place in places], [self.wanted[place] for place in places]
        )


def sides(part: Paired) -> tuple[Sequence[Ids], Sequence[Ids]]:
    """Sources, each with its end mark, and targets without."""
    sources = [part.sources.ids[begin + 1 : end] for begin, end in part.sources.texts]
    targets = [part.targets.ids[begin + 1 : end - 1] for begin, end in part.targets.texts]
    return sources, targets


def copied(sources: Sequence[Ids], vocabulary: Vocabulary, targets: TargetVocabulary) -> list[Ids]:
    """Each source as its own target, a character being a symbol; what no target has is no symbol of any."""
    known = {symbol: number for number, symbol in enumerate(targets.symbols, 1)}
    table = np.array([known.get(symbol, -1) for symbol in vocabulary.symbols()])
    return [table[source[:-1]] for source in sources]


def memorised(training: Paired, sources: Sequence[Ids], otherwise: Sequence[Ids]) -> list[Ids]:
    """The target that a source had most often in training, the first of those; or else another one."""
    found: dict[bytes, Counter[bytes]] = {}
    for source, target in zip(*sides(training), strict=True):
        found.setdefault(_key(source), Counter())[_key(target)] += 1
    best: Mapping[bytes, bytes] = {source: counts.most_common(1)[0][0] for source, counts in found.items()}
    return [
        np.frombuffer(best[_key(source)], np.int64) if _key(source) in best else other
        for source, other in zip(sources, otherwise, strict=True)
    ]


def are_copies(written: WrittenTargets, training: Paired) -> NDArray[np.bool_]:
    """(R,) whether what was written first is exactly a target of training."""
    known = {_key(target) for target in sides(training)[1]}
    return np.array([_key(best[0]) in known for best in written.written], np.bool_)


def _key(ids: Ids) -> bytes:
    return ids.astype(np.int64).tobytes()
