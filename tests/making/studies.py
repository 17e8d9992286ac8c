"""A study of the example notebook, and what its trials leave, made by hand."""

from making.records import CONFIG, epoch, make, recorded

from helpers.results.record import Record
from helpers.results.store import save
from helpers.search.study import Study, Trial
from helpers.settings import Recipe


def study(**changes) -> Study:
    values = {"question": "?", "notebook": "01_small", "grid": [{"rotation": [0.0, 5.0]}], "trials": [2]}
    return Study(**(values | changes))


def record_of(trial: Trial, *accuracies: float, raw: float | None = None) -> Record:
    closed = {"test_loss": None, "test_accuracy": None, "raw_validation_accuracy": raw}
    return make(
        notebook="01_small",
        profile="full",
        seed=trial.seed,
        fingerprint=trial.fingerprint,
        config=recorded(CONFIG, profile=trial.parameters["profile"], recipe=Recipe(epochs=4)),
        history=[epoch(n, validation_accuracy=value, **closed) for n, value in enumerate(accuracies, 1)],
        test_predictions=None,
    )


def finish(trial: Trial, last: float, before: float = 50.0, raw: float | None = None) -> None:
    """Leave what a trial of four epochs leaves; `raw`: what the weights of the last step reach beside the average."""
    trial.folder.mkdir(parents=True)
    save(record_of(trial, before, before, before, last, raw=raw), trial.folder)
