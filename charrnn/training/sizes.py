"""The sizes of networks and of batches that a plan chooses from. Knows nothing of settings or torch."""

LADDER = ((1, 128), (1, 192), (1, 256), (1, 384), (1, 512), (2, 384), (2, 512), (2, 768), (2, 1024))
"""Layers and units to choose from where a run is bounded by time, each larger than the one before."""

BEYOND = ((2, 1536), (2, 2048), (3, 2048))
"""What follows on a GPU, where the text can feed it."""

USUAL_BATCH, LARGEST_BATCH = 32, 256
"""Texts side by side; and at most on a GPU, which reads a few of them no faster than many."""

UPDATES_OF_A_PASS = 2_000
"""A larger batch leaves so many updates for each pass over the text, at least."""

NOISE = 8_192
"""Symbols of a batch whose gradient is as much noise as direction, roughly (LOG.md)."""


def ladder(device: str) -> tuple[tuple[int, int], ...]:
    """Layers and units to choose from, the smallest network first."""
    return LADDER + BEYOND if device == "cuda" else LADDER


def batch_sizes(symbols: int, window: int) -> list[int]:
    """The batches to choose from on a GPU, the smallest first: larger ones for a longer text.

    Args:
        symbols: of the text.
        window: T, symbols of each text in a batch.
    """
    found = [USUAL_BATCH]
    while 2 * found[-1] <= min(LARGEST_BATCH, symbols // (window * UPDATES_OF_A_PASS)):
        found.append(2 * found[-1])
    return found


def worth(updates: float, symbols: int) -> float:
    """What updates of so many symbols each bring, in updates without noise (McCandlish et al. 2018).

    With twice the symbols in a batch an update brings twice as much as long as its gradient is mostly noise,
    and hardly more once it is not (arXiv 1812.06162).
    """
    return updates / (1 + NOISE / symbols)
