"""Conclusions are checked: findings can break, claims have three values; records are put into words as they are."""

import pytest
from making.records import epoch, full_run

from helpers.results.analysis import Analysis, beside, first_fall, judge_claim, listed, position, stretches
from helpers.results.statistics import Interval


def run_at(*rates: float):
    """A record whose epochs used these learning rates; each ends with the rate of the next."""
    pairs = enumerate(zip(rates, [*rates[1:], rates[-1]], strict=True), 1)
    history = [epoch(n, learning_rate_used=used, learning_rate=left) for n, (used, left) in pairs]
    return full_run([96.4] * len(rates), history=history)


def test_a_finding_that_the_records_do_not_support_says_so_and_is_listed():
    """Catches a finding whose condition is false that is shown as true, or is not counted as broken."""
    analysis = Analysis()
    analysis.finding("two is more than one", holds=2 > 1)
    analysis.finding("two is less than one", holds=2 < 1)
    assert analysis.broken == ["two is less than one"]
    assert "NO LONGER SUPPORTED BY THE RECORDS: two is less than one" in repr(analysis)
    assert "✓ two is more than one" in analysis._repr_markdown_()


def test_claims_show_their_judgement_and_the_reason():
    """Catches a write-up's wrong sentence that counts as a broken finding of ours; an unknown judgement."""
    analysis = Analysis()
    analysis.claim("no overfitting", "contradicted", "the gap is +1.2 points")
    assert repr(analysis) == "✗ Published: “no overfitting” contradicted: the gap is +1.2 points"
    assert analysis.broken == []  # a published sentence may be wrong without breaking our analysis
    with pytest.raises(ValueError, match="'perhaps'"):
        analysis.claim("x", "perhaps", "y")


def test_a_claim_is_supported_contradicted_or_not_shown():
    """Catches a claim without evidence either way that is called contradicted, or evidence for both taken."""
    assert judge_claim(True, False) == "supported"
    assert judge_claim(False, True) == "contradicted"
    assert judge_claim(False, False) == "not shown"
    with pytest.raises(ValueError, match="at once"):
        judge_claim(True, True)


def test_values_are_listed_to_two_decimals():
    """Catches accuracies that are cut off after two decimals instead of rounded: 98.999 as 98.99."""
    assert listed([99.2, 98.999]) == "99.20, 99.00"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("claim", "place"), [(98.9, "below"), (99.0, "inside"), (99.5, "inside"), (99.51, "above")]
)
def test_a_claim_lies_inside_an_interval_or_beyond_one_of_its_ends(claim, place):
    """Catches an interval whose ends count as outside, and above taken for below."""
    assert position(claim, Interval(99.0, 99.5)) == place


def test_a_claim_is_placed_beside_our_values_where_they_have_a_spread():
    """Catches a published value that is placed in the interval of our mean, not in that of one more run."""
    # By hand: mean 99.1333, SD 0.3055, t(2) = 4.3027, so 99.1333 -+ 1.5178.
    said = beside(97.0, [99.4, 98.8, 99.2])
    assert said == (
        "99.40, 98.80, 99.20 %; one more is expected from 97.616 to 100.651 %, and the published one lies below"
    )
    assert beside(97.0, [99.4]) == "99.40 %, and one run has no spread to judge by"


def test_the_stretches_of_a_learning_rate_are_told_in_order():
    """Catches epochs of one learning rate that are added up over a gap: 0.02, 0.01, 0.02 as two stretches."""
    assert stretches(run_at(0.02, 0.02, 0.0002)) == "2 at 0.02, then 1 at 0.0002"
    assert stretches(run_at(0.02, 0.01, 0.02)) == "1 at 0.02, then 1 at 0.01, then 1 at 0.02"


def test_the_first_fall_of_the_rate_counts_only_if_an_epoch_was_left_to_use_it():
    """Catches a fall after the last epoch that is counted, although nothing was trained at the lower rate."""
    assert first_fall(run_at(0.02, 0.02, 0.0002)) == 2
    assert first_fall(run_at(0.02, 0.02, 0.02)) is None
    late = run_at(0.02, 0.02)
    late.history[-1] = late.history[-1].model_copy(update={"learning_rate": 0.0002})
    assert first_fall(late) is None
