"""What a measured process does: prepare one way of training, time some of its steps, and scale to an epoch.

A process holds one network, trained one way. `start` is called first in it, then `prepare`, then `measure` as
often as wanted, and `arithmetic` at the end.
"""

import itertools
import multiprocessing
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.bench.floor import batch_operations, epoch_operations, matrix_peak
from helpers.bench.record import PARTS
from helpers.bench.usual import LOADER_WORKERS, usual_evaluation, usual_forward, usual_loader
from helpers.data.splits import Data, Split, batches, load_data, steps_per_epoch
from helpers.runs.definitions import load_definitions
from helpers.settings import RunConfig
from helpers.training.evaluation import evaluate
from helpers.training.loop import build_step
from helpers.training.optimization import Schedule, build_optimizer
from helpers.training.step import Forward

WARM_UP = 5  # steps before those that count
TESTED_IMAGES = 2_000  # of the test set, for one measurement


@dataclass
class Trainer:
    """A network, and the parts of its training that are timed."""

    how: str  # in words
    network: nn.Module
    data: Data
    config: RunConfig
    forward: Forward
    epoch: Callable[[], Iterator[tuple[Tensor, Tensor]]]  # the batches of one epoch, anew at every call
    test: Callable[[Split], tuple[float, int]]  # seconds of evaluation, and how many images they were for
    compile_seconds: float = 0.0

    @property
    def steps(self) -> int:
        """Of an epoch."""
        recipe = self.config.recipe
        return steps_per_epoch(len(self.data.train), recipe.batch_size, recipe.drop_last)

    @property
    def tested(self) -> Split:
        """What is evaluated after every epoch."""
        return self.data.validation or self.data.test

    @property
    def sample(self) -> Split:
        """As much of it as one measurement evaluates."""
        return Split(self.tested.images[:TESTED_IMAGES], self.tested.labels[:TESTED_IMAGES])


def usual_trainer(network: nn.Module, data: Data, config: RunConfig) -> Trainer:
    """One image at a time, as `helpers.bench.usual` does it."""
    recipe = config.recipe

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        return iter(
            usual_loader(
                data.train,
                recipe.batch_size,
                augmentation=config.augmentation,
                shuffle=True,
                drop_last=recipe.drop_last,
            )
        )

    def test(split: Split) -> tuple[float, int]:
        loader = usual_loader(split, min(recipe.batch_size, len(split) // 4))
        served = iter(loader)
        # The first batch and the end are untimed: starting workers takes as long for the whole test set.
        next(served)
        started = time.perf_counter()
        images = usual_evaluation(network, itertools.islice(served, len(loader) - 1))[2]
        return time.perf_counter() - started, images

    how = f"plain PyTorch; torchvision transforms, one image at a time, by {LOADER_WORKERS} loader workers"
    return Trainer(how, network, data, config, usual_forward(network, recipe.label_smoothing), epoch, test)


def our_trainer(network: nn.Module, data: Data, config: RunConfig) -> Trainer:
    """As `helpers.training.loop.train` does it."""
    recipe, device = config.recipe, data.train.images.device
    generator = torch.Generator(device).manual_seed(config.seed)
    step = build_step(network, config, device)

    def epoch() -> Iterator[tuple[Tensor, Tensor]]:
        return batches(data.train, recipe.batch_size, config.augmentation, generator, recipe.drop_last)

    def test(split: Split) -> tuple[float, int]:
        started = time.perf_counter()
        evaluate(step.to_evaluate(network), split, config.crops)
        return time.perf_counter() - started, len(split)

    return Trainer(step.computed, network, data, config, step.forward, epoch, test, step.compile_seconds)


class Way(NamedTuple):
    """One way to train that is measured: on all cores together, or side by side, a run on every core."""

    name: str
    trainer: Callable[[nn.Module, Data, RunConfig], Trainer]
    side_by_side: bool = False


# The first is the one that the others are held against.
WAYS = (
    Way("usual", usual_trainer),
    Way("one process", our_trainer),
    Way("side by side", our_trainer, side_by_side=True),
)


def time_steps(trainer: Trainer, steps: int) -> dict[str, float]:
    """Seconds of each part over `steps` training steps after WARM_UP others, and their mean `loss`.

    Optimiser and schedule begin anew; the weights go on from where they are. Our batches are made four at a
    time: `steps` that are a multiple of four count the making of just as many as they use.
    """
    # Prepare: batches without end, and a schedule that lasts as long.
    recipe, count = trainer.config.recipe, WARM_UP + steps
    optimizer = build_optimizer(trainer.network, recipe)
    schedule = Schedule(optimizer, recipe, max(recipe.epochs, -(-count // trainer.steps)), trainer.steps)
    served = itertools.chain.from_iterable(trainer.epoch() for _ in itertools.count())
    seconds, losses, correct = dict.fromkeys(PARTS[:4], 0.0), [], 0
    trainer.network.train()
    for step in range(count):
        # Data
        times = [time.perf_counter()]
        images, labels = next(served)
        # Forward
        times.append(time.perf_counter())
        loss, hits = trainer.forward(images, labels)
        # Backward
        times.append(time.perf_counter())
        optimizer.zero_grad()
        loss.backward()
        # Optimiser, and what is counted of every step
        times.append(time.perf_counter())
        optimizer.step()
        schedule.after_batch()
        losses.append(loss.item())
        correct += hits.item()
        times.append(time.perf_counter())
        if step >= WARM_UP:
            for part, (before, after) in zip(seconds, itertools.pairwise(times), strict=True):
                seconds[part] += after - before
    return seconds | {"loss": sum(losses[WARM_UP:]) / steps}


def scaled_to_epoch(
    seconds: Mapping[str, float], steps: int, steps_per_epoch: int, tested: int, test_images: int
) -> dict[str, float]:
    """Seconds of each part of an epoch, and their `total`, from those of `steps` steps and `tested` images."""
    scales = dict.fromkeys(PARTS, steps_per_epoch / steps) | {"evaluation": test_images / tested}
    parts = {part: seconds[part] * scales[part] for part in PARTS}
    return parts | {"total": sum(parts.values())}


def peak_memory() -> float:
    """The most memory that this process has held, in GiB."""
    unit = 1 if sys.platform == "darwin" else 2**10  # bytes there, else KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def measure_trainer(trainer: Trainer, steps: int) -> dict[str, float]:
    """One measurement: seconds of each part of an epoch, their `total`, the `loss`, and `memory` in GiB."""
    timed = time_steps(trainer, steps)
    timed["evaluation"], tested = trainer.test(trainer.sample)
    epoch = scaled_to_epoch(timed, steps, trainer.steps, tested, len(trainer.tested))
    return epoch | {"loss": timed["loss"], "memory": peak_memory()}


# What a process is asked


def start(threads: int) -> None:
    """In a new process: compute with so many threads, and leave Ctrl-C to the process that started this one.

    Loader workers are to start as in a notebook, by the platform's own method; a spawned process would spawn its
    own workers too, which takes them seconds.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)


_trainer: Trainer  # of this process


def prepare(
    notebook: Path, parameters: Mapping[str, Any], build: Callable[[nn.Module, Data, RunConfig], Trainer]
) -> dict[str, Any]:
    """Make this process ready to train the network of a notebook: `how`, `threads` and `compile_seconds`."""
    global _trainer
    definitions = load_definitions(notebook, parameters)
    config = definitions.config
    data = load_data(config)
    torch.manual_seed(config.seed)
    _trainer = build(definitions.Net(), data, config)
    _trainer.test(_trainer.sample)  # once before it counts
    return {
        "how": _trainer.how,
        "threads": torch.get_num_threads(),
        "compile_seconds": _trainer.compile_seconds,
    }


def measure(steps: int) -> dict[str, float]:
    """One measurement of the trainer of this process, as `measure_trainer` says."""
    return measure_trainer(_trainer, steps)


def arithmetic(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, float]:
    """Operations of an epoch, and this machine's peaks in operations a second."""
    batch_size = _trainer.config.recipe.batch_size
    per_batch = batch_operations(load_definitions(notebook, parameters).Net(), batch_size)
    return {
        "operations": epoch_operations(per_batch, batch_size, _trainer.steps, len(_trainer.tested)),
        "float32_peak": matrix_peak(torch.float32),
        "bfloat16_peak": matrix_peak(torch.bfloat16),
    }
