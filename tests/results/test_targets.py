"""What is judged met, missed, not shown or not judged, worked out by hand on the thread of the course."""

from math import nan, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making.targets import COURSE, FULL, PUBLISHED

from helpers.errors import SettingsError
from helpers.results.targets import (
    Target,
    Thresholds,
    judge,
    judge_recipe,
    run_statistic,
    summarise,
    thresholds,
    verdict_at,
)

# Target


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"max_params": 0}, "max_params = 0"),
        ({"max_params": 7_784.5}, "max_params = 7784.5"),
        ({"max_epochs": -1}, "max_epochs = -1"),
        ({"max_epochs": "fifteen"}, "max_epochs = 'fifteen'"),
        ({"min_accuracy": 100.1}, "min_accuracy = 100.1"),
        ({"min_accuracy": -0.1}, "min_accuracy = -0.1"),
        ({"min_accuracy": nan}, "min_accuracy = nan"),
        ({"min_accuracy": 0.994}, "min_accuracy = 0.994: in percent"),
        ({"last_n": 0}, "last_n = 0"),
        ({"max_epochs": 2, "last_n": 3}, "last_n = 3: at most max_epochs = 2"),
        ({"max_parameters": 8_000}, "max_parameters = 8000"),
    ],
)
def test_a_bad_target_is_refused_in_one_line_that_names_the_value(bad, named):
    """Catches 0.994 taken for 99.4 %, a limit of zero, a misspelt limit, and more last epochs than epochs."""
    with pytest.raises(SettingsError) as error:
        Target(**bad)
    assert named in str(error.value) and "\n" not in str(error.value)


def test_a_target_does_not_change_once_it_is_stated():
    """Catches an accuracy that can be lowered once the run has been seen."""
    with pytest.raises(ValueError, match="frozen"):
        COURSE.min_accuracy = 99.0


# One run


def test_the_published_final_run_keeps_its_budget_and_does_not_show_its_accuracy():
    """Catches 99.44 % of 10,000 images that is called met only because it lies above 99.40 %."""
    verdict = judge(COURSE, **FULL)
    assert [(c.name, c.wanted, c.actual, c.margin, c.outcome) for c in verdict.criteria] == [
        ("parameters", 8_000, 7_784, 216, "met"),
        ("epochs", 15, 15, 0, "met"),
        ("accuracy", 99.4, 99.44, 0.04, "not shown"),
    ]
    assert verdict.overall == "not shown"


@pytest.mark.parametrize(
    ("accuracy", "outcome"),
    [
        (99.24, "missed"),
        (99.25, "not shown"),
        (99.37, "not shown"),
        (99.40, "not shown"),
        (99.55, "not shown"),
    ]
    + [(99.56, "met"), (100.0, "met"), (0.0, "missed")],
)
def test_99_40_is_met_from_99_56_and_missed_to_99_24(accuracy, outcome):
    """Catches an edge of met or of missed that is off by one image in 10,000."""
    criterion = verdict_at(accuracy, COURSE)["accuracy"]
    assert criterion.outcome == outcome
    assert criterion.margin == pytest.approx(accuracy - 99.4)


def test_the_interval_of_a_run_is_wilsons_on_its_10_000_images():
    """Catches a run judged by a normal interval, or on a number of images that is not MNIST's."""
    interval = verdict_at(99.56, COURSE)["accuracy"].interval
    z, p, n = 1.959963984540054, 0.9956, 10_000
    half = z * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert interval.low == pytest.approx(100 * (p + z**2 / (2 * n) - half) / (1 + z**2 / n))
    assert interval.high == pytest.approx(100 * (p + z**2 / (2 * n) + half) / (1 + z**2 / n))


def test_the_worst_of_the_last_epochs_decides_and_earlier_ones_do_not():
    """Catches a mean, best or last epoch in place of the lowest of the last 3; an earlier slip counted."""
    strong_end = [50.0] * 12 + [99.70, 99.60, 99.65]
    assert judge(COURSE, **(FULL | {"test_accuracy": strong_end}))["accuracy"].actual == 99.60
    one_slip = [99.70] * 12 + [99.70, 99.20, 99.70]
    assert judge(COURSE, **(FULL | {"test_accuracy": one_slip}))["accuracy"].outcome == "missed"
    slip_before = [99.70] * 11 + [99.20] + [99.70] * 3
    assert judge(COURSE, **(FULL | {"test_accuracy": slip_before}))["accuracy"].outcome == "met"


def test_an_accuracy_read_back_from_32_bits_is_judged_as_itself():
    """Catches an accuracy kept in 32 bits, 99.5599976, that falls short of 99.56 by rounding alone."""
    assert verdict_at(99.55999755859375, COURSE)["accuracy"] == verdict_at(99.56, COURSE)["accuracy"]
    assert verdict_at(99.4000015258789, COURSE)["accuracy"].actual == 99.4
    assert verdict_at(9_940 / 10_000 * 100, COURSE)["accuracy"].margin == 0
    assert (
        verdict_at(9_943 / 10_000 * 100, COURSE)["accuracy"].actual == 99.43
    )  # the product is 99.42999999999999


@pytest.mark.parametrize(("parameters", "outcome", "margin"), [(8_000, "met", 0), (8_001, "missed", -1)])
def test_parameters_are_judged_exactly_and_the_limit_itself_is_allowed(parameters, outcome, margin):
    """Catches a limit of 8,000 parameters that refuses 8,000 itself, or allows one more."""
    criterion = judge(COURSE, **(FULL | {"parameters": parameters}))["parameters"]
    assert (criterion.outcome, criterion.margin) == (outcome, margin)


def test_declared_epochs_are_judged_whatever_was_run():
    """Catches epochs counted as they were run: 2 in the fast profile would hide a recipe of 20."""
    fast = FULL | {"profile": "fast", "test_accuracy": [90.0, 95.0], "epochs_run": 2, "test_images": 2_000}
    assert judge(COURSE, **fast)["epochs"].actual == 15
    too_long = judge(COURSE, **(fast | {"declared_epochs": 20}))
    assert (too_long["epochs"].outcome, too_long["epochs"].margin) == ("missed", -5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"profile": "fast"}, "the fast profile proves that the code runs"),
        ({"dataset": "digits"}, "trained on digits"),
        ({"complete": False}, "stopped after 15 of 15 epochs"),
        ({"epochs_run": 4, "test_accuracy": [99.9] * 4, "complete": False}, "stopped after 4 of 15 epochs"),
        ({"epochs_run": 4, "test_accuracy": [99.9] * 4}, "stopped after 4 of 15 epochs"),
        ({"test_accuracy": None}, "the test set was not opened"),
        ({"test_images": 2_000}, "2,000 test images instead of 10,000"),
        ({"declared_epochs": 2, "epochs_run": 2, "test_accuracy": [99.9] * 2}, "the last 3 epochs"),
        ({"epochs_run": 0, "test_accuracy": [], "complete": False}, "stopped after 0 of 15 epochs"),
    ],
)
def test_accuracy_is_judged_only_on_a_complete_full_run_on_mnist(changes, why):
    """Catches an accuracy judged on digits, after a stop, in the fast profile, or on too few images."""
    verdict = judge(COURSE, **(FULL | {"test_accuracy": [99.9] * 15} | changes))
    accuracy = verdict["accuracy"]
    assert (accuracy.outcome, accuracy.margin, accuracy.interval) == ("not judged", None, None)
    assert why in accuracy.because
    assert verdict["parameters"].outcome == verdict["epochs"].outcome == "met"
    assert verdict.overall == "not judged"


def test_what_an_iteration_does_not_expect_is_not_judged_and_does_not_count():
    """Catches a limit that nobody named and that still pulls the overall verdict down."""
    only_size = verdict_at(12.0, Target(max_params=8_000))
    assert [c.outcome for c in only_size.criteria] == ["met", "not judged", "not judged"]
    assert only_size.overall == "met"
    assert verdict_at(12.0, Target()).overall == "not judged"


@pytest.mark.parametrize(
    ("changes", "overall"),
    [({"parameters": 9_000, "test_accuracy": [99.9] * 15}, "missed"), ({"test_accuracy": [99.9] * 15}, "met")]
    + [({"parameters": 9_000}, "missed"), ({"declared_epochs": 20, "dataset": "digits"}, "missed")]
    + [({"parameters": 9_000, "profile": "fast"}, "missed")],
)
def test_the_overall_verdict_is_the_worst_of_them(changes, overall):
    """Catches an overall verdict by the first or best criterion, which forgives a limit that was missed."""
    assert judge(COURSE, **(FULL | changes)).overall == overall


def test_accuracies_that_are_not_one_per_epoch_are_refused():
    """Catches 15 accuracies for 14 trained epochs, where nobody knows which are the last 3."""
    with pytest.raises(ValueError, match="holds 15 epochs, epochs_run = 14"):
        judge(COURSE, **(FULL | {"epochs_run": 14}))


@pytest.mark.parametrize("accuracy", [100.5, -1.0, nan])
def test_an_accuracy_that_is_no_percentage_is_refused_everywhere(accuracy):
    """Catches 100.5, -1 or NaN that is judged, summed up or averaged like any accuracy."""
    for call in (lambda a: verdict_at(a, COURSE), lambda a: run_statistic([a], 1), lambda a: summarise([a])):
        with pytest.raises(ValueError, match=f"accuracy = {accuracy}"):
            call(accuracy)
    with pytest.raises(ValueError, match=f"accuracy = {accuracy}"):
        judge_recipe(COURSE, [99.4, 99.5, accuracy])


# Thresholds


def test_the_thresholds_of_the_course_are_stated_before_training():
    """Catches a search that ends one image beside the least that is met, or the most that is missed."""
    assert thresholds(COURSE) == Thresholds(missed_to=99.24, met_from=99.56)


@settings(max_examples=25)
@given(st.integers(100, 10_000).map(lambda hundredths: hundredths / 100))
def test_thresholds_are_the_edges_of_what_is_judged(wanted):
    """Catches edges told before training that the verdict does not keep, for any accuracy asked for."""
    target = Target(min_accuracy=wanted)
    missed_to, met_from = thresholds(target)
    assert verdict_at(missed_to, target)["accuracy"].outcome == "missed"
    assert verdict_at(round(missed_to + 0.01, 2), target)["accuracy"].outcome == "not shown"
    if met_from is not None:
        assert verdict_at(met_from, target)["accuracy"].outcome == "met"
    edge = 100.0 if met_from is None else round(met_from - 0.01, 2)
    assert verdict_at(edge, target)["accuracy"].outcome == "not shown"


def test_some_targets_can_be_neither_missed_nor_shown():
    """Catches a count beyond 10,000 images as the edge of met, and one below 0 as the edge of missed."""
    assert thresholds(Target(min_accuracy=0)) == Thresholds(missed_to=None, met_from=0.0)
    # all 10,000 right: Wilson's interval starts at 10,000 / (10,000 + 1.96^2), which is 99.96 %
    assert thresholds(Target(min_accuracy=100)).met_from is None
    assert thresholds(Target(min_accuracy=99.96)).met_from == 100
    assert thresholds(Target(max_params=8_000)) == Thresholds(None, None)


# Several seeds


def test_a_recipe_is_met_when_the_interval_of_its_mean_lies_above():
    """Catches a recipe's interval without the root of the number of seeds, or of t(3) instead of t(2)."""
    # mean 99.45, SD 0.01, t(2) = 4.302653: 99.45 -+ 0.0248
    criterion = judge_recipe(COURSE, [99.44, 99.45, 99.46])
    assert (criterion.outcome, criterion.actual, criterion.margin) == ("met", 99.45, 0.05)
    assert criterion.interval.low == pytest.approx(99.45 - 4.302653 * 0.01 / sqrt(3), abs=1e-6)
    assert criterion.interval.high == pytest.approx(99.45 + 4.302653 * 0.01 / sqrt(3), abs=1e-6)


@pytest.mark.parametrize(
    ("statistics", "outcome"),
    [
        ([99.35, 99.45, 99.55], "not shown"),  # mean 99.45, 99.45 -+ 0.2484
        ([99.34, 99.35, 99.36], "missed"),  # 99.35 -+ 0.0248
        ([99.37, 99.38, 99.39], "not shown"),  # 99.38 -+ 0.0248
        ([99.41, 99.42, 99.43], "not shown"),  # 99.42 -+ 0.0248: just not
        ([99.42, 99.43, 99.44], "met"),  # 99.43 -+ 0.0248: just so
    ],
)
def test_a_recipe_is_judged_only_when_its_interval_is_on_one_side(statistics, outcome):
    """Catches a recipe that is met by its mean alone: 99.45 % from seeds 0.1 points apart shows nothing."""
    assert judge_recipe(COURSE, statistics).outcome == outcome


@pytest.mark.parametrize("statistics", [[], [99.9], [99.9, 99.9]])
def test_fewer_than_three_seeds_are_not_judged(statistics):
    """Catches two lucky seeds that count as evidence for a recipe."""
    criterion = judge_recipe(COURSE, statistics)
    assert (criterion.outcome, criterion.margin) == ("not judged", None)
    assert f"{len(statistics)} of at least 3 seeds" in criterion.because


@pytest.mark.parametrize(("accuracy", "outcome"), [(99.45, "not shown"), (99.56, "met"), (99.24, "missed")])
def test_seeds_that_agree_to_the_digit_are_judged_like_one_run(accuracy, outcome):
    """Catches an interval without width for seeds that agree, by which 99.45 % would be met beyond doubt."""
    seeds = [accuracy, accuracy + 1e-6, accuracy]  # the same count of images
    criterion = judge_recipe(COURSE, seeds)
    assert criterion.outcome == outcome
    assert criterion.interval == verdict_at(accuracy, COURSE)["accuracy"].interval
    assert "judged as a single run" in criterion.because


def test_a_recipe_without_an_expected_accuracy_is_not_judged():
    """Catches seeds that are measured against an accuracy nobody asked for."""
    assert judge_recipe(Target(max_params=8_000), [99.4, 99.5, 99.6]).outcome == "not judged"


# Summaries


def test_the_published_run_is_summed_up_as_published():
    """Catches the later of two equally good epochs as the best, epochs counted from 0, a wrong mean."""
    summary = summarise(PUBLISHED)
    assert (summary.best, summary.best_epoch, summary.last) == (99.47, 13, 99.44)
    assert summary.mean_of_last_3 == pytest.approx(99.46)
    assert summary.mean_of_last_5 == pytest.approx((99.36 + 99.43 + 99.47 + 99.47 + 99.44) / 5)
    assert str(summary) == "best 99.47 (epoch 13), last 99.44, mean of last 3 99.46, mean of last 5 99.43"


def test_means_over_more_epochs_than_there_are_stay_empty():
    """Catches a mean of the last 3 or 5 epochs over only two, and a summary of none."""
    summary = summarise([90.0, 95.0])
    assert (summary.mean_of_last_3, summary.mean_of_last_5) == (None, None)
    assert str(summary) == "best 95.00 (epoch 2), last 95.00"
    with pytest.raises(ValueError, match="at least one epoch"):
        summarise([])


@pytest.mark.parametrize("last_n", [0, 16])
def test_the_statistic_of_a_run_needs_the_epochs_it_is_over(last_n):
    """Catches the last 0 epochs, which a slice takes for all of them, and more epochs than there are."""
    with pytest.raises(ValueError, match=f"last_n = {last_n}"):
        run_statistic(PUBLISHED, last_n)
