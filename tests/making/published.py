"""The networks of the published iterations, written as the write-ups list them."""

import re

import torch.nn.functional as F
from torch import Tensor, nn

LAYER = re.compile(r"([ct])(\d+)(\+?)(b?)")
OTHER = {
    "R": lambda channels: nn.ReLU(),
    "BN": nn.BatchNorm2d,
    "D": lambda channels: nn.Dropout(0.05),
    "MP": lambda channels: nn.MaxPool2d(2),
    "GAP": lambda channels: nn.AdaptiveAvgPool2d(1),
    "AP6": lambda channels: nn.AvgPool2d(6),
    "AP7": lambda channels: nn.AvgPool2d(7),
    "K7": lambda channels: nn.Conv2d(channels, 10, 7, bias=False),
    "L10": lambda channels: nn.Linear(channels, 10),
    "F": lambda channels: nn.Flatten(),
}


def layers(notation: str, channels: int = 1) -> nn.Sequential:
    """`c8+` is a 3x3 convolution to 8 channels with padding 1, `t8` a 1x1 one, `b` gives it a bias."""
    built = []
    for word in notation.split():
        if found := LAYER.fullmatch(word):
            kind, wanted, padded, bias = found.groups()
            kernel = 3 if kind == "c" else 1
            built.append(nn.Conv2d(channels, int(wanted), kernel, padding=len(padded), bias=bool(bias)))
            channels = int(wanted)
        else:
            built.append(OTHER[word](channels))
    return nn.Sequential(*built)


def dressed(notation: str, suffix: str) -> str:
    """The notation with `suffix` after every word."""
    return " ".join(f"{word} {suffix}" for word in notation.split())


class Skip(nn.Module):
    """Notebook 09: the first transition, at half its size, is added to the second transition."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers(f"{dressed('c8+ c10+ c16+', 'BN R')} MP t8")
        self.second = layers(f"{dressed('c10+ c10+ c12+', 'BN R')} MP t8", 8)
        self.third = layers(f"{dressed('c8+ c10+', 'BN R')} c12+ t10 AP7 F", 8)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        second = self.second(first)
        return self.third(second + F.interpolate(first, size=second.shape[2:]))


SEVEN = ("c8 c12 t8", "c12 c12 c12 c12")
PUBLISHED = {
    "01": lambda: layers(
        f"{dressed('c32 c64 c128', 'R')} MP {dressed('t32 c64 c128 t10', 'R')} K7 F",
    ),
    "02": lambda: layers(f"{dressed(SEVEN[0], 'R')} MP {dressed(SEVEN[1], 'R')} F"),
    "03": lambda: layers(f"{dressed(SEVEN[0], 'BN R')} MP {dressed(SEVEN[1], 'BN R')} F"),
    "05": lambda: layers(f"{dressed(SEVEN[0], 'BN R')} MP {dressed(SEVEN[1], 'BN R')} GAP F"),
    "06": lambda: layers(f"{dressed('c8 c12', 'BN R')} t8 R MP {dressed(SEVEN[1], 'BN R')} GAP F"),
    "07": lambda: layers("c8+ c10+ c16+ t8 MP c8+ c10+ c16+ t8 MP c16+ GAP t10 F"),
    "08": lambda: layers(
        f"{dressed('c8+ c10+ c16+', 'BN R')} MP t8 BN R {dressed('c8+ c10+ c16+', 'BN R')} MP t8 BN R "
        "c16+ GAP t10 F"
    ),
    "09": Skip,
    "11": lambda: layers(
        f"{dressed('c16 c32', 'BN R')} t10 MP D {dressed('c16 c16 c16 c16+', 'BN R')} D AP6 t10 F"
    ),
    "12": lambda: layers(
        f"{dressed('c16+b c16+b', 'BN R')} MP t12b D {dressed('c20+b c20+b', 'BN R')} MP t24b D GAP t10b F"
    ),
    "13": lambda: layers(
        f"{dressed('c7 c7 c10', 'BN R')} MP {dressed('c10 c12', 'BN R')} MP {dressed('c16+ c18+', 'BN R')} "
        "D GAP F L10"
    ),
    "14": lambda: layers(
        f"{dressed('c10 c14 c16', 'BN R D')} MP t12 BN R {dressed('c16 c16', 'BN R D')} AP7 t10 F"
    ),
}
