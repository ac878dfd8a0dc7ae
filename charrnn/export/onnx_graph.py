"""A graph of ONNX under construction: operators, inputs, outputs, and weights as they are stored.

Knows the `onnx` package and nothing of networks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from charrnn import __version__

OPSET, IR_VERSION = 17, 8
"""Of 2022: what the runtimes of phones and browsers read, and newer ones too."""

FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64

Shape = Sequence[str | int]
"""Of a value: a dimension that may be any has a name."""

Numbers = NDArray[Any]


class Graph:
    """A graph that grows node by node; values are known by their names.

    Args:
        name: of the graph, for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def input(self, name: str, shape: Shape, kind: int = FLOAT) -> str:
        """Declare what is given."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, shape: Shape) -> None:
        """Hand a value out."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, FLOAT, shape))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
        """Compute a value; an input that is left out is an empty text."""
        (value,) = self.add_several(1, operator, *inputs, **attributes)
        return value

    def add_several(self, count: int, operator: str, *inputs: str, **attributes: Any) -> list[str]:  # noqa: ANN401
        """Compute the first so many values of an operator that has several."""
        name = f"{operator}_{len(self._nodes)}"
        values = [f"{name}.{place}" for place in range(count)] if count > 1 else [name]
        self._nodes.append(helper.make_node(operator, inputs, values, name, **attributes))
        return values

    def constant(self, values: Numbers | np.float32, name: str = "") -> str:
        """A value that is always the same."""
        name = name or f"constant_{len(self._constants)}"
        array = np.ascontiguousarray(values) if np.ndim(values) else np.asarray(values)
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def axes(self, *axes: int) -> str:
        """Axes, or a shape, as the operators of today take them: as a value."""
        return self.constant(np.array(axes, np.int64))

    def weight(self, name: str, values: Numbers, scale: Numbers | None) -> str:
        """A weight, kept as it is stored; float32 as it is computed with.

        A cast and a product, where `DequantizeLinear` would say the same: a runtime computes these two once,
        when it loads the graph, but takes the other one at every step.

        Args:
            name: of the weight.
            values: float32, float16 or int8.
            scale: what the values are multiplied by, of a shape that fits; None for nothing.
        """
        value = self.constant(values, name)
        if values.dtype != np.float32:
            value = self.add("Cast", value, to=FLOAT)
        if scale is not None:
            value = self.add("Mul", value, self.constant(scale, f"{name}.scale"))
        return value

    def model(self, metadata: Mapping[str, str]) -> ModelProto:
        """The whole as what a file holds, with texts by name."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, initializer=self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="charrnn",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(metadata))
        return model
