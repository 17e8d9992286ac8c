"""Records made by hand: of one run, and in a workbook whose notebooks train nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from making.notebooks import write_iteration

from helpers.networks.parameters import count_parameters
from helpers.places import run_folder
from helpers.results.record import Epoch, Record, RecordedConfig, encode_predictions, fingerprint
from helpers.results.store import save
from helpers.results.targets import Target
from helpers.results.verdicts import Verdict
from helpers.runs.definitions import load_definitions
from helpers.settings import Recipe, RunConfig

# The keys that reports from outside rely on
KEYS = (
    "schema notebook profile dataset seed parameters receptive_field config fingerprint history test_predictions "
    "student target verdict environment seconds finished"
).split()
EPOCH_KEYS = (
    "epoch train_loss train_accuracy test_loss test_accuracy learning_rate learning_rate_used seconds"
).split()
CONFIG = RunConfig(profile="fast", dataset="mnist", recipe=Recipe(epochs=15))
NETWORK = ["conv1.weight (7, 1, 3, 3)", "fc.weight (10, 18)"]
EPOCHS = 4  # as the example notebooks declare
TARGET = """\
from helpers.results.analysis import Published

notebook = "{name}"
target = Target(max_params=8_000, max_epochs=4, min_accuracy=99.4, last_n=1)
published = Published(source="a test", parameters=7_850, epochs=4, best={best}, last={last})"""


def epoch(number: int, accuracy: float = 96.4, **changes: Any) -> Epoch:
    """An epoch by its test accuracy; training is half a point below it."""
    values = {
        "epoch": number,
        "train_loss": 0.51,
        "train_accuracy": accuracy - 0.5,
        "test_loss": 0.12,
        "test_accuracy": accuracy,
        "learning_rate": 0.0976,
        "learning_rate_used": 0.0973,
        "seconds": 1.5,
    }
    return Epoch(**(values | changes))


def make(**changes: Any) -> Record:
    """The record of a run of two epochs in the fast profile."""
    values = {
        "notebook": "13_slow_widening",
        "profile": "fast",
        "dataset": "mnist",
        "seed": 1,
        "parameters": 7_784,
        "receptive_field": 42,
        "config": recorded(CONFIG),
        "fingerprint": fingerprint(CONFIG, NETWORK, "mnist"),
        "history": [epoch(1), epoch(2)],
        "test_predictions": encode_predictions([7, 2, 1, 0]),
        "student": None,
        "target": Target(max_params=8_000, min_accuracy=99.4),
        "verdict": Verdict(()),
        "environment": {"python": "3.11.9", "commit": None},
        "seconds": 3.25,
        "finished": "2025-01-31T12:00:00+00:00",
    }
    return Record(**(values | changes))


def recorded(config: RunConfig, **changes: Any) -> RecordedConfig:
    """Settings as a record holds them."""
    return RecordedConfig(**(dict(config) | changes))


def full_run(accuracies: Sequence[float], *, epochs: int | None = None, **changes: Any) -> Record:
    """The record of a full run with these test accuracies; `epochs`: declared ones, where it has fewer."""
    config = CONFIG.model_copy(update={"profile": "full", "recipe": Recipe(epochs=epochs or len(accuracies))})
    history = [epoch(number, accuracy) for number, accuracy in enumerate(accuracies, 1)]
    return make(**({"profile": "full", "config": recorded(config), "history": history} | changes))


def write_claiming(root: Path, name: str, best: float | None = None, last: float | None = None) -> Path:
    """An iteration of 7,850 parameters that wants 99.4 % in its last epoch, and what was published of it."""
    return write_iteration(root, name, target=TARGET.format(name=name, best=best, last=last))


def made(
    path: Path, seed: int, accuracies: Sequence[float], *, of: dict[str, Any] | None = None, **changes: Any
) -> Record:
    """The record of a full run of a notebook; `of`: parameters of the notebook that were changed for it."""
    definitions = load_definitions(path, {"profile": "full", "seed": seed} | (of or {}))
    values = {
        "notebook": path.stem,
        "seed": seed,
        "parameters": count_parameters(definitions.Net()),
        "receptive_field": 28,
        "config": recorded(definitions.config),
        "fingerprint": definitions.fingerprint(changes.get("dataset", "mnist")),
        "test_predictions": None,
        "target": None,
        "verdict": None,
        "environment": {"device_name": "a machine", "threads": 2, "torch": "2.6.0"},
        "seconds": 60.0,
    }
    return full_run(accuracies, **(values | changes))


def put(path: Path, seed: int, accuracies: Sequence[float], label: str = "", **changes: Any) -> Path:
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
