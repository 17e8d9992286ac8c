"""Augmentation against torchvision: the same parameters give the same image, the same noise the same field."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms import v2 as torchvision_transforms
from torchvision.transforms.v2 import functional as torchvision_functional

from helpers.data.augmentation import blur_matrix, draw, elastic_displacement, resample, source_positions
from helpers.settings import Augmentation


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_image(size: int = 28) -> torch.Tensor:
    """A bright blob off the centre, dark at the border: resampled twice it hardly loses anything."""
    y, x = torch.meshgrid(torch.arange(size) - 0.45 * size, torch.arange(size) - 0.6 * size, indexing="ij")
    return torch.exp(-(x**2 / 40 + y**2 / 15 + x * y / 60))[None, None]


def changed(image: torch.Tensor, **draws: torch.Tensor) -> torch.Tensor:
    at_rest = draw(image, Augmentation(), seeded())
    positions = source_positions(at_rest._replace(**draws), image.shape[-1])
    return resample(image, positions, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-9, 9),
    st.floats(-9, 9),
    st.floats(0.5, 2.0),
    st.floats(-60, 60),
)
def test_an_affine_change_is_torchvisions(angle, right, down, scale, shear):
    """Catches shear, scale, rotation and translation composed in another order than RandomAffine's."""
    image = smooth_image()
    ours = changed(
        image,
        rotation=torch.tensor([angle]),
        shift=torch.tensor([[right, down]]),
        scale=torch.tensor([scale]),
        shear=torch.tensor([shear]),
    )
    theirs = torchvision_functional.affine(
        image, angle, [right, down], scale, [shear, 0.0], interpolation=InterpolationMode.BILINEAR
    )
    assert torch.allclose(ours, theirs, atol=1e-4)


def perspective_of_torchvision(image: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """torchvision places pixel j's centre at j + 0.5, so the corner pixels' centres lie at 0.5 and 27.5.

    No `fill` is passed: with one it would mix the black border in a second time.
    """
    start = torch.tensor([[0.5, 0.5], [27.5, 0.5], [27.5, 27.5], [0.5, 27.5]])
    end = start + corners * torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    return torchvision_functional.perspective(image, start.tolist(), end.tolist())


@pytest.mark.parametrize("seed", range(10))
def test_a_perspective_change_is_torchvisions_for_the_same_corners(seed):
    """Catches an error of sign in the closed form of the homography, and corners listed in another order."""
    corners = 7 * torch.rand(1, 4, 2, generator=seeded(seed))
    image = torch.rand(1, 1, 28, 28, generator=seeded(seed))
    theirs = perspective_of_torchvision(image, corners[0])
    assert torch.allclose(changed(image, corners=corners), theirs, atol=1e-4)


def test_perspective_follows_the_affine_change():
    """Catches the two matrices multiplied the other way round, so that perspective comes first."""
    angle, corners = torch.tensor([30.0]), torch.tensor([[[0.0, 0], [7, 6], [1, 0], [0, 2]]])
    ours = changed(smooth_image(), rotation=angle, corners=corners)

    def turned(image: torch.Tensor) -> torch.Tensor:
        return torchvision_functional.affine(image, 30.0, [0, 0], 1.0, [0, 0], InterpolationMode.BILINEAR)

    same_order = perspective_of_torchvision(turned(smooth_image()), corners[0])
    other_order = turned(perspective_of_torchvision(smooth_image(), corners[0]))
    assert (ours - same_order).abs().max() < 0.03 < 0.1 < (ours - other_order).abs().max()


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_an_elastic_displacement_is_torchvisions_for_the_same_noise(sigma):
    """Catches a blur that ends at the border in zeros instead of reflecting, and alpha taken for pixels."""
    noise = 2 * torch.rand(3, 2, 28, 28, generator=seeded()) - 1
    kernel = int(8 * sigma + 1) // 2 * 2 + 1
    on_their_grid = torchvision_functional.gaussian_blur(noise, [kernel, kernel], [sigma, sigma]) * 10.0 / 28
    ours = elastic_displacement(noise, 10.0, sigma)
    assert torch.allclose(ours, on_their_grid * 28 / 2, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.1, 3.0, 20.0])
def test_a_blur_of_any_width_keeps_a_constant(sigma):
    """Catches weights that no longer sum to 1 once the blur reaches beyond the image."""
    ones = torch.ones(28)
    blurred = blur_matrix(28, sigma, torch.float32, torch.device("cpu")) @ ones
    assert torch.allclose(blurred, ones, atol=1e-5)


def test_an_elastic_image_is_torchvisions_for_the_same_displacement():
    """Catches a displacement that is subtracted, or whose first plane moves along y instead of x."""
    displacement = 2 * torch.rand(1, 2, 28, 28, generator=seeded()) - 1
    theirs = torchvision_functional.elastic(smooth_image(), displacement.permute(0, 2, 3, 1) / 14)
    assert torch.allclose(changed(smooth_image(), displacement=displacement), theirs, atol=1e-4)


def test_drawn_elastic_fields_have_torchvisions_spread_and_smoothness():
    """Catches noise from another distribution than torchvision's, or the same noise for both axes."""
    torch.manual_seed(0)
    transform = torchvision_transforms.ElasticTransform(alpha=10.0, sigma=3.0)
    image = torch.zeros(1, 28, 28)
    theirs = torch.cat([transform.make_params([image])["displacement"] for _ in range(600)]) * 14
    ours = draw(torch.zeros(600, 1, 28, 28), Augmentation(elastic_alpha=10.0, elastic_sigma=3.0), seeded())
    ours = ours.displacement.permute(0, 2, 3, 1)

    def correlations(field: torch.Tensor) -> list[float]:
        lags = [1, 3, 6, 10]
        along_x = [(field[:, :, :-lag] * field[:, :, lag:]).mean() for lag in lags]
        along_y = [(field[:, :-lag] * field[:, lag:]).mean() for lag in lags]
        between_axes = (field[..., 0] * field[..., 1]).mean()
        return [(value / field.square().mean()).item() for value in (*along_x, *along_y, between_axes)]

    assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.03)
    assert ours.mean().item() == pytest.approx(0, abs=0.02)
    middle, edge = ours[:, 10:18, 10:18].std().item(), ours[:, :2].std().item()
    assert middle == pytest.approx(theirs[:, 10:18, 10:18].std().item(), rel=0.05)
    assert edge == pytest.approx(theirs[:, :2].std().item(), rel=0.05)
    assert correlations(ours) == pytest.approx(correlations(theirs), abs=0.04)
