"""The tables of the scoreboard: recipes, steps, experiments."""

from collections.abc import Sequence
from itertools import chain
from math import isfinite
from string import ascii_uppercase

from helpers.results.statistics import Mean
from helpers.scoreboard.board import LEVEL, Claim, Experiment, Row, Scoreboard, Step
from helpers.tables import Cells, Table

TITLES = {
    "improvement": "a real improvement",
    "setback": "a real setback",
    "not shown": "not shown to differ",
    "not judged": "not judged",
}


class ScoreTable(Table):
    """A line for every recipe: what it is, what its seeds reached, what was claimed, what its target makes of it."""

    header = (
        *("notebook", "parameters", "RF", "epochs", "seeds"),
        *("best epoch", "last epoch", "mean of last 3", "mean of last 5", "95 % of the mean, last"),
        *("published last", "published best", "its target", "seconds", "machine"),
    )
    left = 1

    def __init__(self, board: Scoreboard) -> None:
        self.rows = board.rows
        self.machines = machine_letters(board.rows)

    def cells(self) -> list[Cells]:
        return [self._row(row) for row in self.rows]

    def notes(self) -> list[str]:
        return [
            "Test accuracy in percent: mean over seeds ± standard deviation; the interval is Student's t.",
            "RF: receptive field of the logits in pixels. Seconds: of one run, median.",
            "Published: inside, above or below the 95 % prediction interval of one more run of ours, last epoch "
            "against last epochs, best against best; nothing to say from a single seed.",
            "Its target: the mean over seeds of each run's lowest accuracy in the epochs that it names.",
            *(f"Machine {letter}: {machine}." for machine, letter in self.machines.items()),
        ]

    def _row(self, row: Row) -> Cells:
        means = (row.best, row.last, row.last_3, row.last_5)
        return (
            row.notebook,
            f"{row.parameters:,}",
            str(row.receptive_field),
            str(row.epochs),
            seeds_text(row.seeds),
            *map(mean_text, means),
            interval_text(row.last),
            *map(claim_text, (row.claimed_last, row.claimed_best)),
            verdict_text(row),
            f"{row.seconds:.0f}",
            ", ".join(self.machines[machine] for machine in row.machines),
        )


class StepTable(Table):
    """A line for every step of a lineage: is it more than seeds explain?"""

    header = ("step", "it is", "because", "difference, last epoch", "95 % interval", "p", "p, Holm")
    left = 3

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    def cells(self) -> list[Cells]:
        return [self._row(step) for step in self.steps]

    def notes(self) -> list[str]:
        judged = sum(step.p is not None for step in self.steps)
        return [
            f"Welch's t test over seeds. Holm's correction is over the {judged} of {len(self.steps)} steps that "
            f"can be judged: real means adjusted p of at most {LEVEL:g}.",
            "The interval of a step is its own, not corrected for the others.",
        ]

    @staticmethod
    def _row(step: Step) -> Cells:
        numbers = ("-", "-", "-")
        if step.difference is not None:
            interval, p = step.difference.interval, step.difference.p
            known = isfinite(interval.low)
            limits = f"{interval.low:+.2f} to {interval.high:+.2f}" if known else "-"
            numbers = (f"{step.difference.value:+.2f}", limits, f"{p:.2g}" if known else "-")
        adjusted = "-" if step.p is None else f"{step.p:.2g}"
        return (f"{step.before} → {step.after}", TITLES[step.outcome], step.because, *numbers, adjusted)


class ExperimentTable(Table):
    """Runs with something changed, apart from the recipes as they are declared."""

    header = (
        *("notebook", "changed", "data set", "parameters", "epochs", "seeds", "best epoch", "last epoch"),
        *("95 % of the mean, last", "against declared", "seconds"),
    )
    left = 3

    def __init__(self, experiments: Sequence[Experiment]) -> None:
        self.experiments = experiments

    def cells(self) -> list[Cells]:
        return [self._row(experiment) for experiment in self.experiments]

    def notes(self) -> list[str]:
        if not self.experiments:
            return ["No variant is recorded."]
        return [
            "Against declared: last epoch minus that of the recipe as declared, with Welch's 95 % interval; each "
            "by itself, not corrected for being several."
        ]

    @staticmethod
    def _row(experiment: Experiment) -> Cells:
        row, against = experiment.row, experiment.against
        difference = "-"
        if against is not None:
            low, high = against.interval.low, against.interval.high
            limits = f" ({low:+.2f} to {high:+.2f})" if isfinite(low) else " (single run)"
            difference = f"{against.value:+.2f}{limits}"
        means = (mean_text(row.best), mean_text(row.last), interval_text(row.last))
        shape = (f"{row.parameters:,}", str(row.epochs), seeds_text(row.seeds))
        changed = (row.notebook, experiment.label, experiment.dataset)
        return (*changed, *shape, *means, difference, f"{row.seconds:.0f}")


def machine_letters(rows: Sequence[Row]) -> dict[str, str]:
    """A letter for every machine, in the order in which they come."""
    machines = dict.fromkeys(chain.from_iterable(row.machines for row in rows))
    letters = chain(ascii_uppercase, map(str, range(1, len(machines) + 1)))
    return dict(zip(machines, letters, strict=False))


def seeds_text(seeds: Sequence[int]) -> str:
    """1-3 for three in a row, else 1, 2, 5."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds))


def mean_text(mean: Mean | None) -> str:
    """Mean and standard deviation; a single run stands for itself."""
    if mean is None:
        return "-"
    return f"{mean.value:.2f}" if mean.n == 1 else f"{mean.value:.2f} ± {mean.sd:.2f}"


def interval_text(value: Mean) -> str:
    """The t interval of a mean, as far as accuracies go."""
    if value.n == 1:
        return "-"
    return f"{max(value.interval.low, 0):.2f} to {min(value.interval.high, 100):.2f}"


def claim_text(claim: Claim) -> str:
    """What was published and where it lies."""
    if claim.accuracy is None:
        return "-"
    return f"{claim.accuracy:.2f} {claim.position}" if claim.position else f"{claim.accuracy:.2f}"


def verdict_text(row: Row) -> str:
    """The accuracy wanted and the verdict of the recipe on it."""
    if row.verdict is None or row.verdict.wanted is None:
        return "-"
    return f"{row.verdict.wanted:.2f}: {row.verdict.outcome}"
