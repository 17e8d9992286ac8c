"""The pictures of a search: accuracy against parameters with the front of the best, and what factors are worth."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from helpers.figures.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Figure, stamped, styled
from helpers.search.effects import Effect
from helpers.search.finalists import front, fullest
from helpers.search.study import Standing

COLOURS = (BLUE, ORANGE, GREEN, RED, INK)
MARKERS = "osD^vP"
FAINT = 0.35  # of candidates that were dropped before the last round
NOTE = {"textcoords": "offset points", "fontsize": 7.5}


@styled
def pareto(studies: Mapping[str, Sequence[Standing]], label: str) -> Figure:
    """All candidates of all studies, each in the study that gave it most trials, and the front of the best.

    Candidates with as many trials as any are drawn full; the line joins those of them that nothing smaller beats.

    Args:
        label: the setting by which the members of the front are called.
    """
    drawn = fullest(studies)
    most = max(len(standing.records) for ranked in drawn.values() for standing in ranked)
    best = front(
        [standing for ranked in drawn.values() for standing in ranked if len(standing.records) == most]
    )
    figure = stamped(9, 4.8)
    axes = figure.subplots()
    # The front, and the names of its members.
    sizes, accuracies = _places(best)
    axes.step(sizes, accuracies, where="post", color=GREY, linewidth=1)
    for standing, place in zip(best, zip(sizes, accuracies, strict=True), strict=True):
        axes.annotate(str(standing.candidate.everything[label]), place, (4, 5), **NOTE)
    # The candidates, a colour and a mark for each study.
    for index, (name, ranked) in enumerate(drawn.items()):
        look = {"color": COLOURS[index % len(COLOURS)], "fmt": MARKERS[index % len(MARKERS)]}
        for full in (False, True):
            chosen = [standing for standing in ranked if (len(standing.records) == most) == full]
            errors = [standing.standard_error for standing in chosen]
            axes.errorbar(
                *_places(chosen),
                yerr=errors,
                elinewidth=0.8,
                alpha=1 if full else FAINT,
                label=name if full else None,
                **look,
            )
    _count_parameters(axes)
    axes.set(
        ylabel="validation accuracy, last epoch (%)",
        title="Mean over trials ± standard error; pale: dropped before the last round; line: nothing smaller is better",
    )
    axes.legend(loc="lower right")
    return figure


def _places(standings: Sequence[Standing]) -> tuple[list[int], list[float]]:
    sizes = [standing.candidate.parameters for standing in standings]
    return sizes, [standing.mean for standing in standings]


def _count_parameters(axes: Axes) -> None:
    """A logarithmic axis of parameters, with the sizes written out."""
    axes.set(xscale="log", xlabel="parameters")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_major_locator(LogLocator(subs=range(1, 10)))
    axes.xaxis.set_minor_locator(NullLocator())


@styled
def effect_bars(effects: Sequence[Effect], title: str) -> Figure:
    """A line for each changed factor: what the change does to the accuracy, with its 95 % interval."""
    figure = stamped(8, 0.9 + 0.28 * len(effects))
    axes = figure.subplots()
    axes.axvline(0, color=GREY, linewidth=1)
    for row, effect in enumerate(effects):
        points, interval = effect.difference.value, effect.difference.interval
        colour = (RED if points < 0 else GREEN) if effect.shown else GREY
        axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=1.6)
        axes.plot([points], [row], "o" if effect.shown else "s", color=colour)
    axes.set_yticks(range(len(effects)), [effect.factor for effect in effects])
    axes.set(
        ylim=(len(effects) - 0.5, -0.5),
        xlabel="points, changed minus as it is; round and coloured where shown",
        title=title,
    )
    return figure
