"""A study of the example notebook, and what its trials leave, made by hand."""

from collections.abc import Sequence
from typing import Any

from making.records import CONFIG, epoch, make, recorded

from helpers.results.record import Record
from helpers.results.store import save
from helpers.search.study import Candidate, Standing, Study, Trial
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


def standing(parameters: int, accuracies: Sequence[float], **settings: Any) -> Standing:
    """What a candidate of so many parameters reached in its trials, without any network or any training."""
    words = ", ".join(f"{name} {value}" for name, value in settings.items())
    candidate = Candidate(settings, settings, definitions=None, name=words)
    candidate.__dict__["parameters"] = parameters  # a cached property, which would count them in a network
    records = {
        number: make(history=[epoch(1, validation_accuracy=accuracy)], test_predictions=None)
        for number, accuracy in enumerate(accuracies, 1)
    }
    return Standing(candidate, records)
