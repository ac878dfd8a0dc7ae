"""A little table for each task that learns from one."""

from pathlib import Path

WORDS = ["".join("abcdé"[number * place % 5] for place in range(1, 2 + number % 7)) for number in range(120)]

ROWS = {
    "classify": [(word, "with" if "b" in word else "without") for word in WORDS],
    "generate": [(word, str(len(word))) for word in WORDS],
    "translate": [(word, word[::-1].upper()) for word in WORDS],
    "tag": [(word, " ".join("B" if letter in "ab" else "I" for letter in f"a{word[1:]}")) for word in WORDS],
}

ALL_ARRAYS = {"tag": ("--substring-rows", "64")}
"""What a run of a task is given, beside these, that its network may have every array."""


def write_rows(task: str, path: Path) -> None:
    """Lay the rows of a task into a file."""
    path.write_text("".join(f"{text}\t{answer}\n" for text, answer in ROWS[task]), encoding="utf-8")
