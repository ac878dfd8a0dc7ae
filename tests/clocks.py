"""Clocks that tests make up."""


class Readings:
    """A clock that goes on by a hundredth of a second whenever it is read; takes the place of `time`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def monotonic(self) -> float:
        self.seconds += 0.01
        return self.seconds
