"""The pictures of the course: what grew out of what, and the published iterations by size and error."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from helpers.figures.style import BLUE, GREEN, GREY, INK, ORANGE, TARGET, Figure, stamped, styled

LABEL = {"textcoords": "offset points", "fontsize": 8, "ha": "center"}
LEFT, RIGHT, ABOVE = (-10, -3), (10, -3), (0, 6)
# A lineage's colour, and on which side of its marks the numbers go, in turn
LOOKS = (
    (GREY, (RIGHT, LEFT)),
    (ORANGE, (LEFT,)),
    (BLUE, (RIGHT, RIGHT, ABOVE, ABOVE)),
    (INK, (RIGHT,)),
)
TINT = "#e3f3ec"
WRAP = 31  # characters of a line beside an arrow


class Box(NamedTuple):
    """An iteration on the map: its title, what is said of it, what is new on the way to it, and two marks."""

    title: str
    facts: Sequence[str]
    change: str = ""
    fits: bool = False  # tinted: within the limits on parameters and epochs
    claims: bool = False  # starred: claims all of the target


@styled
def lineage_map(lineages: Mapping[str, Sequence[Box]], notes: str = "") -> Figure:
    """Every lineage a column, from top to bottom; on each arrow what changed from one iteration to the next.

    Args:
        notes: how to read it, written under the last column.
    """
    rows = max(map(len, lineages.values()))
    figure = stamped(10, 0.5 + 1.15 * rows)
    axes = figure.subplots()
    axes.set(
        xlim=(0, len(lineages)), ylim=(rows - 0.32, -0.32), title="What grew out of what, and by which change"
    )
    axes.axis("off")
    for column, ((title, boxes), (colour, _)) in enumerate(zip(lineages.items(), LOOKS, strict=True)):
        axes.text(column + 0.5, -0.22, title, color=colour, fontsize=10, fontweight="bold", ha="center")
        for row, box in enumerate(boxes):
            _draw_box(axes, column, row, box, colour)
    axes.text(len(lineages) - 0.96, rows - 0.4, notes, fontsize=8.5, color=GREY, va="bottom", linespacing=1.5)
    return figure


def _draw_box(axes: Axes, column: int, row: int, box: Box, colour: str) -> None:
    """A box of half a row's height, and above it the arrow that leads to it."""
    fill = TINT if box.fits else "white"
    frame = Rectangle((column + 0.04, row - 0.14), 0.92, 0.56, facecolor=fill, edgecolor=colour)
    axes.add_patch(frame)
    middle = column + 0.5
    star = " ★" if box.claims else ""
    axes.text(middle, row, box.title + star, ha="center", va="center", fontweight="bold", fontsize=9.5)
    for line, fact in enumerate(box.facts):
        axes.text(middle, row + 0.17 + 0.15 * line, fact, ha="center", va="center", fontsize=8.3)
    if box.change:
        ends = (column + 0.09, row - 0.14), (column + 0.09, row - 0.58)
        axes.annotate(
            "", *ends, arrowprops={"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0}
        )
        change = textwrap.fill(box.change, WRAP)
        axes.text(column + 0.14, row - 0.36, change, fontsize=8.5, style="italic", va="center")


@styled
def course_map(
    lineages: Sequence[Sequence[tuple[str, int, float]]], max_params: int, min_accuracy: float
) -> Figure:
    """Published iterations by size and error, with arrows along each lineage, and the corner aimed at.

    Args:
        lineages: (number, parameters, accuracy in percent) of every iteration, in order.
        max_params, min_accuracy: the limits of the corner.
    """
    # The corner: few enough parameters, and few enough errors.
    figure = stamped(9, 4.2)
    axes = figure.subplots()
    axes.set(
        xscale="log", yscale="log", title="Error on the test set (%) and number of parameters, as published"
    )
    axes.axvspan(1, max_params, 0, 1, color=GREEN, alpha=0.06)
    axes.axhspan(1e-3, 100 - min_accuracy, color=GREEN, alpha=0.06)
    axes.axvline(
        max_params, label=f"at most {max_params:,} parameters, at least {min_accuracy:g} %", **TARGET
    )
    axes.axhline(100 - min_accuracy, **TARGET)
    # Each lineage in its colour: an arrow from every iteration to the next, then marks and numbers.
    for lineage, (colour, sides) in zip(lineages, LOOKS, strict=True):
        places = [(parameters, 100 - accuracy) for _, parameters, accuracy in lineage]
        for start, end in zip(places, places[1:], strict=False):
            axes.annotate(
                "", end, start, arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 5, "shrinkB": 5}
            )
        axes.plot(*zip(*places, strict=True), linestyle="none", marker="o", color=colour)
        for index, (number, *_) in enumerate(lineage):
            axes.annotate(number, places[index], sides[index % len(sides)], color=colour, **LABEL)
    # Both axes logarithmic, errors shrinking upward, ticks at round numbers.
    axes.set(xlim=(4_500, 250_000), ylim=(15, 0.3))
    axes.set_xticks([5_000, 10_000, 20_000, 50_000, 100_000, 200_000], [])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([10, 5, 2, 1, 0.6])
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure
