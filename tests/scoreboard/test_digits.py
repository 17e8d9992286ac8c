"""Views of single test digits: of MNIST's only, and where there are none each view says so."""

import pytest
import torch

from helpers.data.splits import Data, Split
from helpers.figures.style import Figure
from helpers.scoreboard import digits
from helpers.scoreboard.board import Scoreboard, Step
from helpers.scoreboard.digits import NEEDS_MNIST, ReadDigits, read_digits
from helpers.scoreboard.misreadings import Reading

LABELS = torch.arange(100) % 10
TEST = Split(torch.zeros(100, 1, 28, 28, dtype=torch.uint8), LABELS)


def board(*steps: tuple[str, str]) -> Scoreboard:
    judged = [Step(before, after, None, None, "not judged", "") for before, after in steps]
    return Scoreboard([], judged, [], [], [], [])


def reading(notebook: str, seed: int, *wrong: int) -> Reading:
    """A network that reads all digits right but those at these places, each as the class after its own."""
    predicted = LABELS.numpy().copy()
    predicted[list(wrong)] = (predicted[list(wrong)] + 1) % 10
    return Reading(notebook, seed, 100.0 - len(wrong), predicted)


READ = ReadDigits(
    "MNIST, found",
    TEST,
    [
        reading("01_small", 1, 7, 8),
        reading("01_small", 2, 7),
        reading("02_other", 1),
        reading("04_own", 1, 7),
    ],
)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_only_mnist_is_looked_at_and_the_data_set_is_named(monkeypatch, name):
    """Catches predictions of MNIST's digits held against those of another data set."""
    asked = []

    def load_data(config):
        asked.append((config.profile, config.dataset))
        return Data(name, TEST, None, TEST, f">>> DATA SET: {name}")

    monkeypatch.setattr(digits, "load_data", load_data)
    found = read_digits(board(), "auto")
    assert asked == [("full", "auto")]
    assert (found.test is TEST) == (name == "mnist")
    assert repr(found).startswith(f"DATA SET: {name}")


def test_without_the_digits_every_view_is_the_line_that_says_so():
    """Catches a view that fails, or draws an empty picture, where MNIST is not to be had."""
    missing = ReadDigits("the other data set")
    views = [
        missing.last_pair(board()),
        missing.confusion(),
        missing.hardest_picture(),
        missing.hardest_table(),
    ]
    assert views == [NEEDS_MNIST] * 4
    assert repr(missing).endswith(NEEDS_MNIST)


def test_the_pair_is_that_of_the_last_step_with_networks_on_both_sides_by_their_lowest_seeds():
    """Catches McNemar's test of an earlier step, of a higher seed, or with its two sides swapped."""
    shown = READ.last_pair(board(("01", "04"), ("01", "02"), ("02", "03")))
    assert shown.startswith(
        "01_small seed 1, then 02_other seed 1: 0 right only by the first, 2 only by the second"
    )
    assert READ.last_pair(board(("02", "03"))) == "There is no pair to compare."


def test_the_confusion_is_of_the_networks_that_reach_an_accuracy():
    """Catches weak networks summed in despite the limit, or one left out that just reaches it."""
    assert READ.confusion().get_suptitle() == "4 networks, each on all 100 digits"
    assert (
        READ.confusion(min_accuracy=99).get_suptitle() == "3 networks at 99 % or more, each on all 100 digits"
    )


def test_the_hardest_digits_are_pictured_and_listed():
    """Catches misreadings counted wrongly in the table, or a picture that fails without networks."""
    assert isinstance(READ.hardest_picture(1), Figure)
    assert READ.hardest_table(1).splitlines()[-1] == "| 7 | 7 | 3 of 4 | 8 (3) |"
    assert isinstance(ReadDigits("", TEST).hardest_picture(), Figure)
