"""Checked conclusions: sentences whose numbers and whose truth come from recorded runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from helpers.errors import ResultsError
from helpers.places import OUTPUTS
from helpers.results.record import Record, decode_predictions
from helpers.results.statistics import Difference, Interval, Mean, mean_interval, prediction_interval, welch
from helpers.results.store import find
from helpers.results.targets import run_statistic
from helpers.settings import CLASSES

Judgement = Literal["supported", "contradicted", "not shown"]
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
class Runs:
    """The recorded runs of one notebook, by seed."""

    notebook: str
    records: list[Record]
    left_out: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def seeds(self) -> str:
        return ", ".join(str(record.seed) for record in self.records)

    @property
    def last(self) -> list[float]:
        """Test accuracy of the last epoch, per run."""
        return [record.test_accuracy[-1] for record in self.records]

    @property
    def best(self) -> list[float]:
        """Highest test accuracy of any epoch, per run: chosen on the test set, so too good to expect again."""
        return [max(record.test_accuracy) for record in self.records]

    def statistic(self, last_n: int) -> list[float]:
        """Lowest test accuracy of the last `last_n` epochs, per run."""
        return [run_statistic(record.test_accuracy, last_n) for record in self.records]

    @property
    def train(self) -> list[float]:
        """Training accuracy of the last epoch (running, augmented, dropout on), per run."""
        return [record.history[-1].train_accuracy for record in self.records]

    @property
    def best_train(self) -> list[float]:
        """Highest training accuracy of any epoch (running, augmented, dropout on), per run."""
        return [max(epoch.train_accuracy for epoch in record.history) for record in self.records]

    def never_predicted(self) -> list[list[int]]:
        """The classes that a run's network, after its last epoch, gives to no test image; per run."""
        return [
            sorted(set(range(CLASSES)) - set(decode_predictions(record.test_predictions).tolist()))
            for record in self.records
        ]

    def train_minus_test(self) -> list[float]:
        """Training accuracy of the last epoch (running, augmented, dropout on) minus its test accuracy."""
        return [train - test for train, test in zip(self.train, self.last, strict=True)]


def recorded(notebook: str, profile: str = "full", root: Path = OUTPUTS) -> Runs:
    """The complete runs of a notebook that are kept under `root`.

    Raises:
        ResultsError: if there is none; the message says how to make one.
    """
    records, left_out = find(root, notebook, profile)
    complete = [record for record in records if record.complete and record.test_accuracy]
    left_out += [
        f"{notebook} seed {record.seed}: not complete" for record in records if record not in complete
    ]
    if not complete:
        raise ResultsError(
            f"no {profile} run of {notebook} is recorded yet; make one: {_command(notebook, profile)}"
        )
    return Runs(notebook, complete, left_out)


def recorded_if_any(notebook: str, profile: str = "full", root: Path = OUTPUTS) -> Runs:
    """As `recorded`; where there is none, no runs, and a printed line that says how to make one."""
    try:
        return recorded(notebook, profile, root)
    except ResultsError as nothing_yet:
        print(nothing_yet)
        return Runs(notebook, [])


def _command(notebook: str, folder: str) -> str:
    """What makes the runs of a folder such as full or full-rotation=0.0+scale=0.1."""
    profile, _, label = folder.partition("-")
    changes = "".join(f" -p {change}" for change in label.split("+") if "=" in change)
    return f"workbook run {notebook} --profile {profile}{changes}"


def expected_next(values: Sequence[float]) -> Interval:
    """Where one more run is expected, 95 %; without limits for a single run, which says nothing of spread."""
    if len(values) < 2:
        return Interval(float("-inf"), float("inf"))
    return prediction_interval(values)


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and its t interval, 95 %; without limits for a single run."""
    if len(values) < 2:
        return Mean(values[0], float("nan"), 1, Interval(float("-inf"), float("inf")))
    return mean_interval(values)


def difference_of(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Welch's comparison of two groups of runs; without limits where a single run says nothing of spread."""
    if min(len(ours), len(theirs)) < 2:
        mean = sum(ours) / len(ours) - sum(theirs) / len(theirs)
        return Difference(mean, Interval(float("-inf"), float("inf")), float("nan"))
    return welch(ours, theirs)


@dataclass(frozen=True)
class Conclusion:
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
        return "\n".join(f"- {item.line}" for item in self.conclusions)


def judge_claim(supported: bool, contradicted: bool) -> Judgement:
    """Three-valued: what is neither supported nor contradicted is not shown.

    Raises:
        ValueError: if both are true.
    """
    if supported and contradicted:
        raise ValueError("a claim cannot be supported and contradicted at once")
    return "supported" if supported else "contradicted" if contradicted else "not shown"
