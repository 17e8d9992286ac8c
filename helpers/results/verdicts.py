"""What a judged expectation is, and how it is shown: as text, as HTML, as plain data for the record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

from helpers.results.statistics import Interval

Outcome = Literal["met", "missed", "not shown", "not judged"]
COLOURS = {"met": "#1a7f37", "missed": "#c0362c", "not shown": "#9a6700", "not judged": "#6e7781"}
HEADER = ["criterion", "wanted", "actual", "margin", "verdict"]


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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __repr__(self) -> str:
        return _text([self])

    def _repr_html_(self) -> str:
        return _html([self])


@dataclass(frozen=True)
class Verdict:
    """The criteria of a target, judged; `verdict["accuracy"]` is one of them."""

    criteria: tuple[Criterion, ...]
    note: str = ""

    @property
    def overall(self) -> Outcome:
        """Met when every expectation is; otherwise the worst outcome among them."""
        outcomes = {criterion.outcome for criterion in self.criteria if criterion.wanted is not None}
        worst_first: tuple[Outcome, ...] = ("missed", "not shown", "not judged", "met")
        return next((outcome for outcome in worst_first if outcome in outcomes), "not judged")

    def __getitem__(self, name: str) -> Criterion:
        return {criterion.name: criterion for criterion in self.criteria}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record: `overall`, then one entry per criterion under its name."""
        return {"overall": self.overall} | {
            criterion.name: criterion.to_dict() for criterion in self.criteria
        }

    def __repr__(self) -> str:
        return _text(self.criteria, self.note)

    def _repr_html_(self) -> str:
        return _html(self.criteria, self.note)


def _rows(criteria: Sequence[Criterion]) -> list[list[str]]:
    def shown(value: float | None, percent: str, count: str) -> str:
        return "-" if value is None else (percent if isinstance(value, float) else count).format(value)

    return [
        [
            c.label,
            shown(c.wanted, "at least {:.2f} %", "at most {:,}"),
            shown(c.actual, "{:.2f} %", "{:,}"),
            shown(c.margin, "{:+.2f}", "{:+,}"),
            c.outcome,
        ]
        for c in criteria
    ]


def _text(criteria: Sequence[Criterion], note: str = "") -> str:
    rows = [HEADER, *_rows(criteria)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    table = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    reasons = [f"{c.label}: {c.question} {c.outcome} ({c.because})." for c in criteria]
    return "\n".join([*table, "", *reasons, *([note] if note else [])])


def _html(criteria: Sequence[Criterion], note: str = "") -> str:
    head = "".join(f"<th>{name}</th>" for name in HEADER)
    body = ""
    for criterion, row in zip(criteria, _rows(criteria), strict=True):
        cells = f'<td style="text-align: left">{escape(row[0])}</td>'
        cells += "".join(f"<td>{escape(cell)}</td>" for cell in row[1:-1])
        body += f'<tr>{cells}<td style="color: {COLOURS[criterion.outcome]}"><b>{row[-1]}</b></td></tr>'
    reasons = "".join(
        f"<li><b>{escape(c.question)}</b> {escape(f'{c.outcome}: {c.because}')}.</li>" for c in criteria
    )
    after = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><ul>{reasons}</ul>{after}"


def last_epochs(n: int) -> str:
    """The last n epochs, in words."""
    return "the last epoch" if n == 1 else f"the last {n} epochs"


def lowest_of_last(n: int, what: str = "") -> str:
    """The lowest (test accuracy, or what is meant) of the last n epochs, in words; of one epoch there is no lowest."""
    if what:
        return f"{'lowest ' if n > 1 else ''}{what} of {last_epochs(n)}"
    return last_epochs(n) if n == 1 else f"the lowest of {last_epochs(n)}"
