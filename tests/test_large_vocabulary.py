"""Thousands of distinct characters, as in Chinese: what they cost is planned for, and they are learnt."""

from pathlib import Path

import numpy as np
import pytest
from program import charrnn, charrnn_process

from charrnn.commands.hints import LARGE_VOCABULARY, advice_on_rare
from charrnn.evaluation.scores import OutOfTime, broken_off, score_text
from charrnn.runs.checkpoint import load
from charrnn.text.vocabulary import Vocabulary


def han(characters: int, symbols: int, *, order: float = 0.4, seed: int = 1) -> str:
    """Text over Han characters with Zipf's frequencies; each has one that often follows it."""
    random = np.random.default_rng(seed)
    chances = 1 / np.arange(1, symbols + 1)
    chances /= chances.sum()
    favourites = random.choice(symbols, symbols, p=chances)
    drawn, follows = random.choice(symbols, characters, p=chances), random.random(characters) < order
    ids = np.empty(characters, np.uint32)
    for place in range(characters):
        ids[place] = favourites[ids[place - 1]] if place and follows[place] else drawn[place]
    return (0x4E00 + random.permutation(symbols)[ids]).astype("<u4").tobytes().decode("utf-32-le")


def unigram_entropy(text: str) -> float:
    """Bits per character."""
    counts = np.unique(np.frombuffer(text.encode("utf-32-le"), np.uint32), return_counts=True)[1]
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def test_rare_symbols_of_a_large_vocabulary_are_advised_on(tmp_path: Path) -> None:
    text = han(40_000, 6_000)
    vocabulary = Vocabulary.from_text(text)
    counts = vocabulary.counts
    assert len(counts) > LARGE_VOCABULARY
    rare, share = int((counts < 5).sum()), counts[counts < 5].sum() / len(text)
    assert advice_on_rare(vocabulary) == (
        f"{rare:,} of {len(counts):,} symbols occur fewer than 5 times, {share:.1%} of the text: "
        "--min-count 5 maps them to one unknown symbol and makes training faster"
    )
    (tmp_path / "han.txt").write_text(text, encoding="utf-8")
    sizes = ("--hidden", "8", "--batch-size", "4", "--sequence-length", "8", "--steps", "2")
    result = charrnn("train", tmp_path / "han.txt", "--run", tmp_path / "run", *sizes)
    assert result.code == 0
    assert " ".join(advice_on_rare(vocabulary).split()) in " ".join(result.err.split())


def test_small_or_even_vocabularies_are_not() -> None:
    assert not advice_on_rare(Vocabulary.from_text("the quick brown fox"))
    assert not advice_on_rare(Vocabulary.from_text("".join(map(chr, range(0x4E00, 0x4E00 + 3000))) * 5))


def test_scoring_is_broken_off_between_two_calls_of_the_network(run_folder: Path) -> None:
    import torch

    from charrnn.model.network import CharRNN

    architecture = load(run_folder / "best.safetensors").architecture
    model = CharRNN(architecture, 0.0, torch.Generator().manual_seed(1))
    ids = np.zeros(3_000, np.uint8)
    calls = iter([False, False, True])
    with pytest.raises(OutOfTime), broken_off(model, lambda: next(calls)):
        score_text(model, ids)
    assert next(calls, None) is None
    assert score_text(model, ids).symbols == 2_999, "afterwards nothing is"


@pytest.mark.slow
def test_twelve_thousand_characters_are_learnt_in_a_minute(tmp_path: Path) -> None:
    """Whatever the machine, most of a minute goes to updates, and the result is below the unigram entropy."""
    text = han(400_000, 12_000)
    (tmp_path / "han.txt").write_text(text, encoding="utf-8")
    done = charrnn_process("train", tmp_path / "han.txt", "--run", tmp_path / "run", "--max-time", "60s")
    assert done.returncode == 0, done.stderr
    best = load(tmp_path / "run" / "best.safetensors").progress.best_validation_nats_per_character
    assert best is not None
    print(f"{best / np.log(2):.3f} bits per character, unigram entropy {unigram_entropy(text):.3f}")
    assert best / np.log(2) < unigram_entropy(text)
