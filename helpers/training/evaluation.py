"""Testing a network: every image is read once, or in five crops whose logits are averaged."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.data.splits import Split, batches

EVALUATION_BATCH = 200  # images; the maps of more do not fit the cache
CROPS = ((1, 1), (0, 0), (0, 2), (2, 0), (2, 2))  # row and column where a crop begins: centre, corners


def five_crops(images: Tensor) -> list[Tensor]:
    """The images, (N, C, H, W), and the same shifted by one pixel along the diagonals: four ways.

    What a shift lets in repeats the edge. These are torchvision's FiveCrop, centre and corners, of the images
    padded by a pixel. Averaging over them is the ten-crop test of Krizhevsky, Sutskever and Hinton (2012)
    without mirror images.
    """
    height, width = images.shape[-2:]
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    return [padded[..., top : top + height, left : left + width] for top, left in CROPS]


@torch.no_grad()
def evaluate(network: nn.Module, split: Split, crops: int = 1) -> tuple[float, float, Tensor]:
    """Test a network in evaluation mode; the mode that it had is restored.

    Args:
        crops: 1, or 5: then the logits of an image are the mean of those of its five crops.

    Returns:
        Loss (cross-entropy without smoothing, mean per image), accuracy (percent), and the classes predicted,
        uint8 of shape (N,), on the CPU.
    """
    was_training = network.training
    network.eval()
    try:
        served = batches(split, EVALUATION_BATCH, augmentation=None, generator=None)
        logits = torch.cat([_logits(network, images, crops) for images, _ in served])
    finally:
        network.train(was_training)
    predictions = logits.argmax(1)
    loss = F.cross_entropy(logits, split.labels).item()
    accuracy = 100 * (predictions == split.labels).sum().item() / len(split)
    return loss, accuracy, predictions.to(torch.uint8).cpu()


def _logits(network: nn.Module, images: Tensor, crops: int) -> Tensor:
    views = five_crops(images) if crops == 5 else [images]
    return sum(network(view) for view in views) / len(views)
