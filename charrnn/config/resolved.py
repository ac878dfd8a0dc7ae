"""The resolved settings of a run, with every value chosen; they are declared in `settings.py`.

Knows nothing of how they are chosen.
"""

from charrnn.config.settings import ModelSettings, RecipeSettings, TrainSettings


class ResolvedModel(ModelSettings):
    """The network."""

    layers: int
    hidden: int
    embedding: int
    dropout: float
    weight_dropout: float


class ResolvedRecipe(RecipeSettings):
    """How it learns."""

    batch_size: int
    sequence_length: int
    learning_rate: float
    weight_decay: float


class ResolvedSettings(TrainSettings):
    """Everything that a run is told: what `config.toml` and the checkpoints keep.

    Only the number of threads may be None, where the fastest one is looked for again and again.
    """

    model: ResolvedModel
    recipe: ResolvedRecipe
