"""Small networks that tests vary."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def small(**changes: nn.Module) -> nn.Sequential:
    """A network of seven layers, some of them replaced by others: `small(pool=nn.AdaptiveMaxPool2d(1))`."""
    layers = {
        "conv": nn.Conv2d(1, 4, 3, bias=False),
        "norm": nn.BatchNorm2d(4),
        "activation": nn.ReLU(),
        "dropout": nn.Dropout(0.1),
        "pool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(4, 10),
    }
    return nn.Sequential(*(layers | changes).values())


class Of(nn.Module):
    """A network whose forward pass is a function of itself and the images.

    The function may use three convolutions that keep the shape, `a`, `b` and `c`, a `scale` and a `constant`.
    """

    def __init__(self, function, constant: float = 1.0) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(1, 1, 3, padding=1) for _ in range(3))
        self.scale = nn.Parameter(torch.ones(1, 1, 1))
        self.register_buffer("constant", torch.full((1,), constant))
        self.function = function

    def forward(self, x):
        return self.function(self, x)


class Between(nn.Module):
    """A network of three steps: a convolution, a layer or a function of maps, and a convolution."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.function = function
        channels = function(self.first(torch.zeros(2, 1, 28, 28))).shape[1]
        self.last = nn.Conv2d(channels, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))
