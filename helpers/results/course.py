"""The course: fourteen published iterations and our own beyond them, and which grew out of which."""

from typing import NamedTuple

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
    def best_text(self) -> str:
        """`best` as text; a dash where there is none."""
        return "-" if self.best is None else f"{self.best:.2f}"

    def fits(self, target: Target) -> bool:
        """Whether its parameters and its epochs are within a target's limits."""
        return self.parameters <= target.max_params and self.epochs <= target.max_epochs

    def claims(self, target: Target) -> bool:
        """Whether its best epoch, its parameters and its epochs reach all of a target, as published."""
        return self.fits(target) and self.best is not None and self.best >= target.min_accuracy


# fmt: off
LINEAGES = (
    (
        Iteration("01", "basic skeleton", "001", 194_884, 15, 99.15, remark="its header says 238,926 parameters"),
        Iteration("02", "slim", "001", 5_784, 15, 88.67, "a thirtieth of the parameters, and no head"),
        Iteration("03", "batch norm", "001", 5_936, 15, 91.82, "BatchNorm behind every convolution"),
        Iteration("04", "dropout", "001", 5_936, 15, 91.84, "dropout"),
        Iteration("05", "global average pooling", "001", 5_936, 15, 97.29,
                  "the last map averaged: 12 logits, not 192"),
        Iteration("06", "plateau", "001", 5_920, 15, 99.35,
                  "the learning rate halves where the accuracy stands still",
                  "99.35 is labelled as train accuracy; so is 97.63"),
    ),
    (
        Iteration("07", "plain base", "004", 6_536, 15, 95.68, remark="its summary lists no activations"),
        Iteration("08", "normalised", "004", 6_704, 15, 98.92, "BatchNorm and ReLU; the rate falls on a plateau",
                  "its headline says 98.88"),
        Iteration("09", "skip connection", "004", 7_820, 15, 99.37, "a skip, and a longer third stage"),
    ),
    (
        Iteration("10", "twenty epochs", "002", 13_808, 20, 99.40, remark="its table sums to 11,312 parameters"),
        Iteration("11", "one cycle", "003", 13_808, 15, 99.58, "one cycle of the rate, rotation, 15 epochs"),
        Iteration("12", "squeeze", "003", 9_382, 15, 99.27, "two pools, each with a 1x1 behind it; padding"),
        Iteration("13", "slow widening", "003", 7_784, 15, 99.47, "no 1x1: the channels grow slowly, 7 to 18"),
        Iteration("15", "consistent under 8k", "", 7_766, 15, None, "network and recipe searched on validation data"),
        Iteration("16", "smallest at 99.4", "", 3_932, 15, None, "half the parameters, by the same recipe"),
    ),
    (
        Iteration("14", "valid convolutions", "000", 7_918, 15, 99.37,
                  remark="its receptive-field table fits another net"),
    ),
)
# fmt: on
TITLES = ("One change at a time", "From plain to skip", "First accurate, then small", "Without padding")
ITERATIONS = tuple(
    sorted(
        (iteration for lineage in LINEAGES for iteration in lineage), key=lambda iteration: iteration.number
    )
)
