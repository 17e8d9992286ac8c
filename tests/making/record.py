"""A record made by hand, and the keys that every record has."""

import pytest

from helpers.results.record import (
    Record,
    encode_predictions,
    fingerprint,
)
from helpers.settings import Recipe, RunConfig

# The contract of DESIGN.md with reports and checks from outside
KEYS = (
    "schema notebook profile dataset seed parameters receptive_field config fingerprint history test_predictions "
    "student target verdict environment seconds finished"
).split()
EPOCH_KEYS = (
    "epoch train_loss train_accuracy test_loss test_accuracy learning_rate learning_rate_used seconds"
).split()
CONFIG = RunConfig(profile="fast", dataset="mnist", recipe=Recipe(epochs=15))
NETWORK = ["conv1.weight (7, 1, 3, 3)", "fc.weight (10, 18)"]


def epoch(number: int, **changes) -> dict:
    return {
        "epoch": number,
        "train_loss": 0.51,
        "train_accuracy": 84.25,
        "test_loss": 0.12,
        "test_accuracy": 96.4,
        "learning_rate": 0.0976,
        "learning_rate_used": 0.0973,
        "seconds": 1.5,
    } | changes


def make(**changes) -> Record:
    values = {
        "notebook": "13_slow_widening",
        "profile": "fast",
        "dataset": "mnist",
        "seed": 1,
        "parameters": 7_784,
        "receptive_field": 42,
        "config": CONFIG.model_dump(),
        "fingerprint": fingerprint(CONFIG, NETWORK, "mnist"),
        "history": [epoch(1), epoch(2)],
        "test_predictions": encode_predictions([7, 2, 1, 0]),
        "student": None,
        "target": {"max_params": 8_000, "min_accuracy": 99.4},
        "verdict": {"overall": "not judged"},
        "environment": {"python": "3.11.9", "commit": None},
        "seconds": 3.25,
        "finished": "2025-01-31T12:00:00+00:00",
    }
    return Record(**(values | changes))


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 400
    return text
