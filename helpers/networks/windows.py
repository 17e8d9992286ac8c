"""Receptive field arithmetic along one axis: what a layer reads, and what its units then see."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

Span = tuple[int, int]  # first and last pixel, both seen


@dataclass(frozen=True)
class Window:
    """What the units of a layer read along one axis: unit i the incoming units first(i) to last(i).

    One unit further on, the window lies `stride` units further on, on average where that is a fraction.
    """

    kernel: int
    stride: Fraction
    padding: int
    dilation: int
    first: Callable[[int], int]
    last: Callable[[int], int]


def sliding(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Window:
    """The window of a convolution or a pool."""
    reach = dilation * (kernel - 1)

    def first(unit: int) -> int:
        return unit * stride - padding

    return Window(kernel, Fraction(stride), padding, dilation, first, lambda unit: first(unit) + reach)


def resampling(stride: Fraction, first: Callable[[int], int], last: Callable[[int], int]) -> Window:
    """A window whose width may change from unit to unit; `kernel` is the widest."""
    kernel = max(last(unit) - first(unit) + 1 for unit in range(stride.denominator))
    return Window(kernel, stride, 0, 1, first, last)


def adaptive(stride: Fraction) -> Window:
    """torch's adaptive pools: `stride` is incoming units per unit."""
    return resampling(stride, lambda unit: floor(unit * stride), lambda unit: ceil((unit + 1) * stride) - 1)


def nearest(stride: Fraction) -> Window:
    return resampling(stride, lambda unit: floor(unit * stride), lambda unit: floor(unit * stride))


def nearest_exact(stride: Fraction) -> Window:
    def source(unit: int) -> int:
        return floor((unit + Fraction(1, 2)) * stride)

    return resampling(stride, source, source)


def bilinear(stride: Fraction) -> Window:
    """Between the two units next to the centre, without `align_corners`."""

    def source(unit: int) -> Fraction:
        return (unit + Fraction(1, 2)) * stride - Fraction(1, 2)

    return resampling(stride, lambda unit: floor(source(unit)), lambda unit: ceil(source(unit)))


@dataclass(frozen=True)
class Axis:
    """The pixels that the units of a map see along one axis, on an image without borders.

    Unit number q * len(spans) + phase sees spans[phase], moved on by q * shift pixels. One span is enough for
    convolutions and pools; interpolation makes units that see the same pixels, or fields of unequal width.
    """

    spans: tuple[Span, ...] = ((0, 0),)
    shift: int = 1

    def span(self, unit: int) -> Span:
        turns, phase = divmod(unit, len(self.spans))
        first, last = self.spans[phase]
        return first + turns * self.shift, last + turns * self.shift

    def extent(self, units: int) -> int:
        """The receptive field in pixels: of the unit that sees most, where those of the map differ."""
        return max(last - first + 1 for first, last in self.spans[:units])

    @property
    def jump(self) -> Fraction:
        """Pixels from one unit to the next, on average."""
        return Fraction(self.shift, len(self.spans))

    def through(self, window: Window) -> "Axis":
        """The units of the next layer, which read these through a window.

        A unit sees from the first pixel of the first unit that it reads to the last pixel of the last one:
        for a convolution r + dilation * (kernel - 1) * j with the incoming field r and jump j, and then
        j * stride is the new jump (Dumoulin and Visin, arXiv:1603.07285; Araujo et al., Distill 2019).
        """
        step = lcm(len(self.spans), window.stride.numerator)  # units here after which both repeat
        period = int(step / window.stride)  # the same in units of the next layer
        units = range(period)
        spans = ((self.span(window.first(unit))[0], self.span(window.last(unit))[1]) for unit in units)
        return Axis(tuple(spans), self.shift * step // len(self.spans))

    def union(self, other: "Axis") -> "Axis":
        """What units see that read both maps, of equal jump, in their own place."""
        period = lcm(len(self.spans), len(other.spans))
        pairs = ((self.span(unit), other.span(unit)) for unit in range(period))
        spans = tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in pairs)
        return Axis(spans, int(self.jump * period))
