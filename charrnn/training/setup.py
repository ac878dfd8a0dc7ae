"""What a run is made of."""

from dataclasses import dataclass

from charrnn.runs.checkpoint_facts import CorpusFacts
from charrnn.text.parts import Part
from charrnn.text.vocabulary import Vocabulary
from charrnn.training.plan import Plan
from charrnn.training.trainer import Trainer


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        plan: every setting, and the network.
        trainer: what learns.
        vocabulary: the symbols.
        corpus: facts for the checkpoint.
        training: what is learnt from.
        validation: what is held out, or None.
        measured_symbols: how much of that is measured on, at most.
    """

    plan: Plan
    trainer: Trainer
    vocabulary: Vocabulary
    corpus: CorpusFacts
    training: Part
    validation: Part | None
    measured_symbols: int
