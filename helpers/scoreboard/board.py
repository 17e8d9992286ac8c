"""The scoreboard: what every recipe reached over its seeds, and which steps of a lineage are real."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Literal

from helpers.places import REPOSITORY
from helpers.results.analysis import Position, position
from helpers.results.course import LINEAGES, Iteration
from helpers.results.record import Record
from helpers.results.runs import Runs
from helpers.results.statistics import Difference, Mean, difference_of, expected_next, holm, mean_of
from helpers.results.targets import judge_recipe
from helpers.results.verdicts import Criterion
from helpers.scoreboard.gather import Gathered, Group, gather

LEVEL = 0.05  # of all steps together

Outcome = Literal["improvement", "setback", "not shown", "not judged"]


@dataclass(frozen=True)
class Claim:
    """A published accuracy (percent), and its position: inside, above or below what one more run of ours may reach.

    Both are None where nothing is published; `position` is None where a single run of ours shows no spread.
    """

    accuracy: float | None
    position: Position | None


@dataclass(frozen=True)
class Row:
    """What the recorded full runs of one recipe reached; accuracies in percent on the test set, over seeds."""

    notebook: str
    parameters: int
    receptive_field: int  # pixels at the logits
    epochs: int
    seeds: list[int]
    best: Mean  # of each run's best epoch, which is chosen on the test set
    last: Mean
    last_3: Mean | None  # of each run's mean over the last three epochs; None for fewer epochs
    last_5: Mean | None
    claimed_last: Claim
    claimed_best: Claim
    verdict: Criterion | None  # on the target of its notebook
    seconds: float  # of a run, median
    machines: list[str]

    @property
    def number(self) -> str:
        return self.notebook.partition("_")[0]


@dataclass(frozen=True)
class Step:
    """One step of a lineage: the difference of last epochs, and what it shows when all steps are judged at once."""

    before: str  # numbers of the iterations
    after: str
    difference: Difference | None  # after minus before, in points
    p: float | None  # Holm-adjusted
    outcome: Outcome
    because: str


@dataclass(frozen=True)
class Experiment:
    """A variant of a notebook, apart from the table of what is declared; `against`: minus the declared recipe."""

    label: str
    dataset: str
    row: Row
    against: Difference | None


@dataclass(frozen=True)
class Scoreboard:
    """Everything that the records under outputs/ show, and what they cannot show."""

    rows: list[Row]
    steps: list[Step]
    experiments: list[Experiment]
    left_out: list[str]
    remarks: list[str]
    groups: list[Group]  # the records behind `rows`


def scoreboard(root: Path = REPOSITORY) -> Scoreboard:
    """The scoreboard of the records under root/outputs, held against the notebooks under root/notebooks."""
    return build(gather(root))


def build(gathered: Gathered) -> Scoreboard:
    """Rows, steps and experiments from records that were gathered."""
    declared = {group.notebook: group.runs for group in gathered.groups}
    return Scoreboard(
        rows=[row_of(group) for group in gathered.groups],
        steps=steps(list(declared.values())),
        experiments=[_experiment(group, declared.get(group.notebook)) for group in gathered.experiments],
        left_out=gathered.left_out,
        remarks=gathered.remarks,
        groups=gathered.groups,
    )


def row_of(group: Group) -> Row:
    """What one group of runs reached. On another data set than MNIST no claim and no target is judged."""
    runs, definitions = group.runs, group.definitions
    first = runs.records[0]
    # Claims and targets speak of MNIST; under a label that is a hash, nobody knows which they are.
    speaks_of_it = definitions is not None and first.dataset == "mnist"
    claims = definitions.published if speaks_of_it else None
    return Row(
        notebook=runs.notebook,
        parameters=first.parameters,
        receptive_field=first.receptive_field,
        epochs=len(first.history),
        seeds=[record.seed for record in runs.records],
        best=mean_of(runs.best_accuracies),
        last=mean_of(runs.last_accuracies),
        last_3=_mean_of_last(runs, 3),
        last_5=_mean_of_last(runs, 5),
        claimed_last=_claim(getattr(claims, "last", None), runs.last_accuracies),
        claimed_best=_claim(getattr(claims, "best", None), runs.best_accuracies),
        verdict=_verdict(group) if speaks_of_it else None,
        seconds=median(record.seconds for record in runs.records),
        machines=sorted({_machine(record) for record in runs.records}),
    )


def steps(groups: Sequence[Runs], lineages: Sequence[Sequence[Iteration]] = LINEAGES) -> list[Step]:
    """Every step of the lineages: Welch's t test of the last epochs over seeds, Holm-corrected over those judged.

    A step that cannot be judged is listed with the reason, and counts for nothing in the correction.
    """
    # Compare: the last epochs on both sides of every step.
    pairs = [pair for lineage in lineages for pair in pairwise(lineage)]
    compared = [_compared(before, after, groups) for before, after in pairs]
    # Correct: the steps that can be judged are the questions asked at once.
    judged = [place for place, (_, why_not) in enumerate(compared) if not why_not]
    adjusted = dict(zip(judged, holm([compared[place][0].p for place in judged]), strict=True))
    # Judge: what each step is, by its corrected p.
    found = []
    for place, ((before, after), (difference, why_not)) in enumerate(zip(pairs, compared, strict=True)):
        p = adjusted.get(place)
        known = ("not judged", why_not) if p is None else _outcome(difference, p, questions=len(judged))
        found.append(Step(before.number, after.number, difference, p, *known))
    return found


def _outcome(difference: Difference, p: float, questions: int) -> tuple[Outcome, str]:
    """What a judged step is, and why; `p` is adjusted for so many questions asked at once."""
    if p <= LEVEL:
        return "improvement" if difference.value > 0 else "setback", "more than seeds explain"
    if difference.p <= LEVEL:
        return "not shown", f"shown if asked alone, not as one of {questions} questions"
    return "not shown", "seeds alone differ enough to explain it"


def _compared(before: Iteration, after: Iteration, groups: Sequence[Runs]) -> tuple[Difference | None, str]:
    """The difference of two iterations' last epochs, and why it cannot be judged ("" if it can)."""
    sides = {iteration.number: _runs_of(iteration, groups) for iteration in (before, after)}
    if missing := [number for number, runs in sides.items() if runs is None]:
        return None, f"no full run of {' or '.join(missing)} that counts"
    try:
        difference = difference_of(sides[after.number].last_accuracies, sides[before.number].last_accuracies)
    except ValueError:  # all runs of both sides agree to the digit
        return None, "no spread on either side"
    single = [number for number, runs in sides.items() if len(runs) < 2]
    return difference, f"a single run of {' and '.join(single)}, which has no spread" if single else ""


def _runs_of(iteration: Iteration, groups: Sequence[Runs]) -> Runs | None:
    """The runs of a published iteration; a copy under the same number is told apart by its parameters."""
    fitting = (
        runs
        for runs in groups
        if runs.notebook.partition("_")[0] == iteration.number
        and runs.records[0].parameters == iteration.parameters
    )
    return next(fitting, None)


def _experiment(group: Group, declared: Runs | None) -> Experiment:
    dataset = group.runs.records[0].dataset
    against = None
    if declared is not None and dataset == "mnist":
        try:
            against = difference_of(group.runs.last_accuracies, declared.last_accuracies)
        except ValueError:  # no spread on either side
            against = None
    return Experiment(group.label, dataset, row_of(group), against)


def _mean_of_last(runs: Runs, epochs: int) -> Mean | None:
    if any(len(record.test_accuracy) < epochs for record in runs.records):
        return None
    return mean_of([mean(record.test_accuracy[-epochs:]) for record in runs.records])


def _claim(accuracy: float | None, ours: Sequence[float]) -> Claim:
    """Held against the prediction interval of the same statistic of ours: last with last, best with best."""
    if accuracy is None or len(ours) < 2:
        return Claim(accuracy, None)
    return Claim(accuracy, position(accuracy, expected_next(ours)))


def _verdict(group: Group) -> Criterion:
    target = group.definitions.target
    long_enough = target.last_n <= min(len(record.history) for record in group.runs.records)
    return judge_recipe(target, group.runs.statistic(target.last_n) if long_enough else [])


def _machine(record: Record) -> str:
    """Where a run was made, as far as its seconds depend on it."""
    known = {name: record.environment.get(name, "unknown") for name in ("device_name", "threads", "torch")}
    return f"{known['device_name']}, threads: {known['threads']}, torch {known['torch']}"
