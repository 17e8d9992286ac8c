"""What the augmentation promises, tried on a synthetic image: which promises hold, how far pixels move.

Everything runs on the CPU with fixed seeds, so that a notebook shows the same answer on every machine.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.data import augmentation
from helpers.settings import Augmentation

SIZE = 28
COUNT = 16  # images in a batch
MANY = 1024  # images over which ranges and distances are taken
FILL = -0.4242  # stands for black; a fill of 0 must not pass
STRENGTHS = {
    "rotation": "rotation",
    "translation": "translation",
    "scale": "scale",
    "shear": "shear",
    "perspective": "perspective",
    "elastic_alpha": "elastic field",
}


class Movement(NamedTuple):
    """How far the pixels on an image's border move, in pixels."""

    typical: float
    farthest: float


def guarantees(settings: Augmentation) -> dict[str, bool]:
    """What augmentation by these settings promises, in words, and whether the promise is kept."""
    checks = {
        "no strength, no change": _no_strength_changes_nothing(),
        "a tiny strength, hardly a change": _tiny_strength_changes_little(settings),
        "a shift by whole pixels moves them and nothing else": _whole_pixels_shift(),
        "a quarter turn clockwise is exactly that": _quarter_turn(),
        "outside the image is black": _outside_is_black(),
        "the same generator, the same images": torch.equal(_augmented(settings), _augmented(settings)),
    }
    alone = _each_alone(settings)
    if alone:
        checks["another seed, other images"] = not torch.equal(
            _augmented(settings), _augmented(settings, seed=1)
        )
    for name, chosen in alone.items():
        checks[f"every image draws its own {STRENGTHS[name]}"] = (
            len(_augmented(chosen).unique(dim=0)) == COUNT
        )
        checks[f"the {STRENGTHS[name]} stays in its range and fills it"] = _fills_range(name, chosen)
    return checks


def movement(settings: Augmentation) -> dict[str, Movement]:
    """How far the border of an image moves: each kind of change on its own, on every image, then all of them.

    `typical` is the mean over border pixels and 1,024 images, `farthest` the maximum; to 0.1 pixels.
    """
    images = _images(MANY)
    border = torch.ones(SIZE, SIZE, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    start = augmentation.source_positions(augmentation.draw(images, Augmentation(), torch.Generator()), SIZE)

    def moved(chosen: Augmentation) -> Movement:
        draws = augmentation.draw(images, chosen, torch.Generator().manual_seed(0))
        distance = (augmentation.source_positions(draws, SIZE) - start)[:, :, border].norm(dim=1)
        return Movement(round(distance.mean().item(), 1), round(distance.max().item(), 1))

    kinds = {STRENGTHS[name]: moved(chosen) for name, chosen in _each_alone(settings).items()}
    return kinds | {"all together": moved(settings)}


def _images(count: int = COUNT) -> Tensor:
    """One image without any symmetry, (count, 1, SIZE, SIZE), between 0 and 1."""
    return (torch.arange(SIZE**2) / SIZE**2).view(1, 1, SIZE, SIZE).repeat(count, 1, 1, 1)


def _augmented(settings: Augmentation, seed: int = 0) -> Tensor:
    return augmentation.augment(_images(), settings, torch.Generator().manual_seed(seed), FILL)


def _changed(**draws: Tensor) -> Tensor:
    """The images after draws chosen by hand, everything else at rest."""
    still = augmentation.draw(_images(), Augmentation(), torch.Generator())
    return augmentation.resample(
        _images(), augmentation.source_positions(still._replace(**draws), SIZE), FILL
    )


def _each_alone(settings: Augmentation) -> dict[str, Augmentation]:
    """The kinds of change that are switched on, each as settings that make it alone and on every image."""
    never = settings.perspective_probability == 0
    return {
        name: settings.model_copy(
            update={other: 0.0 for other in STRENGTHS if other != name} | {"perspective_probability": 1.0}
        )
        for name in STRENGTHS
        if getattr(settings, name) > 0 and not (never and name == "perspective")
    }


def _no_strength_changes_nothing() -> bool:
    through_all = _changed(corners=torch.zeros(COUNT, 4, 2), displacement=torch.zeros(COUNT, 2, SIZE, SIZE))
    return torch.equal(_augmented(Augmentation()), _images()) and torch.equal(through_all, _images())


def _tiny_strength_changes_little(settings: Augmentation) -> bool:
    tiny = settings.model_copy(update={name: 1e-5 * getattr(settings, name) for name in STRENGTHS})
    return (_augmented(tiny) - _images()).abs().max().item() < 0.01


def _whole_pixels_shift() -> bool:
    right_and_up = torch.tensor([[3.0, -2.0]]).repeat(COUNT, 1)
    return torch.equal(_changed(shift=right_and_up), F.pad(_images(), (3, -3, -2, 2), value=FILL))


def _quarter_turn() -> bool:
    turned = _changed(rotation=torch.full((COUNT,), 90.0))
    return torch.allclose(turned, torch.rot90(_images(), -1, (2, 3)), atol=1e-4)


def _outside_is_black() -> bool:
    """Images moved out of sight leave nothing but black; images moved at random, nothing darker."""
    gone = _changed(shift=torch.full((COUNT, 2), 2.0 * SIZE))
    darkest = _augmented(Augmentation(translation=1.0)).min()
    return torch.allclose(gone, torch.tensor(FILL)) and torch.allclose(darkest, torch.tensor(FILL))


def _fills_range(name: str, settings: Augmentation) -> bool:
    """Whether 1,024 draws stay in the declared range and come within 1 % of both its ends.

    Of an elastic field this is true before the blur only, so it is drawn with a blur of no width.
    """
    sharp = settings.model_copy(update={"elastic_sigma": 0.05})
    draws = augmentation.draw(_images(MANY), sharp, torch.Generator().manual_seed(0))
    strength = getattr(settings, name)
    values, low, high = {
        "rotation": (draws.rotation, -strength, strength),
        "translation": (draws.shift, -strength * SIZE, strength * SIZE),
        "scale": (draws.scale, 1 - strength, 1 + strength),
        "shear": (draws.shear, -strength, strength),
        "perspective": (draws.corners, 0, strength * SIZE / 2),
        "elastic_alpha": (draws.displacement, -strength / 2, strength / 2),
    }[name]
    least, most = values.min().item(), values.max().item()
    room, rounding = 0.01 * (high - low), 1e-6 * (1 + high)
    return low - rounding <= least <= low + room and high - room <= most <= high + rounding
