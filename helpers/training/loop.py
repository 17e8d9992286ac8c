"""The training loop on one screen, and what it counts."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.data.splits import Data, batches, steps_per_epoch
from helpers.errors import SettingsError, TrainingDiverged
from helpers.results.record import Epoch
from helpers.settings import PROFILES, RunConfig
from helpers.training.evaluation import evaluate
from helpers.training.optimization import Schedule, averaged_copy, build_optimizer
from helpers.training.step import Forward, Step, channels_innermost, compiled

CHECK_EVERY = 50  # steps between two looks at the losses; each look waits for the device
REPORT_EVERY = 0.5  # seconds between two reports to a watcher


@dataclass
class Progress:
    """What a watcher sees of a run: where it is, and the epochs behind it."""

    epoch: int
    epochs: int
    step: int
    steps: int
    history: list[Epoch]


@dataclass
class TrainingRun:
    """What training leaves: history per epoch, classes predicted for the test set, and how it went."""

    history: list[Epoch] = field(default_factory=list)
    test_predictions: Tensor | None = None  # (N,) uint8, after the last finished epoch
    averaged: nn.Module | None = None  # the averaged network, where the recipe asks for one
    interrupted: bool = False
    computed: str = ""  # how a step was computed: "eager", "compiled, batch innermost", ...
    compile_seconds: float = 0.0
    seconds: float = 0.0


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        SettingsError: if the device is unknown or not in this machine.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, there in present.items() if there)
    if not present.get(name, False):
        there = ", ".join(["auto", *(kind for kind in present if present[kind])])
        raise SettingsError(f"device = {name!r}: not on this machine; allowed here: {there}")
    return torch.device(name)


def train(
    network: nn.Module, data: Data, config: RunConfig, watch: Callable[[Progress], None] | None = None
) -> TrainingRun:
    """Train `network` in place on `data.train` as `config` says, testing after every epoch.

    The network must be on the data's device. An interruption (the stop button) keeps the epochs so far.
    `watch`, if given, is called about twice a second and after every epoch.

    Raises:
        TrainingDiverged: the loss became NaN or infinite.
        DataError: the batch size does not fit the training set.
    """
    # Before the first step all is fixed: how a step is computed, optimiser, schedule, source of chance.
    recipe, epochs, device = config.recipe, config.run_epochs, data.train.images.device
    steps = steps_per_epoch(len(data.train), recipe.batch_size, recipe.drop_last)
    step = build_step(network, config, device)
    optimizer = build_optimizer(network, recipe)
    schedule = Schedule(optimizer, recipe, epochs, steps)
    average = averaged_copy(network, recipe.ema_decay) if recipe.ema_decay else None
    generator = torch.Generator(device)
    run = TrainingRun(computed=step.computed, compile_seconds=step.compile_seconds)
    started = time.perf_counter()
    try:
        for epoch in range(1, epochs + 1):
            # Chance begins at the run's seed: order, augmentation, dropout.
            if epoch == 1 or recipe.reseed_every_epoch:
                torch.manual_seed(config.seed)
                generator.manual_seed(config.seed)
            # Epoch: one pass over the training images, shuffled anew, each varied anew by the augmentation.
            served = batches(data.train, recipe.batch_size, config.augmentation, generator, recipe.drop_last)
            tally = Tally(epoch, epochs, steps, device, run.history, watch)
            network.train()
            for images, labels in served:
                # Forward: the network reads a batch, and the loss says how wrong its answers are.
                loss, correct = step.forward(images, labels)
                # Backward: the gradient says, for every parameter, in which direction the loss grows.
                optimizer.zero_grad()
                loss.backward()
                # Step: every parameter moves the other way, as far as the learning rate says.
                optimizer.step()
                # Average: where the recipe asks for it, a second set of weights follows, slowly.
                if average is not None:
                    average.update_parameters(network)
                # Schedule: the step is counted with the rate that it used, then the next one's rate is set.
                tally.add(loss, correct, len(labels), schedule.rate)
                schedule.after_batch()
            # Test: after the epoch, on images that no step learns from; some schedules look at the accuracy.
            measured, accuracy, predictions = _test(network, average, data, step.to_evaluate, config.crops)
            schedule.after_epoch(accuracy)
            run.history.append(tally.epoch_row(measured, schedule.rate))
            run.test_predictions = predictions if data.validation is None else None
            tally.report()
    except KeyboardInterrupt:
        # The stop button: the epochs that were finished are kept.
        run.interrupted = True
    run.averaged = None if average is None else average.module
    run.seconds = time.perf_counter() - started
    return run


def build_step(network: nn.Module, config: RunConfig, device: torch.device) -> Step:
    """How the network's steps will be computed: compiled where the profile says so, otherwise by plain torch.

    Its forward takes (images, labels) to (mean loss, number correct), both left on the device.
    """

    def forward_of(network: nn.Module) -> Forward:
        def forward(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            logits = network(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=config.recipe.label_smoothing)
            return loss, (logits.detach().argmax(1) == labels).sum()

        return forward

    if PROFILES[config.profile].compiled:
        return compiled(forward_of, network, config.recipe.batch_size, device)
    return Step(forward_of(channels_innermost(network)))


def _test(
    network: nn.Module,
    average: nn.Module | None,
    data: Data,
    quick: Callable[[nn.Module], nn.Module],
    crops: int,
) -> tuple[dict[str, float], float, Tensor]:
    """What a test after an epoch measures, by the fields of `Epoch`; its accuracy; the classes predicted.

    With a validation split the test set stays closed. Where weights are averaged, the averaged ones are
    tested, and the raw ones are reported beside them.
    """
    name, split = ("test", data.test) if data.validation is None else ("validation", data.validation)
    tested = network if average is None else average.module
    loss, accuracy, predictions = evaluate(quick(tested), split, crops)
    measured = {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
    if average is not None:
        raw_loss, raw_accuracy, _ = evaluate(quick(network), split, crops)
        measured |= {f"raw_{name}_loss": raw_loss, f"raw_{name}_accuracy": raw_accuracy}
    return measured, accuracy, predictions


class Tally:
    """Losses and hits of one epoch, kept on the device and looked at only every CHECK_EVERY steps."""

    def __init__(
        self,
        epoch: int,
        epochs: int,
        steps: int,
        device: torch.device,
        history: list[Epoch],
        watch: Callable[[Progress], None] | None,
    ) -> None:
        self.epoch, self.epochs, self.steps = epoch, epochs, steps
        self.history, self.watch = history, watch
        self.losses = torch.zeros(steps, device=device)
        self.weighted_loss = torch.zeros((), device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        self.images = self.step = self.checked = 0
        self.rate = 0.0
        self._rates: list[float] = []
        self._started = self._reported = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def add(self, loss: Tensor, correct: Tensor, images: int, rate: float) -> None:
        """Count one step: its mean loss, hits and images, and the learning rate that it used."""
        self.losses[self.step] = loss.detach()
        self.weighted_loss += loss.detach() * images
        self.correct += correct
        self.images += images
        self.step += 1
        self.rate = rate
        self._rates.append(rate)
        if self.step % CHECK_EVERY == 0 or self.step == self.steps:
            self._raise_if_not_finite()
        if time.perf_counter() - self._reported > REPORT_EVERY:
            self.report()

    def report(self) -> None:
        """Tell the watcher, if there is one."""
        self._reported = time.perf_counter()
        if self.watch is not None:
            self.watch(Progress(self.epoch, self.epochs, self.step, self.steps, self.history))

    def epoch_row(self, measured: dict[str, float], rate_after: float) -> Epoch:
        """The epoch as a row of the history: the running numbers of training, and what was `measured`.

        Args:
            measured: losses and accuracies of the test, by the fields of `Epoch`.
            rate_after: the learning rate that the schedule has set by now.

        Raises:
            TrainingDiverged: a number is NaN or infinite. Of the tested ones too, for weights may still train
                while BatchNorm's averages have overflowed.
        """
        numbers = {
            "train_loss": self.weighted_loss.item() / self.images,
            "train_accuracy": 100 * self.correct.item() / self.images,
        } | measured
        for value in numbers.values():
            if not math.isfinite(value):
                raise TrainingDiverged(value, self.epoch, self.step, self.rate, self.history)
        rates = {"learning_rate": rate_after, "learning_rate_used": self.rate}
        return Epoch(epoch=self.epoch, **numbers, **rates, seconds=self.seconds)

    def _raise_if_not_finite(self) -> None:
        """Name the first bad step among those not looked at yet."""
        fresh = self.losses[self.checked : self.step]
        bad = (~torch.isfinite(fresh)).nonzero()
        if len(bad):
            step = self.checked + int(bad[0])
            loss = self.losses[step].item()
            raise TrainingDiverged(loss, self.epoch, step + 1, self._rates[step], self.history)
        self.checked = self.step
