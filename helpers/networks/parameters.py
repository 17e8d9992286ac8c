"""How many parameters and multiply-adds a network has, layer by layer."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.networks.tracing import Shape, TracedNode, cpu_copy, dimensions, run_traced
from helpers.tables import Cells, Table


def count_parameters(network: nn.Module) -> int:
    """The number of parameters, trained or frozen, shared ones counted once."""
    return sum(parameter.numel() for parameter in network.parameters())


@dataclass(frozen=True)
class ParameterRow:
    """A layer's parameters and its multiply-adds for one image.

    `weights` are parameters of two dimensions and more, `biases` the others (BatchNorm's scales are here).
    `mult_adds` counts one for each weight of a convolution or Linear and each position that it is used at;
    biases and BatchNorm are not counted.
    """

    layer: str
    operation: str
    output: Shape
    weights: int
    biases: int
    mult_adds: int

    @property
    def total(self) -> int:
        return self.weights + self.biases


@dataclass(frozen=True, repr=False)
class ParameterTable(Table):
    """Where the parameters of a network are; `budget` is the number that it may have."""

    rows: tuple[ParameterRow, ...]
    budget: int | None = None

    header = ("layer", "operation", "output", "weights", "biases", "total", "share", "mult-adds")

    @property
    def total(self) -> int:
        return sum(row.total for row in self.rows)

    @property
    def mult_adds(self) -> int:
        return sum(row.mult_adds for row in self.rows)

    def cells(self) -> list[Cells]:
        return [
            (
                row.layer,
                row.operation,
                dimensions(row.output),
                *(f"{count:,}" for count in (row.weights, row.biases, row.total)),
                f"{100 * row.total / max(self.total, 1):.1f} %",
                f"{row.mult_adds:,}",
            )
            for row in self.rows
        ]

    def notes(self) -> list[str]:
        notes = [f"{self.total:,} parameters, {self.mult_adds:,} multiply-adds for one image"]
        if self.budget is not None:
            slack = self.budget - self.total
            verdict = f"{slack:,} to spare" if slack >= 0 else f"{-slack:,} too many"
            notes.append(f"budget {self.budget:,}: {verdict}")
        return notes


def parameter_table(
    network: nn.Module, input_size: Shape = (1, 28, 28), budget: int | None = None
) -> ParameterTable:
    """The layers that hold parameters or change the shape, counted exactly; the totals are the network's.

    Raises:
        NetworkError: where the network cannot be traced or fails on such images.
    """
    copy = cpu_copy(network)
    nodes = run_traced(copy, torch.zeros(2, *input_size))
    counted: set[int] = set()
    rows = []
    for node in nodes:
        own = [p for p in node.parameters.values() if id(p) not in counted]
        counted.update(map(id, own))
        shapes = [nodes[index].shape for index in node.inputs]
        mult_adds = _mult_adds(node, shapes)
        reshaped = node.shape is not None and shapes != [] and node.shape not in shapes
        if own or mult_adds or reshaped:
            output = node.shape if node.operation == "parameter" else node.shape[1:]
            rows.append(_row(node.name, node.operation, output, own, mult_adds))
    for name, parameter in copy.named_parameters():
        if id(parameter) not in counted:
            rows.append(_row(name, "not used", tuple(parameter.shape), [parameter], 0))
    return ParameterTable(tuple(rows), budget)


def _row(layer: str, operation: str, output: Shape, parameters: list[Tensor], mult_adds: int) -> ParameterRow:
    weights = sum(p.numel() for p in parameters if p.dim() > 1)
    biases = sum(p.numel() for p in parameters if p.dim() <= 1)
    return ParameterRow(layer, operation, output, weights, biases, mult_adds)


def _mult_adds(node: TracedNode, inputs: list[Shape | None]) -> int:
    """One for each weight and each position that it is used at, of the layers that multiply by weights."""
    operation = node.operation.lower()
    weight = node.parameters["weight"].shape if "weight" in node.parameters else (*inputs, None, None)[1]
    if operation in ("conv1d", "conv2d", "conv3d"):
        positions = math.prod(node.shape[2:])
    elif operation.startswith("convtranspose"):
        positions = math.prod(inputs[0][2:])
    elif operation == "linear":
        positions = math.prod(node.shape[1:-1])
    else:
        return 0
    return math.prod(weight) * positions
