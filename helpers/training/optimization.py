"""Optimiser, learning-rate schedule and weight average, built from a recipe."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn, optim
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel

from helpers.settings import Recipe


def build_optimizer(network: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """SGD or Adam over all parameters of the network, as the recipe declares."""
    common = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimizer == "adam":
        return optim.Adam(network.parameters(), **common)
    return optim.SGD(network.parameters(), momentum=recipe.momentum, nesterov=recipe.nesterov, **common)


class Schedule:
    """The learning rate of a recipe over a run; told of every batch and of every epoch's accuracy.

    `one_cycle` moves with every batch, `step` and `plateau` once an epoch, `constant` never.
    """

    def __init__(self, optimizer: optim.Optimizer, recipe: Recipe, epochs: int, steps_per_epoch: int) -> None:
        self.optimizer = optimizer
        self.kind = recipe.schedule
        self._scheduler = _scheduler(optimizer, recipe, epochs * steps_per_epoch)

    @property
    def rate(self) -> float:
        """The learning rate that the next batch would use (`get_last_lr()` of torch's schedulers)."""
        return float(self.optimizer.param_groups[0]["lr"])

    def after_batch(self) -> None:
        if self.kind == "one_cycle":
            self._scheduler.step()

    def after_epoch(self, accuracy: float) -> None:
        """Args: accuracy: percent, on the set the recipe watches; only `plateau` looks at it."""
        if self.kind == "step":
            self._scheduler.step()
        elif self.kind == "plateau":
            self._scheduler.step(accuracy)


def _scheduler(optimizer: optim.Optimizer, recipe: Recipe, total_steps: int):
    if recipe.schedule == "one_cycle":
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=recipe.learning_rate,
            total_steps=total_steps,
            pct_start=recipe.pct_start,
            div_factor=recipe.div_factor,
            final_div_factor=recipe.final_div_factor,
            cycle_momentum=recipe.cycle_momentum,
        )
    if recipe.schedule == "step":
        return lr_scheduler.StepLR(optimizer, step_size=recipe.step_epochs, gamma=recipe.drop_factor)
    if recipe.schedule == "plateau":
        return lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode="max",
            factor=recipe.drop_factor,
            patience=recipe.plateau_patience,
            min_lr=recipe.plateau_min_rate,
        )
    return None


def learning_rates(recipe: Recipe, steps_per_epoch: int = 469) -> list[tuple[float, float]]:
    """The schedule on its own, without training: two learning rates for each declared epoch.

    The first is the rate after the epoch's last step, the second the rate that its last batch used. Write-ups
    usually print the first and call it the second.

    Args:
        steps_per_epoch: 469 for 60,000 images in batches of 128, the schedule of the published runs.

    Raises:
        ValueError: for `plateau`, whose rate depends on the accuracy reached.
    """
    if recipe.schedule == "plateau":
        raise ValueError(
            "schedule = 'plateau': its rate depends on the accuracy; read it from a run's history"
        )
    optimizer = build_optimizer(nn.Linear(1, 1), recipe)
    schedule = Schedule(optimizer, recipe, recipe.epochs, steps_per_epoch)
    rates = []
    for _ in range(recipe.epochs):
        for _ in range(steps_per_epoch):
            used = schedule.rate
            optimizer.step()  # without gradients this changes nothing; torch wants it before the schedule
            schedule.after_batch()
        schedule.after_epoch(0.0)
        rates.append((schedule.rate, used))
    return rates


def plateau_rates(accuracies: Sequence[float], recipe: Recipe) -> list[float]:
    """The learning rate after each epoch of a `plateau` schedule that had watched these accuracies (percent).

    Raises:
        ValueError: for another schedule, which watches nothing.
    """
    if recipe.schedule != "plateau":
        raise ValueError(f"schedule = {recipe.schedule!r}: must be 'plateau', no other watches the accuracy")
    schedule = Schedule(build_optimizer(nn.Linear(1, 1), recipe), recipe, len(accuracies), steps_per_epoch=1)
    rates = []
    for accuracy in accuracies:
        schedule.after_epoch(accuracy)
        rates.append(schedule.rate)
    return rates


def averaged_copy(network: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network that follows it as an exponential moving average of weights and buffers.

    After t updates the old average keeps the share min(decay, (1 + t) / (10 + t)), so that early, poor
    weights are soon forgotten.
    """

    def average(old: Sequence[Tensor], new: Sequence[Tensor], updates: Tensor) -> None:
        keep = torch.clamp((1 + updates) / (10 + updates), max=decay)  # once, not for every tensor
        for kept, fresh in zip(old, new, strict=True):
            if torch.is_floating_point(kept):
                torch.lerp(fresh, kept, keep.to(kept.dtype), out=kept)
            else:  # BatchNorm's count of batches
                kept.copy_(fresh)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)
