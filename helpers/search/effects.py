"""What one changed factor is worth: candidates of a search against one of them, trial by trial."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from helpers.results.statistics import Difference, holm, mean_interval, paired, resolvable
from helpers.search.study import Standing

LEVEL = 0.05  # of all factors of a study together


@dataclass(frozen=True)
class Effect:
    """One changed factor: validation accuracy changed minus unchanged, in points."""

    factor: str
    difference: Difference
    p: float  # Holm-adjusted over all factors of the study
    resolves: float  # the true difference that so many pairs show four times in five, corrected as the first

    @property
    def shown(self) -> bool:
        return self.p <= LEVEL


def pairs(candidate: Standing, base: Standing) -> tuple[list[float], list[float]]:
    """Validation accuracies of the trials that both have had: the same split, the same seed."""
    shared = sorted(candidate.records.keys() & base.records.keys())
    return [candidate.accuracy(number) for number in shared], [base.accuracy(number) for number in shared]


def gaps(candidate: Standing, base: Standing) -> list[float]:
    """Validation accuracy of the candidate minus that of `base`, in points, for each trial that both have had."""
    return [ours - theirs for ours, theirs in zip(*pairs(candidate, base), strict=True)]


def difference_if_any(candidate: Standing, base: Standing) -> Difference | None:
    """One candidate minus another, paired; None where fewer than two trials, or no spread, tell nothing."""
    try:
        return paired(*pairs(candidate, base))
    except ValueError:
        return None


def without_average(standing: Standing) -> Standing:
    """A candidate without its moving average of the weights: its own trials, judged by the weights of the last step.

    Training does not look at the average, so these are the trials that the recipe with ema_decay = 0 would have had.

    Raises:
        ValueError: for a trial that kept no average, or a recipe whose learning rate follows it.
    """
    if standing.candidate.definitions.config.recipe.schedule == "plateau":
        raise ValueError(
            f"{standing.candidate}: its rate follows the average, so without it training differs"
        )
    records = {}
    for number, record in standing.records.items():
        raw = [epoch.raw_validation_accuracy for epoch in record.history]
        if None in raw:
            raise ValueError(f"{standing.candidate}, trial {number}: kept no average of the weights")
        epochs = zip(record.history, raw, strict=True)
        history = [epoch.model_copy(update={"validation_accuracy": value}) for epoch, value in epochs]
        records[number] = record.model_copy(update={"history": history})
    off = {"ema_decay": 0.0}
    everything = {**standing.candidate.everything, **off}
    candidate = replace(
        standing.candidate, settings=off, everything=everything, name="no average of the weights"
    )
    return replace(standing, candidate=candidate, records=records)


def effects(base: Standing, changed: Sequence[Standing]) -> list[Effect]:
    """The effect of each changed factor, the largest loss first.

    Raises:
        ValueError: for a candidate with fewer than three trials in common with `base`, or without any spread.
    """
    for standing in changed:
        shared = len(gaps(standing, base))
        if shared < 3:
            raise ValueError(
                f"{standing.candidate}: {shared} trials in common with {base.candidate}, must be at least 3"
            )
    differences = [paired(*pairs(standing, base)) for standing in changed]
    means = [mean_interval(gaps(standing, base)) for standing in changed]
    # All factors are asked at once: p as Holm adjusts it, and what his first question could still resolve.
    adjusted = holm([difference.p for difference in differences])
    strictest = 1 - LEVEL / max(1, len(changed))
    found = [
        Effect(str(standing.candidate), difference, p, resolvable(mean.sd, mean.n, confidence=strictest))
        for standing, difference, mean, p in zip(changed, differences, means, adjusted, strict=True)
    ]
    return sorted(found, key=lambda effect: effect.difference.value)
