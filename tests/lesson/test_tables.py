"""A published run stands beside ours: best with best, last with last, and judged only where seeds show a spread."""

import pytest
from making.records import full_run

from helpers.lesson.tables import ReproductionTable
from helpers.results.analysis import Published
from helpers.results.runs import Runs


def reproduced(published: Published, *accuracies: float) -> dict[str, tuple[str, ...]]:
    """The rows of the table by quantity, for runs of two epochs whose best is their first."""
    records = [full_run([value + 0.1, value], seed=seed) for seed, value in enumerate(accuracies, 1)]
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
