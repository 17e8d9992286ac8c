"""What tests of figures share: a small network, and what can be read from a figure."""

import numpy as np
from torch import nn


def network():
    """Fields of 3, 4 and 8 pixels; 8 + 12 * 2 = 32 at the logits."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 10, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def texts(axes):
    return [text.get_text() for text in axes.texts]


def pictures(figure):
    return [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]


def corners(figure):
    return [image.get_extent()[::3] for image in figure.axes[0].get_images()]  # left, top
