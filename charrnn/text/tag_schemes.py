"""Tags that mark spans: which one may follow which, and which spans they mark. BIO and BMES are known.

    BIO    B begins a span, I goes on with it, O is outside; I after O, or after another type, is impossible
    BMES   B begins a span, M goes on with it, E ends it; S is one by itself

A tag may have a type after a hyphen: `B-name`. Knows nothing of text or models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
TagIds = NDArray[np.integer]


@dataclass(frozen=True)
class Scheme:
    """How tags mark spans.

    Attributes:
        begins: what begins a span.
        ends: what ends one with itself; without such it ends where another begins, or outside.
        outside: what is in no span.
        follow: for each tag those that may follow it; of these, what does not begin a span has its type.
        first: what a text may begin with.
        last: what it may end with.
        needed: what there must be among the tags, to know it.
    """

    begins: str
    ends: str
    outside: str
    follow: dict[str, str]
    first: str
    last: str
    needed: str


SCHEMES = {
    "BIO": Scheme(
        begins="B",
        ends="",
        outside="O",
        follow={"B": "BIO", "I": "BIO", "O": "BO"},
        first="BO",
        last="BIO",
        needed="BI",
    ),
    "BMES": Scheme(
        begins="BS",
        ends="ES",
        outside="",
        follow={"B": "ME", "M": "ME", "E": "BS", "S": "BS"},
        first="BS",
        last="ES",
        needed="BES",
    ),
}
"""By name."""


@dataclass(frozen=True)
class Possible:
    """Which sequences of K tags may come out.

    Attributes:
        first: (K,) whether a text may begin with a tag.
        follows: (K, K) whether the second may follow the first.
        last: (K,) whether a text may end with it.
    """

    first: Flags
    follows: Flags
    last: Flags


def scheme_of(tags: Sequence[str]) -> Scheme | None:
    """How these tags mark spans; None if they do not."""
    parted = [_parted(tag) for tag in tags]
    kinds, typed = {kind for kind, _ in parted}, {kind for kind, type_ in parted if type_}
    for scheme in SCHEMES.values():
        is_known = kinds <= scheme.follow.keys() and not typed & set(scheme.outside)
        if is_known and set(scheme.needed) <= kinds:
            return scheme
    return None


def possible(tags: Sequence[str]) -> Possible:
    """Which sequences of these tags may come out; all where they do not mark spans."""
    scheme, count = scheme_of(tags), len(tags)
    if scheme is None:
        return Possible(np.ones(count, bool), np.ones((count, count), bool), np.ones(count, bool))
    parted = [_parted(tag) for tag in tags]
    follows = [[_may_follow(scheme, one, other) for other in parted] for one in parted]
    first, last = ([kind in which for kind, _ in parted] for which in (scheme.first, scheme.last))
    return Possible(np.array(first), np.array(follows), np.array(last))


def _may_follow(scheme: Scheme, one: tuple[str, str], other: tuple[str, str]) -> bool:
    (before, its_type), (after, other_type) = one, other
    is_new = after in scheme.begins + scheme.outside
    return after in scheme.follow[before] and (is_new or its_type == other_type)


def _parted(tag: str) -> tuple[str, str]:
    kind, _, type_ = tag.partition("-")
    return kind, type_


@dataclass(frozen=True)
class SpanMarks:
    """The spans that sequences of K tags mark, each of which may be an impossible one.

    Attributes:
        begins: (K,) whether a tag begins a span wherever it stands.
        ends: (K,) whether it ends one with itself.
        outside: (K,) whether it is in none.
        types: (K,) the number of its type.
    """

    begins: Flags
    ends: Flags
    outside: Flags
    types: NDArray[np.int64]

    @classmethod
    def of(cls, tags: Sequence[str], scheme: Scheme) -> "SpanMarks":
        """Those of tags in a scheme."""
        kinds, types = zip(*map(_parted, tags), strict=True)
        numbers = {name: number for number, name in enumerate(sorted(set(types)))}
        begins, ends, outside = (
            np.array([kind in which for kind in kinds])
            for which in (scheme.begins, scheme.ends, scheme.outside)
        )
        return cls(begins, ends, outside, np.array([numbers[name] for name in types]))

    def spans(self, ids: TagIds, firsts: Flags) -> NDArray[np.int64]:
        """(S, 3) where spans begin and end, and their types.

        A tag that goes on with a span where there is none of its type begins one.

        Args:
            ids: (N,) the tags of texts, one after the other.
            firsts: (N,) true where a text begins.
        """
        before = np.roll(ids, 1)
        is_new = firsts | self.outside[before] | self.ends[before] | (self.types[ids] != self.types[before])
        begins = ~self.outside[ids] & (self.begins[ids] | is_new)
        breaks = np.append(np.flatnonzero(begins | self.outside[ids] | firsts), len(ids))
        starts = np.flatnonzero(begins)
        ends = breaks[np.searchsorted(breaks, starts, "right")]
        return np.stack((starts, ends, self.types[ids[starts]]), 1)
