"""What a notebook calls, cell by cell: prepare, look, build, train, judge, compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from helpers.data.augmentation import augment
from helpers.data.splits import BLACK, Data, load_data, normalise
from helpers.figures import results as figures
from helpers.lesson.exercises import Prediction, PredictionScore
from helpers.lesson.live import LiveProgress
from helpers.networks.parameters import check_network, count_parameters, describe
from helpers.networks.receptive_field import ReceptiveField, receptive_field
from helpers.places import OUTPUTS, run_folder, without_machine
from helpers.results.analysis import Published, Runs, mean_of
from helpers.results.record import (
    Record,
    decode_predictions,
    encode_predictions,
    environment,
    fingerprint,
    utc_now,
)
from helpers.results.store import prepare_folder, save
from helpers.results.targets import Target, judge
from helpers.results.verdicts import Verdict
from helpers.settings import CLASSES, Recipe, RunConfig
from helpers.training.loop import TrainingRun, choose_device
from helpers.training.loop import train as train_network
from helpers.training.optimization import learning_rates

DATASET_NAMES = {"mnist": "MNIST", "digits": "the digits of scikit-learn"}
MISTAKES_SHOWN = 20


@dataclass(frozen=True)
class Run:
    """One run of one notebook: its settings, its data, where it computes and where its record goes."""

    notebook: str
    config: RunConfig
    data: Data
    device: torch.device
    folder: Path

    @property
    def stamp(self) -> str:
        """What every result says of itself: profile, data set, seed."""
        return f"{self.config.profile} profile, {DATASET_NAMES[self.data.name]}, seed {self.config.seed}"


def prepare(notebook: str, config: RunConfig, device: str = "auto", output: str = "") -> Run:
    """Find the data, choose the device, and prove that the record can be written, all before any training.

    Raises:
        SettingsError, DataError, ResultsError: a device that is not there, data that cannot be had, a folder
            that cannot be written.
    """
    chosen = choose_device(device)
    data = load_data(config, chosen)
    label = "" if data.name == "mnist" else data.name
    local = run_folder(OUTPUTS / "local", notebook, config.profile, config.seed, label)
    run = Run(notebook, config, data, chosen, prepare_folder(output or local))
    print(f"{notebook}: {run.stamp}, {config.run_epochs} of {config.recipe.epochs} epochs, on {chosen.type}")
    return run


def show_digits(run: Run) -> figures.Figure:
    """One training image of every class, and how many images there are."""
    labels = run.data.train.labels.cpu()
    first = [int((labels == digit).nonzero()[0]) for digit in range(CLASSES)]
    captions = [str(digit) for digit in range(CLASSES)]
    title = f"One training image of each class, of {len(labels):,}"
    return figures.digit_grid(run.data.train.images[first].cpu(), captions, title=title)


def show_augmentation(run: Run, count: int = 8, rows: int = 3) -> figures.Figure:
    """A few training images, and below each what augmentation makes of it: every row another draw."""
    originals = normalise(run.data.train.images[:count])
    generator = torch.Generator(run.device).manual_seed(run.config.seed)
    variants = [augment(originals, run.config.augmentation, generator, BLACK).cpu() for _ in range(rows)]
    return figures.augmented(originals.cpu(), torch.stack(variants))


def build(network_class: type[nn.Module], run: Run) -> nn.Module:
    """A network with weights drawn from the run's seed, checked on 28x28 images, on the run's device.

    Raises:
        NetworkError: if it fails on them, or its output is not (N, logits).
    """
    torch.manual_seed(run.config.seed)
    network = network_class()
    check_network(network, run.config.logits)
    return network.to(run.device)


def train(network: nn.Module, run: Run, target: Target) -> TrainingRun:
    """Train with live progress; afterwards the output is one table and one figure."""
    live = LiveProgress(target.min_accuracy, run.stamp)
    training = train_network(network, run.data, run.config, watch=live)
    ending = "stopped by hand" if training.interrupted else "finished"
    compiling = f", after {training.compile_seconds:.0f} s of compiling" if training.compile_seconds else ""
    live.finish(training.history, f"{ending}: {training.seconds:.0f} s{compiling}; {run.stamp}")
    return training


def finish(
    network: nn.Module,
    training: TrainingRun,
    run: Run,
    target: Target,
    prediction: Prediction | None = None,
) -> tuple[Record, Verdict]:
    """Judge the run and write its record to the run's folder."""
    config, name = run.config, run.data.name
    tested = [epoch["test_accuracy"] for epoch in training.history if "test_accuracy" in epoch]
    verdict = judge(
        target,
        parameters=count_parameters(network),
        declared_epochs=config.recipe.epochs,
        test_accuracy=tested if len(tested) == len(training.history) else None,
        epochs_run=len(training.history),
        test_images=len(run.data.test),
        profile=config.profile,
        dataset=name,
        complete=not training.interrupted,
    )
    predictions = training.test_predictions
    record = Record(
        notebook=run.notebook,
        profile=config.profile,
        dataset=name,
        seed=config.seed,
        parameters=count_parameters(network),
        receptive_field=receptive_field(network).at_logits,
        config=config.model_dump() | {"tested_weights": "averaged" if training.averaged else "raw"},
        fingerprint=fingerprint(config, describe(network), name),
        history=training.history,
        test_predictions=None if predictions is None else encode_predictions(predictions.tolist()),
        student=prediction.made() if prediction and prediction.made() else None,
        target=target.model_dump(),
        verdict=verdict.to_dict(),
        environment=environment(run.device.type) | {"computed": training.how},
        seconds=training.seconds,
        finished=utc_now(),
    )
    print(f"record: {without_machine(save(record, run.folder))}")
    return record, verdict


def score(prediction: Prediction, record: Record) -> PredictionScore:
    """What was predicted before training beside what came out."""
    return PredictionScore(
        prediction, record.parameters, record.receptive_field, record.history[-1].test_accuracy
    )


def show_curves(
    record: Record, run: Run, target: Target, published: Published | None = None
) -> figures.Figure:
    """Loss and accuracy per epoch, the target, and what was published epoch by epoch."""
    history = [epoch.model_dump() for epoch in record.history]
    claims = published and (published.test_accuracy or published.some_epochs)
    return figures.curves(history, target.min_accuracy, claims or None, run.stamp)


def show_confusion(record: Record, run: Run) -> figures.Figure:
    """Which class was taken for which, on the test set, after the last epoch."""
    predicted = torch.from_numpy(decode_predictions(record.test_predictions)).long()
    classes = max(CLASSES, int(predicted.max()) + 1)
    pairs = run.data.test.labels.cpu() * classes + predicted
    counts = torch.bincount(pairs, minlength=CLASSES * classes).view(CLASSES, classes)
    return figures.confusion(counts, run.stamp)


def show_mistakes(record: Record, run: Run) -> figures.Figure:
    """The first misclassified test images, with what they are and what they were read as."""
    labels = run.data.test.labels.cpu()
    predicted = torch.from_numpy(decode_predictions(record.test_predictions)).long()
    wrong = (predicted != labels).nonzero().flatten()[:MISTAKES_SHOWN]
    captions = [f"{labels[i]} read as {predicted[i]}" for i in wrong]
    return figures.digit_grid(
        run.data.test.images[wrong.to(run.device)].cpu(), captions, title="Misclassified test images"
    )


def show_receptive_field(field: ReceptiveField, run: Run) -> figures.Figure:
    """The field of the middle unit, layer by layer, as squares over a real digit with ink in its middle."""
    eight = int((run.data.train.labels == 8).nonzero()[0])
    return figures.receptive_field_squares(run.data.train.images[eight].cpu(), field)


def show_rates(recipe: Recipe, published: Published | None = None) -> figures.Figure:
    """The learning rate after every declared epoch, and what was published."""
    rates = [after for after, _ in learning_rates(recipe)]
    return figures.learning_rate(rates, (published and published.learning_rate) or None)


def show_recorded(runs: Sequence[Runs], target: Target, claims: Mapping[str, float]) -> figures.Figure:
    """Last epochs of recorded runs over their seeds, a strip per notebook; `claims`: published ones by notebook."""
    strips = [
        figures.Strip(group.notebook, group.last, mean_of(group.last).interval, claims.get(group.notebook))
        for group in runs
    ]
    return figures.runs(strips, target.min_accuracy, "recorded full runs, MNIST", "Test accuracy, last epoch")
