"""Augmentation of image batches: every image draws its own change, and one resampling carries them all out.

`augment` is `draw` (what happens to each image), `source_positions` (where each pixel comes from) and
`resample` (read the image there). Positions are pixels from the image's centre, x to the right, y down.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.settings import Augmentation


class Draws(NamedTuple):
    """What each of N images drew."""

    rotation: Tensor  # (N,) degrees, clockwise
    shift: Tensor  # (N, 2) pixels, right and down
    scale: Tensor  # (N,) above 1 enlarges
    shear: Tensor  # (N,) degrees along x
    corners: Tensor | None  # (N, 4, 2) pixels inward: top left, top right, bottom right, bottom left
    displacement: Tensor | None  # (N, 2, S, S) pixels


def augment(images: Tensor, settings: Augmentation, generator: torch.Generator, fill: float) -> Tensor:
    """Vary each image of a batch by its own draws; the images come in and go out in the same units.

    Rotation, scale, shear and translation act as in torchvision's RandomAffine, then perspective as in
    RandomPerspective, and the field of ElasticTransform is added; three differences from chaining those:
    one bilinear resampling instead of one per step, translations and corners that are not rounded to whole
    pixels, and an elastic field measured in pixels of the input, whatever the zoom.

    Args:
        images: (N, C, S, S), floating point.
        settings: strengths; what is at 0 draws nothing from the generator.
        generator: on the images' device.
        fill: black in the units of the images (0 before normalisation, (0 - mean) / std after it).

    Raises:
        ValueError: if the images are not square or not floating point.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3] or not images.is_floating_point():
        raise ValueError(
            f"images of shape {tuple(images.shape)}, {images.dtype}: a floating-point (N, C, S, S) is needed"
        )
    draws = draw(images, settings, generator)
    return resample(images, source_positions(draws, images.shape[-1]), fill)


def draw(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Draws:
    """Draw the change of every image in (N, C, S, S) independently, each parameter uniform in its range."""
    count, size = len(images), images.shape[-1]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        values = images.new_full((count, *shape), low)
        return values if low == high else values.uniform_(low, high, generator=generator)

    reach = settings.translation * size
    rotation = uniform(-settings.rotation, settings.rotation)
    shift = uniform(-reach, reach, 2)
    scale = uniform(1 - settings.scale, 1 + settings.scale)
    shear = uniform(-settings.shear, settings.shear)
    corners = displacement = None
    if settings.perspective > 0:
        chosen = uniform(0, 1, 1, 1) < settings.perspective_probability
        corners = uniform(0, settings.perspective * size / 2, 4, 2) * chosen
    if settings.elastic_alpha > 0:
        noise = uniform(-1, 1, 2, size, size)
        displacement = elastic_displacement(noise, settings.elastic_alpha, settings.elastic_sigma)
    return Draws(rotation, shift, scale, shear, corners, displacement)


def elastic_displacement(noise: Tensor, alpha: float, sigma: float) -> Tensor:
    """Smooth displacements in pixels from uniform noise in [-1, 1], both (N, 2, S, S), as ElasticTransform's.

    In torchvision the blurred noise times alpha / S is added to a grid that is 2 wide for S pixels: these are
    alpha / 2 pixels.
    """
    blur = blur_matrix(noise.shape[-1], sigma, noise.dtype, noise.device)
    return (alpha / 2 * blur) @ noise @ blur.T


@lru_cache
def blur_matrix(size: int, sigma: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The (S, S) matrix of a Gaussian blur along one axis; cut-off and reflection as torchvision's."""
    radius = int(8 * sigma + 1) // 2
    offsets = torch.arange(-radius, radius + 1)
    kernel = torch.softmax(-0.5 * (offsets.double() / sigma) ** 2, dim=0)
    pixels = torch.arange(size)[:, None]
    period = max(2 * size - 2, 1)
    folded = (pixels + offsets).remainder(period)
    source = torch.minimum(folded, period - folded)
    matrix = torch.zeros(size, size, dtype=torch.double)
    return matrix.scatter_add_(1, source, kernel.expand(size, -1)).to(device, dtype)


def inverse_affine(draws: Draws) -> Tensor:
    """(N, 2, 3): the point of the input that an output point shows.

    Forward is x -> scale * R(rotation) * [[1, -tan(shear)], [0, 1]] * x + shift; the inverse is written out.
    """
    angle, lean = draws.rotation.deg2rad(), draws.shear.deg2rad().tan()
    cos, sin = angle.cos() / draws.scale, angle.sin() / draws.scale
    linear = torch.stack((cos - lean * sin, sin + lean * cos, -sin, cos), dim=-1).view(-1, 2, 2)
    return torch.cat((linear, -(linear @ draws.shift[:, :, None])), dim=2)


def inverse_perspective(corners: Tensor, size: int) -> Tensor:
    """(N, 3, 3): homographies back from the moved corners (N, 4, 2) of an S x S image to its own corners.

    The unit square's map onto a quadrilateral in closed form (Heckbert, Fundamentals of Texture Mapping and
    Image Warping, 1989), inverted by its adjugate: a homography has no scale.
    """
    far = (size - 1) / 2
    inward = corners.new_tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    p0, p1, p2, p3 = (inward * (corners - far)).unbind(1)
    right, down, twist = p1 - p2, p3 - p2, p0 - p1 + p2 - p3

    def cross(a: Tensor, b: Tensor) -> Tensor:
        return a[:, :1] * b[:, 1:] - a[:, 1:] * b[:, :1]

    g, h = cross(twist, down) / cross(right, down), cross(right, twist) / cross(right, down)
    x_axis = torch.cat((p1 - p0 + g * p1, g), dim=1)
    y_axis = torch.cat((p3 - p0 + h * p3, h), dim=1)
    origin = torch.cat((p0, torch.ones_like(g)), dim=1)
    columns = ((y_axis, origin), (origin, x_axis), (x_axis, y_axis))
    to_square = torch.stack([torch.linalg.cross(a, b) for a, b in columns], dim=1)
    to_image = corners.new_tensor([[2 * far, 0, -far], [0, 2 * far, -far], [0, 0, 1]])
    return to_image @ to_square


def source_positions(draws: Draws, size: int) -> Tensor:
    """(N, 2, S, S): the x and y in the input, in pixels from its centre, that each output pixel shows."""
    centres = torch.arange(size, dtype=draws.shift.dtype, device=draws.shift.device) - (size - 1) / 2

    def planes(rows: Tensor) -> Tensor:  # (N, K, 3) to (N, K, S, S): a x + b y + c at each pixel
        along_y = rows[:, :, 1, None] * centres + rows[:, :, 2, None]
        return (rows[:, :, 0, None] * centres)[:, :, None, :] + along_y[:, :, :, None]

    matrix = inverse_affine(draws)
    if draws.corners is None:
        positions = planes(matrix)
    else:
        back = inverse_perspective(draws.corners, size)
        positions = planes(matrix @ back) / planes(back[:, 2:])
    return positions if draws.displacement is None else positions + draws.displacement


def resample(images: Tensor, positions: Tensor, fill: float) -> Tensor:
    """Read images (N, C, S, S) bilinearly at positions (N, 2, S, S); beyond the image everything is `fill`.

    `grid_sample` knows no colour but 0 outside, so the image gets a frame of `fill` that no position leaves.
    The frame brings the width to a power of two: in `grid_sample`'s units, which span the width from -1 to 1,
    whole pixels are then exact.
    """
    size = images.shape[-1]
    framed_size = 1 << (size + 1).bit_length()
    before = (framed_size - size) // 2
    after = framed_size - size - before
    framed = F.pad(images, (before, after, before, after), value=fill)
    off_centre = before + size / 2 - framed_size / 2
    outermost = 1 - 1 / framed_size
    grid = (positions + off_centre).mul_(2 / framed_size).clamp_(-outermost, outermost)
    return F.grid_sample(framed, grid.permute(0, 2, 3, 1), align_corners=False)
