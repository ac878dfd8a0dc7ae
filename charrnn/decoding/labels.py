"""Models that write by label: with one label chosen, the language model that it is.

What a label adds to every input of the first layer, a vector v, is an input bias: W (x + v) + b is W x + b',
b' being b + W v. Whoever writes knows of labels nothing but that. Knows nothing of files or torch.
"""

from collections.abc import Mapping

from charrnn.decoding.cells import Array
from charrnn.model.architecture import Architecture, LabelledArchitecture


def with_label(
    architecture: LabelledArchitecture, weights: Mapping[str, Array], label: int
) -> tuple[Architecture, dict[str, Array]]:
    """The language model that writes texts of a label.

    Args:
        architecture: of the model that writes by label.
        weights: an array for each of its names.
        label: the label's id.
    """
    alone = architecture.without_labels()
    own = {name: weights[name] for name in alone.shapes()}
    added = own["layers.0.input_weight"] @ weights["label.weight"][label]
    return alone, own | {"layers.0.input_bias": own["layers.0.input_bias"] + added}
