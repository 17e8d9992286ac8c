"""The forward pass of a network, run on a copy: its steps with their shapes, and whether it runs at all."""

import contextlib
import copy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

from helpers.errors import NetworkError, UntraceableError, one_line

Shape = tuple[int, ...]


def dimensions(shape: Shape) -> str:
    """A shape as people write it: `8x26x26`."""
    return "x".join(str(size) for size in shape) or "a single number"


@dataclass(frozen=True)
class TracedNode:
    """One step of a network's forward pass, in the order of execution.

    Attributes:
        name: the layer as the network calls it (`features.0`); for a function its name, numbered (`add_1`).
        operation: class of the layer (`Conv2d`) or name of the function (`add`); also `input`, `output`,
            `parameter` and `constant`.
        module: the layer, of a copy of the network; None for functions.
        inputs: indices of the nodes that it reads.
        args, kwargs: what the function was called with; None in the place of every tensor.
        parameters: its parameters by name.
        shape: shape of the tensor it gives, batch first; None where it gives something else.
        value: what it gives where that holds no tensor, as the sizes that `x.shape` gives; otherwise None.
    """

    name: str
    operation: str
    module: nn.Module | None
    inputs: tuple[int, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    parameters: dict[str, Tensor] = field(repr=False)
    shape: Shape | None
    value: Any


class TraceRecorder(fx.Interpreter):
    """Runs a traced network and keeps a TracedNode of every step; `place` says which step is under way."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph, garbage_collect_values=False)
        self.extra_traceback = False  # keeps the error of a failing layer as it was raised
        self.indices = {node: index for index, node in enumerate(graph.graph.nodes)}
        self.nodes: list[TracedNode] = []
        self.place = ""

    def run_node(self, n: fx.Node) -> Any:
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        inputs = tuple(self.indices[node] for node in n.all_input_nodes)
        shapes = [dimensions(self.nodes[i].shape) for i in inputs if self.nodes[i].shape is not None]
        name, operation = _name(n), operation_of(self.module, n)
        self.place = f" at {name} ({operation}), which got {' and '.join(shapes) or 'no tensor'}"
        result = super().run_node(n)
        self.nodes.append(
            TracedNode(
                name=name,
                operation=operation,
                module=self.module.get_submodule(n.target) if n.op == "call_module" else None,
                inputs=inputs,
                args=fx.node.map_aggregate(args, _without_tensors),
                kwargs=fx.node.map_aggregate(kwargs, _without_tensors),
                parameters=parameters_of(self.module, n),
                shape=tuple(result.shape) if isinstance(result, Tensor) else None,
                value=None if _holds_tensor(result) else result,
            )
        )
        return result


def _without_tensors(value: Any) -> Any:
    return None if isinstance(value, Tensor) else value


def _holds_tensor(value: Any) -> bool:
    found = []
    fx.node.map_aggregate(value, lambda item: found.append(isinstance(item, Tensor)))
    return any(found)


def _name(node: fx.Node) -> str:
    return node.target if node.op in ("call_module", "get_attr") else node.name


def attribute_of(graph: fx.GraphModule, path: str) -> Any:
    owner, _, name = path.rpartition(".")
    return getattr(graph.get_submodule(owner), name)


def operation_of(graph: fx.GraphModule, node: fx.Node) -> str:
    """Class of the layer or name of the function; `x += y` and `x + y` are both `add`."""
    if node.op == "call_module":
        return type(graph.get_submodule(node.target)).__name__
    if node.op == "call_function":
        name = getattr(node.target, "__name__", str(node.target)).strip("_")
        return {"iadd": "add", "imul": "mul", "isub": "sub"}.get(name, name)
    if node.op == "call_method":
        return node.target.strip("_")
    if node.op == "get_attr":
        is_parameter = isinstance(attribute_of(graph, node.target), nn.Parameter)
        return "parameter" if is_parameter else "constant"
    return "input" if node.op == "placeholder" else "output"


def parameters_of(graph: fx.GraphModule, node: fx.Node) -> dict[str, Tensor]:
    if node.op == "call_module":
        return dict(graph.get_submodule(node.target).named_parameters())
    if node.op == "get_attr" and isinstance(value := attribute_of(graph, node.target), nn.Parameter):
        return {"values": value}
    return {}


def cpu_copy(network: nn.Module, training: bool = False) -> nn.Module:
    """A copy on the CPU, in single precision: what is done with it leaves the network as it is.

    Raises:
        NetworkError: for a network that cannot be copied.
    """
    try:
        return copy.deepcopy(network).cpu().float().train(training)
    except Exception as error:
        raise NetworkError(f"the network cannot be copied: {one_line(error)}") from error


def symbolic(network: nn.Module) -> fx.GraphModule:
    """The network's forward pass as a graph, in the mode (training or not) that it is in; weights are shared.

    Raises:
        UntraceableError: for a forward pass that has no such graph.
    """
    try:
        return fx.symbolic_trace(network)
    except Exception as error:
        raise UntraceableError(f"the forward pass cannot be traced: {one_line(error)}") from error


def run_traced(network: nn.Module, images: Tensor) -> list[TracedNode]:
    """The steps of a network that may be changed (a copy), run on images without using up randomness.

    Raises:
        NetworkError: naming the layer that failed and the shapes that it got.
    """
    recorder = TraceRecorder(symbolic(network))
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            recorder.run(images)
    except Exception as error:
        message = f"the network fails on {dimensions(images.shape)}{recorder.place}: {one_line(error)}"
        raise NetworkError(message) from error
    return recorder.nodes


def trace(network: nn.Module, input_size: Shape = (1, 28, 28)) -> list[TracedNode]:
    """Every step of the network in evaluation, with the shapes for two images; the network is untouched.

    Args:
        input_size: channels, height, width of an image.

    Raises:
        NetworkError: where the network cannot be traced or fails on such images.
    """
    return run_traced(cpu_copy(network), torch.zeros(2, *input_size))


def check_network(
    network: nn.Module, logits: int, batch_shape: Shape = (2, 1, 28, 28), classes: int = 10
) -> None:
    """Check, before training, that the network takes such a batch and gives `logits` numbers for every image.

    Runs a copy on the CPU in training and in evaluation, channels last as the training loop does (where a
    `view` of a map fails): the network, its mode, its statistics and the random numbers to come stay as they
    are. More logits than classes are allowed.

    Raises:
        NetworkError: in one line, with the layer that fails or the shape that comes out.
    """
    for training in (True, False):
        tried = cpu_copy(network, training).to(memory_format=torch.channels_last)
        shape = _output_shape(tried, torch.zeros(batch_shape))
        if shape != (batch_shape[0], logits):
            hint = ""
            if len(shape) == 2 and shape[0] == batch_shape[0] and shape[1] > classes:
                hint = f"; a notebook that means this declares logits = {shape[1]}"
            raise NetworkError(
                f"the network turns {dimensions(batch_shape)} into {dimensions(shape)}, "
                f"wanted {dimensions((batch_shape[0], logits))} (images x logits){hint}"
            )


def _output_shape(network: nn.Module, images: Tensor) -> Shape:
    """Shape of what the network gives; it runs as it is written, and is traced only where it fails."""
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            output = network(images)
    except Exception as error:
        with contextlib.suppress(UntraceableError):
            # Traced, it fails too, and its error says at which layer.
            run_traced(network, images)
        raise NetworkError(f"the network fails on {dimensions(images.shape)}: {one_line(error)}") from error
    if not isinstance(output, Tensor):
        raise NetworkError(
            f"the network gives a {type(output).__name__}, wanted one tensor (images x logits)"
        )
    return tuple(output.shape)
