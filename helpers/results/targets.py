"""Targets stated before training, and the rules that judge a run or a recipe by them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from helpers.results.statistics import Interval, mean_interval, wilson
from helpers.results.verdicts import Criterion, Outcome, Verdict, last_epochs, lowest_accuracy, lowest_epoch
from helpers.settings import Count, Settings

TEST_IMAGES = 10_000  # of MNIST
LEAST_SEEDS = 3


class Target(Settings):
    """What an iteration sets out to reach; None where it has no such expectation.

    Raises:
        SettingsError: on a bad value.
    """

    max_params: Count | None = None
    max_epochs: Count | None = None
    min_accuracy: Annotated[float, Field(ge=0, le=100)] | None = None  # percent on the test set
    last_n: Count = 1  # reached in each of the last n epochs

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.min_accuracy is not None and 0 < self.min_accuracy < 1:
            raise ValueError(f"min_accuracy = {self.min_accuracy}: in percent, as in 99.4")
        if self.max_epochs is not None and self.last_n > self.max_epochs:
            raise ValueError(f"last_n = {self.last_n}: at most max_epochs = {self.max_epochs}")
        return self


class Thresholds(NamedTuple):
    """Accuracies in percent on MNIST's test images; None where no accuracy would be judged so."""

    missed_to: float | None  # the highest that is judged missed
    met_from: float | None  # the lowest that is judged met


@dataclass(frozen=True)
class Summary:
    """The usual ways to quote a run, in percent; None for a mean over more epochs than there are."""

    best: float
    best_epoch: int  # the first that reached it, counted from 1
    last: float
    mean_of_last_3: float | None
    mean_of_last_5: float | None

    def __str__(self) -> str:
        means = (("last 3", self.mean_of_last_3), ("last 5", self.mean_of_last_5))
        shown = "".join(f", mean of {name} {value:.2f}" for name, value in means if value is not None)
        return f"best {self.best:.2f} (epoch {self.best_epoch}), last {self.last:.2f}{shown}"


def run_statistic(accuracies: Sequence[float], last_n: int) -> float:
    """The statistic of a run: its lowest accuracy (percent) over the last `last_n` epochs.

    Raises:
        ValueError: for fewer epochs than that, or an accuracy outside 0 to 100.
    """
    values = _percentages(accuracies)
    if not 1 <= last_n <= len(values):
        raise ValueError(f"last_n = {last_n}: must be from 1 to the run's {len(values)} epochs")
    return min(values[-last_n:])


def summarise(accuracies: Sequence[float]) -> Summary:
    """Best, last and means of the last epochs (percent), shown beside every verdict.

    Raises:
        ValueError: for no epochs, or an accuracy outside 0 to 100.
    """
    values = _percentages(accuracies)
    if not values:
        raise ValueError("accuracies = []: needs at least one epoch")
    means = [sum(values[-n:]) / n if len(values) >= n else None for n in (3, 5)]
    return Summary(max(values), values.index(max(values)) + 1, values[-1], *means)


def thresholds(target: Target) -> Thresholds:
    """What one full run on MNIST must reach to be judged met, and up to where it is judged missed."""
    if target.min_accuracy is None:
        return Thresholds(None, None)

    def rank(correct: int) -> int:  # Wilson's interval rises with the count: missed, not shown, met
        outcome = _side(wilson(correct, TEST_IMAGES), target.min_accuracy)
        return ("missed", "not shown", "met").index(outcome)

    counts = range(TEST_IMAGES + 1)
    not_missed, met = bisect_left(counts, 1, key=rank), bisect_left(counts, 2, key=rank)
    return Thresholds(
        missed_to=_percent(not_missed - 1) if not_missed > 0 else None,
        met_from=_percent(met) if met <= TEST_IMAGES else None,
    )


def budget(target: Target, parameters: int, declared_epochs: int) -> Verdict:
    """The part of a target that is judged before training: exactly, in every profile, on every data set.

    Its note says from where the accuracy will be judged met, and up to where missed.
    """
    criteria = (
        _limit("parameters", "parameters", "Is the network small enough?", target.max_params, parameters),
        _limit("epochs", "declared epochs", "Is training short enough?", target.max_epochs, declared_epochs),
    )
    if target.min_accuracy is None:
        return Verdict(criteria)
    missed_to, met_from = thresholds(target)
    met = "never met" if met_from is None else f"met from {met_from:.2f} %"
    missed = "never missed" if missed_to is None else f"missed up to {missed_to:.2f} %"
    return Verdict(
        criteria,
        f"Accuracy is judged after a full run on MNIST, by {lowest_epoch(target.last_n)}: "
        f"at least {target.min_accuracy:.2f} % is {met}, {missed}, and not shown in between.",
    )


def judge(
    target: Target,
    *,
    parameters: int,
    declared_epochs: int,
    test_accuracy: Sequence[float] | None,
    epochs_run: int,
    test_images: int,
    profile: str,
    dataset: str,
    complete: bool,
) -> Verdict:
    """The verdicts on one run: parameters and declared epochs always, accuracy where it can be.

    Args:
        test_accuracy: percent, one per epoch run; None where the test set was not opened.
        epochs_run: epochs trained: fewer than declared in the `fast` profile or after a stop.
        complete: whether every epoch that the profile asks for was trained.

    Raises:
        ValueError: for accuracies outside 0 to 100, or not one per epoch run.
    """
    accuracies = None if test_accuracy is None else _percentages(test_accuracy)
    if accuracies is not None and len(accuracies) != epochs_run:
        raise ValueError(f"test_accuracy holds {len(accuracies)} epochs, epochs_run = {epochs_run}")
    enough = accuracies is not None and epochs_run >= target.last_n
    stopped = not complete or epochs_run < declared_epochs
    obstacle = _first(
        (target.min_accuracy is None, "no accuracy is named"),
        (profile != "full", f"the {profile} profile proves that the code runs, not what the recipe reaches"),
        (dataset != "mnist", f"trained on {dataset}, and the target speaks of MNIST"),
        (stopped, f"stopped after {epochs_run} of {declared_epochs} epochs"),
        (accuracies is None, "the test set was not opened"),
        (test_images != TEST_IMAGES, f"{test_images:,} test images instead of {TEST_IMAGES:,}"),
        (not enough, f"{epochs_run} epochs, and the target asks for {last_epochs(target.last_n)}"),
    )
    accuracy = _judge_accuracy(
        "accuracy",
        lowest_accuracy(target.last_n),
        "Is this one trained network accurate enough on new digits?",
        target.min_accuracy,
        [run_statistic(accuracies, target.last_n)] if enough else [],
        obstacle,
    )
    return Verdict((*budget(target, parameters, declared_epochs).criteria, accuracy))


def verdict_at(accuracy: float, target: Target, profile: str = "full") -> Verdict:
    """The verdict on a run on MNIST within a target's limits that stood at one accuracy in every epoch.

    Args:
        accuracy: percent.

    Raises:
        ValueError: for an accuracy outside 0 to 100.
    """
    epochs = target.max_epochs or target.last_n
    return judge(
        target,
        parameters=target.max_params or 0,
        declared_epochs=epochs,
        test_accuracy=[accuracy] * epochs,
        epochs_run=epochs,
        test_images=TEST_IMAGES,
        profile=profile,
        dataset="mnist",
        complete=True,
    )


def judge_recipe(target: Target, statistics: Sequence[float]) -> Criterion:
    """The verdict on a recipe from the `run_statistic` of complete full runs on MNIST, one per seed.

    Met or missed only when the t interval of their mean lies wholly on one side; when all seeds agree to the
    digit there is no spread to use, and the rule of the single run takes over.

    Raises:
        ValueError: for accuracies outside 0 to 100.
    """
    obstacle = _first(
        (target.min_accuracy is None, "no accuracy is named"),
        (len(statistics) < LEAST_SEEDS, f"{len(statistics)} of at least {LEAST_SEEDS} seeds"),
    )
    return _judge_accuracy(
        "recipe",
        f"mean over seeds of the {lowest_accuracy(target.last_n)}",
        "Is this recipe, trained from new seeds, accurate enough on average?",
        target.min_accuracy,
        _percentages(statistics),
        obstacle,
    )


def _judge_accuracy(
    name: str, label: str, question: str, wanted: float | None, values: list[float], obstacle: str
) -> Criterion:
    """Judge one accuracy, or the mean of several, by the side of `wanted` on which its interval lies."""
    # back to counts of images: 99.4 and 99.40000153 are the same accuracy
    counts = [round(value * TEST_IMAGES / 100) for value in values]
    actual = _percent(sum(counts) / len(counts)) if counts else None
    if obstacle:
        return Criterion(name, label, wanted, actual, None, "not judged", question, obstacle)
    if len(set(counts)) == 1:
        interval = wilson(counts[0], TEST_IMAGES)
        because = f"95 % Wilson interval {interval} %, {counts[0]:,} right of {TEST_IMAGES:,}"
        if len(counts) > 1:
            because = f"all {len(counts)} seeds agree, so judged as a single run: {because}"
    else:
        estimate = mean_interval([_percent(count) for count in counts])
        interval = estimate.interval
        because = f"95 % t interval {interval} %, {estimate.n} seeds, SD {estimate.sd:.2f}"
    margin, outcome = round(actual - wanted, 4), _side(interval, wanted)
    return Criterion(name, label, wanted, actual, margin, outcome, question, because, interval)


def _limit(name: str, label: str, question: str, wanted: int | None, actual: int) -> Criterion:
    if wanted is None:
        return Criterion(name, label, None, actual, None, "not judged", question, "no limit is named")
    outcome = "met" if actual <= wanted else "missed"
    return Criterion(name, label, wanted, actual, wanted - actual, outcome, question, "counted exactly")


def _side(interval: Interval, wanted: float) -> Outcome:
    """On which side of `wanted` the whole interval lies; straddling it shows nothing."""
    if interval.low >= wanted:
        return "met"
    return "missed" if interval.high < wanted else "not shown"


def _first(*obstacles: tuple[bool, str]) -> str:
    return next((reason for holds, reason in obstacles if holds), "")


def _percentages(accuracies: Sequence[float]) -> list[float]:
    values = [float(accuracy) for accuracy in accuracies]
    for value in values:
        if not 0 <= value <= 100:
            raise ValueError(f"accuracy = {value}: must be a percentage from 0 to 100")
    return values


def _percent(count: float) -> float:
    return count * 100 / TEST_IMAGES  # in this order 9,943 is 99.43, not 99.42999999999999
