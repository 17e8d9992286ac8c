"""Which digits many networks misread: counted by hand, and only where predictions belong to the digits."""

import numpy as np
import pytest
from making.notebooks import write_iteration
from making.records import ending, made, predictions_of

from helpers.results.runs import Runs
from helpers.scoreboard.misreadings import Reading, confusion_counts, hardest, readings

LABELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 10


def network(wrong: dict[int, int], seed: int = 1) -> Reading:
    predicted = np.array(LABELS)
    for place, guess in wrong.items():
        predicted[place] = guess
    return Reading("01_small", seed, 100 - len(wrong), predicted)


def test_the_hardest_are_those_that_most_networks_misread():
    """Catches digits ranked the wrong way round, or wrong guesses summed over different digits."""
    networks = [network({7: 1, 3: 5}), network({7: 2, 3: 5}), network({7: 1, 9: 4})]
    found = hardest(networks, LABELS)
    assert [(digit.index, digit.label, digit.wrong) for digit in found] == [(7, 7, 3), (3, 3, 2), (9, 9, 1)]
    assert found[0].taken_for == [(1, 2), (2, 1)]
    assert found[0].caption == "is 7\nas 1: 2x\nas 2: 1x"
    assert found[2].caption == "is 9\nas 4: 1x"


def test_equally_hard_ones_come_in_the_order_of_the_test_set_and_only_so_many():
    """Catches an unstable sort: ties in an order that changes, or more digits than asked for."""
    networks = [network({place: (LABELS[place] + 1) % 10 for place in (95, 4, 50, 12)})]
    assert [digit.index for digit in hardest(networks, LABELS, count=3)] == [4, 12, 50]


def test_equally_frequent_misreadings_come_by_class_and_no_digit_comes_last():
    """Catches surplus logits told apart as classes, or shown as if they were digits."""
    networks = [network({7: guess}, seed) for seed, guess in enumerate((191, 3, 100, 2, 3, 2), 1)]
    (digit,) = hardest(networks, LABELS)
    assert digit.taken_for == [(2, 2), (3, 2), (10, 2)]  # classes from 10 on are one
    assert "none" in digit._replace(taken_for=[(10, 2)]).caption


def test_what_every_network_reads_is_not_hard():
    """Catches digits that nobody misreads filling up the list, or a crash without networks."""
    assert hardest([network({})], LABELS) == hardest([], LABELS) == []


def test_the_confusion_counts_every_digit_once_for_each_network():
    """Catches repeated cells counted once, swapped axes, or an answer beyond class 9 cut off."""
    counts = confusion_counts([network({7: 1, 17: 1}), network({7: 12})], LABELS)
    assert counts.shape == (10, 13) and counts.sum() == 200
    assert (counts[7, 1], counts[7, 12], counts[7, 7], counts[0, 0]) == (2, 1, 17, 20)
    assert confusion_counts([], LABELS).shape == (10, 10)


@pytest.fixture
def runs_with(tmp_path):
    path = write_iteration(tmp_path)

    def make(last: float, predictions: str | None) -> Runs:
        return Runs(path.stem, [made(path, 3, ending(last), test_predictions=predictions)])

    return make


def test_predictions_that_reach_the_recorded_accuracy_are_read(runs_with):
    """Catches sound predictions refused, shifted by a place, or under another notebook or seed."""
    found, left_out = readings([runs_with(98.0, predictions_of(LABELS, {7: 1, 9: 4}))], LABELS)
    assert left_out == []
    assert (found[0].notebook, found[0].seed, found[0].accuracy) == ("01_small", 3, 98.0)
    assert found[0].predicted[[7, 8, 9]].tolist() == [1, 8, 4]
    assert str(found[0]) == "01_small seed 3"


@pytest.mark.parametrize(
    ("last", "predictions", "why"),
    [
        (98.0, None, "holds no predictions"),
        (98.0, predictions_of(LABELS[:50], {}), "50 predictions for 100 digits"),
        (98.0, predictions_of(LABELS, {7: 1}), "its predictions reach 99.00 %, its history says 98.00 %"),
        (100.0, predictions_of(LABELS[::-1], {}), "its predictions reach 0.00 %"),
    ],
)
def test_predictions_of_other_digits_are_left_out_with_the_reason(runs_with, last, predictions, why):
    """Catches predictions of a reordered or shorter test set counted as misreadings of this one."""
    found, left_out = readings([runs_with(last, predictions)], LABELS)
    assert found == [] and len(left_out) == 1
    assert left_out[0].startswith(f"01_small seed 3: {why}")
