"""Pictures of results: curves, learning rates, confusions, runs over their seeds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from helpers.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PUBLISHED,
    TARGET,
    Figure,
    stamped,
    styled,
)
from helpers.results.record import Epoch
from helpers.results.statistics import Interval
from helpers.settings import CLASSES

# By the beginning of the fields of `Epoch`: name, colour, mark
SERIES = {
    "train": ("training", ORANGE, "s"),
    "validation": ("validation", GREEN, "^"),
    "test": ("test", BLUE, "o"),
}
SEED = {"linestyle": "none", "marker": "o", "color": BLUE, "alpha": 0.8}
MEAN = {"linestyle": "none", "marker": "|", "color": ORANGE, "markersize": 18, "markeredgewidth": 2.5}
INTERVAL = {"color": ORANGE, "linewidth": 2.5, "alpha": 0.6}
SHOWN_WHOLE = 4  # epochs; of longer runs the accuracies of the second half are enlarged

Points = list[tuple[int, float]]  # epoch and value


@styled
def curves(
    history: Sequence[Epoch],
    target_accuracy: float | None = None,
    published: Sequence[float | None] | Mapping[int, float] | None = None,
    stamp: str = "",
) -> Figure:
    """Loss and accuracy of every finished epoch, after a run or while it is under way.

    Args:
        target_accuracy: percent.
        published: test accuracies in percent, from epoch 1 on or by epoch.
        stamp: profile, data set and seed of the run.
    """
    figure = stamped(9, 3.4 if history else 0.8, stamp)
    if not history:
        figure.text(0.5, 0.3, "no epoch finished", ha="center")
        return figure
    left, right = figure.subplots(1, 2)
    _draw_loss(left, history)
    _draw_accuracy(right, history, target_accuracy, _by_epoch(published))
    return figure


def _by_epoch(published: Sequence[float | None] | Mapping[int, float] | None) -> Points:
    pairs = published.items() if isinstance(published, Mapping) else enumerate(published or [], 1)
    return [(epoch, value) for epoch, value in pairs if value is not None]


def _draw_loss(axes: Axes, history: Sequence[Epoch]) -> None:
    points = _draw_series(axes, history, "loss")
    axes.set(title="Loss, mean per image (log scale)", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda loss, _: f"{loss:g}")
    losses = [loss for _, loss in points if np.isfinite(loss) and loss > 0]
    axes.set_ylim(min(losses) / 1.3, max(losses) * 1.3)
    axes.legend()


def _draw_accuracy(axes: Axes, history: Sequence[Epoch], target: float | None, published: Points) -> None:
    points = _draw_series(axes, history, "accuracy")
    if published:
        axes.plot(*zip(*published, strict=True), label="published test", **PUBLISHED)
        _count_epochs(axes, points + published)
    if target is not None:
        axes.axhline(target, label=f"target {target:g}", **TARGET)
    shown = _late(points) + _late(published) + ([] if target is None else [target])
    highest = max(shown + [value for _, value in points + published])  # early, where a run collapses
    margin = max(0.05, 0.08 * (highest - min(shown)))
    low, high = min(shown) - margin, min(highest + margin, 100.05)
    cut = any(value < low for _, value in points + published)
    note = ", enlarged: earlier epochs lie below" if cut else ""
    axes.set(title=f"Accuracy (%){note}", ylim=(low, high))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.legend()


def _draw_series(axes: Axes, history: Sequence[Epoch], quantity: str) -> Points:
    """Draw what was measured of a quantity; all of its points."""
    drawn = []
    for key, (name, colour, mark) in SERIES.items():
        pairs = [(row.epoch, getattr(row, f"{key}_{quantity}")) for row in history]
        points = [(epoch, value) for epoch, value in pairs if value is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker=mark, label=name)
        drawn += points
    _count_epochs(axes, drawn)
    return drawn


def _count_epochs(axes: Axes, points: Points) -> None:
    """Whole numbers on the axis of epochs, with room for at least one."""
    last = max((epoch for epoch, _ in points), default=1)
    axes.set(xlabel="epoch", xlim=(0.5, last + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _late(points: Points) -> list[float]:
    """The values of the second half of the epochs; all of a short run."""
    last = max((epoch for epoch, _ in points), default=0)
    start = 0 if last <= SHOWN_WHOLE else last / 2
    return [value for epoch, value in points if epoch > start]


@styled
def rate_curve(
    rates_after: Sequence[float], published: Sequence[float] | None = None, log: bool = False
) -> Figure:
    """The learning rate after the last step of each epoch, beside the published column.

    Args:
        log: for schedules that drop by factors.
    """
    figure = stamped(6, 2.8)
    axes = figure.subplots()
    points = list(enumerate(rates_after, 1))
    axes.plot(*zip(*points, strict=True), color=BLUE, marker="o", label="this schedule")
    if published:
        axes.plot(range(1, len(published) + 1), published, label="published", **PUBLISHED)
        axes.legend()
    axes.set(title="Learning rate after each epoch's last step", yscale="log" if log else "linear")
    _count_epochs(axes, points)
    return figure


@styled
def confusion(matrix: Sequence[Sequence[int]], stamp: str = "") -> Figure:
    """Counts of test digits by what they are (rows) and what they were read as; only errors are coloured.

    Args:
        matrix: (10, K) counts, K >= 10; classes from 10 on, which no digit has, share one column.

    Raises:
        ValueError: for another shape.
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or len(counts) != CLASSES or counts.shape[1] < CLASSES:
        raise ValueError(f"matrix of shape {counts.shape}: must be ({CLASSES}, {CLASSES}) or wider")
    # Count: columns that no digit has become one, and what is read right is no error.
    names = [str(digit) for digit in range(CLASSES)]
    if counts.shape[1] > CLASSES:
        counts = np.column_stack([counts[:, :CLASSES], counts[:, CLASSES:].sum(1)])
        names.append("none")
    right = np.eye(*counts.shape, dtype=bool)
    errors = np.where(right, 0, counts)
    # Colour: the errors by how many they are, the diagonal pale.
    most = max(errors.max(), 1)
    colours = matplotlib.colormaps["Oranges"](errors / most)
    colours[errors == 0] = to_rgba("white")
    colours[right] = to_rgba(PALE)
    # Draw: a cell for each pair of classes, with its count.
    figure = stamped(5.4, 5, stamp)
    axes = figure.subplots()
    axes.grid(False)
    axes.imshow(colours)
    for row, column in np.argwhere((counts > 0) | right):
        ink = GREY if right[row, column] else "white" if errors[row, column] > 0.6 * most else INK
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=ink)
    # Lines between the cells, the classes along both sides, and the sum in the title.
    for axis, cells in ((axes.xaxis, names), (axes.yaxis, names[:CLASSES])):
        axis.set_ticks(range(len(cells)), cells)
        axis.set_ticks(np.arange(len(cells)) + 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor")
    title = f"{errors.sum():,} of {counts.sum():,} test digits misread"
    if errors.any():
        row, column = np.unravel_index(errors.argmax(), errors.shape)
        title += f", most often {row} as {names[column]} ({errors.max()})"
    axes.set(title=title, xlabel="read as", ylabel="is")
    return figure


class Strip(NamedTuple):
    """The runs of one notebook: a statistic per seed, in percent."""

    name: str
    values: Sequence[float]
    interval: Interval | None = None  # of the mean
    published: float | None = None


@styled
def run_strips(
    strips: Sequence[Strip], target: float | None = None, stamp: str = "", statistic: str = "Test accuracy"
) -> Figure:
    """A statistic of several seeds, one row for each notebook, with mean, interval and what was published."""
    figure = stamped(9, 1.4 + 0.45 * len(strips), stamp)
    axes = figure.subplots()
    for row, strip in enumerate(strips):
        if strip.interval is not None and np.isfinite(strip.interval.low):
            ends = [strip.interval.low, strip.interval.high]
            axes.plot(ends, [row, row], label="95 % interval of the mean", **INTERVAL)
            axes.plot(np.mean(strip.values), row, label="mean", **MEAN)
        seeds = len(strip.values)
        # Seeds lie at different heights, for equal values would hide each other.
        offsets = 0.4 * ((np.arange(seeds) + 0.5) / seeds - 0.5)
        axes.plot(strip.values, row + offsets, label="one seed", **SEED)
        if strip.published is not None:
            axes.plot(strip.published, row, label="published", **PUBLISHED)
    if target is not None:
        axes.axvline(target, label=f"target {target:g}", **TARGET)
    axes.set_yticks(range(len(strips)), [strip.name for strip in strips])
    axes.set(title=f"{statistic} (%)", ylim=(len(strips) - 0.5, -0.5))
    axes.ticklabel_format(axis="x", useOffset=False)
    once = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=5)
    return figure
