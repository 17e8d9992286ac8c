"""Which incoming units the units of every operation read: one rule per operation."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

from helpers.errors import NetworkError, UnknownOperation
from helpers.networks.tracing import Shape, TracedNode, dimensions
from helpers.networks.windows import Window, adaptive, bilinear, nearest, nearest_exact, sliding

Size = tuple[int, int]  # height, width

MODES = {"nearest": nearest, "nearest-exact": nearest_exact, "bilinear": bilinear}
POSITIONAL = {  # names of what functions take by position
    "conv2d": "input weight bias stride padding dilation groups",
    "maxpool2d": "input kernel_size stride padding dilation",
    "avgpool2d": "input kernel_size stride padding",
    "adaptiveavgpool2d": "input output_size",
    "adaptivemaxpool2d": "input output_size",
    "interpolate": "input size scale_factor mode align_corners recompute_scale_factor antialias",
    "mean": "input dim",
    "sum": "input dim",
    "amax": "input dim",
    "cat": "tensors dim",
    "concat": "tensors dim",
    "concatenate": "tensors dim",
    "softmax": "input dim",
    "logsoftmax": "input dim",
}


def rule_name(operation: str) -> str:
    """`MaxPool2d` and `max_pool2d` share one rule: `maxpool2d`."""
    return operation.lower().replace("_", "")


@dataclass(frozen=True)
class MapStep:
    """A node of the trace that works on maps.

    Attributes:
        maps: indices of the nodes whose maps it reads.
        shapes: of all tensors that it reads, maps first.
        size: height and width of the incoming map; a flattened map keeps its own.
    """

    node: TracedNode
    maps: tuple[int, ...]
    shapes: tuple[Shape, ...]
    size: Size

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting of the layer, or an argument of the function."""
        if self.node.module is not None:
            return getattr(self.node.module, name, default)
        names = POSITIONAL.get(rule_name(self.node.operation), "").split()
        given = dict(zip(names, self.node.args, strict=False)) | self.node.kwargs
        return given.get(name, given.get("axis", default) if name == "dim" else default)

    def pair(self, name: str, default: Any = None) -> tuple[Any, Any]:
        """A setting for height and width."""
        value = self.setting(name, default)
        values = tuple(value) if isinstance(value, tuple | list) else (value,)
        return values if len(values) == 2 else values * 2

    def unknown(self, detail: str = "") -> UnknownOperation:
        """The error to raise where there is no rule."""
        read = " and ".join(map(dimensions, self.shapes))
        what = f"{self.node.operation} {detail}".strip()
        return UnknownOperation(f"no receptive field rule for {what}, at {self.node.name}, which got {read}")

    @cached_property
    def windows(self) -> tuple[Window, Window] | None:
        """Along height and width; None where every unit reads the unit in its own place.

        Raises:
            UnknownOperation: for an operation, or a use of it, without a rule.
        """
        rule = RULES.get(rule_name(self.node.operation))
        if rule is None or self.node.shape is None:
            raise self.unknown()
        if len(self.maps) > 1 and rule not in (_join, _over_channels):
            raise self.unknown("of several maps")
        return rule(self)

    @property
    def size_out(self) -> Size:
        """Height and width of the outgoing map; layers that flatten it leave them as they are."""
        height, width = self.windows or (sliding(1), sliding(1))
        if len(self.node.shape) == 4:
            return self.node.shape[2:]
        return int(self.size[0] / height.stride), int(self.size[1] / width.stride)


def map_steps(nodes: list[TracedNode]) -> list[MapStep | None]:
    """The nodes that work on maps, in their places; None for the input, the output, parameters and sizes.

    Raises:
        UnknownOperation: for an operation, or a use of it, without a rule.
        NetworkError: if what the network gives does not come from the image.
    """
    sizes = {index: node.shape[2:] for index, node in enumerate(nodes) if node.operation == "input"}
    found: list[MapStep | None] = []
    for index, node in enumerate(nodes):
        maps = tuple(i for i in node.inputs if i in sizes)
        step = None
        if maps and node.value is None and node.operation != "output":
            others = (i for i in node.inputs if i not in sizes and nodes[i].shape is not None)
            step = MapStep(node, maps, tuple(nodes[i].shape for i in (*maps, *others)), sizes[maps[0]])
            sizes[index] = step.size_out
        found.append(step)
    last = nodes[-1].inputs
    if len(last) != 1 or found[last[0]] is None:
        raise NetworkError("the network's output is not one tensor computed from the image")
    return found


def _convolution(step: MapStep) -> tuple[Window, Window]:
    kernel = step.shapes[1][2:] if step.node.module is None else step.pair("kernel_size")
    return _sliding(step, kernel, step.pair("stride", 1))


def _pool(step: MapStep) -> tuple[Window, Window]:
    kernel = step.pair("kernel_size")
    return _sliding(step, kernel, step.pair("stride") if step.setting("stride") else kernel)


def _sliding(step: MapStep, kernels: Size, strides: Size) -> tuple[Window, Window]:
    dilations = step.pair("dilation", 1)
    paddings = step.pair("padding", 0)
    if paddings[0] == "same":
        paddings = tuple(d * (k - 1) // 2 for k, d in zip(kernels, dilations, strict=True))
    elif paddings[0] == "valid":
        paddings = (0, 0)
    height, width = zip(kernels, strides, paddings, dilations, strict=True)
    return sliding(*height), sliding(*width)


def _adaptive(step: MapStep) -> tuple[Window, Window]:
    height, width = (Fraction(n, m or n) for n, m in zip(step.size, step.pair("output_size"), strict=True))
    return adaptive(height), adaptive(width)


def _interpolation(step: MapStep) -> tuple[Window, Window]:
    mode = step.setting("mode", "nearest")
    if mode not in MODES or step.setting("align_corners") or step.setting("antialias"):
        raise step.unknown(f"(mode {mode}, align_corners {step.setting('align_corners')})")
    if step.setting("scale_factor") is None or step.setting("recompute_scale_factor"):
        strides = (Fraction(n, m) for n, m in zip(step.size, step.node.shape[2:], strict=True))
    else:
        strides = (1 / Fraction(s).limit_denominator(1000) for s in step.pair("scale_factor"))
    height, width = strides
    return MODES[mode](height), MODES[mode](width)


def _reduction(step: MapStep) -> tuple[Window, Window]:
    """Mean, sum or maximum over the axes of the map; a flattened map has both in its last axis."""
    axes = len(step.shapes[0])
    dims = step.setting("dim")
    dims = dims if isinstance(dims, tuple | list) else (dims,)
    reduced = {dim % axes for dim in dims if dim is not None}
    if not reduced or 0 in reduced or (1 in reduced and axes > 2):
        raise step.unknown(f"over dimensions {sorted(reduced)}" if reduced else "over all dimensions")
    places = {4: (2, 3), 3: (2, 2), 2: (1, 1)}[axes]
    height, width = (n if place in reduced else 1 for n, place in zip(step.size, places, strict=True))
    return sliding(height, height), sliding(width, width)


def _linear(step: MapStep) -> tuple[Window, Window]:
    if len(step.shapes[0]) != 2:
        raise step.unknown("on a map that is not flattened")
    height, width = step.size
    return sliding(height, height), sliding(width, width)


def _reshape(step: MapStep) -> None:
    """Passes only what keeps batch and channels and leaves the map whole or flattens it."""
    images, *rest = step.shapes[0]
    height, width = step.size
    channels = prod(rest) // (height * width)
    kept = [(channels, height, width), (channels, height * width), (channels * height * width,)]
    shape = step.node.shape
    single = height * width == 1 and prod(shape[2:]) == 1 and shape[1] == channels
    if shape[0] != images or not (shape[1:] in kept or single):
        raise step.unknown(f"to {dimensions(shape)}")


def _over_channels(step: MapStep) -> None:
    """What works along the channels leaves every unit in its place."""
    dim = step.setting("dim", 0 if rule_name(step.node.operation) in CONCATENATIONS else None)
    if dim is not None and dim % len(step.node.shape) != 1:
        raise step.unknown(f"along dimension {dim}")


def _unchanged(step: MapStep) -> None:
    """Every unit reads the unit in its own place."""


def _join(step: MapStep) -> None:
    """Every unit reads the units in its own place, of all maps."""


NORMALISATIONS = "batchnorm batchnorm1d batchnorm2d groupnorm instancenorm instancenorm2d layernorm"
ACTIVATIONS = (
    "relu relu6 leakyrelu prelu rrelu elu selu celu gelu silu mish sigmoid logsigmoid tanh hardtanh hardswish "
    "hardsigmoid softplus softsign threshold clamp"
)
DROPOUTS = "identity dropout dropout1d dropout2d featuredropout alphadropout"
ARITHMETIC = "neg abs exp log sqrt square pow div truediv float to contiguous clone"
POINTWISE = f"{NORMALISATIONS} {ACTIVATIONS} {DROPOUTS} {ARITHMETIC}".split()
CHANNELWISE = "softmax softmax2d logsoftmax".split()
RESHAPES = "flatten reshape view squeeze unsqueeze".split()
JOINS = "add sub mul maximum minimum".split()
CONCATENATIONS = "cat concat concatenate".split()
POOLS = "maxpool2d avgpool2d".split()
ADAPTIVE_POOLS = "adaptiveavgpool2d adaptivemaxpool2d".split()
INTERPOLATIONS = "interpolate upsample upsamplingnearest2d upsamplingbilinear2d".split()
REDUCTIONS = "mean sum amax".split()

Rule = Callable[[MapStep], tuple[Window, Window] | None]
RULES: dict[str, Rule] = {
    **dict.fromkeys(POINTWISE, _unchanged),
    **dict.fromkeys(JOINS, _join),
    **dict.fromkeys((*CHANNELWISE, *CONCATENATIONS), _over_channels),
    **dict.fromkeys(RESHAPES, _reshape),
    **dict.fromkeys(POOLS, _pool),
    **dict.fromkeys(ADAPTIVE_POOLS, _adaptive),
    **dict.fromkeys(INTERPOLATIONS, _interpolation),
    **dict.fromkeys(REDUCTIONS, _reduction),
    "conv2d": _convolution,
    "linear": _linear,
}
