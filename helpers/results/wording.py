"""Recorded values in words: what the Analyses of several notebooks say in the same way."""

from collections.abc import Sequence
from itertools import groupby

from helpers.results.analysis import expected_next
from helpers.results.record import Record
from helpers.results.statistics import Interval


def listed(values: Sequence[float]) -> str:
    """Accuracies or differences, in percent or points, to two decimals."""
    return ", ".join(f"{value:.2f}" for value in values)


def lies(claim: float, expected: Interval) -> str:
    """Where a published value lies: inside an interval, above or below it."""
    if expected.contains(claim):
        return "inside"
    return "above" if claim > expected.high else "below"


def beside(claim: float, ours: Sequence[float]) -> str:
    """Our values (percent), and where the published one lies among what is expected of one more of them."""
    if not ours:
        return "no full run of ours is recorded yet"
    if len(ours) < 2:
        return f"{listed(ours)} %, and one run has no spread to judge by"
    expected = expected_next(ours)
    return f"{listed(ours)} %; one more is expected from {expected} %, and the published one lies {lies(claim, expected)}"


def stretches(record: Record) -> str:
    """How many epochs of a run were trained at which learning rate, in order."""
    used = groupby(epoch.learning_rate_used for epoch in record.history)
    return ", then ".join(f"{len(list(group))} at {rate:g}" for rate, group in used)


def first_fall(record: Record) -> int | None:
    """The epoch after which the learning rate first fell; None if it fell never, or too late to be used."""
    first = record.history[0].learning_rate_used
    return next((epoch.epoch for epoch in record.history[:-1] if epoch.learning_rate < first), None)
