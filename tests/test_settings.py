"""Bad settings are refused in one line that names the value; good ones are kept as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.errors import SettingsError
from helpers.settings import Augmentation, Recipe, RunConfig

BAD = [
    (Recipe, "epochs", "fifteen"),
    (Recipe, "epochs", -1),
    (Recipe, "epochs", 0),
    (Recipe, "epochs", 1.5),
    (Recipe, "batch_size", 0),
    (Recipe, "learning_rate", "0.3"),
    (Recipe, "learning_rate", 0.0),
    (Recipe, "learning_rate", float("inf")),
    (Recipe, "optimizer", "sdg"),
    (Recipe, "schedule", "onecycle"),
    (Recipe, "nesterov", "true"),
    (Recipe, "label_smoothing", 1.0),
    (Recipe, "ema_decay", -0.1),
    (Recipe, "pct_start", 0.0),
    (Augmentation, "rotation", float("nan")),
    (Augmentation, "rotation", -7.0),
    (Augmentation, "scale", 1.0),
    (Augmentation, "perspective_probability", 1.5),
    (RunConfig, "profile", "ful"),
    (RunConfig, "dataset", "minst"),
    (RunConfig, "seed", -1),
    (RunConfig, "logits", 9),
    (RunConfig, "validation_images", 60_000),
]


@pytest.mark.parametrize(("kind", "name", "value"), BAD)
def test_a_bad_value_is_refused_in_one_line_that_names_it(kind, name, value):
    with pytest.raises(SettingsError) as caught:
        kind(**{name: value})
    message = str(caught.value)
    assert name in message and repr(value) in message and "\n" not in message


@pytest.mark.parametrize("kind", [Recipe, Augmentation, RunConfig])
def test_a_misspelled_name_is_refused(kind):
    with pytest.raises(SettingsError, match="epoch_count"):
        kind(epoch_count=3)


def test_several_mistakes_are_told_at_once():
    with pytest.raises(SettingsError) as caught:
        Recipe(epochs=0, batch_size=0)
    assert "epochs = 0" in str(caught.value) and "batch_size = 0" in str(caught.value)


def test_nesterov_needs_momentum():
    with pytest.raises(SettingsError, match="nesterov"):
        Recipe(nesterov=True, momentum=0.0)


def test_settings_do_not_change_after_creation():
    recipe = Recipe()
    with pytest.raises(ValueError):
        recipe.epochs = 3
    assert recipe.epochs == 15


def test_fast_runs_two_of_the_declared_epochs_and_never_more_than_declared():
    assert RunConfig(recipe=Recipe(epochs=15)).run_epochs == 2
    assert RunConfig(recipe=Recipe(epochs=1)).run_epochs == 1
    assert RunConfig(profile="full", recipe=Recipe(epochs=20)).run_epochs == 20


@given(st.integers(1, 1000), st.floats(1e-6, 10), st.floats(0, 180))
def test_good_values_survive_the_round_trip_to_plain_data(epochs, rate, rotation):
    config = RunConfig(
        recipe=Recipe(epochs=epochs, learning_rate=rate), augmentation=Augmentation(rotation=rotation)
    )
    assert RunConfig(**config.model_dump()) == config
