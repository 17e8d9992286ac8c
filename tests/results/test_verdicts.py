"""How a verdict is shown: as a table, as HTML that holds the same, as plain data for the record."""

import json

from making.targets import COURSE, FULL

from helpers.results.targets import Target, budget, judge, judge_recipe
from helpers.results.verdicts import Verdict, lowest_accuracy, lowest_epoch


def test_the_budget_and_the_thresholds_can_be_shown_before_training():
    """Catches a budget silent about the accuracy that will count, or naming an edge that is not there."""
    assert repr(budget(COURSE, 7_784, 15)).splitlines() == [
        "criterion        wanted         actual  margin  verdict",
        "parameters       at most 8,000  7,784   +216    met",
        "declared epochs  at most 15     15      +0      met",
        "",
        "parameters: Is the network small enough? met (counted exactly).",
        "declared epochs: Is training short enough? met (counted exactly).",
        "Accuracy is judged after a full run on MNIST, by the lowest of the last 3 epochs: "
        "at least 99.40 % is met from 99.56 %, missed up to 99.24 %, and not shown in between.",
    ]
    assert budget(Target(), 7_784, 15).note == ""
    assert "never met" in budget(Target(min_accuracy=100), 7_784, 15).note
    assert "never missed" in budget(Target(min_accuracy=0), 7_784, 15).note


def test_a_verdict_reads_as_a_table_and_says_which_question_each_row_answers():
    """Catches a verdict on a recipe that answers for a single network, or the other way round."""
    lines = repr(judge(COURSE, **FULL)).splitlines()
    assert lines[3].split("  ")[0] == "lowest test accuracy of the last 3 epochs"
    assert lines[3].endswith("at least 99.40 %  99.44 %  +0.04   not shown")
    assert lines[-1] == (
        "lowest test accuracy of the last 3 epochs: Is this one trained network accurate enough on new digits? "
        "not shown (95 % Wilson interval 99.274 to 99.568 %, 9,944 right of 10,000)."
    )
    recipe = repr(judge_recipe(COURSE, [99.44, 99.45, 99.46]))
    assert "Is this recipe, trained from new seeds, accurate enough on average? met" in recipe


def test_the_html_holds_what_the_text_holds():
    """Catches a criterion, reason or colour that the HTML lacks, so that the two views disagree."""
    verdict = judge(COURSE, **FULL)
    html = verdict._repr_html_()
    for criterion in verdict.criteria:
        for text in (criterion.label, criterion.outcome, criterion.question, criterion.because):
            assert text in html
    assert (
        html.count("<tr>") == 4 and html.count("color: #9a6700") == 1 and "99.44 %" in html and "+216" in html
    )
    assert "lowest of the last 3 epochs" in budget(COURSE, 7_784, 15)._repr_html_()
    assert "99.45 %" in judge_recipe(COURSE, [99.44, 99.45, 99.46])._repr_html_()


def test_html_is_escaped():
    """Catches a data set's name that is run as a script by the page."""
    html = judge(COURSE, **(FULL | {"dataset": "<script>"}))._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_verdict_becomes_plain_data_that_json_keeps():
    """Catches an infinite number, which JSON has no word for, and a criterion or interval lost on the way."""
    data = judge(COURSE, **FULL).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert list(data) == ["overall", "parameters", "epochs", "accuracy"]
    assert (data["accuracy"]["wanted"], data["accuracy"]["actual"]) == (99.4, 99.44)
    assert data["accuracy"]["interval"]["low"] < 99.4 < data["accuracy"]["interval"]["high"]
    assert data["parameters"]["interval"] is None


def test_a_verdict_survives_the_round_trip_but_for_its_note():
    """Catches a verdict that the record gives back as another one: an interval lost, a count turned into a float."""
    for verdict in (judge(COURSE, **FULL), judge(Target(), **FULL), Verdict(())):
        assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict
    assert Verdict.from_dict(budget(COURSE, 1, 1).to_dict()) == Verdict(budget(COURSE, 1, 1).criteria)


def test_of_one_epoch_there_is_no_lowest():
    """Catches the words "lowest of the last 1 epochs" where only the last epoch is judged."""
    assert lowest_epoch(3) == "the lowest of the last 3 epochs" and lowest_epoch(1) == "the last epoch"
    assert lowest_accuracy(3) == "lowest test accuracy of the last 3 epochs"
    assert lowest_accuracy(1) == "test accuracy of the last epoch"
