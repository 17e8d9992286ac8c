"""The checkers themselves are checked, with right answers and with planted wrong ones."""

import pytest

from helpers.errors import SettingsError
from helpers.lesson.exercises import Prediction, PredictionScore, check


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(7, 7), (7.0, 7), ([3, 5, 7], (3, 5, 7)), ("met", "met"), (True, True)],
)
def test_right_answers_are_right(answer, expected):
    assert check(answer, expected, "hint").right is True


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(8, 7), ("seven", 7), ([3, 5], [3, 5, 7]), ([3, 5, 8], [3, 5, 7]), ("Met", "met"), (1, True), ([7], 7)]
    + [(float("nan"), 7), (7, [7]), (None.__class__, 7)],
)
def test_planted_wrong_answers_are_not(answer, expected):
    feedback = check(answer, expected, "the hint")
    assert feedback.right is False


def test_a_wrong_answer_gets_the_hint_and_not_the_value():
    feedback = check(5, 7734, "count the channels")
    assert "count the channels" in repr(feedback) and "7734" not in repr(feedback)


def test_no_answer_yet_is_neither_right_nor_wrong():
    assert check(None, 7, "hint").right is None


def test_a_tolerance_is_kept_to():
    assert check(99.45, 99.4, "hint", tolerance=0.06).right is True
    assert check(99.47, 99.4, "hint", tolerance=0.06).right is False


def test_predictions_are_scored_against_what_came_out():
    score = PredictionScore(Prediction(parameters=8_000, last_accuracy=99.0), 7_784, 42, 99.414)
    assert score.cells() == [
        ("parameters", "8,000", "7,784", "+216"),
        ("last accuracy", "99", "99.41", "-0.41"),
    ]


def test_no_prediction_is_answered_kindly():
    assert "No prediction was made" in repr(PredictionScore(Prediction(), 1, 1, 1.0))


@pytest.mark.parametrize("value", ["many", -1, float("nan"), True])
def test_a_prediction_must_be_a_number(value):
    with pytest.raises(SettingsError, match="parameters = "):
        Prediction(parameters=value)
