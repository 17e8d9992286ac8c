"""The tables of a search: how its candidates rank, and what one changed factor is worth."""

from collections.abc import Sequence

from helpers.results.statistics import mean_of
from helpers.search.effects import Effect, difference_if_any
from helpers.search.study import Standing
from helpers.tables import Cells, Table


class StudyTable(Table):
    """A line for every candidate, the best first; differences are paired, trial by trial, against the first line."""

    header = ("candidate", "parameters", "trials", "validation", "SD", "against the best", "95 %")
    left = 1

    def __init__(self, standings: Sequence[Standing]) -> None:
        self.standings = standings

    def cells(self) -> list[Cells]:
        return [self._row(standing) for standing in self.standings]

    def notes(self) -> list[str]:
        return [
            "Validation: accuracy (percent) of the last epoch, mean over trials, each with a split and a seed of its "
            "own. The first line was chosen by this number, so it flatters: expect less of it next time."
        ]

    def _row(self, standing: Standing) -> Cells:
        name, size = str(standing.candidate), f"{standing.candidate.parameters:,}"
        count = str(len(standing.records))
        if standing.diverged:  # and of those that survived a mean says nothing
            return (name, size, f"{count}, {len(standing.diverged)} diverged", *4 * ("-",))
        if not standing.records:
            return (name, size, count, *4 * ("-",))
        mean = mean_of(standing.accuracies)
        spread = f"{mean.sd:.3f}" if mean.n > 1 else "-"
        difference = difference_if_any(standing, self.standings[0])
        against = ("-", "-") if difference is None else (_points(difference.value), str(difference.interval))
        return (name, size, count, f"{mean.value:.3f}", spread, *against)


class EffectTable(Table):
    """What each factor is worth, one changed at a time."""

    header = ("changed", "points", "95 %", "p, Holm", "resolves", "")
    left = 1

    def __init__(self, effects: Sequence[Effect]) -> None:
        self.effects = effects

    def cells(self) -> list[Cells]:
        return [
            (
                effect.factor,
                _points(effect.difference.value),
                f"{effect.difference.interval.low:+.3f} to {effect.difference.interval.high:+.3f}",
                f"{effect.p:.3g}",
                f"{effect.resolves:.3f}",
                "shown" if effect.shown else "not shown",
            )
            for effect in self.effects
        ]

    def notes(self) -> list[str]:
        return [
            "Points: validation accuracy with the change minus without, paired by split and seed. The interval of a line is "
            "its own, not corrected for the others; p is, by Holm. Resolves: the true difference that so many pairs would "
            "show four times in five, corrected as the first of all these questions; a smaller one is likely missed."
        ]


def _points(difference: float) -> str:
    """With its sign and three digits; what rounds to nothing is +0.000."""
    return f"{round(difference, 3) + 0.0:+.3f}"
