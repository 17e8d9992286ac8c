"""What the record of a run holds, and how its fields are made."""

import base64
import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_serializer,
    field_validator,
    model_validator,
)

from helpers.errors import ResultsError
from helpers.places import REPOSITORY
from helpers.results.targets import Target
from helpers.results.verdicts import Verdict
from helpers.settings import Count, NonNegative, RunConfig, Settings

SCHEMA = 1
DATASET_NAMES = {"mnist": "MNIST", "digits": "the digits of scikit-learn"}

Percent = Annotated[float, Field(ge=0, le=100)]


def _is_utc(text: str) -> str:
    if datetime.fromisoformat(text).utcoffset() != timedelta(0):
        raise ValueError("must be a time in UTC, as 2025-01-31T12:00:00+00:00")
    return text


UtcTime = Annotated[str, AfterValidator(_is_utc)]  # ISO 8601


class Epoch(Settings):
    """One epoch of a run; accuracies in percent, losses as means per image. None is left out of the file."""

    epoch: Count
    train_loss: float  # running: augmented images, dropout on
    train_accuracy: Percent
    test_loss: float | None = None
    test_accuracy: Percent | None = None
    validation_loss: float | None = None  # where there is a split, and then the test set may stay closed
    validation_accuracy: Percent | None = None
    # Where weights are averaged, all above are theirs, and these are those of the last step
    raw_test_loss: float | None = None
    raw_test_accuracy: Percent | None = None
    raw_validation_loss: float | None = None
    raw_validation_accuracy: Percent | None = None
    learning_rate: NonNegative  # get_last_lr() after the epoch's last step, as published
    learning_rate_used: NonNegative  # by the last batch
    seconds: NonNegative


class RecordedConfig(RunConfig):
    """The settings of a run, and which weights were tested after every epoch; old records do not say.

    Where a file lacks a setting, the run is older than that, and had its default.
    """

    tested_weights: Literal["raw", "averaged"] | None = None


def _judged(value: object) -> object:
    """A verdict as the file holds it becomes what it was."""
    return Verdict.from_dict(value) if isinstance(value, dict) else value


class Record(Settings):
    """One run, as written to result.json; `history` is shorter than the profile asks for after a stop.

    Raises:
        SettingsError: on a value that does not belong there.
    """

    # pydantic keeps the name `schema` for itself
    schema_version: Annotated[int, Field(ge=SCHEMA, le=SCHEMA)] = Field(default=SCHEMA, alias="schema")
    notebook: str
    profile: Literal["fast", "full"]
    dataset: Literal["mnist", "digits"]
    seed: Annotated[int, Field(ge=0)]
    parameters: Count
    receptive_field: Count  # pixels at the logits, not clipped to the image
    config: RecordedConfig
    fingerprint: str
    history: list[Epoch]
    test_predictions: str | None  # see encode_predictions; None where the test set was not opened
    student: dict[str, Any] | None
    target: Target | None
    verdict: Annotated[Verdict | None, BeforeValidator(_judged)]
    environment: dict[str, Any]
    seconds: NonNegative
    finished: UtcTime

    @field_validator("test_predictions")
    @classmethod
    def _decodes(cls, text: str | None) -> str | None:
        if text is not None:
            decode_predictions(text)
        return text

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if [epoch.epoch for epoch in self.history] != list(range(1, len(self.history) + 1)):
            raise ValueError("history: must hold the epochs 1, 2, ... in order")
        if len(self.history) > self.config.run_epochs:
            raise ValueError(f"history: {len(self.history)} epochs, the run has {self.config.run_epochs}")
        return self

    @property
    def stamp(self) -> str:
        """What every picture of the run says of it."""
        return stamp(self.profile, self.dataset, self.seed)

    @property
    def test_accuracy(self) -> list[float]:
        """Test accuracy per epoch; empty unless the test set was opened after every one."""
        values = [epoch.test_accuracy for epoch in self.history]
        return [] if None in values else values

    @property
    def complete(self) -> bool:
        """Whether every epoch that the profile asks for was trained."""
        return len(self.history) == self.config.run_epochs

    def to_dict(self) -> dict[str, Any]:
        """Plain data with the keys of the file; an epoch holds only what was measured."""
        return self.model_dump(by_alias=True)

    @field_serializer("config")
    def _only_what_was_recorded(self, config: RecordedConfig) -> dict[str, Any]:
        return {name: value for name, value in config.model_dump().items() if name in config.model_fields_set}

    @field_serializer("verdict")
    def _by_name(self, verdict: Verdict | None) -> dict[str, Any] | None:
        return None if verdict is None else verdict.to_dict()

    @field_serializer("history")
    def _only_what_was_measured(self, history: list[Epoch]) -> list[dict[str, Any]]:
        return [epoch.model_dump(exclude_none=True) for epoch in history]


def encode_predictions(predictions: Sequence[int]) -> str:
    """Predicted classes, shape (N,), as base64 of one byte each.

    Raises:
        ResultsError: for anything but a list of integers from 0 to 255.
    """
    classes = np.asarray(predictions)
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or np.any((classes < 0) | (classes > 255)):
        raise ResultsError(
            f"predictions of shape {classes.shape}, {classes.dtype}: must be (N,) integers from 0 to 255"
        )
    return base64.b64encode(classes.astype(np.uint8).tobytes()).decode("ascii")


def decode_predictions(text: str) -> np.ndarray:
    """Predicted classes, uint8 of shape (N,), in the order of the test set.

    Raises:
        ResultsError: for text that is not base64.
    """
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8).copy()
    except ValueError as error:
        raise ResultsError(f"predictions are not base64 ({error})") from None


def fingerprint(config: RunConfig, network_description: Sequence[str], dataset: str) -> str:
    """SHA-256 (hex) of what decides the numbers of a run: the same one means the same run.

    `dataset` is the one that was used: "auto" that found MNIST is the same run as "mnist".
    """
    settings = config.model_dump(include=set(RunConfig.model_fields)) | {"dataset": dataset}
    if config.crops == 1:
        # as it was for every run that is older than this setting
        del settings["crops"]
    decisive = {"config": settings, "network": list(network_description)}
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def stamp(profile: str, dataset: str, seed: int) -> str:
    """A run in a few words: how much of its recipe, on which data, from which seed."""
    return f"{profile} profile, {DATASET_NAMES[dataset]}, seed {seed}"


def utc_now() -> str:
    """The time for `finished`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment(device: str) -> dict[str, Any]:
    """What the numbers may depend on beyond the settings; no paths and no names of hosts or people."""
    # here, for who only reads records should not wait for it
    import torch

    kind, processor = torch.device(device).type, _processor()
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "torchvision": version("torchvision"),
        "device": kind,
        "device_name": torch.cuda.get_device_name(device) if kind == "cuda" else processor,
        "threads": torch.get_num_threads(),
        "processor": processor,
        "commit": _commit(),
    }


def cpu_facts(*names: str) -> list[str]:
    """The lines of /proc/cpuinfo that begin with one of the names, each once, in order; none where it is not there."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return sorted({line for line in lines if line.startswith(names)})


def _processor() -> str:
    names = [line.partition(":")[2].strip() for line in cpu_facts("model name")]
    return "".join(names[:1]) or platform.processor() or platform.machine()


def _commit() -> str | None:
    if not (REPOSITORY / ".git").exists():
        # installed elsewhere, maybe inside a repository of someone else
        return None
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--verify", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
