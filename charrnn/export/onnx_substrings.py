"""What a tagger's table has for the substrings around a character, as a graph of ONNX: `model/substrings.py`.

Knows nothing of trunks, files or models.
"""

import numpy as np

from charrnn.export.onnx_graph import Graph
from charrnn.model.substrings import FACTOR, FIRST, NOTHING, PRIME, REACH


def remembered(graph: Graph, ids: str, within: str, table: str, rows: int) -> str:
    """The sum of the table's rows for the substrings around each step, (T, B, K).

    Args:
        graph: what it becomes part of.
        ids: (T, B) the symbols.
        within: (T, B) whether a step is one of its text.
        table: (R, K)
        rows: R.
    """

    def number(value: int) -> str:
        return graph.constant(np.array(value, np.int64))

    nothing, prime, factor, count = number(NOTHING), number(PRIME), number(FACTOR), number(rows)
    own = graph.add("Where", within, graph.add("Add", ids, number(FIRST)), nothing)
    padded = graph.add("Pad", own, graph.axes(REACH, 0, REACH, 0), nothing)
    ends = [*range(-2 * REACH, 0), np.iinfo(np.int64).max]
    around = [
        graph.add("Slice", padded, graph.axes(begin), graph.axes(end), graph.axes(0))
        for begin, end in enumerate(ends)
    ]
    values = []
    for start in range(REACH + 1):
        value = number(start + 1)
        for place in range(start, 2 * REACH + 1):
            grown = graph.add("Add", graph.add("Mul", value, factor), around[place])
            value = graph.add("Mod", grown, prime)
            if place >= REACH - 1:
                values.append(graph.add("Gather", table, graph.add("Mod", value, count)))
    return graph.add("Sum", *values)
