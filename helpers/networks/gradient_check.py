"""The receptive field of a network measured: which pixels have a gradient."""

from collections.abc import Callable
from fractions import Fraction
from math import lcm
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from helpers.errors import NetworkError
from helpers.networks.operations import (
    ADAPTIVE_POOLS,
    CHANNELWISE,
    CONCATENATIONS,
    INTERPOLATIONS,
    JOINS,
    POINTWISE,
    REDUCTIONS,
    RESHAPES,
    MapStep,
    Size,
    map_steps,
    rule_name,
)
from helpers.networks.tracing import Shape, TracedNode, cpu_copy, run_traced, symbolic

FACTORS = (3, 6, 12, 24)  # size of the measuring image, in times the network's own


@torch.inference_mode(False)
@torch.enable_grad()
def check_by_gradients(network: nn.Module, input_size: Shape = (1, 28, 28)) -> Size:
    """Height and width of the receptive field at the logits, measured on a copy of the network, on the CPU.

    The copy runs in double precision and in evaluation, with all weights 1. Normalisation, activation and
    dropout pass their input on; a maximum becomes a sum. Global pools, Linear layers on flattened maps and
    interpolation to a size keep the window that they have on `input_size`, so that the image can be made
    large enough for units away from its borders; two sizes of the image must agree.

    A field reaches from the first pixel to the last whose gradient is not zero. After interpolation the units
    of a map may see unequal widths: the widest of them counts.

    Raises:
        NetworkError: if the network cannot be traced, or its field does not fit into the largest image tried.
        UnknownOperation: for an operation without a rule.
    """
    # The network on its own images says which windows to keep; a copy of it becomes the measuring network.
    nodes = run_traced(cpu_copy(network), torch.zeros(2, *input_size))
    working = map_steps(nodes)
    graph = symbolic(cpu_copy(network)).double()
    for values in (*graph.parameters(), *graph.buffers()):
        values.data.fill_(1)
    logits = nodes[-1].inputs[0]
    size, periods = working[logits].size_out, _periods(working)[logits]
    enlarged = Enlarged(graph, nodes, working)
    # Larger and larger images, until two in a row show the same field.
    channels, height, width = input_size
    before = None
    for factor in FACTORS:
        extents = _extents(enlarged, (1, channels, factor * height, factor * width), periods, size)
        if extents is not None and extents == before:
            return extents
        before = extents
    raise NetworkError(f"the receptive field does not fit into an image {FACTORS[-1]} times as large")


def _periods(working: list[MapStep | None]) -> dict[int, tuple[int, int]]:
    """After how many units of each map, along both axes, the phases of interpolation repeat."""
    periods: dict[int, tuple[int, int]] = {}
    for index, step in enumerate(working):
        if step is not None:
            known = zip(*(periods.get(i, (1, 1)) for i in step.maps), strict=True)
            strides = [window.stride for window in step.windows] if step.windows else [Fraction(1)] * 2
            periods[index] = tuple(
                int(lcm(*axis, stride.numerator) / stride)
                for axis, stride in zip(known, strides, strict=True)
            )
    return periods


def _extents(network: fx.Interpreter, shape: Shape, periods: Size, size: Size) -> Size | None:
    """The widest field of all units of a map of that size, amid a larger one; None if it meets a border."""
    image = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    logits = network.run(image).sum(dim=(0, 1))
    # The units measured lie in the middle, one for every phase of interpolation.
    starts = [n // 2 - n // 2 % period for n, period in zip(logits.shape, periods, strict=True)]
    counts = [min(period, n) for period, n in zip(periods, size, strict=True)]
    if any(start + count > n for start, count, n in zip(starts, counts, logits.shape, strict=True)):
        return None
    # Of each of them, the pixels that have a gradient.
    widest = torch.zeros(2, dtype=torch.int64)
    for phase in range(max(counts)):
        row, column = (start + phase % count for start, count in zip(starts, counts, strict=True))
        (gradient,) = torch.autograd.grad(logits[row, column], image, retain_graph=True)
        seen = gradient.abs().sum(dim=(0, 1)).nonzero()
        first, last = seen.amin(dim=0), seen.amax(dim=0)
        if (first == 0).any() or (last + 1 == torch.tensor(shape[2:])).any():
            return None
        widest = torch.maximum(widest, last - first + 1)
    return tuple(widest.tolist())


class Enlarged(fx.Interpreter):
    """Runs a network on a larger image with the windows of its own size; maps stay maps, up to the logits."""

    def __init__(self, graph: fx.GraphModule, nodes: list[TracedNode], working: list[MapStep | None]) -> None:
        super().__init__(graph)
        self.order = list(graph.graph.nodes)
        self.traced = dict(zip(self.order, zip(nodes, working, strict=True), strict=True))

    def run_node(self, n: fx.Node) -> Any:
        node, step = self.traced[n]
        if node.value is not None:
            return node.value  # a size, as it is on the network's own images
        stand_in = step and STAND_INS.get(rule_name(node.operation))
        if not stand_in:
            return super().run_node(n)
        return stand_in(step, *(self.env[self.order[index]] for index in step.maps))


def _unchanged(step: MapStep, x: Tensor) -> Tensor:
    return x


def _cropped(maps: tuple[Tensor, ...]) -> list[Tensor]:
    """Branches that agree on the network's own images may differ by a row on larger ones."""
    height, width = (min(x.shape[axis] for x in maps) for axis in (2, 3))
    return [x[:, :, :height, :width] for x in maps]


def _sum(step: MapStep, *maps: Tensor) -> Tensor:
    return sum(_cropped(maps))


def _concatenation(step: MapStep, *maps: Tensor) -> Tensor:
    return torch.cat(_cropped(maps), dim=1)


def _max_pool(step: MapStep, x: Tensor) -> Tensor:
    """The average, up to a factor, as a convolution of every channel: torch's has no dilation."""
    kernel = step.pair("kernel_size")
    return F.conv2d(
        x,
        x.new_ones(x.shape[1], 1, *kernel),
        stride=step.pair("stride") if step.setting("stride") else kernel,
        padding=step.pair("padding", 0),
        dilation=step.pair("dilation", 1),
        groups=x.shape[1],
    )


def _adaptive_pool(step: MapStep, x: Tensor) -> Tensor:
    """The same ratio of sizes, on the part of the map where it comes out whole."""
    ratios = [Fraction(new, old) for new, old in zip(step.node.shape[2:], step.size, strict=True)]
    blocks = [size // ratio.denominator for size, ratio in zip(x.shape[2:], ratios, strict=True)]
    height, width = (count * ratio.denominator for count, ratio in zip(blocks, ratios, strict=True))
    output = [count * ratio.numerator for count, ratio in zip(blocks, ratios, strict=True)]
    return F.adaptive_avg_pool2d(x[:, :, :height, :width], output)


def _reduction(step: MapStep, x: Tensor) -> Tensor:
    return F.avg_pool2d(x, tuple(window.kernel for window in step.windows))


def _linear(step: MapStep, x: Tensor) -> Tensor:
    return F.conv2d(x, x.new_ones(1, x.shape[1], *step.size), stride=step.size)


def _interpolation(step: MapStep, x: Tensor) -> Tensor:
    factors = tuple(new / old for new, old in zip(step.node.shape[2:], step.size, strict=True))
    if step.setting("scale_factor") is not None and not step.setting("recompute_scale_factor"):
        factors = tuple(map(float, step.pair("scale_factor")))
    return F.interpolate(x, scale_factor=factors, mode=step.setting("mode", "nearest"))


STAND_INS: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys((*POINTWISE, *CHANNELWISE, *RESHAPES), _unchanged),
    **dict.fromkeys(JOINS, _sum),
    **dict.fromkeys(CONCATENATIONS, _concatenation),
    **dict.fromkeys(ADAPTIVE_POOLS, _adaptive_pool),
    **dict.fromkeys(INTERPOLATIONS, _interpolation),
    **dict.fromkeys(REDUCTIONS, _reduction),
    "maxpool2d": _max_pool,
    "linear": _linear,
}
