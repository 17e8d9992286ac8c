"""The training loop on one screen, and the ways a run can end early."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.data.splits import Data, batches, steps_per_epoch
from helpers.errors import SettingsError, TrainingDiverged
from helpers.settings import PROFILES, RunConfig
from helpers.training.evaluation import evaluate
from helpers.training.optimization import Schedule, averaged_copy, build_optimizer
from helpers.training.step import Compiled, Forward, channels_innermost, compiled

CHECK_EVERY = 50  # steps between two looks at the losses; each look waits for the device
REPORT_EVERY = 0.5  # seconds between two reports to a watcher


@dataclass
class Progress:
    """What a watcher sees of a run: where it is, and the epochs behind it."""

    epoch: int
    epochs: int
    step: int
    steps: int
    history: list[dict]


@dataclass
class TrainingRun:
    """What training leaves: history per epoch, classes predicted for the test set, and how it went."""

    history: list[dict] = field(default_factory=list)
    test_predictions: Tensor | None = None  # (N,) uint8, after the last finished epoch
    averaged: nn.Module | None = None  # the averaged network, where the recipe asks for one
    interrupted: bool = False
    how: str = ""  # a step was computed
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
    recipe, epochs, device = config.recipe, config.run_epochs, data.train.images.device
    steps = steps_per_epoch(len(data.train), recipe.batch_size, recipe.drop_last)
    step = build_forward(network, config, device)
    run = TrainingRun(how=step.how, compile_seconds=step.seconds)
    optimizer = build_optimizer(network, recipe)
    schedule = Schedule(optimizer, recipe, epochs, steps)
    average = averaged_copy(network, recipe.ema_decay) if recipe.ema_decay else None
    generator = torch.Generator(device)
    started = time.perf_counter()
    try:
        for epoch in range(1, epochs + 1):
            if epoch == 1 or recipe.reseed_every_epoch:
                torch.manual_seed(config.seed)
                generator.manual_seed(config.seed)
            tally = Tally(epoch, epochs, steps, device, run.history, watch)
            network.train()
            for images, labels in batches(
                data.train,
                recipe.batch_size,
                augmentation=config.augmentation,
                generator=generator,
                drop_last=recipe.drop_last,
            ):
                loss, correct = step.forward(images, labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if average is not None:
                    average.update_parameters(network)
                tally.add(loss, correct, len(labels), schedule.rate)
                schedule.after_batch()
            tested, predictions = _test(network, average, data, step.to_evaluate, config.crops)
            row = tally.summary() | tested
            tally.raise_if_diverged(row)
            schedule.after_epoch(row["test_accuracy" if data.validation is None else "validation_accuracy"])
            row |= {"learning_rate": schedule.rate, "learning_rate_used": tally.rate}
            run.history.append(row | {"seconds": tally.seconds})
            run.test_predictions = None if data.validation else predictions
            tally.report()
    except KeyboardInterrupt:
        run.interrupted = True
    run.averaged = None if average is None else average.module
    run.seconds = time.perf_counter() - started
    return run


def build_forward(network: nn.Module, config: RunConfig, device: torch.device) -> Compiled:
    """(images, labels) -> (mean loss, number correct), left on the device; compiled where the profile says so."""

    def forward_of(network: nn.Module) -> Forward:
        def forward(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
            logits = network(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=config.recipe.label_smoothing)
            return loss, (logits.detach().argmax(1) == labels).sum()

        return forward

    if PROFILES[config.profile].compiled:
        return compiled(forward_of, network, config.recipe.batch_size, device)
    return Compiled(forward_of(channels_innermost(network)))


def _test(
    network: nn.Module,
    average: nn.Module | None,
    data: Data,
    quick: Callable[[nn.Module], nn.Module],
    crops: int,
) -> tuple[dict[str, float], Tensor]:
    """Losses and accuracies after an epoch, and the classes predicted. With a validation split the test set
    stays closed; with averaged weights these are the tested ones and the raw ones are reported beside them."""
    name, split = ("test", data.test) if data.validation is None else ("validation", data.validation)
    tested = network if average is None else average.module
    loss, accuracy, predictions = evaluate(quick(tested), split, crops)
    row = {f"{name}_loss": loss, f"{name}_accuracy": accuracy}
    if average is not None:
        raw_loss, raw_accuracy, _ = evaluate(quick(network), split, crops)
        row |= {f"raw_{name}_loss": raw_loss, f"raw_{name}_accuracy": raw_accuracy}
    return row, predictions


class Tally:
    """Losses and hits of one epoch, kept on the device and looked at only every few dozen steps."""

    def __init__(
        self,
        epoch: int,
        epochs: int,
        steps: int,
        device: torch.device,
        history: list[dict],
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

    def summary(self) -> dict[str, float]:
        """Epoch, and the running loss and accuracy (percent) of training, per image."""
        return {
            "epoch": self.epoch,
            "train_loss": self.weighted_loss.item() / self.images,
            "train_accuracy": 100 * self.correct.item() / self.images,
        }

    def raise_if_diverged(self, row: dict[str, float]) -> None:
        """Weights may still train while BatchNorm's averages have overflowed: the test tells."""
        for value in row.values():
            if not math.isfinite(value):
                raise TrainingDiverged(value, self.epoch, self.step, self.rate, self.history)

    def _raise_if_not_finite(self) -> None:
        """Name the first bad step among those not looked at yet."""
        fresh = self.losses[self.checked : self.step]
        bad = (~torch.isfinite(fresh)).nonzero()
        if len(bad):
            step = self.checked + int(bad[0])
            loss = self.losses[step].item()
            raise TrainingDiverged(loss, self.epoch, step + 1, self._rates[step], self.history)
        self.checked = self.step
