"""Recorded values are put into words as they are."""

import pytest
from making.record import CONFIG, epoch, make

from helpers.results.analysis import beside, first_fall, listed, position, stretches
from helpers.results.statistics import Interval


def run_at(*rates: float):
    """A record whose epochs used these learning rates; each ends with the rate of the next."""
    after = [*rates[1:], rates[-1]]
    pairs = zip(rates, after, strict=True)
    return make(
        profile="full",
        config=CONFIG.model_copy(update={"profile": "full"}).model_dump(),
        history=[
            epoch(number, learning_rate_used=used, learning_rate=left)
            for number, (used, left) in enumerate(pairs, 1)
        ],
    )


def test_values_are_listed_to_two_decimals():
    assert listed([99.2, 98.999]) == "99.20, 99.00"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("claim", "place"), [(98.9, "below"), (99.0, "inside"), (99.5, "inside"), (99.51, "above")]
)
def test_a_claim_lies_inside_an_interval_or_beyond_one_of_its_ends(claim, place):
    assert position(claim, Interval(99.0, 99.5)) == place


def test_a_claim_is_placed_beside_our_values_where_they_have_a_spread():
    """By hand: mean 99.1333, SD 0.3055, t(2) = 4.3027, so 99.1333 -+ 1.5178."""
    said = beside(97.0, [99.4, 98.8, 99.2])
    assert said == (
        "99.40, 98.80, 99.20 %; one more is expected from 97.616 to 100.651 %, and the published one lies below"
    )
    assert beside(97.0, [99.4]) == "99.40 %, and one run has no spread to judge by"


def test_the_stretches_of_a_learning_rate_are_told_in_order():
    assert stretches(run_at(0.02, 0.02, 0.0002)) == "2 at 0.02, then 1 at 0.0002"
    assert stretches(run_at(0.02, 0.01, 0.02)) == "1 at 0.02, then 1 at 0.01, then 1 at 0.02"


def test_the_first_fall_of_the_rate_counts_only_if_an_epoch_was_left_to_use_it():
    assert first_fall(run_at(0.02, 0.02, 0.0002)) == 2
    assert first_fall(run_at(0.02, 0.02, 0.02)) is None
    late = run_at(0.02, 0.02)
    late.history[-1] = late.history[-1].model_copy(update={"learning_rate": 0.0002})
    assert first_fall(late) is None
