"""The settings of a run: frozen, validated, refused in one clear line."""

import reprlib
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from helpers.errors import SettingsError

MNIST_TRAIN_IMAGES = 60_000
CLASSES = 10

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


def one_line(error: ValidationError) -> str:
    """The complaints of pydantic as one line: `name = value: what is allowed; ...`."""
    complaints = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or error.title
        whole = item["type"] == "missing" or not item["loc"]  # then the input is everything else
        value = "" if whole else f" = {reprlib.repr(item['input'])}"
        complaints.append(f"{name}{value}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(complaints)


class Settings(BaseModel):
    """Base of all settings: no unknown names, no silent conversions, no NaN, no change after creation.

    Raises:
        SettingsError: on any bad value, with one line that names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(one_line(error)) from None


class Augmentation(Settings):
    """How training images are varied; every image of a batch draws its own values. All zero: no change.

    Ranges follow torchvision's RandomAffine, RandomPerspective and ElasticTransform.
    """

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0  # degrees, uniform in [-r, r]
    translation: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the width, uniform each way
    scale: Fraction = 0.0  # uniform in [1 - s, 1 + s]
    shear: Annotated[float, Field(ge=0, lt=90)] = 0.0  # degrees along x, uniform in [-s, s]
    perspective: Fraction = 0.0  # torchvision's distortion_scale
    perspective_probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    elastic_alpha: NonNegative = 0.0  # pixels times the blurred uniform noise, over two
    elastic_sigma: Positive = 3.0  # pixels, width of the Gaussian blur


class Recipe(Settings):
    """How a network is trained, as declared; a profile may run fewer epochs of it."""

    epochs: Count = 15
    batch_size: Count = 128
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: Positive = 0.01  # for one_cycle: its maximum
    momentum: Fraction = 0.9  # sgd only
    nesterov: bool = False  # sgd only
    weight_decay: NonNegative = 0.0
    label_smoothing: Fraction = 0.0
    schedule: Literal["constant", "one_cycle", "step", "plateau"] = "constant"
    pct_start: Annotated[float, Field(gt=0, lt=1)] = 0.3  # one_cycle: share of the steps spent rising
    div_factor: Positive = 25.0  # one_cycle: first rate = maximum / div_factor
    final_div_factor: Positive = 1e4  # one_cycle: last rate = first rate / final_div_factor
    cycle_momentum: bool = True  # one_cycle: momentum falls to 0.85 as the rate rises
    step_epochs: Count = 6  # step: epochs between drops
    plateau_patience: Annotated[int, Field(ge=0)] = 10  # plateau: epochs without a better accuracy
    plateau_min_rate: NonNegative = 0.0
    drop_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1  # step and plateau: the rate is multiplied by it
    ema_decay: Fraction = 0.0  # 0: off; else average weights and buffers, min(decay, (1 + t) / (10 + t))
    drop_last: bool = False  # leave out the last, smaller batch of an epoch
    reseed_every_epoch: bool = False  # a published mistake: every epoch then draws the same

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.optimizer == "sgd" and self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


class Profile(Settings):
    """How much of a recipe is run: `fast` proves that the code runs, `full` puts the claim to the test."""

    name: str
    epochs: Count | None = None  # None: as declared
    train_images: Count | None = None  # None: all of them
    test_images: Count | None = None
    compiled: bool = False


PROFILES = {
    "fast": Profile(name="fast", epochs=2, train_images=6_000, test_images=2_000),
    "full": Profile(name="full", compiled=True),
}


class RunConfig(Settings):
    """Everything that decides the numbers of one run, and nothing else (not the machine, not the folder)."""

    profile: Literal["fast", "full"] = "fast"
    dataset: Literal["auto", "mnist", "digits"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    recipe: Recipe = Recipe()
    augmentation: Augmentation = Augmentation()
    logits: Annotated[int, Field(ge=CLASSES)] = CLASSES  # two published networks have more than they need
    crops: Literal[1, 5] = 1  # of every tested image: 5 are itself and its shifts by a pixel, logits averaged
    validation_images: Annotated[int, Field(ge=0, lt=MNIST_TRAIN_IMAGES)] = 0  # held out of the training set
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @classmethod
    def of(cls, **settings: Any) -> Self:
        """A configuration from flat names: each goes to the recipe, to the augmentation or to the run itself.

        Raises:
            SettingsError: for a name that none of them has, or a bad value.
        """
        known = {name: part for part in (cls, Augmentation, Recipe) for name in part.model_fields}
        parts: dict[type[Settings], dict[str, Any]] = {cls: {}, Recipe: {}, Augmentation: {}}
        for name, value in settings.items():
            if name not in known:
                close = get_close_matches(name, known, n=1)
                raise SettingsError(
                    f"unknown setting {name!r}{f'; did you mean {close[0]}?' if close else ''}"
                )
            parts[known[name]][name] = value
        nested = {"recipe": Recipe(**parts[Recipe]), "augmentation": Augmentation(**parts[Augmentation])}
        return cls(**(nested | parts[cls]))

    @property
    def run_epochs(self) -> int:
        """Epochs that this run trains: the declared ones, or fewer in the `fast` profile."""
        return min(self.recipe.epochs, PROFILES[self.profile].epochs or self.recipe.epochs)
