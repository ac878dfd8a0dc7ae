"""Makes a tag for each character from words that are segmented: `B` where a morpheme begins, `I` inside it.

    python data/morphemes.py < train.tsv > tags.tsv

reads lines of `word<TAB>morpheme @@morpheme`, as the data of SIGMORPHON 2022 have them, and writes what
`charrnn train tags.tsv --task tag` reads: `abeced @@u` becomes `B I I I I I B`. A word that is not its
morphemes joined has no such tags: it is left out, and counted on standard error.
"""

import sys


def tags_of(morphemes: list[str]) -> list[str]:
    """A tag for each character of morphemes, one after the other."""
    return [tag for morpheme in morphemes for tag in ["B"] + ["I"] * (len(morpheme) - 1)]


def main() -> None:
    """Turn standard input into standard output."""
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    left_out = 0
    for line in sys.stdin:
        word, segmented = line.rstrip("\n").split("\t")[:2]
        morphemes = segmented.split(" @@")
        if "".join(morphemes) != word:
            left_out += 1
            continue
        print(word, " ".join(tags_of(morphemes)), sep="\t")
    if left_out:
        words = "word is not its" if left_out == 1 else "words are not their"
        print(f"{left_out:,} {words} morphemes joined: left out", file=sys.stderr)


if __name__ == "__main__":
    main()
