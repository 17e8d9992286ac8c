"""Augmentation: exact where it can be exact, nothing drawn in vain, every image on its own draws."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from helpers.data.augmentation import Draws, augment, draw, resample, source_positions
from helpers.settings import Augmentation

BLACK = (0 - 0.1307) / 0.3081
STRENGTHS = ["rotation", "translation", "scale", "shear", "perspective", "elastic_alpha"]
EVERYTHING = Augmentation(
    rotation=10.0,
    translation=0.1,
    scale=0.15,
    shear=8.0,
    perspective=0.3,
    perspective_probability=0.6,
    elastic_alpha=20.0,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(count: int = 4, size: int = 28, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=seeded(seed))


def at_rest(images: torch.Tensor) -> Draws:
    return draw(images, Augmentation(), seeded())


def changed(images: torch.Tensor, fill: float = 0.0, **draws: torch.Tensor) -> torch.Tensor:
    positions = source_positions(at_rest(images)._replace(**draws), images.shape[-1])
    return resample(images, positions, fill)


def drawn(chosen: Augmentation, count: int = 4000) -> Draws:
    return draw(torch.zeros(count, 1, 28, 28), chosen, seeded(3))


# ---- no strength, little strength


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.floats(-3, 3, width=32), st.sampled_from([torch.float32, torch.float64]))
def test_no_strength_returns_every_bit_unchanged(size, fill, dtype):
    """Catches a frame whose width is no power of two, by whose rounding untouched images are blurred."""
    images = (6 * random_images(3, size) - 3).to(dtype)
    result = augment(images, Augmentation(), seeded(), fill)
    assert torch.equal(result, images) and result.dtype == dtype


@pytest.mark.parametrize("size", [5, 27, 28, 30, 32])
def test_draws_at_rest_pass_through_perspective_and_elastic_unchanged(size):
    """Catches a homography that is only nearly the identity where no corner moves."""
    images = random_images(3, size)
    nothing = {"corners": torch.zeros(3, 4, 2), "displacement": torch.zeros(3, 2, size, size)}
    assert torch.equal(changed(images, BLACK, **nothing), images)


@pytest.mark.parametrize("name", STRENGTHS)
def test_a_change_shrinks_with_its_strength(name):
    """Catches translations and corners rounded to whole pixels, so that a small strength does nothing."""
    images = random_images(64)

    def change(strength: float) -> float:
        chosen = Augmentation(**{name: strength}, perspective_probability=1.0)
        return (augment(images, chosen, seeded(), 0.0) - images).abs().max().item()

    assert 0 < change(1e-4) < 0.01
    assert 5 * change(1e-4) < change(1e-3)


def test_what_is_switched_off_draws_nothing():
    """Catches numbers drawn for a kind of change that is off, which shift the draws of all others."""
    generator = seeded()
    before = generator.get_state()
    augment(random_images(), Augmentation(), generator, 0.0)
    assert torch.equal(generator.get_state(), before)
    augment(random_images(), Augmentation(rotation=1.0), generator, 0.0)
    only_angles = seeded()
    torch.rand(4, generator=only_angles)
    assert torch.equal(generator.get_state(), only_angles.get_state())


# ---- exact changes


@settings(max_examples=60, deadline=None)
@given(st.integers(-31, 31), st.integers(-31, 31), st.integers(9, 29))
def test_a_translation_by_whole_pixels_is_a_shifted_image(right, down, size):
    """Catches x and y exchanged in the shift, and interpolation where whole pixels need none."""
    images = random_images(2, size)
    canvas = F.pad(images, (31, 31, 31, 31), value=BLACK)
    expected = canvas[:, :, 31 - down : 31 - down + size, 31 - right : 31 - right + size]
    shift = torch.tensor([[right, down]] * 2, dtype=torch.float32)
    assert torch.allclose(changed(images, BLACK, shift=shift), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("degrees", "quarters"), [(90, -1), (180, 2), (-90, 1)])
@pytest.mark.parametrize("size", [27, 28])
def test_quarter_turns_are_clockwise_rot90(degrees, quarters, size):
    """Catches rotations that turn counterclockwise, or about a pixel instead of the centre of the image."""
    images = random_images(3, size)
    result = changed(images, BLACK, rotation=torch.full((3,), float(degrees)))
    assert torch.allclose(result, torch.rot90(images, quarters, (2, 3)), atol=1e-4)


def test_doubling_the_scale_doubles_the_inner_half():
    """Catches the scale used where its inverse belongs, so that above 1 the digit shrinks."""
    corner_of_four = torch.zeros(1, 1, 28, 28)
    corner_of_four[:, :, 13:15, 13:15] = 1.0
    doubled = changed(corner_of_four, scale=torch.tensor([2.0]))
    assert doubled.sum().item() == pytest.approx(16.0, abs=1e-4)


@pytest.mark.parametrize("fill", [BLACK, 0.0, 1.5])
def test_beyond_the_image_is_the_fill_in_the_images_own_units(fill):
    """Catches the zeros of grid_sample at the border, which are grey in normalised images."""
    images = random_images()
    gone = changed(images, fill, shift=torch.full((4, 2), 28.5))
    assert torch.allclose(gone, torch.full_like(images, fill), rtol=0, atol=1e-6)
    half = changed(torch.ones(1, 1, 28, 28), fill, shift=torch.tensor([[0.5, 0.0]]))
    assert torch.allclose(half[..., 0], torch.tensor((1 + fill) / 2), atol=1e-6)


def test_augmenting_before_or_after_normalisation_is_the_same():
    """Catches a step of augmentation that is not linear in the grey levels, such as clamping to [0, 1]."""
    images = random_images(32)
    raw = augment(images, EVERYTHING, seeded(), 0.0)
    normalised = augment((images - 0.1307) / 0.3081, EVERYTHING, seeded(), BLACK)
    assert torch.allclose((raw - 0.1307) / 0.3081, normalised, atol=1e-4)


# ---- the draws


def test_each_parameter_is_uniform_over_its_declared_range():
    """Catches a translation in shares of the image instead of pixels, and angles of one sign only."""
    draws = drawn(EVERYTHING.model_copy(update={"perspective_probability": 1.0}))
    for values, low, high in (
        (draws.rotation, -10, 10),
        (draws.shift[:, 0], -2.8, 2.8),
        (draws.shift[:, 1], -2.8, 2.8),
        (draws.scale, 0.85, 1.15),
        (draws.shear, -8, 8),
        *((draws.corners[:, corner, axis], 0, 4.2) for corner in range(4) for axis in range(2)),
    ):
        assert kstest(values.numpy(), "uniform", args=(low, high - low)).pvalue > 0.001


def test_parameters_are_drawn_independently_of_each_other():
    """Catches one draw that serves two parameters, such as the same shift along both axes."""
    draws = drawn(EVERYTHING.model_copy(update={"perspective_probability": 1.0}))
    columns = torch.column_stack(
        (draws.rotation, draws.shift, draws.scale, draws.shear, draws.corners.flatten(1))
    )
    correlation = np.corrcoef(columns.numpy().T) - np.eye(columns.shape[1])
    assert np.abs(correlation).max() < 5 / np.sqrt(len(columns))


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_perspective_touches_the_declared_share_of_images(probability):
    """Catches a probability that is thrown once for the whole batch, or compared the wrong way round."""
    corners = drawn(Augmentation(perspective=0.2, perspective_probability=probability)).corners
    touched = (corners > 0).any(dim=(1, 2)).float().mean().item()
    assert touched == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize("name", STRENGTHS)
def test_images_of_one_batch_differ(name):
    """Catches a kind of change that is drawn once and broadcast over the batch."""
    images = random_images(1).repeat(32, 1, 1, 1)
    chosen = Augmentation(**{name: 0.1}, perspective_probability=1.0)
    assert len(augment(images, chosen, seeded(), BLACK).unique(dim=0)) == 32


def test_an_image_depends_on_its_own_draws_only():
    """Catches a reshape that mixes the batch with another axis and gives an image its neighbour's corners."""
    images = random_images(8)
    draws = draw(images, EVERYTHING, seeded())
    together = resample(images, source_positions(draws, 28), BLACK)
    for k in range(8):
        own = Draws(*(values[k : k + 1] for values in draws))
        alone = resample(images[k : k + 1], source_positions(own, 28), BLACK)
        assert torch.allclose(alone, together[k : k + 1], atol=1e-5)


def test_the_generator_alone_decides():
    """Catches draws from torch's global generator, and a generator that is copied and so never advances."""
    images = random_images(16)
    first = augment(images, EVERYTHING, seeded(1), BLACK)
    torch.manual_seed(99)
    assert torch.equal(augment(images, EVERYTHING, seeded(1), BLACK), first)
    assert not torch.equal(augment(images, EVERYTHING, seeded(2), BLACK), first)
    generator = seeded(1)
    assert torch.equal(augment(images, EVERYTHING, generator, BLACK), first)
    assert not torch.equal(augment(images, EVERYTHING, generator, BLACK), first)


def test_the_images_that_come_in_stay_as_they_are():
    """Catches an operation in place that changes the caller's images as well."""
    images = random_images()
    before = images.clone()
    augment(images, EVERYTHING, seeded(), BLACK)
    assert torch.equal(images, before)


@pytest.mark.parametrize(
    "images",
    [torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(2, 28, 28), torch.zeros(2, 1, 28, 27)],
    ids=["bytes", "no channel", "not square"],
)
def test_other_images_are_refused_with_their_shape_and_type(images):
    """Catches bytes that are interpolated in whole numbers, and a width taken for the height."""
    with pytest.raises(ValueError, match="floating-point") as refusal:
        augment(images, EVERYTHING, seeded(), 0.0)
    assert str(tuple(images.shape)) in str(refusal.value) and str(images.dtype) in str(refusal.value)
