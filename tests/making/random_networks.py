"""Random small networks on 28x28 images, for checks that must hold for any network."""

from collections.abc import Callable
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 2


class Sum(nn.Module):
    """The sum of what its branches make of the same map."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        total = self.branches[0](x)
        for branch in self.branches[1:]:
            total = total + branch(x)
        return total


class Concatenation(Sum):
    """The maps of its branches, one behind the other."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Resize(nn.Module):
    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, size=self.size)


class SpatialMean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3))


def convolution(random: Random) -> nn.Module:
    kernel = random.choice([(3, 3), (2, 2), (1, 3), (3, 2), (4, 1), (5, 3)])
    stride = random.choice([1, 1, 2, (2, 1), 3])
    dilation = random.choice([1, 1, 2, (1, 3)])
    padding = (random.randint(0, 2), random.randint(0, 2))
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding, dilation, groups=random.choice([1, 2]))


def same(random: Random, depth: int) -> nn.Module:
    """Convolutions that keep the size."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        kernel = random.choice([3, (3, 5), (1, 3), 2])
        layer = nn.Conv2d(CHANNELS, CHANNELS, kernel, padding="same", dilation=random.choice([1, 1, 2]))
        layers += [layer, random.choice([nn.ReLU(), nn.BatchNorm2d(CHANNELS), nn.Dropout(0.1)])]
    return nn.Sequential(*layers)


def pool(random: Random) -> nn.Module:
    kernel, stride = random.choice([2, 3, (2, 3)]), random.choice([None, 2, (1, 2)])
    kind = random.choice([nn.MaxPool2d, nn.AvgPool2d])
    return kind(kernel, stride, padding=random.randint(0, 1), ceil_mode=random.random() < 0.5)


def residual(random: Random) -> nn.Module:
    if random.random() < 0.3:
        main = nn.Sequential(nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, padding=1), same(random, 1))
        return Sum(main, nn.Conv2d(CHANNELS, CHANNELS, 1, stride=2))
    return Sum(same(random, random.randint(1, 3)), same(random, random.choice([0, 0, 1])))


def concatenation(random: Random) -> nn.Module:
    branches = Concatenation(same(random, random.randint(1, 3)), same(random, 1), nn.Identity())
    return nn.Sequential(branches, nn.Conv2d(3 * CHANNELS, CHANNELS, 1))


def resampling(random: Random) -> nn.Module:
    return random.choice(
        [
            nn.Upsample(scale_factor=2),
            nn.Upsample(scale_factor=(1, 3)),
            nn.Upsample(scale_factor=1.5),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Upsample(scale_factor=0.5, mode="nearest-exact"),
            Resize((12, 9)),
            Sum(nn.AvgPool2d(2), nn.Upsample(scale_factor=0.5)),
            nn.AdaptiveAvgPool2d((5, 3)),
        ]
    )


def head(random: Random, size: tuple[int, int]) -> nn.Module:
    units = CHANNELS * size[0] * size[1]
    return random.choice(
        [
            nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(units, 10), nn.ReLU(), nn.Linear(10, 10)),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10), nn.LogSoftmax(1)),
            nn.Sequential(nn.AvgPool2d(size), nn.Conv2d(CHANNELS, 10, 1), nn.Flatten()),
            nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Conv2d(CHANNELS, 10, 1)),
            SpatialMean(),
            nn.Flatten(),
        ]
    )


def random_network(seed: int) -> nn.Module:
    """A few random blocks that fit one another, at most one of them resampling, and a random head."""
    random = Random(seed)
    blocks: list[Callable[[Random], nn.Module]] = [convolution, convolution, pool, residual, concatenation]
    chosen = random.choices(blocks, k=random.randint(2, 4)) + [resampling] * (random.random() < 0.4)
    random.shuffle(chosen)
    layers: list[nn.Module] = [nn.Conv2d(1, CHANNELS, 3)]
    x = layers[0](torch.zeros(2, 1, 28, 28))
    for block in chosen:
        layer = block(random)
        if min(x.shape[2:]) < 10:
            break
        layers.append(layer)
        x = layer(x)
    return nn.Sequential(*layers, head(random, tuple(x.shape[2:])))
