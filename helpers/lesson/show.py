"""What a notebook does and shows, cell by cell: prepare, look, build, train, judge, compare."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from helpers.data.augmentation import augment
from helpers.data.augmentation_check import guarantees, movement
from helpers.data.splits import BLACK, load_data, normalise
from helpers.figures import digits, networks, results
from helpers.figures.style import Figure
from helpers.lesson.exercises import Prediction, PredictionScore
from helpers.lesson.live_progress import LiveProgress
from helpers.lesson.tables import PromiseTable
from helpers.networks.parameters import ParameterTable, count_parameters
from helpers.networks.receptive_field import ReceptiveField
from helpers.places import NOTEBOOKS, OUTPUTS, run_folder, without_machine
from helpers.results.analysis import Published
from helpers.results.record import DATASET_NAMES, Record, decode_predictions
from helpers.results.runs import Runs
from helpers.results.statistics import mean_of
from helpers.results.store import FILE
from helpers.results.targets import Target, budget
from helpers.results.verdicts import Verdict
from helpers.results.weights import load_weights
from helpers.runs import session
from helpers.runs.definitions import load_definitions
from helpers.runs.session import Run
from helpers.settings import CLASSES, RunConfig
from helpers.training import loop
from helpers.training.evaluation import evaluate
from helpers.training.loop import TrainingRun
from helpers.training.optimization import learning_rates

MISTAKES_SHOWN = 20


def prepare(
    notebook: str,
    config: RunConfig,
    target: Target,
    published: Published | None = None,
    *,
    device: str = "auto",
    output: str = "",
) -> Run:
    """As `session.prepare`, and say what will be run, on which data."""
    run = session.prepare(notebook, config, target, published, device=device, output=output)
    if run.data.remark:
        print(run.data.remark)
    epochs = f"{config.run_epochs} of {config.recipe.epochs} epochs"
    print(f"{notebook}: {run.stamp}, {epochs}, on {run.device.type}")
    return run


def show_digits(run: Run) -> Figure:
    """One training image of every class, and how many images there are."""
    labels = run.data.train.labels.cpu()
    first = [int((labels == digit).nonzero()[0]) for digit in range(CLASSES)]
    captions = [str(digit) for digit in range(CLASSES)]
    title = f"One training image of each class, of {len(labels):,}"
    return digits.digit_grid(run.data.train.images[first].cpu(), captions, title=title)


def show_augmentation(run: Run, count: int = 8, rows: int = 3) -> Figure:
    """A few training images, and below each what augmentation makes of it: every row another draw."""
    originals = normalise(run.data.train.images[:count])
    generator = torch.Generator(run.device).manual_seed(run.config.seed)
    variants = [augment(originals, run.config.augmentation, generator, BLACK).cpu() for _ in range(rows)]
    return digits.augmented(originals.cpu(), torch.stack(variants))


def check_augmentation(run: Run) -> PromiseTable:
    """What the augmentation promises, tried out on an image made for it; and how far it moves the border."""
    return PromiseTable(guarantees(run.config.augmentation), movement(run.config.augmentation))


def build(network_class: type[nn.Module], run: Run) -> nn.Module:
    """As `session.build`; a line warns of logits that no class needs."""
    network = session.build(network_class, run)
    spare = run.config.logits - CLASSES
    if spare:
        print(f"warning: {run.config.logits} logits serve {CLASSES} classes: {spare} have no class")
    return network


def show_parameters(parameters: ParameterTable) -> Figure:
    """Where the parameters are, and how many the budget leaves to spare."""
    return networks.parameters_per_layer(parameters.rows, parameters.budget)


def show_budget(network: nn.Module, run: Run) -> Verdict:
    """The part of the target that is judged before training, exactly: parameters and declared epochs."""
    return budget(run.target, count_parameters(network), run.config.recipe.epochs)


def network_of(notebook: str, **parameters: Any) -> nn.Module:
    """The network of another notebook, with fresh weights; `parameters` replace those that it declares.

    Raises:
        DefinitionsError: for a notebook that is not there, or parameters that it does not have.
    """
    return load_definitions(NOTEBOOKS / f"{notebook}.ipynb", parameters).Net()


@dataclass(frozen=True, repr=False)
class SourceCode:
    """The text of a function, which a notebook shows as highlighted code."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}\n```"


def show_source(function: Callable) -> SourceCode:
    """A function of the workbook as it is written in its file."""
    return SourceCode(inspect.getsource(function).rstrip())


def train(network: nn.Module, run: Run) -> TrainingRun:
    """Train with live progress; afterwards the output is one table and one figure."""
    live = LiveProgress(run.target.min_accuracy, run.stamp)
    training = loop.train(network, run.data, run.config, watch=live)
    ending = "stopped by hand" if training.interrupted else "finished"
    compiling = f", after {training.compile_seconds:.0f} s of compiling" if training.compile_seconds else ""
    live.finish(training.history, f"{ending}: {training.seconds:.0f} s{compiling}; {run.stamp}")
    return training


def finish(
    network: nn.Module, training: TrainingRun, run: Run, prediction: Prediction | None = None
) -> Record:
    """As `session.finish`, and say where the record lies; `record.verdict` is what became of the target."""
    record = session.finish(network, training, run, prediction.made() if prediction else None)
    print(f"record: {without_machine(run.folder / FILE)}")
    return record


def try_kept_weights(network_class: type[nn.Module], record: Record, run: Run) -> str:
    """What the trained network that is kept beside a record reaches on the whole test set of the run's data.

    Raises:
        ResultsError: where no weights are kept, or those of another network.
    """
    folder = run_folder(OUTPUTS, record.notebook, record.profile, record.seed)
    network = load_weights(network_class(), folder).to(run.device)
    data = load_data(run.config.model_copy(update={"profile": record.profile}), run.device)
    _, reached, _ = evaluate(network, data.test, run.config.crops)
    tested = f"{len(data.test):,} test images of {DATASET_NAMES[data.name]}"
    return f"{reached:.2f} % of {tested}; recorded: {record.test_accuracy[-1]:.2f} %"


def train_beside_test(network: nn.Module, record: Record, run: Run) -> str:
    """The accuracies of a finished run: training as counted, training images as they are, and test.

    Training accuracy is counted while the network learns, on augmented images, with dropout on. The second line
    asks the finished network for its training images without all that, as the test does for its own.
    """
    _, plainly, _ = evaluate(network, run.data.train)
    accuracies = {
        "training, as counted in the last epoch:": record.history[-1].train_accuracy,
        "training images as they are, without dropout:": plainly,
        "test:": record.test_accuracy[-1],
    }
    return "\n".join(f"{what:45} {accuracy:.2f} %" for what, accuracy in accuracies.items())


def score(prediction: Prediction, record: Record) -> PredictionScore:
    """What was predicted before training beside what came out."""
    return PredictionScore(
        prediction, record.parameters, record.receptive_field, record.history[-1].test_accuracy
    )


def show_curves(record: Record, run: Run) -> Figure:
    """Loss and accuracy per epoch, the target, and what was published epoch by epoch.

    The record may be this run's or another one of the same notebook: the figure says which.
    """
    published = run.published
    claims = published and (published.test_accuracy or published.some_epochs)
    return results.curves(record.history, run.target.min_accuracy, claims or None, record.stamp)


def predictions_of(record: Record) -> torch.Tensor:
    """The class that a network gives each test image after its last epoch, shape (images,)."""
    return torch.from_numpy(decode_predictions(record.test_predictions)).long()


def show_confusion(record: Record, run: Run) -> Figure:
    """Which class was taken for which, on the test set, after the last epoch."""
    predicted = predictions_of(record)
    classes = max(CLASSES, int(predicted.max()) + 1)
    pairs = run.data.test.labels.cpu() * classes + predicted
    counts = torch.bincount(pairs, minlength=CLASSES * classes).view(CLASSES, classes)
    return results.confusion(counts, run.stamp)


def show_mistakes(record: Record, run: Run) -> Figure:
    """The first misclassified test images, with what they are and what they were read as."""
    labels = run.data.test.labels.cpu()
    predicted = predictions_of(record)
    wrong = (predicted != labels).nonzero().flatten()[:MISTAKES_SHOWN]
    captions = [f"{labels[i]} read as {predicted[i]}" for i in wrong]
    return digits.digit_grid(
        run.data.test.images[wrong.to(run.device)].cpu(), captions, title="Misclassified test images"
    )


def show_receptive_field(field: ReceptiveField, run: Run) -> Figure:
    """The field of the middle unit, layer by layer, as squares over a real digit with ink in its middle."""
    eight = int((run.data.train.labels == 8).nonzero()[0])
    return networks.receptive_field_squares(run.data.train.images[eight].cpu(), field)


def show_rates(run: Run) -> Figure:
    """The learning rate after every declared epoch, and what was published."""
    rates = [after for after, _ in learning_rates(run.config.recipe)]
    return results.rate_curve(rates, (run.published and run.published.learning_rate) or None)


def show_recorded(
    runs: Sequence[Runs] | Mapping[str, Runs], target: Target, claims: Mapping[str, float]
) -> Figure:
    """Last epochs of recorded runs over their seeds, a strip per group of runs.

    Args:
        runs: groups by what the figure calls them; a sequence is called by its notebooks.
        claims: published accuracies of the last epoch (percent), by the same names.
    """
    named = runs if isinstance(runs, Mapping) else {group.notebook: group for group in runs}
    strips = [
        results.Strip(name, group.last_accuracies, mean_of(group.last_accuracies).interval, claims.get(name))
        for name, group in named.items()
    ]
    return results.run_strips(
        strips, target.min_accuracy, "recorded full runs, MNIST", "Test accuracy, last epoch"
    )
