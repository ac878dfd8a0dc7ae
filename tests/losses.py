"""What tests ask of the task of language: its losses, or others in their place."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

from charrnn.model.layer import State
from charrnn.model.network import CharRNN, Network
from charrnn.tasks.batches import NextSymbols
from charrnn.tasks.language import LanguageTask
from charrnn.tasks.task import Loss, Task
from charrnn.text.vocabulary import Vocabulary

LANGUAGE = LanguageTask(Vocabulary.from_text("abc"))
"""Which symbols there are makes no difference to its losses."""


def with_loss(loss: Callable[[CharRNN, NextSymbols, State | None], Loss]) -> Task:
    """A task that has losses and nothing else, which is all that a trainer asks for."""
    return cast("Task", SimpleNamespace(loss=loss))


def language_network(network: Network) -> CharRNN:
    """A network, known to be one of language."""
    assert isinstance(network, CharRNN)
    return network
