"""The course: fourteen published iterations and our own beyond them, and which grew out of which."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from IPython.display import Markdown

from helpers.results.statistics import Mean
from helpers.results.targets import Target


class Iteration(NamedTuple):
    """An iteration: of the write-up of this number, or our own where that is empty.

    `best` is its highest published test accuracy in percent, None where there is none or it is unclear.
    `change` says what is new against the iteration before it, in a few words; empty for the first of a lineage.
    """

    number: str
    name: str
    write_up: str
    parameters: int
    epochs: int
    best: float | None
    change: str = ""
    remark: str = ""

    @property
    def title(self) -> str:
        return f"{self.number} · {self.name}"

    @property
    def notebook(self) -> str:
        """Name of its notebook, without ending."""
        return f"{self.number}_{self.name.replace(' ', '_').replace('.', '')}"

    @property
    def published(self) -> bool:
        return self.write_up != ""

    @property
    def shown(self) -> str:
        return "-" if self.best is None else f"{self.best:.2f}"

    def fits(self, target: Target) -> bool:
        """Whether its parameters and its epochs are within a target's limits."""
        return self.parameters <= target.max_params and self.epochs <= target.max_epochs

    def claims(self, target: Target) -> bool:
        """Whether its best epoch, its parameters and its epochs reach all of a target, as published."""
        return self.fits(target) and self.best is not None and self.best >= target.min_accuracy


LINEAGES = (
    (
        Iteration(
            "01", "basic skeleton", "001", 194_884, 15, 99.15, remark="its header says 238,926 parameters"
        ),
        Iteration("02", "slim", "001", 5_784, 15, 88.67, "a thirtieth of the parameters, and no head"),
        Iteration("03", "batch norm", "001", 5_936, 15, 91.82, "BatchNorm behind every convolution"),
        Iteration("04", "dropout", "001", 5_936, 15, 91.84, "dropout"),
        Iteration(
            "05",
            "global average pooling",
            "001",
            5_936,
            15,
            97.29,
            "the last map averaged: 12 logits, not 192",
        ),
        Iteration(
            *("06", "plateau", "001", 5_920, 15, 99.35),
            "the learning rate halves where the accuracy stands still",
            "99.35 is labelled as train accuracy; so is 97.63",
        ),
    ),
    (
        Iteration("07", "plain base", "004", 6_536, 15, 95.68, remark="its summary lists no activations"),
        Iteration(
            *("08", "normalised", "004", 6_704, 15, 98.92),
            "BatchNorm and ReLU; the rate falls on a plateau",
            "its headline says 98.88",
        ),
        Iteration("09", "skip connection", "004", 7_820, 15, 99.37, "a skip, and a longer third stage"),
    ),
    (
        Iteration(
            "10", "twenty epochs", "002", 13_808, 20, 99.40, remark="its table sums to 11,312 parameters"
        ),
        Iteration("11", "one cycle", "003", 13_808, 15, 99.58, "one cycle of the rate, rotation, 15 epochs"),
        Iteration("12", "squeeze", "003", 9_382, 15, 99.27, "two pools, each with a 1x1 behind it; padding"),
        Iteration(
            "13", "slow widening", "003", 7_784, 15, 99.47, "no 1x1: the channels grow slowly, 7 to 18"
        ),
        Iteration(
            *("15", "consistent under 8k", "", 7_766, 15, None),
            "network and recipe searched on validation data",
        ),
        Iteration("16", "smallest at 99.4", "", 3_932, 15, None, "half the parameters, by the same recipe"),
    ),
    (
        Iteration(
            *("14", "valid convolutions", "000", 7_918, 15, 99.37),
            remark="its receptive-field table fits another net",
        ),
    ),
)
TITLES = ("One change at a time", "From plain to skip", "First accurate, then small", "Without padding")
ITERATIONS = tuple(sorted((one for lineage in LINEAGES for one in lineage), key=lambda one: one.number))


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> Markdown:
    """A table whose cells may hold links."""

    def line(cells: Sequence[object]) -> str:
        return f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in cells)} |"

    return Markdown("\n".join(map(line, [titles, ["---"] * len(titles), *rows])))


def course_table(ours: Mapping[str, Mean]) -> Markdown:
    """The iterations as links to their notebooks, beside our recorded last epochs by notebook."""
    return markdown_table(
        ["iteration", "write-up", "parameters", "epochs", "published best", "our last epoch", "remark"],
        [
            (
                *(f"[{one.title}]({one.notebook}.ipynb)", one.write_up or "ours", one.parameters, one.epochs),
                *(one.shown, ours_of(one, ours), one.remark),
            )
            for one in ITERATIONS
        ],
    )


def ours_of(one: Iteration, ours: Mapping[str, Mean]) -> str:
    """Mean of our recorded runs of an iteration, and its standard deviation where there are several."""
    if one.notebook not in ours:
        return "-"
    mean = ours[one.notebook]
    return f"{mean.mean:.2f}" + (f" ± {mean.sd:.2f}" if mean.n > 1 else "")


def facts(one: Iteration, ours: Mapping[str, Mean]) -> tuple[str, str]:
    """What the map says of an iteration: its cost, and what it reached as published and with us."""
    cost = f"{one.parameters:,} parameters, {one.epochs} epochs"
    published = f"published {one.shown}, " if one.published else ""
    return cost, f"{published}ours {ours_of(one, ours)}"


def lineage_text(target: Target, ours: Mapping[str, Mean]) -> str:
    """The lineages from top to bottom, with what changed on the way; * marks those that claim all of the target."""
    lines = []
    for title, lineage in zip(TITLES, LINEAGES, strict=True):
        lines.append(title)
        for one in lineage:
            if one.change:
                lines.append(f"      ↓ {one.change}")
            star = "*" if one.claims(target) else " "
            cost, reached = facts(one, ours)
            lines.append(f"  {one.title:<28}{star}  {cost:<32}{reached}")
        lines.append("")
    return "\n".join(lines[:-1])
