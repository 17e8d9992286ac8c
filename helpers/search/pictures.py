"""The pictures of a search: accuracy against parameters with the front of the best, and what factors are worth."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from helpers.figures.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Figure, stamped, styled

COLOURS = (BLUE, ORANGE, GREEN, RED, INK)
MARKERS = "osD^vP"
FAINT = 0.35  # of candidates that were dropped before the last round


class Tried(NamedTuple):
    """One candidate: its parameters, its mean validation accuracy (percent) and the standard error of that."""

    label: str
    parameters: int
    accuracy: float
    error: float
    finalist: bool  # had as many trials as any


class Worth(NamedTuple):
    """One changed factor: what it is worth in points, the limits of the interval, and whether that is shown."""

    factor: str
    points: float
    low: float
    high: float
    shown: bool


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Those that no other beats: none is at least as accurate with fewer parameters, or more so with as many."""
    best: list[Tried] = []
    for one in sorted(tried, key=lambda one: (one.parameters, -one.accuracy)):
        if not best or one.accuracy > best[-1].accuracy:
            best.append(one)
    return best


@styled
def pareto(studies: Mapping[str, Sequence[Tried]]) -> Figure:
    """All candidates of all studies, by study; the finalists' front as a line, its members labelled."""
    figure = stamped(9, 4.8)
    axes = figure.subplots()
    finalists = [one for study in studies.values() for one in study if one.finalist]
    best = front(finalists)
    axes.step(
        [one.parameters for one in best],
        [one.accuracy for one in best],
        where="post",
        color=GREY,
        linewidth=1,
    )
    for index, (name, tried) in enumerate(studies.items()):
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        for finalist in (False, True):
            chosen = [one for one in tried if one.finalist == finalist]
            axes.errorbar(
                [one.parameters for one in chosen],
                [one.accuracy for one in chosen],
                yerr=[one.error for one in chosen],
                fmt=marker,
                color=colour,
                elinewidth=0.8,
                alpha=1 if finalist else FAINT,
                label=name if finalist else None,
            )
    for one in best:
        axes.annotate(
            one.label, (one.parameters, one.accuracy), (4, 5), textcoords="offset points", fontsize=7.5
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(LogLocator(subs=range(1, 10)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(
        xlabel="parameters",
        ylabel="validation accuracy, last epoch (%)",
        title="Mean over trials ± standard error; pale: dropped before the last round; line: nothing smaller is better",
    )
    axes.legend(loc="lower right")
    return figure


@styled
def effect_bars(factors: Sequence[Worth], title: str) -> Figure:
    """A line for each factor: what changing it does to the accuracy, with its 95 % interval."""
    figure = stamped(8, 0.9 + 0.28 * len(factors))
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=1)
    for row, one in enumerate(factors):
        colour = (RED if one.points < 0 else GREEN) if one.shown else GREY
        axes.plot([one.low, one.high], [row, row], color=colour, linewidth=1.6)
        axes.plot([one.points], [row], "o" if one.shown else "s", color=colour)
    axes.set_yticks(range(len(factors)), [one.factor for one in factors])
    axes.set(
        ylim=(len(factors) - 0.5, -0.5),
        xlabel="points, changed minus as it is; round and coloured where shown",
        title=title,
    )
    return figure
