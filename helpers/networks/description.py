"""A canonical text of a network, independent of the names of its layers; the fingerprint hashes it."""

import hashlib
import inspect
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, fx, nn

from helpers.networks.tracing import (
    Shape,
    attribute_of,
    cpu_copy,
    dimensions,
    operation_of,
    parameters_of,
    symbolic,
)


@dataclass(frozen=True)
class ParameterUse:
    """What a description says of a parameter that an operation uses.

    `first_use` counts from this operation to the one that uses the same parameter first: 0, or -2 where the
    operation before the last did.
    """

    shape: Shape
    frozen: bool
    first_use: int

    @property
    def shared(self) -> bool:
        return self.first_use != 0

    def __str__(self) -> str:
        frozen = " frozen" if self.frozen else ""
        shared = f" shared with [{self.first_use}]" if self.shared else ""
        return f"{dimensions(self.shape)}{frozen}{shared}"


@dataclass(frozen=True)
class Operation:
    """One step of a network's forward pass, without the names that the network gives its parts.

    Attributes:
        name: class of the layer (`Conv2d`) or name of the function (`add`).
        settings: by name, as text: those of a layer that differ from torch's defaults, and every rate; the
            arguments of a function, `argument 1` and so on where they have no name.
        reads: the operations whose results it reads, by their places in the list.
        parameters: those that it uses, by name.
        text: its line of the description, in this mode.
        evaluation: the operation in its place when the network is tested, where that is another one.
    """

    name: str
    settings: dict[str, str]
    reads: tuple[int, ...]
    parameters: dict[str, ParameterUse]
    text: str
    evaluation: "Operation | None" = None

    @property
    def line(self) -> str:
        """Its line of the description, in both modes."""
        return self.text if self.evaluation is None else f"{self.text}; in evaluation: {self.evaluation.text}"


def describe(network: nn.Module) -> tuple[str, ...]:
    """The network in one line per operation, in order of execution: what a run's fingerprint is taken of.

    A line holds the operation, its settings (those that differ from torch's defaults, and every rate), the
    lines that it reads (`[-1]` is the line above, so that a new layer changes few lines), and the shapes of
    its parameters. It holds no names of attributes and no initial values. A network whose evaluation takes
    other steps than its training (not only other behaviour of the same layers) is described in both modes.

    Raises:
        NetworkError: for a network that cannot be traced.
    """
    return tuple(operation.line for operation in operations_of(network))


def operations_of(network: nn.Module) -> list[Operation]:
    """The operations of the forward pass in training, each with what stands in its place in evaluation.

    Where the two modes take different numbers of steps, the list holds a heading and all operations of
    training, then a heading and all operations of evaluation.

    Raises:
        NetworkError: for a network that cannot be traced.
    """
    training, evaluation = (_traced(cpu_copy(network, training=mode)) for mode in (True, False))
    if len(training) != len(evaluation):
        whole = [_bare("in training", ":"), *_moved(training, 1)]
        whole.append(_bare("in evaluation", ":"))
        return whole + _moved(evaluation, len(whole))
    return [
        trained if trained.text == tested.text else replace(trained, evaluation=tested)
        for trained, tested in zip(training, evaluation, strict=True)
    ]


def _moved(operations: list[Operation], places: int) -> list[Operation]:
    """The same operations for a list in which they stand so many places further down."""
    return [
        replace(operation, reads=tuple(read + places for read in operation.reads)) for operation in operations
    ]


def _bare(name: str, rest: str) -> Operation:
    """A line that is no step of the forward pass: a heading, or a parameter that no step uses."""
    return Operation(name, {}, (), {}, name + rest)


def _traced(network: nn.Module) -> list[Operation]:
    """The operations of a network in the mode that it is in, then the parameters that none of them uses."""
    graph = symbolic(network)
    first_use: dict[int, int] = {}  # parameter -> the operation that uses it first
    places: dict[fx.Node, int] = {}
    found = []
    for index, node in enumerate(graph.graph.nodes):
        places[node] = index
        parameters = {}
        for name, parameter in parameters_of(graph, node).items():
            first = first_use.setdefault(id(parameter), index)
            parameters[name] = ParameterUse(
                tuple(parameter.shape), frozen=not parameter.requires_grad, first_use=first - index
            )
        found.append(_operation(graph, node, places, parameters))
    unused = (parameter for parameter in network.parameters() if id(parameter) not in first_use)
    return found + [_bare("unused parameter", f" {dimensions(parameter.shape)}") for parameter in unused]


class _Reference(str):
    """Text that stands among the arguments of a function for what is read, printed without quotes."""

    __repr__ = str.__str__


def _operation(
    graph: fx.GraphModule, node: fx.Node, places: dict[fx.Node, int], parameters: dict[str, ParameterUse]
) -> Operation:
    """A node of the graph as an operation: what it is, how it is set, what it reads, and its text."""

    def reference(other: fx.Node) -> _Reference:
        return _Reference(f"[{places[other] - places[node]}]")

    # There are three kinds of lines: `constant 1 0a1b2c`, `Conv2d(...) on [-1]` and `add([-1], [-2])`.
    name = operation_of(graph, node)
    if name == "constant":
        settings = {"value": _digest(attribute_of(graph, node.target))}
        text = f"constant {settings['value']}"
    elif node.op == "call_module":
        settings, text = _settings(graph.get_submodule(node.target))
        text = f"{text} on {', '.join(map(reference, node.all_input_nodes))}"
    else:
        given = {f"argument {number}": value for number, value in enumerate(node.args, 1)} | _named(node)
        shown = {argument: repr(fx.node.map_arg(value, reference)) for argument, value in given.items()}
        text = f"{name}({', '.join(map(_argument, shown, shown.values()))})"
        # What the function reads is kept in `reads`; the other arguments, such as `dim`, are settings.
        settings = {
            argument: repr(fx.node.map_arg(value, lambda _: _Reference("step")))
            for argument, value in given.items()
            if not isinstance(value, fx.Node)
        }
    # Every line ends with the parameters.
    notes = [f"{parameter} {use}" for parameter, use in parameters.items()]
    reads = tuple(places[other] for other in node.all_input_nodes)
    return Operation(name, settings, reads, parameters, "; ".join([text, *notes]))


def _argument(name: str, value: str) -> str:
    return value if name.startswith("argument ") else f"{name}={value}"


def _named(node: fx.Node) -> dict[str, Any]:
    """The arguments that a function was given by name, without those that only repeat the default."""
    defaults = _defaults(node.target) if node.op == "call_function" else {}
    return {
        name: value
        for name, value in sorted(node.kwargs.items())
        if name != "inplace" and not (name in defaults and defaults[name] == value)
    }


def _digest(constant: Any) -> str:
    """A constant by its shape and a hash of its numbers."""
    if not isinstance(constant, Tensor):
        return repr(constant)
    content = hashlib.sha256(constant.detach().double().contiguous().numpy().tobytes()).hexdigest()
    return f"{dimensions(constant.shape)} {content[:12]}"


def _defaults(function: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        # Built into torch, without a signature: its arguments are shown as they were given.
        return {}
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _settings(module: nn.Module) -> tuple[dict[str, str], str]:
    """A layer's settings, and all of it in a line: `Conv2d(in_channels=1, out_channels=8, kernel_size=3)`.

    torch's own repr changes with its version.
    """
    settings = {}
    for name, parameter in inspect.signature(type(module)).parameters.items():
        value = _plain(getattr(module, name, parameter.default))
        hidden = name in module._parameters or name == "inplace" or isinstance(value, Tensor | nn.Module)
        if not hidden and (isinstance(value, float) or value != _plain(parameter.default)):
            settings[name] = getattr(value, "__name__", repr(value))
    children = [_settings(child)[1] for child in module.children()]
    inside = [f"{name}={value}" for name, value in settings.items()] + children
    settings |= {f"argument {number}": child for number, child in enumerate(children, 1)}
    return settings, f"{type(module).__name__}({', '.join(inside)})"


def _plain(value: Any) -> Any:
    """(3, 3) as 3: torch keeps some settings either way."""
    alike = isinstance(value, tuple | list) and len(set(value)) == 1
    return value[0] if alike else value
