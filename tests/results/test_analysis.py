"""Conclusions are checked: findings can break, claims have three values, records are asked for by name."""

import math

import pytest

from helpers.errors import ResultsError
from helpers.lesson.tables import ReproductionTable
from helpers.places import run_folder
from helpers.results.analysis import Analysis, Published, judge_claim
from helpers.results.record import Record, encode_predictions, utc_now
from helpers.results.runs import Runs, recorded
from helpers.results.statistics import expected_next, mean_of
from helpers.results.store import save
from helpers.settings import Recipe, RunConfig


def made_record(seed: int, accuracies: list[float], epochs: int | None = None) -> Record:
    config = RunConfig(profile="full", seed=seed, recipe=Recipe(epochs=epochs or len(accuracies)))
    return Record(
        notebook="99_example",
        profile="full",
        dataset="mnist",
        seed=seed,
        parameters=100,
        receptive_field=28,
        config=config.model_dump(),
        fingerprint="f",
        history=[
            {
                "epoch": epoch,
                "train_loss": 0.1,
                "train_accuracy": accuracy - 0.5,
                "test_loss": 0.1,
                "test_accuracy": accuracy,
                "learning_rate": 0.1,
                "learning_rate_used": 0.1,
                "seconds": 1.0,
            }
            for epoch, accuracy in enumerate(accuracies, 1)
        ],
        test_predictions=None,
        student=None,
        target=None,
        verdict=None,
        environment={},
        seconds=1.0,
        finished=utc_now(),
    )


@pytest.fixture
def outputs(tmp_path):
    for seed, accuracies in ((2, [98.0, 99.0, 98.8]), (1, [97.0, 99.2, 99.4]), (3, [97.5, 99.1, 99.2])):
        save(made_record(seed, accuracies), run_folder(tmp_path, "99_example", "full", seed))
    save(made_record(4, [97.0, 98.0], epochs=3), run_folder(tmp_path, "99_example", "full", 4))
    return tmp_path


def test_recorded_runs_come_by_seed_and_incomplete_ones_are_named(outputs):
    runs = recorded("99_example", root=outputs)
    assert runs.seeds == "1, 2, 3"
    assert runs.last_accuracies == [99.4, 98.8, 99.2]
    assert runs.best_accuracies == [99.4, 99.0, 99.2]
    assert runs.statistic(2) == [99.2, 98.8, 99.1]
    assert runs.train_minus_test() == pytest.approx([-0.5, -0.5, -0.5])
    assert len(runs.left_out) == 1 and "seed 4: not complete" in runs.left_out[0]


def test_a_notebook_without_records_says_how_to_make_one(outputs):
    with pytest.raises(ResultsError, match="workbook run 98_other --profile full"):
        recorded("98_other", root=outputs)
    with pytest.raises(ResultsError) as refused:
        recorded("99_example", "full-head=True+rotation=0.0", root=outputs)
    assert str(refused.value) == (
        "no full-head=True+rotation=0.0 run of 99_example is recorded yet; make one: "
        "workbook run 99_example --profile full -p head=True -p rotation=0.0"
    )


def test_a_single_run_promises_nothing_about_the_next():
    assert expected_next([99.4]).contains(0.0) and mean_of([99.4]).n == 1
    assert math.isinf(mean_of([99.4]).interval.low)


def test_two_runs_give_a_finite_interval_around_their_mean():
    interval = expected_next([99.3, 99.5])
    assert not interval.contains(0.0) and interval.contains(99.4)


def test_a_finding_that_the_records_do_not_support_says_so_and_is_listed():
    analysis = Analysis()
    analysis.finding("two is more than one", holds=2 > 1)
    analysis.finding("two is less than one", holds=2 < 1)
    assert analysis.broken == ["two is less than one"]
    assert "NO LONGER SUPPORTED BY THE RECORDS: two is less than one" in repr(analysis)
    assert "✓ two is more than one" in analysis._repr_markdown_()


def test_claims_show_their_judgement_and_the_reason():
    analysis = Analysis()
    analysis.claim("no overfitting", "contradicted", "the gap is +1.2 points")
    assert repr(analysis) == "✗ Published: “no overfitting” contradicted: the gap is +1.2 points"
    assert analysis.broken == []  # a published sentence may be wrong without breaking our analysis
    with pytest.raises(ValueError, match="'perhaps'"):
        analysis.claim("x", "perhaps", "y")


def test_a_claim_is_supported_contradicted_or_not_shown():
    assert judge_claim(True, False) == "supported"
    assert judge_claim(False, True) == "contradicted"
    assert judge_claim(False, False) == "not shown"
    with pytest.raises(ValueError, match="at once"):
        judge_claim(True, True)


def test_runs_of_one_notebook_know_how_many_they_are():
    assert len(Runs("99_example", [made_record(1, [99.0])])) == 1


def reproduced(published: Published, *accuracies: float) -> dict[str, tuple[str, ...]]:
    """The rows of the table by quantity, for runs of two epochs whose best is their first."""
    records = [made_record(seed, [value + 0.1, value]) for seed, value in enumerate(accuracies, 1)]
    rows = ReproductionTable(published, {"as declared": Runs("99_example", records)}).cells()
    return {row[1]: row[2:] for row in rows}


@pytest.mark.parametrize(
    ("claim", "place"), [(99.0, "inside"), (97.61, "below"), (100.0, "inside"), (97.62, "inside")]
)
def test_a_published_value_is_judged_by_where_one_more_run_is_expected(claim, place):
    """By hand: mean 99.1333, SD 0.3055, t(2) = 4.3027, 4.3027 * 0.3055 * sqrt(4 / 3) = 1.5178."""
    published = Published(source="x", parameters=100, epochs=2, last=claim)
    rows = reproduced(published, 99.4, 98.8, 99.2)
    assert rows == {"test, last epoch": (f"{claim:.2f}", "99.13", "0.31", "3", "97.62 to 100.65", place)}


def test_best_is_compared_with_best_and_last_with_last():
    published = Published(source="x", parameters=100, epochs=2, best=99.06, best_train_accuracy=97.0)
    rows = reproduced(published, 98.99, 99.0, 99.01)
    assert (
        rows["test, last epoch"][0] == rows["test, last epoch"][-1] == "-"
    )  # nothing published, nothing judged
    assert (rows["test, best epoch"][1], rows["test, best epoch"][-1]) == ("99.10", "inside")
    assert (rows["training, best epoch"][1], rows["training, best epoch"][-1]) == ("98.60", "below")


def test_one_run_has_no_spread_to_judge_by():
    published = Published(source="x", parameters=100, epochs=2, last=12.0)
    assert reproduced(published, 99.0)["test, last epoch"] == ("12.00", "99.00", "-", "1", "-", "-")


def test_the_classes_that_no_image_is_given_are_named():
    record = made_record(1, [99.0])
    records = [
        record.model_copy(update={"test_predictions": encode_predictions(classes)})
        for classes in ([0, 1, 2, 4, 5, 6, 7, 8, 9, 191], list(range(10)))
    ]
    assert Runs("99_example", records).never_predicted() == [[3], []]
