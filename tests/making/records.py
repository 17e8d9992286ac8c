"""Workbooks for tests: notebooks that train nothing, and records of full runs of theirs made by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from making.notebooks import write_iteration

from helpers.networks.parameters import count_parameters
from helpers.places import run_folder
from helpers.results.record import Record, encode_predictions
from helpers.results.store import save
from helpers.runs.definitions import load_definitions

EPOCHS = 4  # as the example notebooks declare
TARGET = """\
from helpers.results.analysis import Published

notebook = "{name}"
target = Target(max_params=8_000, max_epochs=4, min_accuracy=99.4, last_n=1)
published = Published(source="a test", parameters=7_850, epochs=4, best={best}, last={last})"""


def write_claiming(root: Path, name: str, best: float | None = None, last: float | None = None) -> Path:
    """An iteration of 7,850 parameters that wants 99.4 % in its last epoch, and what was published of it."""
    return write_iteration(root, name, target=TARGET.format(name=name, best=best, last=last))


def epoch(number: int, accuracy: float) -> dict[str, Any]:
    return {
        "epoch": number,
        "train_loss": 0.1,
        "train_accuracy": 98.0,
        "test_loss": 0.1,
        "test_accuracy": accuracy,
        "learning_rate": 0.1,
        "learning_rate_used": 0.1,
        "seconds": 1.0,
    }


def made(
    path: Path, seed: int, accuracies: Sequence[float], *, of: dict[str, Any] | None = None, **changes
) -> Record:
    """The record of a full run of a notebook; `of`: parameters of the notebook that were changed for it."""
    definitions = load_definitions(path, {"profile": "full", "seed": seed} | (of or {}))
    dataset = changes.get("dataset", "mnist")
    values = {
        "notebook": path.stem,
        "profile": "full",
        "dataset": dataset,
        "seed": seed,
        "parameters": count_parameters(definitions.Net()),
        "receptive_field": 28,
        "config": definitions.config.model_dump(),
        "fingerprint": definitions.fingerprint(dataset),
        "history": [epoch(number, accuracy) for number, accuracy in enumerate(accuracies, 1)],
        "test_predictions": None,
        "student": None,
        "target": None,
        "verdict": None,
        "environment": {"device_name": "a machine", "threads": 2, "torch": "2.6.0"},
        "seconds": 60.0,
        "finished": "2025-01-31T12:00:00+00:00",
    }
    return Record(**(values | changes))


def put(path: Path, seed: int, accuracies: Sequence[float], label: str = "", **changes) -> Path:
    """Save such a record in the outputs folder beside the notebooks; where it lies."""
    record = made(path, seed, accuracies, **changes)
    outputs = path.parent.parent / "outputs"
    return save(record, run_folder(outputs, path.stem, "full", seed, label))


def ending(last: float, best: float | None = None) -> list[float]:
    """Four epochs that end at `last`; the second is the best one."""
    return [last - 1, best or last, last - 0.5, last]


def predictions_of(labels: Sequence[int], wrong: dict[int, int]) -> str:
    """Encoded predictions that are right but for some: place in the test set, and what is predicted there."""
    predicted = np.array(labels)
    for place, guess in wrong.items():
        predicted[place] = guess
    return encode_predictions(predicted)
