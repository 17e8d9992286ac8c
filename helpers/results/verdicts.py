"""A judged expectation: what was wanted, what came out, and what that shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from helpers.results.statistics import Interval
from helpers.tables import Cells, Table

Outcome = Literal["met", "missed", "not shown", "not judged"]
COLOURS = {"met": "#1a7f37", "missed": "#c0362c", "not shown": "#9a6700", "not judged": "#6e7781"}


@dataclass(frozen=True)
class Criterion:
    """One expectation and what became of it.

    `margin` is positive on the good side; None where nothing is judged. `question` is what the verdict
    answers, `because` what it rests on, or why there is none. Accuracies are floats in percent, counts integers.
    """

    name: str
    label: str
    wanted: float | None
    actual: float | None
    margin: float | None
    outcome: Outcome
    question: str
    because: str
    interval: Interval | None = None

    def __repr__(self) -> str:
        return repr(Verdict((self,)))

    def _repr_html_(self) -> str:
        return Verdict((self,))._repr_html_()


@dataclass(frozen=True, repr=False)
class Verdict(Table):
    """The criteria of a target, judged; `verdict["accuracy"]` is one of them."""

    criteria: tuple[Criterion, ...]
    note: str = ""

    header = ("criterion", "wanted", "actual", "margin", "verdict")
    left = len(header)
    ruled = False

    @property
    def overall(self) -> Outcome:
        """Met when every expectation is; otherwise the worst outcome among them."""
        outcomes = {criterion.outcome for criterion in self.criteria if criterion.wanted is not None}
        worst_first: tuple[Outcome, ...] = ("missed", "not shown", "not judged", "met")
        return next((outcome for outcome in worst_first if outcome in outcomes), "not judged")

    def __getitem__(self, name: str) -> Criterion:
        return {criterion.name: criterion for criterion in self.criteria}[name]

    def cells(self) -> list[Cells]:
        return [
            (
                criterion.label,
                _said(criterion.wanted, "at least {:.2f} %", "at most {:,}"),
                _said(criterion.actual, "{:.2f} %", "{:,}"),
                _said(criterion.margin, "{:+.2f}", "{:+,}"),
                criterion.outcome,
            )
            for criterion in self.criteria
        ]

    def notes(self) -> list[str]:
        """Which question each criterion answers, and why so; then the note."""
        reasons = [
            f"{criterion.label}: {criterion.question} {criterion.outcome} ({criterion.because})."
            for criterion in self.criteria
        ]
        return [*reasons, *([self.note] if self.note else [])]

    def style(self, row: int, column: int) -> str:
        if self.header[column] != "verdict":
            return ""
        return f"color: {COLOURS[self.criteria[row].outcome]}; font-weight: bold"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record: `overall`, then one entry per criterion under its name."""
        return {"overall": self.overall} | {criterion.name: asdict(criterion) for criterion in self.criteria}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """A verdict as `to_dict` left it, but for the note, which no record holds.

        Raises:
            ValueError: for an entry that is no criterion.
        """
        try:
            return cls(tuple(_criterion(**entry) for name, entry in data.items() if name != "overall"))
        except TypeError as error:
            raise ValueError(f"verdict: {error}") from None


def _criterion(interval: Mapping[str, float] | None = None, **entry: Any) -> Criterion:
    return Criterion(**entry, interval=None if interval is None else Interval(**interval))


def _said(value: float | None, percent: str, count: str) -> str:
    return "-" if value is None else (percent if isinstance(value, float) else count).format(value)


def last_epochs(n: int) -> str:
    """The last n epochs, in words."""
    return "the last epoch" if n == 1 else f"the last {n} epochs"


def lowest_epoch(n: int) -> str:
    """By which of the last n epochs a run is judged, in words; of one epoch there is no lowest."""
    return last_epochs(n) if n == 1 else f"the lowest of {last_epochs(n)}"


def lowest_accuracy(n: int) -> str:
    """The test accuracy by which a run is judged, in words; of one epoch there is no lowest."""
    return f"{'lowest ' if n > 1 else ''}test accuracy of {last_epochs(n)}"
