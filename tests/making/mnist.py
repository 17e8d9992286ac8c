"""A set in MNIST's form whose images carry their own number, so that tests can follow each of them."""

import struct
from pathlib import Path

import pytest
import torch

from helpers.data.splits import MEAN, STD, Split
from helpers.errors import DataError
from helpers.settings import CLASSES, Recipe, RunConfig

TRAIN, TEST = 400, 150  # images of the synthetic set
FULL = RunConfig(profile="full", dataset="mnist", recipe=Recipe(batch_size=8))
FAST = FULL.model_copy(update={"profile": "fast"})


def numbered(count: int) -> Split:
    """Images that carry their own number in their first two pixels; the label is a function of it."""
    numbers = torch.arange(count)
    images = torch.zeros(count, 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers // 256, numbers % 256
    return Split(images, label_of(numbers))


def label_of(numbers: torch.Tensor) -> torch.Tensor:
    """Classes of unequal size: 0 is the rarest, 9 the most frequent."""
    return (numbers % 55).add(1).mul(2).sqrt().sub(0.5).round().long().sub(1).clamp(0, CLASSES - 1)


def numbers_of(images: torch.Tensor) -> list[int]:
    first = images[:, 0, 0, :2].double()
    if images.dtype != torch.uint8:
        first = (255 * (first * STD + MEAN)).round()
    return (256 * first[:, 0] + first[:, 1]).long().tolist()


def write_set(root: Path) -> Path:
    """The synthetic set as four IDX files below `root`; the folder they are in."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        split = numbered(count)
        header = struct.pack(">4i", 0x803, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + split.images.numpy().tobytes())
        labels = split.labels.to(torch.uint8).numpy().tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + labels)
    return raw


def complaint(call, *arguments, **settings) -> str:
    """The one line with which a call refuses."""
    with pytest.raises(DataError) as caught:
        call(*arguments, **settings)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message
