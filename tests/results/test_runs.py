"""The recorded runs of a notebook are asked for by its name, and come whole or with a reason."""

import pytest
from making.records import full_run

from helpers.errors import ResultsError
from helpers.places import run_folder
from helpers.results.record import Record, encode_predictions
from helpers.results.runs import Runs, recorded
from helpers.results.store import save


def made_record(seed: int, accuracies: list[float], epochs: int | None = None) -> Record:
    return full_run(accuracies, epochs=epochs, notebook="99_example", seed=seed)


@pytest.fixture
def outputs(tmp_path):
    for seed, accuracies in ((2, [98.0, 99.0, 98.8]), (1, [97.0, 99.2, 99.4]), (3, [97.5, 99.1, 99.2])):
        save(made_record(seed, accuracies), run_folder(tmp_path, "99_example", "full", seed))
    save(made_record(4, [97.0, 98.0], epochs=3), run_folder(tmp_path, "99_example", "full", 4))
    return tmp_path


def test_recorded_runs_come_by_seed_and_incomplete_ones_are_named(outputs):
    """Catches a stopped run among the results, seeds out of order, and the best epoch taken for the last."""
    runs = recorded("99_example", root=outputs)
    assert runs.seeds == "1, 2, 3"
    assert runs.last_accuracies == [99.4, 98.8, 99.2]
    assert runs.best_accuracies == [99.4, 99.0, 99.2]
    assert runs.statistic(2) == [99.2, 98.8, 99.1]
    assert runs.train_minus_test() == pytest.approx([-0.5, -0.5, -0.5])
    assert len(runs.left_out) == 1 and "seed 4: not complete" in runs.left_out[0]


def test_a_notebook_without_records_says_how_to_make_one(outputs):
    """Catches an error whose command makes other runs than the missing ones: changed settings left out."""
    with pytest.raises(ResultsError, match="workbook run 98_other --profile full"):
        recorded("98_other", root=outputs)
    with pytest.raises(ResultsError) as refused:
        recorded("99_example", "full-head=True+rotation=0.0", root=outputs)
    assert str(refused.value) == (
        "no full-head=True+rotation=0.0 run of 99_example is recorded yet; make one: "
        "workbook run 99_example --profile full -p head=True -p rotation=0.0"
    )


def test_the_classes_that_no_image_is_given_are_named():
    """Catches classes that are counted, not named: an answer of 191 would stand in for the absent 3."""
    record = made_record(1, [99.0])
    records = [
        record.model_copy(update={"test_predictions": encode_predictions(classes)})
        for classes in ([0, 1, 2, 4, 5, 6, 7, 8, 9, 191], list(range(10)))
    ]
    assert Runs("99_example", records).never_predicted() == [[3], []]
