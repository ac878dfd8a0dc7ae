"""What people are told of a model: names and values, the same in every format."""

import math

from charrnn.export.source import Source
from charrnn.runs.checkpoint_facts import NATS


def about(source: Source) -> list[tuple[str, str]]:
    """What a model is: its corpus, its size, how good it is, the command that trained it."""
    model = source.model
    size, corpus, figure = model.architecture, model.corpus, model.progress.figure
    found = [
        ("trained on", f"{corpus.name}, {corpus.training_characters:,} characters"),
        ("network", f"{size.cell.upper()}, {size.layers} × {size.hidden}"),
        ("parameters", f"{size.parameters:,}"),
        ("symbols", f"{size.symbols:,} {'bytes' if model.reading.level == 'byte' else 'characters'}"),
    ]
    if figure is not None:
        is_loss = figure.name == NATS
        name = "bits per character, held out" if is_loss else f"{figure.name.replace('_', ' ')}, held out"
        found.append((name, f"{figure.value / math.log(2) if is_loss else figure.value:.3f}"))
    return [*found, ("command", source.command)]
