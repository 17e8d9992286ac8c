"""What the recorded networks read MNIST's test digits as, in pictures and tables; or that this needs MNIST."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from helpers.data.splits import Split, load_data
from helpers.figures.digits import digit_grid
from helpers.figures.results import confusion
from helpers.figures.style import Figure
from helpers.results.statistics import mcnemar
from helpers.scoreboard.board import Scoreboard
from helpers.scoreboard.misreadings import Reading, class_name, confusion_counts, hardest, readings
from helpers.settings import RunConfig
from helpers.tables import Markdown, markdown_list, markdown_table

NEEDS_MNIST = Markdown(
    "This needs MNIST: the recorded predictions are of its test digits, and it is not to be had here."
)


def read_digits(board: Scoreboard, dataset: str = "auto") -> "ReadDigits":
    """MNIST's test digits in their order, beside what the networks of a scoreboard took them for.

    Raises:
        DataError: for damaged files, or MNIST that was asked for and is not to be had.
    """
    data = load_data(RunConfig(profile="full", dataset=dataset))
    if data.name != "mnist":
        return ReadDigits(data.remark)
    networks, left_out = readings((group.runs for group in board.groups), data.test.labels.tolist())
    return ReadDigits(data.remark, data.test, networks, left_out)


def _with_mnist(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view as it is where there are test digits, else the line that says what it needs."""

    @wraps(view)
    def shown(self: "ReadDigits", *arguments: Any, **options: Any) -> Any:
        return NEEDS_MNIST if self.test is None else view(self, *arguments, **options)

    return shown


@dataclass(frozen=True, eq=False, repr=False)
class ReadDigits:
    """Test digits and what recorded networks took them for; where the digits are missing, every view says so."""

    remark: str  # which data set was found
    test: Split | None = None
    networks: list[Reading] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        counted = f"{len(self.networks)} networks. Left out: {markdown_list(self.left_out) or 'Nothing.'}"
        return f"{self.remark.removeprefix('>>> ')}\n\n{NEEDS_MNIST if self.test is None else counted}"

    def _repr_markdown_(self) -> str:
        return repr(self)

    @_with_mnist
    def last_pair(self, board: Scoreboard) -> Markdown:
        """McNemar's test of the last step that has networks on both sides, the lowest seed of each."""
        first_of = {}
        for network in self.networks:
            first_of.setdefault(network.notebook.partition("_")[0], network)
        pairs = [(first_of.get(step.before), first_of.get(step.after)) for step in board.steps]
        for first, second in reversed(pairs):
            if first and second:
                test = mcnemar(first.predicted, second.predicted, self.test.labels.tolist())
                return Markdown(f"{first}, then {second}: {test}")
        return Markdown("There is no pair to compare.")

    @_with_mnist
    def confusion(self, min_accuracy: float = 0.0) -> Figure | Markdown:
        """The confusion matrix of all networks that reach an accuracy (percent), summed."""
        networks = [network for network in self.networks if network.accuracy >= min_accuracy]
        reaching = f" at {min_accuracy:g} % or more" if min_accuracy else ""
        stamp = f"{len(networks)} networks{reaching}, each on all {len(self.test):,} digits"
        return confusion(confusion_counts(networks, self.test.labels.tolist()), stamp)

    @_with_mnist
    def hardest_picture(self, count: int = 10) -> Figure | Markdown:
        """The digits that most networks misread, each with its commonest misreadings."""
        digits = hardest(self.networks, self.test.labels.tolist(), count)
        images = self.test.images[[digit.index for digit in digits]]
        title = f"The digits that most of {len(self.networks)} networks misread"
        return digit_grid(images, [digit.caption for digit in digits], 5, title)

    @_with_mnist
    def hardest_table(self, count: int = 10) -> Markdown:
        """The digits that most networks misread, by their place in the test set, with all their misreadings."""
        return markdown_table(
            ["place in the test set", "is", "misread by", "taken for (networks)"],
            [
                (
                    str(digit.index),
                    digit.label,
                    f"{digit.wrong} of {len(self.networks)}",
                    ", ".join(f"{class_name(name)} ({times})" for name, times in digit.taken_for),
                )
                for digit in hardest(self.networks, self.test.labels.tolist(), count)
            ],
        )
