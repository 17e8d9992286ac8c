"""The picture of the scoreboard: a row for every recipe, from the fewest parameters to the most."""

from math import isfinite
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from helpers.figures.course import LOOKS
from helpers.figures.style import GREEN, GREY, INK, PUBLISHED, RED, TARGET, Figure, stamped, styled
from helpers.places import REPOSITORY
from helpers.results.course import ITERATIONS, LINEAGES, TITLES
from helpers.results.store import write_whole
from helpers.scoreboard.board import Row, Scoreboard

NAME = "scoreboard.png"
STAMP = "Recorded full runs on MNIST, test accuracy of the last epoch: mean over seeds, and its 95 % interval"
COLOURS = [*(colour for colour, _ in LOOKS), RED]  # of the lineages, and of what goes beyond them
COLOUR_OF = {
    iteration.notebook: colour
    for lineage, colour in zip(LINEAGES, COLOURS, strict=False)
    for iteration in lineage
    if iteration.published
}
TITLE_OF = {iteration.notebook: iteration.title for iteration in ITERATIONS}
BREAK = 98.8  # percent: where the left panel ends and the enlarged one begins
LAST = PUBLISHED | {"markersize": 6}
BEST = LAST | {"marker": "^"}
SMALL = {"textcoords": "offset points", "fontsize": 8}


def write_picture(board: Scoreboard, root: Path = REPOSITORY) -> Path:
    """Draw root/outputs/scoreboard.png, whole or not at all.

    Raises:
        ResultsError: where the folder cannot be written.
    """
    return write_whole(root / "outputs" / NAME, scoreboard_picture(board)._repr_png_()[0])


@styled
def scoreboard_picture(board: Scoreboard, max_params: int = 8_000, min_accuracy: float = 99.4) -> Figure:
    """Accuracy of the last epoch, a row for every recipe, sorted by parameters.

    The axis is broken at 98.8 %: what lies below is in a narrow panel, above it a tenth of a point can be seen.
    """
    rows = sorted(board.rows, key=lambda row: (row.parameters, row.notebook))
    figure = stamped(11, 1.7 + 0.28 * len(rows), STAMP)
    if not rows:
        figure.text(0.5, 0.5, "no full run is recorded", ha="center")
        return figure
    # Labels: the smallest network on top, its name in the colour of its lineage, its parameters beside it.
    low, high = figure.subplots(1, 2, sharey=True, width_ratios=[1, 2.3])
    low.set_yticks(range(len(rows)), [f"{row.parameters:,}" for row in rows], color=INK)
    low.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, BREAK), title=f"Below {BREAK:g} %")
    high.set(xlim=(BREAK, 100), title=f"From {BREAK:g} %, enlarged")
    high.spines["left"].set_visible(False)
    beside = {"xycoords": low.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    low.annotate("parameters", (0, -0.9), (-9, 0), color=GREY, ha="right", annotation_clip=False, **beside)
    for place, row in enumerate(rows):
        name = TITLE_OF.get(row.notebook, row.notebook)
        low.annotate(name, (0, place), (-200, 0), color=_colour(row), annotation_clip=False, **beside)
    # Marks, and the target as lines: an accuracy, and between two rows the limit of parameters.
    limit = sum(row.parameters <= max_params for row in rows) - 0.5
    for axes in (low, high):
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        axes.axhline(limit, **TARGET)
        axes.axvline(min_accuracy, **TARGET)
        axes.tick_params(axis="y", length=0, pad=9)
    high.annotate(f"{min_accuracy:g} %", (min_accuracy, -0.5), (-3, -9), ha="right", color=GREEN, **SMALL)
    high.annotate(f"{max_params:,} parameters", (100, limit), (0, 3), ha="right", color=GREEN, **SMALL)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
    return figure


def _draw(axes: Axes, place: int, row: Row) -> None:
    """The mean; its interval, where there are several runs; and what was published, hollow.

    A mark belongs to the panel that its value lies in, an interval may reach into both.
    """
    colour, interval = _colour(row), row.last.interval
    if isfinite(interval.low):
        axes.hlines(place, interval.low, interval.high, color=colour, linewidth=2.5, alpha=0.5, zorder=2)
    mean = {"linestyle": "none", "marker": "o", "color": colour}
    marks = ((row.last.value, mean), (row.claimed_last.accuracy, LAST), (row.claimed_best.accuracy, BEST))
    below = axes.get_xlim()[0] < BREAK
    for value, look in marks:
        if value is not None and (value < BREAK) == below:
            axes.plot(value, place, **look, zorder=3, clip_on=False)


def _colour(row: Row) -> str:
    return COLOUR_OF.get(row.notebook, COLOURS[-1])


def _legend() -> list[Line2D]:
    """The lineages by colour, and the two kinds of claims."""
    titles = [*TITLES, "Ours, beyond what was published"]
    ours = [
        Line2D([], [], color=colour, marker="o", linewidth=2.5, label=title)
        for colour, title in zip(COLOURS, titles, strict=True)
    ]
    return [
        *ours,
        Line2D([], [], **LAST, label="published, last epoch"),
        Line2D([], [], **BEST, label="published, best epoch"),
    ]
