"""The picture of the scoreboard: accuracy against parameters, in our runs and as published."""

from collections.abc import Callable, Sequence
from math import inf, log10
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from helpers.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PUBLISHED,
    RED,
    TARGET,
    Figure,
    stamped,
    styled,
)

COLOURS = (ORANGE, RED, BLUE, GREEN, INK, GREY)  # of the lineages, in order
# ticks, the most wanted first: those too close to one before are left out
PARAMETERS = (8_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 6_000, 7_000, 14_000, 2_000)
ACCURACIES = (
    99.4,
    99,
    98,
    95,
    90,
    80,
    50,
    10,
    99.7,
    99.6,
    99.5,
    99.3,
    99.2,
    99.8,
    98.5,
    97,
    96,
    93,
    85,
    70,
    99.9,
)
LEAST_ERROR, MOST_ERROR = 0.05, 95.0  # percent: where a logarithmic axis of errors ends
ZOOM = 98.8  # percent: the second panel begins here
APART = 0.036  # of a panel's width: marks do not stand closer to each other
NEAR = 0.045  # of a panel's height: a symbol, or a label
FAR = 3.0  # a limit of an interval beyond this factor of the error may leave the picture
BEST = PUBLISHED | {"marker": "^"}


class Mark(NamedTuple):
    """One recipe: mean accuracy of the last epoch (percent) with its interval, and what was published."""

    label: str
    lineage: int  # counted from 0: decides the colour
    parameters: int
    mean: float
    low: float = -inf  # no limits for a single run
    high: float = inf
    claimed: float | None = None  # of the last epoch; where none is published, of the best
    claimed_is_best: bool = False


@styled
def scoreboard_picture(
    marks: Sequence[Mark], max_params: int = 8_000, min_accuracy: float = 99.4, stamp: str = ""
) -> Figure:
    """Accuracy of the last epoch against parameters: all recipes, and beside them the best ones enlarged.

    Both axes are logarithmic, the upright one in errors, so that 88 % and 99.5 % can be told from their
    neighbours alike. Marks that would cover each other are moved apart sideways, but not across the budget.
    """
    figure = stamped(11, 4.8, stamp)
    if not marks:
        figure.text(0.5, 0.5, "no full run is recorded", ha="center")
        return figure
    close = [mark for mark in marks if _worst(mark) >= ZOOM and mark.parameters <= 2 * max_params]
    enlarged = close if 0 < len(close) < len(marks) else []
    panels = figure.subplots(
        1, 2 if enlarged else 1, squeeze=False, width_ratios=[1, 1.1] if enlarged else [1]
    )
    _draw(panels[0, 0], marks, enlarged, max_params, min_accuracy)
    panels[0, 0].set(title="All recipes; small dots: see right" if enlarged else "All recipes")
    panels[0, 0].set_ylabel("test accuracy, last epoch (%)")
    if enlarged:
        _draw(panels[0, 1], enlarged, [], max_params, min_accuracy)
        panels[0, 1].set_title(f"Above {ZOOM:g} %, up to {2 * max_params:,} parameters")
    figure.legend(handles=_legend(marks, max_params, min_accuracy), loc="outside lower center", ncols=5)
    return figure


def spread(places: Sequence[float], least: float, lowest: float = -inf, highest: float = inf) -> list[float]:
    """Places on a line, moved as little as need be for neighbours to be `least` apart; in their order.

    Crowds are centred where they were (pooling of neighbours, as in isotonic regression), and pushed on where
    they would lie below `lowest` or above `highest`.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    pools: list[tuple[float, int]] = []  # mean of (place - rank * least), and how many
    for rank, index in enumerate(order):
        mean, count = places[index] - rank * least, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    bases = [mean for mean, count in pools for _ in range(count)]
    moved = [0.0] * len(places)
    for rank, index in enumerate(order):
        place = min(bases[rank] + rank * least, highest - (len(order) - 1 - rank) * least)
        moved[index] = max(place, lowest + rank * least)
    return moved


def _places(marks: Sequence[Mark], width: float, near: float, max_params: int) -> list[float]:
    """Where marks stand on the axis of parameters, which is `width` wide; none changes sides of the budget.

    Errors within a factor of `near` look like one.
    """
    least, budget = APART * width, log10(max_params)
    places = [log10(mark.parameters) for mark in marks]
    for crowd in _crowds(marks, least, near):
        for kept in (True, False):
            inside = [index for index in crowd if (marks[index].parameters <= max_params) == kept]
            limits = {"highest": budget - least / 2} if kept else {"lowest": budget + least / 2}
            moved = spread([places[index] for index in inside], least, **limits) if len(crowd) > 1 else []
            for index, place in zip(inside, moved, strict=False):
                places[index] = place
    return [10**place for place in places]


def _crowds(marks: Sequence[Mark], least: float, near: float) -> list[list[int]]:
    """Marks that stand in each other's way: nearly as many parameters, and spans of accuracy that meet."""
    crowds: list[list[int]] = []
    for index in sorted(range(len(marks)), key=lambda one: marks[one].parameters):
        touched = [
            crowd
            for crowd in crowds
            if any(_meet(marks[index], marks[other], least, near) for other in crowd)
        ]
        crowds = [crowd for crowd in crowds if crowd not in touched]
        crowds.append([other for crowd in touched for other in crowd] + [index])
    return crowds


def _meet(one: Mark, other: Mark, least: float, near: float) -> bool:
    """Whether two marks need room: on one line their bars must not overlap, side by side no two symbols."""
    distance = abs(log10(one.parameters / other.parameters))
    if distance < least / 4:
        (lowest, highest), (other_lowest, other_highest) = _span(one), _span(other)
        return lowest < other_highest * near**2 and other_lowest < highest * near**2
    symbols, others = ([_error(mark.mean), *_span(mark), near * _span(mark)[1]] for mark in (one, other))
    return distance < least and any(1 / near < a / b < near for a in symbols for b in others)


def _span(mark: Mark) -> list[float]:
    """The errors (percent) that a mark covers; a limit far away may leave the picture."""
    error = _error(mark.mean)
    limits = [_error(limit) for limit in (mark.low, mark.high) if mark.low > -inf]
    seen = [error] + [limit for limit in limits if error / FAR < limit < error * FAR]
    seen += [] if mark.claimed is None else [_error(mark.claimed)]
    return [min(seen), max(seen)]


def _draw(
    axes: Axes, marks: Sequence[Mark], dots: Sequence[Mark], max_params: int, min_accuracy: float
) -> None:
    """Draw a panel; of `dots` among the marks only where they are."""
    logs = [log10(count) for count in [max_params, *(mark.parameters for mark in marks)]]
    width = 1.2 * max(max(logs) - min(logs), 0.2)
    margin = width / 15
    bottom, top = _limits([min_accuracy], marks)
    loud = [mark for mark in marks if mark not in dots]
    xs = dict(zip(loud, _places(loud, width, (bottom / top) ** NEAR, max_params), strict=True))
    xs |= {mark: mark.parameters for mark in dots}
    for mark in marks:
        (_draw_dot if mark in dots else _draw_mark)(axes, mark, xs[mark])
    axes.axvline(max_params, **TARGET)
    axes.axhline(_error(min_accuracy), **TARGET)
    logs += [log10(x) for x in xs.values()]
    axes.set(xscale="log", xlim=(10 ** (min(logs) - margin), 10 ** (max(logs) + margin)))
    axes.set(yscale="log", ylim=(bottom, top))
    axes.set_xlabel("parameters (moved apart where needed; thin lines lead back)")
    _ticks(axes.xaxis, PARAMETERS, axes.get_xlim(), lambda count: f"{count:,.0f}", 0.14)
    errors = [100 - accuracy for accuracy in ACCURACIES]
    _ticks(axes.yaxis, errors, axes.get_ylim(), lambda error: f"{round(100 - error, 3):g}", 0.05)


def _limits(accuracies: Sequence[float], marks: Sequence[Mark]) -> tuple[float, float]:
    """The errors (percent) at the bottom, which is the larger one, and at the top, with room for labels."""
    errors = [_error(accuracy) for accuracy in accuracies] + [one for mark in marks for one in _span(mark)]
    room = max(errors) / min(errors)
    return max(errors) * 1.05 * room**0.09, min(errors) / 1.05 / room**0.03


def _draw_dot(axes: Axes, mark: Mark, x: float) -> None:
    axes.plot(x, _error(mark.mean), linestyle="none", marker=".", color=_colour(mark.lineage), zorder=3)


def _draw_mark(axes: Axes, mark: Mark, x: float) -> None:
    colour = _colour(mark.lineage)
    if mark.low > -inf:
        limits = [_error(mark.low), _error(mark.high)]
        axes.plot([x, x], limits, color=colour, linewidth=2, alpha=0.55, solid_capstyle="butt", zorder=2)
    axes.plot(x, _error(mark.mean), linestyle="none", marker="o", color=colour, markersize=6, zorder=3)
    axes.plot([mark.parameters, x], [_error(mark.mean)] * 2, color=colour, linewidth=0.8, zorder=1)
    if mark.claimed is not None:
        look = BEST if mark.claimed_is_best else PUBLISHED
        axes.plot(x, _error(mark.claimed), **look, zorder=4)
    below = {"textcoords": "offset points", "ha": "center", "va": "top", "fontsize": 8}
    axes.annotate(mark.label, (x, max(_span(mark))), (0, -6), color=colour, **below)


def _legend(marks: Sequence[Mark], max_params: int, min_accuracy: float) -> list[Line2D]:
    ours = Line2D([], [], color=GREY, marker="o", linewidth=2, label="ours: mean over seeds, 95 % interval")
    claims = {
        False: Line2D([], [], **PUBLISHED, label="published, last epoch"),
        True: Line2D([], [], **BEST, label="published, best epoch"),
    }
    kinds = sorted({mark.claimed_is_best for mark in marks if mark.claimed is not None})
    line = Line2D([], [], **TARGET, label=f"{max_params:,} parameters, {min_accuracy:.1f} %")
    return [ours, *(claims[kind] for kind in kinds), line]


def _worst(mark: Mark) -> float:
    return mark.mean if mark.claimed is None else min(mark.mean, mark.claimed)


def _error(accuracy: float) -> float:
    return min(max(100 - accuracy, LEAST_ERROR), MOST_ERROR)


def _colour(lineage: int) -> str:
    return COLOURS[lineage % len(COLOURS)]


def _ticks(
    axis: Axis,
    wanted: Sequence[float],
    limits: tuple[float, float],
    text: Callable[[float], str],
    apart: float,
) -> None:
    """Ticks of a logarithmic axis: of those wanted, as many as fit, `apart` of its length from each other."""
    chosen: list[float] = []
    length = abs(log10(limits[0] / limits[1]))
    for tick in wanted:
        free = all(abs(log10(tick / other)) >= apart * length for other in chosen)
        if min(limits) <= tick <= max(limits) and free:
            chosen.append(tick)
    axis.set_major_locator(FixedLocator(chosen))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axis.set_minor_locator(NullLocator())
