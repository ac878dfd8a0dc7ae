"""Dynamic evaluation: the network goes on learning from what it has just scored.

Krause, Kahembwe, Murray & Renals 2018, "Dynamic Evaluation of Neural Sequence Models", arXiv 1709.07432. The
text is cut into windows. Each is scored, and only then learnt from, with g the gradient of its mean cost and
m the mean of g² over the windows so far, this one included:

    θ ← θ - rate · g / (√m + ε) + decay · (θ₀ - θ)

The paper takes m from the training text (its RMS update). Here it comes from the text itself, from what was
already scored, so no training text is needed. θ₀ are the trained weights. The state is carried from window
to window; the gradient is not.
"""

from dataclasses import dataclass

import numpy as np
import torch

from charrnn.model.layer import State
from charrnn.model.measures import COST, Kept, Measure, nothing, unforeseen
from charrnn.model.network import CharRNN
from charrnn.model.passes import Places, still, tensor
from charrnn.model.trunk import detach
from charrnn.text.vocabulary import Ids

_EPSILON = 1e-8


@dataclass(frozen=True)
class Adaptation:
    """How to go on learning.

    Attributes:
        rate: length of a step.
        decay: share of the way back to the trained weights at each step.
        window: symbols between two steps.
    """

    rate: float
    decay: float
    window: int


class Adapting:
    """Reads one text, its state carried, and learns from each window once it is scored.

    Args:
        model: the network; a copy of it learns.
        adaptation: how.
        measure: what is kept of each prediction.
    """

    def __init__(self, model: CharRNN, adaptation: Adaptation, measure: Measure = COST) -> None:
        self.measure = measure
        self.model = CharRNN(model.architecture, 0.0, torch.Generator().manual_seed(0)).to(model.device)
        self.model.load_state_dict(model.state_dict())
        self._adaptation = adaptation
        self._trained = [value.detach().clone() for value in self.model.parameters()]
        self._squares = [torch.zeros_like(value) for value in self._trained]
        self._steps = 0
        self._state: State | None = None
        self._text: Ids = np.empty(0, np.uint8)

    def feed(self, ids: Ids, numbers: Places | None = None) -> Kept:  # noqa: ARG002 - as readers are
        """Read on, and learn from the windows that are complete."""
        window = self._adaptation.window
        parts = [] if len(self._text) or not len(ids) else [unforeseen(self.model, self.measure)]
        self._text = np.append(self._text, ids)
        while len(self._text) > window:
            parts.append(self._learn(self._text[: window + 1]))
            self._text = self._text[window:]
        return np.concatenate(parts) if parts else nothing(self.measure)

    def finish(self) -> Kept:
        """What is kept of the last window, which is not complete."""
        if len(self._text) < 2:
            return nothing(self.measure)
        with still(self.model):
            return self._read(self._text)[1]

    def _learn(self, text: Ids) -> Kept:
        """Score a window, then take a step."""
        self.model.train()
        cost, kept = self._read(text)
        gradients = torch.autograd.grad(cost, list(self.model.parameters()))
        self._step(gradients)
        return kept

    def _read(self, text: Ids) -> tuple[torch.Tensor, Kept]:
        """The mean cost of all symbols but the first, and what is kept of them."""
        symbols = tensor(self.model, text)
        logits, state = self.model(symbols[None, :-1], self._state)
        self._state = detach(state)
        kept = self.measure.of(logits[0], symbols[1:])
        return kept[:, 0].mean(), kept.detach().cpu().numpy()

    @torch.no_grad()
    def _step(self, gradients: tuple[torch.Tensor, ...]) -> None:
        self._steps += 1
        rate, decay = self._adaptation.rate, self._adaptation.decay
        for value, trained, squares, gradient in zip(
            self.model.parameters(), self._trained, self._squares, gradients, strict=True
        ):
            squares.lerp_(gradient.square(), 1 / self._steps)
            value.lerp_(trained, decay)
            value.addcdiv_(gradient, squares.sqrt().add_(_EPSILON), value=-rate)
