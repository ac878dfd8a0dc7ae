"""Small corpora of other shapes than prose, written to standard output; the installed program needs none.

    python data/generate.py sums --count 20000 > sums.txt
    python data/generate.py brackets --count 20000 > brackets.txt
    python data/generate.py numbers --count 5000 > numbers.txt

Each line is independent of the others: train on them with `--mode lines`.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator

KOREAN_DIGITS = " 일이삼사오육칠팔구"


def sums(random_source: random.Random) -> str:
    """A sum and its result: needs carrying, and so memory over the length of the numbers."""
    a, b = random_source.randrange(1000), random_source.randrange(1000)
    return f"{a}+{b}={a + b}"


def brackets(random_source: random.Random) -> str:
    """Balanced brackets of three kinds: needs to remember what is open, like a stack."""
    opened: list[str] = []
    text = ""
    while len(text) < 40 and (opened or not text):
        if opened and random_source.random() < 0.5:
            text += opened.pop()
        else:
            kind = random_source.choice(("()", "[]", "{}"))
            text += kind[0]
            opened.append(kind[1])
    return text + "".join(reversed(opened))


def numbers(random_source: random.Random) -> str:
    """A number below ten thousand and how it is read in Korean: 1234 천이백삼십사."""
    number = random_source.randrange(1, 10_000)
    return f"{number} {korean(number)}"


def korean(number: int) -> str:
    """A number from 1 to 9,999 in Korean."""
    words = ""
    for unit, name in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
        digit = number // unit % 10
        if digit:
            words += ("" if digit == 1 and name else KOREAN_DIGITS[digit]) + name
    return words


SHAPES: dict[str, Callable[[random.Random], str]] = {"sums": sums, "brackets": brackets, "numbers": numbers}


def lines(shape: str, count: int, seed: int) -> Iterator[str]:
    """Lines of a shape; the same for the same seed."""
    random_source = random.Random(seed)  # noqa: S311 - a corpus, no secret
    return (SHAPES[shape](random_source) for _ in range(count))


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("--count", type=int, default=10_000, help="lines (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same lines (default 1)")
    options = parser.parse_args()
    for line in lines(options.shape, options.count, options.seed):
        sys.stdout.buffer.write(f"{line}\n".encode())


if __name__ == "__main__":
    main()
