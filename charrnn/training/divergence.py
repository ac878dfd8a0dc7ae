"""What happens when training diverges: skipped updates, and the limit on roll-backs.

The trainer skips an update if its loss or gradient is not finite. A few in a row mean that the weights
themselves are lost: the run rolls back to its last good checkpoint and halves the learning rate.

Knows nothing of files.
"""

from collections.abc import Mapping

from charrnn.errors import DivergenceError
from charrnn.training.trainer import UpdateTotals

MOST_IN_A_ROW = 3
MOST_ROLL_BACKS = 3


class NotFinite(Exception):  # noqa: N818 - caught by the session, never met by a user
    """The weights, or what they predict, are not finite: time to go back."""


class Divergence:
    """Counts what went wrong.

    Attributes:
        skipped: updates passed over so far.
        in_a_row: of these, in a row up to now.
        roll_backs: how often the run went back.
    """

    def __init__(self) -> None:
        self.skipped, self.in_a_row, self.roll_backs = 0, 0, 0

    def count(self, totals: UpdateTotals) -> None:
        """Count updates.

        Raises:
            NotFinite: too many of them in a row were skipped.
        """
        self.skipped += totals.skipped
        self.in_a_row = totals.in_a_row
        if totals.most_in_a_row >= MOST_IN_A_ROW:
            raise NotFinite(f"{MOST_IN_A_ROW} updates in a row whose loss or gradient is not finite")

    def roll_back(self, why: str) -> float:
        """Count a return to the last good checkpoint; the share of the learning rate to go on with.

        Raises:
            DivergenceError: there were enough of them.
        """
        if self.roll_backs >= MOST_ROLL_BACKS:
            raise DivergenceError(
                f"training diverged: {why}, after {self.roll_backs} returns to the last good checkpoint with "
                "half the learning rate each; lower --learning-rate or --gradient-clip. It is kept"
            )
        self.roll_backs, self.in_a_row = self.roll_backs + 1, 0
        return 0.5**self.roll_backs

    def numbers(self) -> dict[str, float]:
        """What a run goes on with."""
        return {"skipped": self.skipped, "in_a_row": self.in_a_row, "roll_backs": self.roll_backs}

    def restore(self, numbers: Mapping[str, float]) -> None:
        """Go on from what `numbers` gave."""
        self.skipped, self.in_a_row, self.roll_backs = (
            int(numbers[name]) for name in ("skipped", "in_a_row", "roll_backs")
        )
