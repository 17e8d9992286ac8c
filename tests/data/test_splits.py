"""How the data is split, and what the batches hold."""

import os
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from making.mnist import FAST, FULL, TEST, TRAIN, complaint, label_of, numbered, numbers_of
from sklearn.datasets import load_digits

from helpers.data import splits
from helpers.data.splits import (
    BLACK,
    MEAN,
    STD,
    Split,
    batches,
    load_data,
    mnist_style,
    normalise,
    steps_per_epoch,
)
from helpers.settings import CLASSES, Augmentation, Profile, Recipe, RunConfig

REAL_MNIST = os.environ.get("MNIST_ROOT")
VARIED = Augmentation(rotation=10, translation=0.1)


@pytest.fixture
def small_fast_profile(monkeypatch):
    fast = Profile(name="fast", epochs=2, train_images=120, test_images=40)
    monkeypatch.setitem(splits.PROFILES, "fast", fast)


# Digits


@pytest.fixture(scope="module")
def digits():
    return load_data(RunConfig(dataset="digits", profile="full"))


def test_digits_have_mnists_form(digits):
    """Catches digits without the channel axis, or in floats, or with labels that cross_entropy refuses."""
    assert digits.name == "digits"
    for split, count in ((digits.train, 1347), (digits.test, 450)):
        assert split.images.shape == (count, 1, 28, 28) and split.images.dtype == torch.uint8
        assert split.labels.shape == (count,) and split.labels.dtype == torch.int64


def test_each_digit_fills_a_box_of_20_pixels_and_balances_at_the_centre(digits):
    """Catches digits centred by their box, and digits scaled together with their empty border."""
    images = torch.cat((digits.train.images, digits.test.images))[:, 0].double()
    extents = []
    for profile in (images.sum(2), images.sum(1)):
        inked = profile > 0
        first, behind_last = inked.int().argmax(1), 28 - inked.flip(1).int().argmax(1)
        extents.append(behind_last - first)
        centre = (profile * torch.arange(28)).sum(1) / profile.sum(1)
        assert (centre - 14).abs().max() <= 0.51  # whole pixels, and grey levels rounded afterwards
    assert torch.maximum(*extents).unique().tolist() == [20]


def test_a_bar_becomes_20_by_10_white_pixels():
    """Catches both sides stretched to 20 pixels, and white that falls short of 255."""
    image = torch.zeros(8, 8)
    image[1:5, 0:2] = 1.0
    bar = mnist_style(image)
    assert bar.unique().tolist() == [0, 255]
    rows, columns = bar.any(1), bar.any(0)
    assert (rows.sum(), columns.sum(), (bar > 0).sum()) == (20, 10, 200)


def test_the_digits_are_scikit_learns_each_once(digits):
    """Catches an image in both training and test set, and labels shuffled apart from their images."""
    source = load_digits()
    expected = Counter(
        (mnist_style(torch.from_numpy(image) / 16).numpy().tobytes(), label)
        for image, label in zip(source.images, source.target.tolist(), strict=True)
    )
    found = Counter(
        (image.numpy().tobytes(), label)
        for split in (digits.train, digits.test)
        for image, label in zip(split.images, split.labels.tolist(), strict=True)
    )
    assert found == expected


# Splits


def assert_stratified(part: Split, whole: torch.Tensor) -> None:
    share = whole.bincount(minlength=CLASSES) * len(part) / len(whole)
    assert (part.labels.bincount(minlength=CLASSES) - share).abs().max() <= 1


def test_the_digits_are_split_in_proportion(digits):
    """Catches a random split of the digits that is not stratified by class."""
    whole = torch.cat((digits.train.labels, digits.test.labels))
    assert_stratified(digits.train, whole)
    assert_stratified(digits.test, whole)


@pytest.mark.parametrize("seed", range(5))
def test_profile_and_validation_take_classes_in_proportion_and_share_no_image(
    installed, small_fast_profile, seed
):
    """Catches validation images that are also trained on, and a subset that is not stratified by class."""
    found = load_data(FAST.model_copy(update={"validation_images": 100, "split_seed": seed}))
    assert (len(found.train), len(found.validation), len(found.test)) == (120, 100, 40)
    assert set(numbers_of(found.train.images)).isdisjoint(numbers_of(found.validation.images))
    assert_stratified(found.train, numbered(TRAIN).labels)
    assert_stratified(found.validation, numbered(TRAIN).labels)
    assert_stratified(found.test, numbered(TEST).labels)
    for split in (found.train, found.validation, found.test):
        numbers = numbers_of(split.images)
        assert numbers == sorted(set(numbers))  # no image twice, the order of the set kept
        assert split.labels.tolist() == label_of(torch.tensor(numbers)).tolist()


def test_training_and_validation_make_up_the_whole_training_set(installed):
    """Catches images lost where the validation split is taken out, or taken from the test set."""
    found = load_data(FULL.model_copy(update={"validation_images": 100}))
    assert sorted(numbers_of(found.train.images) + numbers_of(found.validation.images)) == list(range(TRAIN))
    assert numbers_of(found.test.images) == list(range(TEST))


def validation_numbers(config: RunConfig, **changes) -> list[int]:
    return numbers_of(
        load_data(config.model_copy(update={"validation_images": 100, **changes})).validation.images
    )


def test_the_split_seed_alone_decides_the_validation_split(installed, small_fast_profile):
    """Catches a validation split that follows the run's seed, or that is cut from a profile's subset."""
    reference = validation_numbers(FULL, split_seed=3)
    assert validation_numbers(FULL, split_seed=3, seed=8) == reference
    assert validation_numbers(FAST, split_seed=3) == reference
    assert validation_numbers(FULL, split_seed=4) != reference


def test_the_subset_of_a_profile_is_the_same_for_every_seed(installed, small_fast_profile):
    """Catches a fast profile whose images depend on the run's seed, which mixes two kinds of spread."""
    first, second = (load_data(FAST.model_copy(update={"seed": seed})) for seed in (1, 2))
    assert torch.equal(first.train.images, second.train.images)
    assert torch.equal(first.test.images, second.test.images)


@pytest.mark.parametrize(
    ("count", "kept"), [(TRAIN - 10, TRAIN - 10), (TRAIN - 9, TRAIN), (TRAIN + 1, TRAIN)]
)
def test_a_profile_that_would_leave_out_less_than_one_of_each_class_takes_all(
    installed, monkeypatch, count, kept
):
    """Catches scikit-learn's error where fewer images would be left out than there are classes."""
    monkeypatch.setitem(splits.PROFILES, "fast", Profile(name="fast", train_images=count))
    assert len(load_data(FAST).train) == kept


@pytest.mark.parametrize("count", [1, 9, TRAIN - 9, TRAIN, 50_000])
def test_validation_images_that_do_not_fit_are_refused_with_what_does(installed, count):
    """Catches a limit wrong by one, and scikit-learn's own words where ours name the allowed range."""
    message = complaint(load_data, FULL.model_copy(update={"validation_images": count}))
    assert f"validation_images = {count}" in message and f"10 to {TRAIN - 10} of the {TRAIN}" in message


def test_a_batch_larger_than_the_training_split_is_refused_on_loading(installed):
    """Catches a batch size held against the set before the validation images were taken out."""
    config = FULL.model_copy(update={"validation_images": 100, "recipe": Recipe(batch_size=TRAIN - 99)})
    message = complaint(load_data, config)
    assert f"batch_size = {TRAIN - 99}" in message and f"at most {TRAIN - 100}" in message


# Batches


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_normalise_is_mnists_formula_and_black_is_its_zero():
    """Catches a missing division by 255, a black that is not BLACK, and bytes changed in place."""
    levels = torch.arange(256, dtype=torch.uint8)
    normalised = normalise(levels)
    assert normalised.dtype == torch.float32
    expected = (np.arange(256) / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(normalised.numpy(), expected, rtol=0, atol=1e-6)
    assert normalised[0].item() == np.float32(BLACK)
    assert torch.equal(levels, torch.arange(256, dtype=torch.uint8))


@given(
    count=st.integers(1, 120), batch_size=st.integers(1, 40), drop_last=st.booleans(), seed=st.integers(0, 99)
)
def test_an_epoch_serves_every_image_once_with_its_own_label(count, batch_size, drop_last, seed):
    """Catches labels drawn in another order than images, and images lost where a chunk of batches ends."""
    batch_size = min(batch_size, count)
    served = list(
        batches(numbered(count), batch_size, augmentation=None, generator=seeded(seed), drop_last=drop_last)
    )
    sizes = [len(labels) for _, labels in served]
    assert len(served) == steps_per_epoch(count, batch_size, drop_last)
    assert set(sizes[:-1]) <= {batch_size} and 0 < sizes[-1] <= batch_size
    assert sum(sizes) == (count - count % batch_size if drop_last else count)
    numbers = [number for images, _ in served for number in numbers_of(images)]
    assert len(set(numbers)) == len(numbers) and set(numbers) <= set(range(count))
    labels = [label for _, batch in served for label in batch.tolist()]
    assert labels == label_of(torch.tensor(numbers)).tolist()


def test_without_a_generator_the_images_come_in_order_and_unchanged():
    """Catches test images that are shuffled or whose smaller last batch is dropped."""
    split = numbered(50)
    served = list(batches(split, 16, augmentation=None, generator=None))
    assert [len(labels) for _, labels in served] == [16, 16, 16, 2]
    assert torch.equal(torch.cat([images for images, _ in served]), normalise(split.images))
    assert torch.equal(torch.cat([labels for _, labels in served]), split.labels)


def test_the_order_is_drawn_anew_each_epoch():
    """Catches a permutation drawn once and used in every epoch, or none at all."""
    split, generator = numbered(200), seeded()
    epochs = [
        [
            number
            for images, _ in batches(split, 32, augmentation=None, generator=generator)
            for number in numbers_of(images)
        ]
        for _ in range(2)
    ]
    assert epochs[0] != epochs[1] and epochs[0] != sorted(epochs[0])


def pixels(split: Split, augmentation: Augmentation | None, seed: int) -> torch.Tensor:
    served = batches(split, 32, augmentation=augmentation, generator=seeded(seed))
    return torch.cat([images for images, _ in served])


def test_the_same_generator_gives_the_same_batches(digits):
    """Catches an order or an augmentation drawn from the global generator, or none at all."""
    reference = pixels(digits.test, VARIED, seed=1)
    assert torch.equal(pixels(digits.test, VARIED, seed=1), reference)
    assert not torch.equal(pixels(digits.test, VARIED, seed=2), reference)
    assert not torch.equal(pixels(digits.test, None, seed=1), reference)


def test_an_augmentation_of_no_strength_resamples_nothing(digits, monkeypatch):
    """Catches a resampling of every image, which takes most of an epoch's time, for no change at all."""
    monkeypatch.setattr(splits, "augment", lambda *_: pytest.fail("resampled"))
    assert torch.equal(pixels(digits.test, Augmentation(), seed=1), pixels(digits.test, None, seed=1))


def test_every_training_image_passes_once_through_the_augmentation(monkeypatch):
    """Catches a chunk that skips the augmentation, and a fill of 0 for images that are normalised."""
    generator, passed = seeded(), []

    def record(images, settings, drawn_from, fill):
        assert settings == VARIED and drawn_from is generator and fill == BLACK
        passed.extend(numbers_of(images))
        return images + 100

    monkeypatch.setattr(splits, "augment", record)
    served = list(batches(numbered(200), 7, augmentation=VARIED, generator=generator))
    assert sorted(passed) == list(range(200))
    images = torch.cat([images for images, _ in served])
    assert numbers_of(images - 100) == passed
    assert images.min() > 99


def test_a_training_batch_larger_than_the_split_is_refused_before_the_first_batch():
    """Catches a refusal inside the generator function, which comes only when the loop asks for a batch."""
    message = complaint(batches, numbered(50), 51, augmentation=None, generator=seeded())
    assert "batch_size = 51" in message and "at most 50" in message


def test_an_evaluation_batch_may_be_larger_than_the_split():
    """Catches the limit on training batches applied to tests, whose batch size nobody chooses."""
    (images, labels), *more = batches(numbered(50), 1000, augmentation=None, generator=None)
    assert len(images) == len(labels) == 50 and more == []


def test_an_augmentation_without_a_generator_is_refused():
    """Catches test images that are augmented, or a training that falls back to the global generator."""
    with pytest.raises(ValueError, match="generator = None: .*rotation=10") as caught:
        batches(numbered(50), 8, augmentation=VARIED, generator=None)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("images", "batch_size", "drop_last", "steps"),
    [(60_000, 128, False, 469), (60_000, 128, True, 468), (128, 128, False, 1), (129, 128, False, 2)],
)
def test_steps_per_epoch_counts_the_last_smaller_batch_unless_dropped(images, batch_size, drop_last, steps):
    """Catches a division rounded down where the last batch counts, or one step too many where it is full."""
    assert steps_per_epoch(images, batch_size, drop_last) == steps


# The real set


@pytest.mark.skipif(not REAL_MNIST, reason="MNIST_ROOT is not set: no real MNIST to check against")
def test_real_mnist_has_the_published_size_and_pixel_statistics():
    """Catches a mean and a deviation that are not those of MNIST, and a fast subset out of proportion."""
    full, fast = load_data(FULL), load_data(FAST)
    assert (len(full.train), len(full.test), len(fast.train), len(fast.test)) == (
        60_000,
        10_000,
        6_000,
        2_000,
    )
    assert full.train.labels.bincount().tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    pixels = full.train.images.double() / 255
    assert (round(pixels.mean().item(), 4), round(pixels.std().item(), 4)) == (MEAN, STD)
    assert_stratified(fast.train, full.train.labels)
    assert_stratified(fast.test, full.test.labels)
