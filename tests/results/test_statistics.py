"""The statistics against worked examples from the literature and formulas written out by hand."""

from math import comb, inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.results.statistics import (
    Interval,
    difference_of,
    expected_next,
    holm,
    mcnemar,
    mean_interval,
    mean_of,
    paired,
    prediction_interval,
    resolvable,
    welch,
    wilson,
)

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution
T4 = 2.7764451051977987  # 97.5 % quantile of Student's t with 4 degrees of freedom, as in any table

# Student (1908), extra hours of sleep under two drugs, treated as two groups; R prints for t.test(extra ~ group):
# t = -1.8608, df = 17.776, p-value = 0.07939, interval -3.3654832 to 0.2054832
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def wilson_by_hand(correct: int, total: int) -> tuple[float, float]:
    p = correct / total
    centre = p + Z**2 / (2 * total)
    half = Z * sqrt(p * (1 - p) / total + Z**2 / (4 * total**2))
    return 100 * (centre - half) / (1 + Z**2 / total), 100 * (centre + half) / (1 + Z**2 / total)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(81, 263, 25.53, 36.62), (15, 148, 6.24, 16.05), (0, 20, 0.00, 16.11), (1, 29, 0.61, 17.18)],
)
def test_wilson_agrees_with_newcombes_table_of_1998(correct, total, low, high):
    """Catches Wald's interval, or the one with continuity correction, in place of Wilson's."""
    interval = wilson(correct, total)
    assert interval.low == pytest.approx(low, abs=0.006)
    assert interval.high == pytest.approx(high, abs=0.006)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_the_closed_formula_in_percent(case):
    """Catches limits in shares instead of percent, and a one-sided quantile, for any count of images."""
    interval = wilson(*case)
    assert (interval.low, interval.high) == pytest.approx(wilson_by_hand(*case), abs=1e-9)
    assert interval.contains(100 * case[0] / case[1])


def test_wilson_stays_inside_0_to_100_when_none_or_all_are_correct():
    """Catches a limit below 0 or above 100 %, or no width at all, where no image or every one is right."""
    none, everything = wilson(0, 10_000), wilson(10_000, 10_000)
    assert none.low == 0 and none.high == pytest.approx(100 * Z**2 / (10_000 + Z**2))
    assert everything.high == 100 and everything.low == pytest.approx(100 * 10_000 / (10_000 + Z**2))


def test_wilson_widens_with_the_confidence():
    """Catches a confidence that is ignored by Wilson's interval, or taken for the probability of an error."""
    assert wilson(9_940, 10_000, 0.99).low < wilson(9_940, 10_000).low < wilson(9_940, 10_000, 0.9).low


@pytest.mark.parametrize(("correct", "total"), [(11, 10), (-1, 10), (0, 0)])
def test_wilson_refuses_impossible_counts_by_naming_them(correct, total):
    """Catches more images right than there are, or no images at all, that still get an interval."""
    with pytest.raises(ValueError, match=f"correct = {correct} of total = {total}"):
        wilson(correct, total)


def test_the_mean_of_one_to_five_has_the_interval_worked_by_hand():
    """Catches a spread with n in the denominator, and a normal quantile where Student's t belongs."""
    result = mean_interval([1, 2, 3, 4, 5])  # s = sqrt(10 / 4)
    half = T4 * sqrt(2.5) / sqrt(5)
    assert (result.value, result.n) == (3, 5)
    assert result.sd == pytest.approx(sqrt(2.5))
    assert (result.interval.low, result.interval.high) == pytest.approx((3 - half, 3 + half))


def test_the_prediction_interval_of_one_to_five_is_worked_by_hand():
    """Catches a forecast without the 1 under its root, which is the interval of the mean."""
    interval = prediction_interval([1, 2, 3, 4, 5])
    half = T4 * sqrt(2.5) * sqrt(1 + 1 / 5)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half))


def test_the_prediction_interval_of_two_values_uses_students_t_with_one_degree_of_freedom():
    """Catches n in place of n - 1 degrees of freedom, which is worst for two runs: 4.30 instead of 12.71."""
    interval = prediction_interval([99.0, 99.2])  # s = 0.2 / sqrt(2), t = tan(0.475 pi) = 12.7062
    half = 12.706204736432095 * 0.2 / sqrt(2) * sqrt(1.5)
    assert (interval.low, interval.high) == pytest.approx((99.1 - half, 99.1 + half))


@given(st.lists(st.floats(90, 100), min_size=2, max_size=8))
def test_one_more_run_is_less_certain_than_the_mean_of_many(values):
    """Catches a forecast of one more run that is narrower than the interval of the mean, for any runs."""
    mean, one_more = mean_interval(values).interval, prediction_interval(values)
    assert one_more.low <= mean.low <= mean.high <= one_more.high


@given(st.floats(0, 100), st.integers(2, 9))
def test_equal_values_have_exactly_no_spread(value, n):
    """Catches rounding in the mean of equal runs that is told as a spread of 1e-14."""
    result = mean_interval([value] * n)
    assert (result.value, result.sd, result.interval) == (value, 0, Interval(value, value))
    assert prediction_interval([value] * n) == Interval(value, value)


@pytest.mark.parametrize("function", [mean_interval, prediction_interval])
@pytest.mark.parametrize(
    ("values", "complaint"),
    [([], "at least 2"), ([99.4], "at least 2"), ([99.4, nan], "finite"), ([1, inf], "finite")],
)
def test_a_spread_needs_two_finite_values(function, values, complaint):
    """Catches a single run, or one of NaN, whose interval would be NaN without a word."""
    with pytest.raises(ValueError, match=complaint):
        function(values)


def test_welch_agrees_with_students_sleep_data():
    """Catches pooled variances, which give p = 0.07919 here, in place of Welch's."""
    result = welch(SLEEP_1, SLEEP_2)
    assert result.value == pytest.approx(0.75 - 2.33)
    assert result.p == pytest.approx(0.07939, abs=5e-6)
    assert result.interval.low == pytest.approx(-3.3654832, abs=1e-6)
    assert result.interval.high == pytest.approx(0.2054832, abs=1e-6)


def test_welch_changes_sign_with_the_order_of_the_groups():
    """Catches an interval that keeps its sign, or has its ends swapped, when the two groups change places."""
    one, other = welch(SLEEP_1, SLEEP_2), welch(SLEEP_2, SLEEP_1)
    assert other.value == pytest.approx(-one.value)
    assert (other.interval.low, other.interval.high) == pytest.approx((-one.interval.high, -one.interval.low))
    assert other.p == pytest.approx(one.p)


def test_welch_with_no_spread_in_one_group_is_the_t_interval_of_the_other():
    """Catches degrees of freedom added up over both groups where only one has any variance."""
    difference = welch([1, 2, 3, 4, 5], [0, 0, 0])
    alone = mean_interval([1, 2, 3, 4, 5]).interval
    assert (difference.interval.low, difference.interval.high) == pytest.approx((alone.low, alone.high))


def test_welch_with_no_spread_at_all_says_so_instead_of_nan():
    """Catches a t that divides by zero, and then a p value of NaN, where neither group varies."""
    with pytest.raises(ValueError, match="no spread in either group"):
        welch([99.4] * 3, [99.3] * 3)


def test_an_interval_is_within_a_margin_only_as_a_whole():
    """Catches a margin that looks at one end, or at the middle."""
    assert Interval(-0.05, 0.05).within(0.05)
    assert not Interval(-0.06, 0.01).within(0.05) and not Interval(-0.01, 0.06).within(0.05)


def pair(
    both: int, only_first: int, only_second: int, neither: int
) -> tuple[list[int], list[int], list[int]]:
    """Predictions of two networks and labels with the given fourfold table."""
    cells = [(5, 5, both), (5, 3, only_first), (2, 5, only_second), (1, 7, neither)]
    first = [a for a, _, count in cells for _ in range(count)]
    second = [b for _, b, count in cells for _ in range(count)]
    return first, second, [5] * len(first)


def test_mcnemar_agrees_with_the_airway_example_of_fagerland_and_others_2013():
    """Catches the chi-squared approximation in place of the exact test, on 8 discordant pairs."""
    result = mcnemar(*pair(1, 1, 7, 12))
    assert (result.b, result.c) == (1, 7)
    assert result.p == pytest.approx(2 * (1 + 8) / 2**8)  # 0.0703


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 12), st.integers(1, 30))
def test_mcnemar_is_twice_the_binomial_tail_of_the_discordant_pairs(both, b, c, neither):
    """Catches a one-sided p value, one above 1, or b and c in each other's place, in any fourfold table."""
    result = mcnemar(*pair(both, b, c, neither))
    tail = sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert (result.b, result.c) == (b, c)
    assert result.p == pytest.approx(min(1.0, 2 * tail))


def test_networks_that_err_on_the_same_images_do_not_differ():
    """Catches a division by zero where no image is right for only one of the two networks."""
    assert mcnemar([1, 2, 3], [1, 2, 4], [1, 2, 9]).p == 1


@pytest.mark.parametrize(
    ("a", "b", "labels"), [([1, 2], [1], [1, 2]), ([1], [1], [1, 2]), ([], [], []), ([[1]],) * 3]
)
def test_mcnemar_refuses_shapes_that_do_not_pair(a, b, labels):
    """Catches predictions of different lengths that are stretched to fit, and a comparison over no images."""
    with pytest.raises(ValueError, match="shapes"):
        mcnemar(a, b, labels)


# Benjamini and Hochberg (1995), section 3.2: fifteen p values of a trial of treatments after a heart attack
HEART = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
HEART += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]


def test_holm_rejects_three_of_benjamini_and_hochbergs_fifteen():
    """Catches the step-up rule of Benjamini and Hochberg, which rejects four of these, in place of Holm's."""
    adjusted = holm(HEART)
    by_hand = [0.0001 * 15, 0.0004 * 14, 0.0019 * 13, 0.0095 * 12, 0.0201 * 11]
    assert adjusted[:5] == pytest.approx(by_hand)  # 0.0015, 0.0056, 0.0247, 0.114, 0.2211
    assert sum(p <= 0.05 for p in adjusted) == 3


def test_holm_steps_down_and_never_falls_below_the_one_before():
    """Catches adjusted p values that fall on the way up: 0.04 would end below the 0.06 before it."""
    # sorted: 4 * 0.005, 3 * 0.01, 2 * 0.03, and 1 * 0.04, which is lifted to 0.06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_goes_no_higher_than_one_and_leaves_a_single_p_value_as_it_is():
    """Catches an adjusted p value above 1, and a single question that is charged for being several."""
    assert holm([0.8, 0.6]) == [1, 1]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []
    assert holm([0.0, 0.0, 1.0]) == [0, 0, 1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.2))
def test_holm_rejects_what_the_step_by_step_rule_rejects(p_values, level):
    """Catches a rejection that lies behind the first p value that failed its level."""
    # go through them from the smallest on, compare with level / m, level / (m - 1), ..., stop at a failure
    rejected = set()
    for left, (p, index) in zip(
        range(len(p_values), 0, -1), sorted((p, i) for i, p in enumerate(p_values)), strict=True
    ):
        if p * left > level:
            break
        rejected.add(index)
    assert {index for index, p in enumerate(holm(p_values)) if p <= level} == rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_p_value_and_bonferronis_and_keeps_the_order(p_values):
    """Catches an adjustment that lowers a p value, exceeds Bonferroni's, or changes the order of two."""
    adjusted = holm(p_values)
    assert all(p <= a <= min(1, len(p_values) * p) for p, a in zip(p_values, adjusted, strict=True))
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in pairs] == sorted(adjusted)


@pytest.mark.parametrize("bad", [-0.01, 1.01, nan])
def test_holm_refuses_what_is_no_probability(bad):
    """Catches a p value below 0, above 1 or NaN that is sorted in among the others."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([0.5, bad])


def test_results_read_as_short_text():
    """Catches ends too coarse to show a width, a difference without its sign, and an n that is left out."""
    assert str(Interval(99.2346, 99.5)) == "99.235 to 99.500"
    assert str(mean_interval([1, 2, 3, 4, 5])) == "3.00 (1.037 to 4.963), SD 1.58, n = 5"
    assert str(welch(SLEEP_1, SLEEP_2)) == "-1.58 (-3.37 to +0.21), p = 0.0794"
    assert str(mcnemar(*pair(1, 1, 7, 12))) == "1 right only by the first, 7 only by the second, p = 0.0703"


def test_paired_agrees_with_r_on_students_sleep_data():
    """Catches an unpaired test on pairs, which gives p = 0.079 where pairing gives 0.0028."""
    # R prints for t.test(extra ~ group, paired = TRUE): -1.58, p-value = 0.002833, -2.4598858 to -0.7001142.
    found = paired(SLEEP_1, SLEEP_2)
    assert found.value == pytest.approx(-1.58)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.interval.low, found.interval.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


@pytest.mark.parametrize(
    ("a", "b", "named"),
    [([1.0, 2.0], [1.0], "2"), ([1.0], [1.0], "2 values"), ([1.0, 2.0, 4.0], [0.0, 1.0, 3.0], "all 1")],
)
def test_pairs_that_tell_nothing_are_refused(a, b, named):
    """Catches a partner that is missing, a single pair, and a constant difference of infinite t."""
    with pytest.raises(ValueError, match=named):
        paired(a, b)


@pytest.mark.parametrize(("effect", "pairs"), [(0.5, 34), (0.2, 199), (0.8, 15)])
def test_the_resolvable_difference_agrees_with_cohens_effect_sizes(effect, pairs):
    """Catches a one-sided power, or that of two separate groups: fewer or more pairs would seem enough."""
    # Pairs that a two-sided test at 5 % needs to find an effect of so many SDs four times in five (G*Power).
    assert resolvable(1.0, pairs) <= effect < resolvable(1.0, pairs - 1)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_a_resolvable_difference_is_found_as_often_as_promised(n):
    """Catches a power from normal quantiles, which 3 pairs reach much less often than promised."""
    rng = np.random.default_rng(n)
    draws = rng.normal(resolvable(0.3, n, power=0.7), 0.3, size=(4_000, n))
    t = draws.mean(1) / draws.std(1, ddof=1) * sqrt(n)
    critical = {3: 4.30265, 5: T4, 8: 2.36462}[n]  # as in any table
    assert (abs(t) > critical).mean() == pytest.approx(0.7, abs=4 * sqrt(0.7 * 0.3 / 4_000))


@pytest.mark.parametrize(("sd", "n", "power"), [(0.1, 2, 0.8), (-0.1, 5, 0.8), (0.1, 5, 1.0), (0.1, 5, 0.04)])
def test_a_question_of_power_that_makes_no_sense_is_refused(sd, n, power):
    """Catches 2 pairs, a negative spread or a power of 100 % that get a number for an answer."""
    with pytest.raises(ValueError, match="power"):
        resolvable(sd, n, power)


@pytest.mark.parametrize("n", [3, 4, 8, 200])
def test_a_stricter_test_resolves_less_at_every_number_of_pairs(n):
    """Catches a noncentral distribution that fails in its tail: a stricter test would seem to see more."""
    found = [resolvable(1.0, n, confidence=confidence) for confidence in (0.95, 0.99, 0.995, 0.9999)]
    assert found == sorted(found) and len(set(found)) == len(found)


def test_a_single_run_promises_nothing_about_the_next_and_differs_by_nobody_knows_how_much():
    """Catches a limit that is drawn from a spread that nobody has seen."""
    no_limits = Interval(-inf, inf)
    assert expected_next([99.4]) == mean_of([99.4]).interval == no_limits
    assert (mean_of([99.4]).value, mean_of([99.4]).n) == (99.4, 1)
    single = difference_of([99.4, 99.6], [99.2])
    assert single.value == pytest.approx(0.3) and single.interval == no_limits
    assert str(single) == "+0.30 (a single run, no spread)"


def test_several_runs_are_judged_by_their_spread():
    """Catches two runs treated like one: their spread, and with it every limit, would be thrown away."""
    assert expected_next([99.3, 99.5]) == prediction_interval([99.3, 99.5])
    assert mean_of([99.3, 99.5]) == mean_interval([99.3, 99.5])
    assert difference_of(SLEEP_1, SLEEP_2) == welch(SLEEP_1, SLEEP_2)
