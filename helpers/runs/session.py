"""One run of one notebook without a screen: prepared, its network built, judged, and written down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers.data.splits import Data, load_data
from helpers.networks.description import describe
from helpers.networks.parameters import count_parameters
from helpers.networks.receptive_field import receptive_field
from helpers.networks.tracing import check_network
from helpers.places import LOCAL, REPOSITORY, run_folder
from helpers.results.analysis import Published
from helpers.results.record import (
    Record,
    RecordedConfig,
    encode_predictions,
    environment,
    fingerprint,
    stamp,
    utc_now,
)
from helpers.results.store import prepare_folder, save
from helpers.results.targets import Target, judge
from helpers.settings import RunConfig
from helpers.training.loop import TrainingRun, choose_device


@dataclass(frozen=True)
class Run:
    """One run of one notebook: what it wants, its settings and data, where it computes and where its record goes."""

    notebook: str
    config: RunConfig
    target: Target
    published: Published | None  # what a write-up claims of it, if any does
    data: Data
    device: torch.device
    folder: Path

    @property
    def stamp(self) -> str:
        """What every result says of itself: profile, data set, seed."""
        return stamp(self.config.profile, self.data.name, self.config.seed)


def prepare(
    notebook: str,
    config: RunConfig,
    target: Target,
    published: Published | None = None,
    *,
    device: str = "auto",
    output: str | Path = "",
) -> Run:
    """Find the data, choose the device, and prove that the record can be written, all before any training.

    Args:
        output: folder for the record; "" puts it under outputs/local.

    Raises:
        SettingsError, DataError, ResultsError: a device that is not there, data that cannot be had, a folder
            that cannot be written.
    """
    chosen = choose_device(device)
    data = load_data(config, chosen)
    label = "" if data.name == "mnist" else data.name
    local = run_folder(REPOSITORY / LOCAL, notebook, config.profile, config.seed, label)
    return Run(notebook, config, target, published, data, chosen, prepare_folder(output or local))


def build(network_class: type[nn.Module], run: Run) -> nn.Module:
    """A network with weights drawn from the run's seed, checked on 28x28 images, on the run's device.

    Raises:
        NetworkError: if it fails on them, or its output is not (N, logits).
    """
    torch.manual_seed(run.config.seed)
    network = network_class()
    check_network(network, run.config.logits)
    return network.to(run.device)


def finish(
    network: nn.Module, training: TrainingRun, run: Run, student: dict[str, Any] | None = None
) -> Record:
    """Judge a trained network and write its record to the run's folder.

    Args:
        student: what was predicted before training.

    Raises:
        ResultsError: where the record cannot be written.
    """
    config, name = run.config, run.data.name
    parameters = count_parameters(network)
    tested = [epoch.test_accuracy for epoch in training.history if epoch.test_accuracy is not None]
    # Judge by the rules that were fixed before training.
    verdict = judge(
        run.target,
        parameters=parameters,
        declared_epochs=config.recipe.epochs,
        test_accuracy=tested if len(tested) == len(training.history) else None,
        epochs_run=len(training.history),
        test_images=len(run.data.test),
        profile=config.profile,
        dataset=name,
        complete=not training.interrupted,
    )
    # Write down what was run, what came out, and where.
    predictions = training.test_predictions
    record = Record(
        notebook=run.notebook,
        profile=config.profile,
        dataset=name,
        seed=config.seed,
        parameters=parameters,
        receptive_field=receptive_field(network).at_logits,
        config=RecordedConfig(**dict(config), tested_weights="averaged" if training.averaged else "raw"),
        fingerprint=fingerprint(config, describe(network), name),
        history=training.history,
        test_predictions=None if predictions is None else encode_predictions(predictions.tolist()),
        student=student or None,
        target=run.target,
        verdict=verdict,
        environment=environment(run.device.type) | {"computed": training.computed},
        seconds=training.seconds,
        finished=utc_now(),
    )
    save(record, run.folder)
    return record
