"""The data of a run: MNIST or the digits, split, held on the device as uint8, served in batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.nn import functional as F

from helpers.data.augmentation import augment
from helpers.data.mnist import DECISION_SECONDS, find
from helpers.errors import DataError
from helpers.settings import CLASSES, PROFILES, Augmentation, RunConfig

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels in [0, 1]; the digits are normalised alike
BLACK = -MEAN / STD  # what a black pixel becomes
SIDE, BOX, CENTRE = 28, 20, 14.0  # pixels: image, box of the ink, and where its centre of mass lies
DIGITS_TEST_IMAGES = 450  # a quarter
FIXED_SEED = 0  # of the splits that belong to a data set or a profile, not to a run
CHUNK_BATCHES = 4  # gathered, normalised and augmented at once: what fits the cache is quickest


@dataclass(frozen=True, eq=False)
class Split:
    """Images, uint8 (N, 1, 28, 28) with 0 black, and their labels, int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """The images at `indices`, in the order of this split."""
        chosen = torch.from_numpy(np.sort(indices))
        return Split(self.images[chosen], self.labels[chosen])

    def to(self, device: str | torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Data:
    """What a run trains on and is judged by; `name` is "mnist" or "digits", never "auto"."""

    name: str
    train: Split
    validation: Split | None
    test: Split
    remark: str = ""  # which data set this is and why, in one line; "" where there was no choice


def load_data(
    config: RunConfig, device: str | torch.device = "cpu", *, patience: float = DECISION_SECONDS
) -> Data:
    """The data set of `config` on `device`, with its validation split and the subset of its profile.

    Where `validation_images` is above 0, so many images leave the training set, stratified, chosen by
    `split_seed` alone. What a profile takes of the rest never depends on the run's seed. The network may be
    silent for `patience` seconds where MNIST has to be downloaded.

    Raises:
        DataError: a damaged file; MNIST not to be had; more validation images, or a larger batch, than fit.
    """
    source = find(config.dataset, patience=patience)
    train, test = _digits() if source.folder is None else _mnist(source.folder)
    profile = PROFILES[config.profile]
    train, validation = _hold_out(train, config.validation_images, config.split_seed, source.name)
    train, test = _subset(train, profile.train_images), _subset(test, profile.test_images)
    _check_batch_size(config.recipe.batch_size, len(train))
    held_out = None if validation is None else validation.to(device)
    return Data(source.name, train.to(device), held_out, test.to(device), source.remark)


def normalise(images: Tensor) -> Tensor:
    """(images / 255 - MEAN) / STD as float32; `images` uint8 of any shape."""
    return (images * (1 / (255 * STD))).add_(BLACK)


def steps_per_epoch(images: int, batch_size: int, drop_last: bool = False) -> int:
    """Batches in one pass over `images` images: 469 for MNIST in batches of 128."""
    return images // batch_size if drop_last else -(-images // batch_size)


def batches(
    split: Split,
    batch_size: int,
    augmentation: Augmentation | None,
    generator: torch.Generator | None,
    drop_last: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of (normalised float32 images, labels) on the split's device.

    With a generator (on the split's device), for training: in an order drawn from it, each image varied by
    draws from it; the same state of the generator gives the same batches. Without one, for evaluation: in
    order, as they are.

    Raises:
        DataError: a training batch larger than the split, told before the first batch.
        ValueError: an augmentation without a generator.
    """
    if generator is not None:
        _check_batch_size(batch_size, len(split))
    elif augmentation is not None:
        raise ValueError(f"generator = None: an augmentation needs a torch.Generator, got {augmentation!r}")
    if augmentation == Augmentation():
        augmentation = None  # the identity, free of charge
    return _batches(split, batch_size, augmentation, generator, drop_last)


def _batches(
    split: Split,
    batch_size: int,
    augmentation: Augmentation | None,
    generator: torch.Generator | None,
    drop_last: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    if generator is None:
        order = torch.arange(len(split), device=split.images.device)
    else:
        order = torch.randperm(len(split), generator=generator, device=generator.device)
        order = order.to(split.images.device)
    used = steps_per_epoch(len(split), batch_size, drop_last) * batch_size
    for indices in order[:used].split(CHUNK_BATCHES * batch_size):
        images = normalise(split.images.index_select(0, indices))
        if augmentation is not None:
            images = augment(images, augmentation, generator, BLACK)
        labels = split.labels.index_select(0, indices)
        yield from zip(images.split(batch_size), labels.split(batch_size), strict=True)


def _check_batch_size(batch_size: int, images: int) -> None:
    if batch_size > images:
        raise DataError(f"batch_size = {batch_size}: must be at most {images}, the size of the training set")


def _hold_out(train: Split, count: int, seed: int, name: str) -> tuple[Split, Split | None]:
    """`train` without `count` images, and these, both stratified."""
    if count == 0:
        return train, None
    most = len(train) - CLASSES
    if not CLASSES <= count <= most:
        raise DataError(
            f"validation_images = {count}: must be 0, or {CLASSES} to {most} of the {len(train)} "
            f"training images of {name}"
        )
    kept, held = _stratified(train, count, seed)
    return train.take(kept), train.take(held)


def _subset(split: Split, count: int | None) -> Split:
    """`count` images of `split`, stratified, the same in every run; all of them where there are no more."""
    if count is None or len(split) - count < CLASSES:  # too few would be left out for a stratified choice
        return split
    return split.take(_stratified(split, count, FIXED_SEED)[1])


def _stratified(split: Split, count: int, seed: int) -> list[np.ndarray]:
    """Two disjoint index arrays that cover `split`; the second has `count`, its classes in proportion."""
    return train_test_split(
        np.arange(len(split)), test_size=count, stratify=split.labels.numpy(), random_state=seed
    )


def _mnist(raw: Path) -> tuple[Split, Split]:
    # Not MNIST(root): it prefers a `processed` folder of old versions, which has no published checksums.
    from torchvision.datasets.mnist import read_image_file, read_label_file

    train, test = (
        Split(
            read_image_file(str(raw / f"{part}-images-idx3-ubyte"))[:, None],
            read_label_file(str(raw / f"{part}-labels-idx1-ubyte")),
        )
        for part in ("train", "t10k")
    )
    return train, test


def _digits() -> tuple[Split, Split]:
    """scikit-learn's 1,797 handwritten digits in MNIST's form (UCI ML repository, Alpaydin and Kaynak)."""
    digits = load_digits()  # 8x8 pixels, 0 to 16
    images = torch.stack([mnist_style(torch.from_numpy(image) / 16) for image in digits.images])[:, None]
    everything = Split(images, torch.from_numpy(digits.target).long())
    train, test = _stratified(everything, DIGITS_TEST_IMAGES, FIXED_SEED)
    return everything.take(train), everything.take(test)


def mnist_style(image: Tensor) -> Tensor:
    """A digit as MNIST has it: its ink scaled to a longer side of 20 pixels, centred by its centre of mass.

    Args:
        image: (H, W) float, 0 black to 1 white, with some ink.

    Returns:
        (28, 28) uint8, 0 to 255.
    """
    rows, columns = image.any(dim=1).nonzero(), image.any(dim=0).nonzero()
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = [max(1, round(BOX * side / max(ink.shape))) for side in ink.shape]
    ink = F.interpolate(ink[None, None], sides, mode="bilinear", align_corners=False)[0, 0]
    top = _corner(ink.sum(dim=1))
    left = _corner(ink.sum(dim=0))
    canvas = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    canvas[top : top + sides[0], left : left + sides[1]] = (255 * ink).round().to(torch.uint8)
    return canvas


def _corner(profile: Tensor) -> int:
    """Where a box with this ink per row (or column) begins, for its centre of mass to lie at CENTRE."""
    centre = (profile * torch.arange(len(profile))).sum() / profile.sum()
    return min(max(0, round(CENTRE - centre.item())), SIDE - len(profile))
