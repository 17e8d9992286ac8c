"""The source material of the course: fourteen published iterations, and which grew out of which."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from IPython.display import Markdown

from helpers.targets import Target


class Iteration(NamedTuple):
    """A published iteration; `best` is its highest test accuracy in percent, None where that is unclear."""

    number: str
    name: str
    write_up: str
    parameters: int
    epochs: int
    best: float | None
    remark: str = ""

    @property
    def shown(self) -> str:
        return "-" if self.best is None else f"{self.best:.2f}"

    def claims(self, target: Target) -> bool:
        """Whether its best epoch, its parameters and its epochs reach all of a target, as published."""
        within = self.parameters <= target.max_params and self.epochs <= target.max_epochs
        return within and self.best is not None and self.best >= target.min_accuracy


LINEAGES = (
    (
        Iteration("01", "basic skeleton", "001", 194_884, 15, 99.15, "its header says 238,926 parameters"),
        Iteration("02", "slim, no normalisation", "001", 5_784, 15, 88.67),
        Iteration("03", "batch normalisation", "001", 5_936, 15, 91.82),
        Iteration("04", "dropout", "001", 5_936, 15, 91.84),
        Iteration("05", "global average pooling", "001", 5_936, 15, 97.29),
        Iteration(
            "06", "LR on plateau", "001", 5_920, 15, None, "99.35 and 97.63, both as best train accuracy"
        ),
    ),
    (
        Iteration("07", "plain base", "004", 6_536, 15, 95.68),
        Iteration("08", "normalised", "004", 6_704, 15, 98.92, "its headline says 98.88"),
        Iteration("09", "skip connection", "004", 7_820, 15, 99.37),
    ),
    (
        Iteration("10", "20 epochs", "002", 13_808, 20, 99.40, "its table sums to 11,312 parameters"),
        Iteration("11", "one-cycle", "003", 13_808, 15, 99.58),
        Iteration("12", "squeeze", "003", 9_382, 15, 99.27),
        Iteration("13", "slow widening", "003", 7_784, 15, 99.47),
    ),
    (
        Iteration(
            "14", "valid convolutions", "000", 7_918, 15, 99.37, "its receptive-field table fits another net"
        ),
    ),
)
ITERATIONS = tuple(iteration for lineage in LINEAGES for iteration in lineage)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table whose cells may hold links."""

    def line(cells: Sequence[object]) -> str:
        return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in cells)} |"

    return Markdown("\n".join(map(line, [titles, ["---"] * len(titles), *rows])))


def course_table(notebooks: Sequence[str]) -> Markdown:
    """The published iterations, those among `notebooks` (names of files, without ending) as links."""
    by_number = {name[:2]: name for name in notebooks}

    def linked(one: Iteration) -> str:
        text = f"{one.number} · {one.name}"
        return f"[{text}]({by_number[one.number]}.ipynb)" if one.number in by_number else text

    return markdown_table(
        ["iteration", "write-up", "parameters", "epochs", "best test accuracy", "remark"],
        [
            (linked(one), one.write_up, one.parameters, one.epochs, one.shown, one.remark)
            for one in ITERATIONS
        ],
    )


def lineage_text(target: Target) -> str:
    """The lineages in numbers, each from left to right; * marks those that claim all of the target."""
    lines = []
    for lineage in LINEAGES:
        lines += [
            " ────→ ".join(one.number + ("*" if one.claims(target) else " ") for one in lineage),
            "".join(f"{one.parameters:<10,}" for one in lineage) + " parameters",
            "".join(f"{one.shown:<10}" for one in lineage) + " %\n",
        ]
    return "\n".join(lines)
