"""The usual way to train: torchvision transforms on one PIL image at a time, a DataLoader, plain PyTorch.

What this workbook's own way is measured against. The augmentations are torchvision's, with the strengths that
the recipe declares; how they resample is left at torchvision's defaults, as most code leaves it.
"""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from helpers.data.splits import MEAN, STD, Split
from helpers.settings import Augmentation

LOADER_WORKERS = 2


def usual_transforms(settings: Augmentation) -> transforms.Compose:
    """PIL image to normalised (1, 28, 28) float32, varied as `settings` say; what is at 0 gets no transform."""
    # Affine: turned alone, or all changes drawn together.
    steps: list[nn.Module] = []
    turn, move, zoom, lean = settings.rotation, settings.translation, settings.scale, settings.shear
    if move or zoom or lean:
        steps.append(
            transforms.RandomAffine(
                turn,
                translate=(move, move) if move else None,
                scale=(1 - zoom, 1 + zoom) if zoom else None,
                shear=lean or None,
                fill=0,
            )
        )
    elif turn:
        steps.append(transforms.RandomRotation(turn, fill=0))
    # Perspective, then elastic: each by itself.
    if settings.perspective:
        chance = settings.perspective_probability
        steps.append(transforms.RandomPerspective(settings.perspective, p=chance, fill=0))
    if settings.elastic_alpha:
        steps.append(
            transforms.ElasticTransform(settings.elastic_alpha, sigma=settings.elastic_sigma, fill=0)
        )
    return transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])


class UsualImages(Dataset):
    """A split as (transformed PIL image, label), one by one: what `torchvision.datasets.MNIST` serves."""

    def __init__(self, split: Split, settings: Augmentation | None = None) -> None:
        self.images, self.labels = split.images, split.labels.tolist()
        self.transform = usual_transforms(settings or Augmentation())

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(to_pil_image(self.images[index])), self.labels[index]


def usual_loader(
    split: Split,
    batch_size: int,
    *,
    augmentation: Augmentation | None = None,
    shuffle: bool = False,
    drop_last: bool = False,
    workers: int = LOADER_WORKERS,
) -> DataLoader:
    """(images (N, 1, 28, 28) float32, labels (N,) int64) of a split on the CPU, made by `workers` processes."""
    return DataLoader(
        UsualImages(split, augmentation),
        batch_size=batch_size,
        shuffle=shuffle,
        drop_last=drop_last,
        num_workers=workers,
    )


def usual_forward(
    network: nn.Module, label_smoothing: float
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(images, labels) -> (mean loss, number classified correctly), in plain eager PyTorch."""

    def forward(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = network(images)
        loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        return loss, (logits.argmax(1) == labels).sum()

    return forward


@torch.no_grad()
def usual_evaluation(network: nn.Module, served: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, float, int]:
    """Mean loss per image, accuracy (percent) and number of images of what is served, batch by batch.

    The network's mode is restored.
    """
    was_training = network.training
    network.eval()
    loss, correct, images = 0.0, 0, 0
    for batch, labels in served:
        logits = network(batch)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        correct += (logits.argmax(1) == labels).sum().item()
        images += len(labels)
    network.train(was_training)
    return loss / images, 100 * correct / images, images
