"""The receptive field of every layer of a network, in input pixels, by tracing it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

from helpers.errors import DifferentJumps
from helpers.networks.gradient_check import check_by_gradients
from helpers.networks.operations import MapStep, Size, map_steps
from helpers.networks.tracing import Shape, TracedNode, trace
from helpers.networks.windows import Axis, Span, Window
from helpers.tables import Cells, Table


@dataclass(frozen=True)
class Field:
    """What the units of a map see; everything is a pair, height first."""

    axes: tuple[Axis, Axis]
    size: Size

    @property
    def extents(self) -> tuple[int, int]:
        height, width = (axis.extent(n) for axis, n in zip(self.axes, self.size, strict=True))
        return height, width

    @property
    def jumps(self) -> tuple[Fraction, Fraction]:
        return self.axes[0].jump, self.axes[1].jump

    @property
    def spans(self) -> tuple[Span, Span]:
        """First and last pixel of the unit in the middle, number (size - 1) // 2; may leave the image."""
        height, width = (axis.span((n - 1) // 2) for axis, n in zip(self.axes, self.size, strict=True))
        return height, width


@dataclass(frozen=True)
class FieldRow:
    """A step of the network: the fields that come in, the windows that read them, the field that goes out.

    `windows` is None where every unit reads the unit in its own place. Pairs are height and width.
    """

    layer: str
    operation: str
    windows: tuple[Window, Window] | None
    incoming: tuple[Field, ...]
    outgoing: Field
    image: Size

    @property
    def changes(self) -> bool:
        """Whether it reads with a window or joins branches."""
        return self.windows is not None or len(self.incoming) > 1

    @property
    def spans(self) -> tuple[Span, Span]:
        """First and last pixel that the middle unit sees, not clipped to the image."""
        return self.outgoing.spans

    @property
    def clipped(self) -> tuple[Span, Span]:
        """The same within the image, for drawing."""
        height, width = (
            (max(first, 0), min(last, n - 1)) for (first, last), n in zip(self.spans, self.image, strict=True)
        )
        return height, width

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of what the middle unit sees, in pixels from the first one's centre."""
        height, width = self.spans
        return sum(height) / 2, sum(width) / 2

    def cells(self) -> Cells:
        into = [_pair(field.extents) for field in self.incoming]
        return (
            self.layer,
            self.operation,
            *_settings(self.windows),
            _pair(self.incoming[0].size),
            _pair(self.outgoing.size),
            ", ".join(dict.fromkeys(into)),
            _pair(self.outgoing.extents),
            _pair(self.incoming[0].jumps),
            _pair(self.outgoing.jumps),
            _pair([f"{middle:g}" for middle in self.centre]),
            _pair([f"{first}-{last}" for first, last in self.clipped]),
        )


def _settings(windows: tuple[Window, Window] | None) -> Cells:
    if windows is None:
        return "-", "-", "-"
    kernels = (f"{w.kernel} (d{w.dilation})" if w.dilation > 1 else w.kernel for w in windows)
    return _pair(kernels), _pair(w.stride for w in windows), _pair(w.padding for w in windows)


def _pair(values: Iterable[object]) -> str:
    """One value where both axes agree, else height x width."""
    height, width = map(str, values)
    return height if height == width else f"{height} x {width}"


@dataclass(frozen=True, repr=False)
class ReceptiveField(Table):
    """The table of a network; `rows` holds every step, the text those that change the field."""

    rows: tuple[FieldRow, ...]
    logits: Field

    header = (
        *("layer", "operation", "kernel", "stride", "padding", "in", "out"),
        *("RF in", "RF out", "jump in", "jump out", "centre", "span"),
    )

    @property
    def at_logits(self) -> int | tuple[int, int]:
        """The receptive field in pixels, not clipped to the image; (height, width) where they differ."""
        height, width = self.logits.extents
        return height if height == width else (height, width)

    def cells(self) -> list[Cells]:
        return [row.cells() for row in self.rows if row.changes]

    def notes(self) -> list[str]:
        unchanged = dict.fromkeys(row.operation for row in self.rows if not row.changes)
        notes = [f"receptive field at the logits: {_pair(self.logits.extents)} pixels"]
        notes.append("centre and span (within the image) are those of the unit in the middle of the map")
        return notes + ([f"unchanged by: {', '.join(unchanged)}"] if unchanged else [])


def receptive_field(network: nn.Module, input_size: Shape = (1, 28, 28)) -> ReceptiveField:
    """The theoretical receptive field of every step of a network, which is not touched.

    Per axis and exact: a residual sum or a concatenation sees the union of its branches, never their sum; a
    global pool or a Linear layer on a flattened map of n units reads n units. Normalisation counts as in
    evaluation, with fixed statistics. Where units of one map see unequal widths (after interpolation, or
    adaptive pools that do not divide the map), the widest of those that the map has counts.

    Args:
        input_size: channels, height, width of an image.

    Raises:
        UnknownOperation: for an operation without a rule.
        DifferentJumps: for a join of maps of different jumps or sizes.
        NetworkError: where the network cannot be traced or fails on such images.
    """
    nodes = trace(network, input_size)
    image = input_size[1:]
    fields: dict[int, Field] = {0: Field((Axis(), Axis()), image)}
    rows = []
    for index, step in enumerate(map_steps(nodes)):
        if step is not None:
            incoming = tuple(fields[i] for i in step.maps)
            axes = _joined(step, incoming, nodes)
            if step.windows is not None:
                height, width = step.windows
                axes = axes[0].through(height), axes[1].through(width)
            fields[index] = Field(axes, step.size_out)
            rows.append(
                FieldRow(step.node.name, step.node.operation, step.windows, incoming, fields[index], image)
            )
    return ReceptiveField(tuple(rows), fields[nodes[-1].inputs[0]])


def _joined(step: MapStep, incoming: tuple[Field, ...], nodes: list[TracedNode]) -> tuple[Axis, Axis]:
    if len({(field.jumps, field.size) for field in incoming}) > 1:
        maps = (
            f"{nodes[i].name} ({_pair(field.size)} units, jump {_pair(field.jumps)})"
            for i, field in zip(step.maps, incoming, strict=True)
        )
        raise DifferentJumps(f"{step.node.operation} at {step.node.name} joins {' and '.join(maps)}")
    height, width = incoming[0].axes
    for field in incoming[1:]:
        height, width = height.union(field.axes[0]), width.union(field.axes[1])
    return height, width


def agreement(network: nn.Module, input_size: Shape = (1, 28, 28)) -> tuple[Size, Size]:
    """The field at the logits as traced, and as measured by gradients: two pairs that must be equal."""
    return receptive_field(network, input_size).logits.extents, check_by_gradients(network, input_size)
