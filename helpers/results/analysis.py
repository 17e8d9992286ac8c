"""Checked conclusions: sentences whose numbers and whose truth come from recorded runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from helpers.results.record import Record
from helpers.results.statistics import Interval, expected_next
from helpers.tables import markdown_list

Judgement = Literal["supported", "contradicted", "not shown"]
Position = Literal["inside", "above", "below"]
BROKEN = "NO LONGER SUPPORTED BY THE RECORDS: "
DECISION = "→ Decision: "
MARKS = {"supported": "✓", "contradicted": "✗", "not shown": "?"}


@dataclass(frozen=True)
class Published:
    """What a write-up claims of a run; accuracies in percent on the test set. None where it says nothing."""

    source: str
    parameters: int
    epochs: int
    receptive_field: int | None = None
    best: float | None = None
    last: float | None = None
    train_accuracy: float | None = None  # of the last epoch
    best_train_accuracy: float | None = None  # of any epoch
    test_accuracy: Sequence[float] = ()  # per epoch, where all are published
    some_epochs: Mapping[int, float] = field(default_factory=dict)  # where only some are
    learning_rate: Sequence[float] = ()  # per epoch, as printed


@dataclass(frozen=True)
class Conclusion:
    """One sentence of an analysis, and what the records say of it."""

    kind: Literal["finding", "claim", "decision"]
    text: str
    judgement: Judgement
    because: str = ""

    @property
    def line(self) -> str:
        if self.kind == "decision":
            return f"{DECISION}{self.text}"
        if self.kind == "claim":
            return f"{MARKS[self.judgement]} Published: “{self.text}” {self.judgement}: {self.because}"
        broken = "" if self.judgement == "supported" else BROKEN
        return f"{MARKS[self.judgement]} {broken}{self.text}"


class Analysis:
    """Conclusions in the order they are drawn, each with the expression that makes it true.

    Shown as text: the records are the same on every machine, so a notebook's analysis is regression-checked.
    """

    def __init__(self) -> None:
        self.conclusions: list[Conclusion] = []

    def finding(self, text: str, holds: bool) -> None:
        """Our own conclusion; `holds` is its truth, computed from the records."""
        self.conclusions.append(Conclusion("finding", text, "supported" if holds else "contradicted"))

    def claim(self, quote: str, judgement: Judgement, because: str) -> None:
        """A published sentence and what the records say of it."""
        if judgement not in MARKS:
            raise ValueError(f"judgement = {judgement!r}: must be one of {', '.join(MARKS)}")
        self.conclusions.append(Conclusion("claim", quote, judgement, because))

    def decision(self, text: str) -> None:
        """The one change that the next notebook carries out."""
        self.conclusions.append(Conclusion("decision", text, "supported"))

    @property
    def broken(self) -> list[str]:
        """Findings that the records do not support (any more)."""
        return [
            item.text for item in self.conclusions if item.kind == "finding" and item.judgement != "supported"
        ]

    def __repr__(self) -> str:
        return "\n".join(item.line for item in self.conclusions)

    def _repr_markdown_(self) -> str:
        return markdown_list(item.line for item in self.conclusions)


def judge_claim(supported: bool, contradicted: bool) -> Judgement:
    """Three-valued: what is neither supported nor contradicted is not shown.

    Raises:
        ValueError: if both are true.
    """
    if supported and contradicted:
        raise ValueError("a claim cannot be supported and contradicted at once")
    return "supported" if supported else "contradicted" if contradicted else "not shown"


def listed(values: Sequence[float]) -> str:
    """Accuracies or differences, in percent or points, to two decimals."""
    return ", ".join(f"{value:.2f}" for value in values)


def position(claim: float, expected: Interval) -> Position:
    """Where a published value lies: inside an interval, above or below it."""
    if expected.contains(claim):
        return "inside"
    return "above" if claim > expected.high else "below"


def beside(claim: float, ours: Sequence[float]) -> str:
    """Our values (percent, at least one), and where the published one lies among what is expected of one more."""
    if len(ours) < 2:
        return f"{listed(ours)} %, and one run has no spread to judge by"
    expected = expected_next(ours)
    place = position(claim, expected)
    return f"{listed(ours)} %; one more is expected from {expected} %, and the published one lies {place}"


def stretches(record: Record) -> str:
    """How many epochs of a run were trained at which learning rate, in order."""
    used = groupby(epoch.learning_rate_used for epoch in record.history)
    return ", then ".join(f"{len(list(group))} at {rate:g}" for rate, group in used)


def first_fall(record: Record) -> int | None:
    """The epoch after which the learning rate first fell; None if it never fell, or too late to be used."""
    first = record.history[0].learning_rate_used
    return next((epoch.epoch for epoch in record.history[:-1] if epoch.learning_rate < first), None)
