"""The recurrent cells: one record for each, with its properties, without any computation.

The equations are in `model/layer.py`, where `KERNELS` runs a cell in PyTorch; `STEPS` in `decoding/cells.py`
runs it in NumPy. To add a cell, add a record to each of the three, and a choice to `--cell`
(`config/settings.py`). Knows nothing of torch or numpy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """What a cell's weights and its state consist of, and how it starts and learns.

    Attributes:
        gates: the blocks of rows in its weights, each H rows high, in this order.
        state: the arrays that one step hands to the next: the hidden state h, for the LSTM also its cell
            state c.
        muon_learning_rate: the highest, where none is set and Muon moves the recurrent matrices (LOG.md).
        open_at_first: gates whose bias starts at 1 and not at 0.
        keeps: the gate whose value is the share of the state that a step keeps; empty where there is none.
        on_chip_batch: texts side by side, at most, for which a GPU is faster in float16, as cuDNN then keeps
            the weights of a layer on the chip (LOG.md); 0 where it never does.
    """

    gates: tuple[str, ...]
    state: tuple[str, ...]
    muon_learning_rate: float
    open_at_first: tuple[str, ...] = ()
    keeps: str = ""
    on_chip_batch: int = 0

    def rows(self, gate: str, hidden: int) -> slice:
        """The rows of a gate in the weights of a layer of so many units."""
        first = self.gates.index(gate) * hidden
        return slice(first, first + hidden)


CELLS = {
    "lstm": Cell(
        gates=("input", "forget", "candidate", "output"),
        state=("h", "c"),
        muon_learning_rate=0.04,
        open_at_first=("forget",),
        keeps="forget",
        on_chip_batch=32,
    ),
    "gru": Cell(
        gates=("reset", "update", "candidate"), state=("h",), muon_learning_rate=0.04, keeps="update"
    ),
    "rnn": Cell(gates=("hidden",), state=("h",), muon_learning_rate=0.02, on_chip_batch=64),
}
"""Each cell by the name that `--cell` has for it."""
