"""The schedule, the optimiser and the weight average do what a recipe declares."""

import math

import pytest
import torch
from torch import nn

from helpers.settings import Recipe
from helpers.training.optimization import (
    Schedule,
    averaged_copy,
    build_optimizer,
    learning_rates,
    plateau_rates,
)

PUBLISHED_RATES = [
    *(0.0976, 0.2327, 0.3000, 0.2949, 0.2799, 0.2561, 0.2250, 0.1889),
    *(0.1501, 0.1113, 0.0752, 0.0441, 0.0203, 0.0054, 0.0003),
]  # write-up 003, the same for its three models
ONE_CYCLE = Recipe(
    learning_rate=0.3, schedule="one_cycle", pct_start=0.2, div_factor=10.0, final_div_factor=100.0
)


def test_one_cycle_gives_the_published_column_to_four_decimals():
    """Catches a cycle counted in epochs instead of steps, and a linear annealing instead of the cosine."""
    assert [round(after, 4) for after, _ in learning_rates(ONE_CYCLE)] == PUBLISHED_RATES


def test_the_rate_of_the_last_batch_differs_from_the_published_column_in_six_epochs():
    """Catches the rate after the last step passed off as the rate which that step used."""
    rates = learning_rates(ONE_CYCLE)
    assert sum(round(after, 4) != round(used, 4) for after, used in rates) == 6


def test_one_cycle_follows_the_cosine_by_hand():
    """Catches a peak moved by a step or a wrong division for the first and the last rate."""
    epochs, steps = 5, 10
    recipe = ONE_CYCLE.model_copy(update={"epochs": epochs})
    first, most, least = 0.03, 0.3, 0.0003
    rise, fall = 0.2 * epochs * steps - 1, epochs * steps - 1

    def by_hand(step):
        if step <= rise:
            return most + (first - most) * (1 + math.cos(math.pi * step / rise)) / 2
        return least + (most - least) * (1 + math.cos(math.pi * (step - rise) / (fall - rise))) / 2

    used = [rate for _, rate in learning_rates(recipe, steps)]
    assert used == pytest.approx([by_hand(steps * epoch - 1) for epoch in range(1, epochs + 1)])


def test_one_cycle_moves_the_momentum_too_unless_told_not_to():
    """Catches a setting cycle_momentum that never reaches the scheduler."""

    def momenta(recipe):
        optimizer = build_optimizer(nn.Linear(1, 1), recipe)
        schedule = Schedule(optimizer, recipe, epochs=2, steps_per_epoch=10)
        seen = []
        for _ in range(20):
            seen.append(optimizer.param_groups[0]["momentum"])
            optimizer.step()
            schedule.after_batch()
        return seen

    cycled = momenta(ONE_CYCLE)
    assert (min(cycled), max(cycled)) == pytest.approx((0.85, 0.95))
    assert set(momenta(ONE_CYCLE.model_copy(update={"cycle_momentum": False}))) == {0.9}


def test_step_multiplies_the_rate_after_so_many_epochs():
    """Catches a StepLR that is stepped after every batch, so that the rate vanishes within an epoch."""
    recipe = Recipe(epochs=5, learning_rate=1.0, schedule="step", step_epochs=2, drop_factor=0.1)
    assert [after for after, _ in learning_rates(recipe, 3)] == pytest.approx([1, 0.1, 0.1, 0.01, 0.01])


def test_constant_never_moves():
    """Catches a constant rate that falls through to another schedule's default."""
    assert set(learning_rates(Recipe(epochs=3, learning_rate=0.02), 4)) == {(0.02, 0.02)}


def test_plateau_drops_after_patience_and_stops_at_its_floor():
    """Catches a plateau that waits for a falling number, as for a loss, or that has no lowest rate."""
    recipe = Recipe(
        learning_rate=0.02, schedule="plateau", plateau_patience=1, drop_factor=0.01, plateau_min_rate=1e-8
    )
    optimizer = build_optimizer(nn.Linear(1, 1), recipe)
    schedule = Schedule(optimizer, recipe, epochs=15, steps_per_epoch=1)
    rates = []
    for accuracy in [90.0, 91.0, 91.0, 91.0, 91.0, 91.0, 91.0, 91.0, 91.0, 91.0]:
        schedule.after_epoch(accuracy)
        rates.append(schedule.rate)
    expected = [2e-2, 2e-2, 2e-2, 2e-4, 2e-4, 2e-6, 2e-6, 2e-8, 2e-8, 1e-8]
    assert rates == pytest.approx(expected, rel=1e-6)


def test_a_plateau_schedule_cannot_be_known_in_advance():
    """Catches a column of rates printed for a plateau as if its accuracies had been 0."""
    with pytest.raises(ValueError, match="plateau"):
        learning_rates(Recipe(schedule="plateau"))


def test_the_optimiser_has_the_declared_settings():
    """Catches a weight decay or a Nesterov momentum that the recipe declares and the optimiser never gets."""
    recipe = Recipe(learning_rate=0.5, momentum=0.8, nesterov=True, weight_decay=1e-4)
    group = build_optimizer(nn.Linear(2, 2), recipe).param_groups[0]
    assert (group["lr"], group["momentum"], group["nesterov"], group["weight_decay"]) == (
        0.5,
        0.8,
        True,
        1e-4,
    )
    adam = build_optimizer(nn.Linear(2, 2), Recipe(optimizer="adam", weight_decay=1e-4))
    assert type(adam) is torch.optim.Adam and adam.param_groups[0]["weight_decay"] == 1e-4


def test_the_average_follows_its_formula_for_weights_and_buffers():
    """Catches buffers copied and not averaged, and a decay ignored or in force from the start."""
    torch.manual_seed(0)
    network = nn.BatchNorm1d(3)
    average = averaged_copy(network, decay=0.4)  # holds from t = 5 on
    expected_weight, expected_mean = None, None
    for t in range(12):
        with torch.no_grad():
            network.weight.normal_()
            network.running_mean.normal_()
            network.num_batches_tracked += 1
        average.update_parameters(network)
        keep = min(0.4, (1 + t) / (10 + t))
        if t == 0:
            expected_weight, expected_mean = network.weight.clone(), network.running_mean.clone()
        else:
            expected_weight = keep * expected_weight + (1 - keep) * network.weight
            expected_mean = keep * expected_mean + (1 - keep) * network.running_mean
    assert torch.allclose(average.module.weight, expected_weight, atol=1e-6)
    assert torch.allclose(average.module.running_mean, expected_mean, atol=1e-6)
    assert average.module.num_batches_tracked == 12


@pytest.mark.parametrize("schedule", ["constant", "step", "plateau", "one_cycle"])
def test_every_schedule_runs_to_the_end_of_a_run(schedule):
    """Catches a cycle one step too short, which raises an error at the last step of a training."""
    recipe = Recipe(epochs=3, schedule=schedule)
    optimizer = build_optimizer(nn.Linear(1, 1), recipe)
    schedule = Schedule(optimizer, recipe, epochs=3, steps_per_epoch=7)
    for _ in range(3):
        for _ in range(7):
            optimizer.step()
            schedule.after_batch()
        schedule.after_epoch(50.0)
    assert 0 < schedule.rate <= recipe.learning_rate


def test_the_rates_of_a_plateau_follow_the_accuracies_by_hand():
    """Catches a patience that is not counted anew after a drop, and accuracies shifted by an epoch."""
    # Patience 1: the second epoch in a row that is no better makes the rate fall; the count then starts anew.
    recipe = Recipe(
        learning_rate=0.02, schedule="plateau", drop_factor=0.01, plateau_patience=1, plateau_min_rate=1e-5
    )
    accuracies = [98.0, 97.0, 98.1, 98.1, 98.0, 98.1, 98.1, 99.0]
    expected = [0.02, 0.02, 0.02, 0.02, 2e-4, 2e-4, 1e-5, 1e-5]
    assert plateau_rates(accuracies, recipe) == pytest.approx(expected)


def test_a_schedule_that_watches_nothing_has_no_such_rates():
    """Catches rates for imagined accuracies from a schedule that never looks at them."""
    with pytest.raises(ValueError, match="^schedule = 'one_cycle': must be 'plateau'"):
        plateau_rates([99.0], ONE_CYCLE)
