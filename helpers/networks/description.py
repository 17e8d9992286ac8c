"""The text of a network: one line per step, the same for the same network whatever its layers are called."""

import hashlib
import inspect
from typing import Any

from torch import Tensor, fx, nn

from helpers.networks.tracing import attribute_of, copied, dimensions, operation_of, parameters_of, symbolic


def describe(network: nn.Module) -> tuple[str, ...]:
    """The network in one line per step, in order of execution: what a run's fingerprint is taken of.

    A line holds the operation, its settings (those of other defaults than torch's, and every rate), the steps
    that it reads (`[-1]` is the line above, so that a new layer changes few lines), and the shapes of its
    parameters. Names of attributes do not show, initial values neither. A network whose evaluation takes
    other steps than its training (not only other behaviour of the same layers) is described in both modes.

    Raises:
        NetworkError: for a network that cannot be traced.
    """
    training, evaluation = (_lines(copied(network, training=mode)) for mode in (True, False))
    if len(training) != len(evaluation):
        return ("in training:", *training, "in evaluation:", *evaluation)
    pairs = zip(training, evaluation, strict=True)
    return tuple(line if line == other else f"{line}; in evaluation: {other}" for line, other in pairs)


def _lines(network: nn.Module) -> tuple[str, ...]:
    graph = symbolic(network)
    first_use: dict[int, int] = {}  # parameter -> the step that uses it first
    order: dict[fx.Node, int] = {}
    lines = []
    for index, node in enumerate(graph.graph.nodes):
        order[node] = index
        notes = []
        for name, parameter in parameters_of(graph, node).items():
            first = first_use.setdefault(id(parameter), index)
            frozen = "" if parameter.requires_grad else " frozen"
            shared = "" if first == index else f" shared with [{first - index}]"
            notes.append(f"{name} {dimensions(parameter.shape)}{frozen}{shared}")
        lines.append("; ".join([_step(graph, node, order), *notes]))
    unused = (parameter for parameter in network.parameters() if id(parameter) not in first_use)
    return (*lines, *(f"unused parameter {dimensions(parameter.shape)}" for parameter in unused))


class _Reference(str):
    __repr__ = str.__str__


def _step(graph: fx.GraphModule, node: fx.Node, order: dict[fx.Node, int]) -> str:
    def reference(other: fx.Node) -> _Reference:
        return _Reference(f"[{order[other] - order[node]}]")

    operation = operation_of(graph, node)
    if operation == "constant":
        return f"constant {_digest(attribute_of(graph, node.target))}"
    if node.op == "call_module":
        reads = ", ".join(map(reference, node.all_input_nodes))
        return f"{_settings(graph.get_submodule(node.target))} on {reads}"
    arguments = [repr(fx.node.map_arg(argument, reference)) for argument in node.args]
    defaults = _defaults(node.target) if node.op == "call_function" else {}
    for name, value in sorted(node.kwargs.items()):
        if name != "inplace" and not (name in defaults and defaults[name] == value):
            arguments.append(f"{name}={fx.node.map_arg(value, reference)!r}")
    return f"{operation}({', '.join(arguments)})"


def _digest(constant: Any) -> str:
    if not isinstance(constant, Tensor):
        return repr(constant)
    content = hashlib.sha256(constant.detach().double().contiguous().numpy().tobytes()).hexdigest()
    return f"{dimensions(constant.shape)} {content[:12]}"


def _defaults(function: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # built into torch, without a signature: its arguments are shown as they were given
        return {}
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _settings(module: nn.Module) -> str:
    """`Conv2d(in_channels=1, out_channels=8, kernel_size=3)`; torch's own repr changes with its version."""
    settings = []
    for name, parameter in inspect.signature(type(module)).parameters.items():
        value = _plain(getattr(module, name, parameter.default))
        hidden = name in module._parameters or name == "inplace" or isinstance(value, Tensor | nn.Module)
        if not hidden and (isinstance(value, float) or value != _plain(parameter.default)):
            settings.append(f"{name}={getattr(value, '__name__', repr(value))}")
    children = [_settings(child) for child in module.children()]
    return f"{type(module).__name__}({', '.join(settings + children)})"


def _plain(value: Any) -> Any:
    """(3, 3) as 3: torch keeps some settings either way."""
    alike = isinstance(value, tuple | list) and len(set(value)) == 1
    return value[0] if alike else value
