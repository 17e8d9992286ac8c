"""Pictures of digits: what was given is what is drawn, pixel for pixel."""

import io

import numpy as np
import pytest
import torch
from making.drawings import corners, pictures, texts
from matplotlib.image import imread

from helpers.data.splits import BLACK, normalise
from helpers.figures.digits import GAP, SIDE, augmented, digit_grid


def test_a_grid_draws_every_digit_in_order_with_its_caption(digit_images):
    """Catches captions shifted against their digits, and digits laid out down the columns."""
    figure = digit_grid(digit_images[:23], [f"no. {i}" for i in range(23)], columns=10)
    assert texts(figure.axes[0]) == [f"no. {i}" for i in range(23)]
    assert len(pictures(figure)) == 23
    for drawn, image in zip(pictures(figure), digit_images, strict=False):
        assert np.allclose(drawn, image[0] / 255)
    places = corners(figure)
    assert len({top for _, top in places}) == 3 and len({left for left, _ in places}) == 10
    assert places[10][0] == places[0][0] and places[10][1] > places[0][1] + SIDE


def test_digits_do_not_overlap_and_lie_within_the_figure(digit_images):
    """Catches rows set closer together than a digit is high, and a last row that the figure cuts off."""
    figure = digit_grid(digit_images[:7], columns=3)
    taken = np.zeros((1_000, 1_000), dtype=int)
    for left, top in corners(figure):
        taken[int(top) : int(top) + SIDE, int(left) : int(left) + SIDE] += 1
    assert taken.max() == 1
    bottom, _ = figure.axes[0].get_ylim()
    assert np.argwhere(taken).max(axis=0)[0] < bottom
    assert np.argwhere(taken).max(axis=0)[1] < figure.axes[0].get_xlim()[1]


def test_every_pixel_of_a_digit_is_a_square_of_three_by_three_screen_pixels():
    """Catches smoothed pixels, and a figure scaled so that some pixels are wider than others."""
    checkered = torch.tensor([0, 255], dtype=torch.uint8).repeat(14).expand(1, 1, 28, 28)
    png, _ = digit_grid(checkered)._repr_png_()
    row = imread(io.BytesIO(png))[3 * (GAP + 1) + 1, 3 * GAP : 3 * (GAP + SIDE), 0]
    assert np.array_equal(row, np.tile([0, 0, 0, 1, 1, 1], 14))


def test_a_grid_of_no_digits_says_so():
    """Catches an empty axis without a word, or an error from the minimum of no pixels."""
    figure = digit_grid(torch.zeros(0, 1, 28, 28), [])
    assert figure.get_suptitle() == "No digits to show"
    assert pictures(figure) == []


def test_a_missing_caption_is_refused(digit_images):
    """Catches captions that end before the digits do, so that nobody knows whose they are."""
    with pytest.raises(ValueError, match="2 captions for 3 images"):
        digit_grid(digit_images[:3], ["a", "b"])


@pytest.mark.parametrize("units", [lambda images: images, normalise, lambda images: images / 255])
def test_black_is_black_and_white_is_white_in_any_units(units):
    """Catches normalised floats drawn as if they lay between 0 and 1."""
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).repeat_interleave(28 * 28).view(3, 1, 28, 28)
    drawn = pictures(digit_grid(units(image)))
    assert [picture[0, 0] for picture in drawn] == pytest.approx([0, 0.2, 1], abs=1e-6)


def test_a_picture_without_any_ink_is_black():
    """Catches a division by zero where the brightest pixel is also the darkest."""
    assert np.array_equal(pictures(digit_grid(torch.full((1, 1, 28, 28), BLACK)))[0], np.zeros((28, 28)))


def test_augmented_digits_stand_below_their_originals_on_one_scale_of_greys(digit_images):
    """Catches a scale of greys for each row, which hides that the fill is not black."""
    originals = normalise(digit_images[:4])
    variants = torch.stack([originals.flip(3), torch.zeros_like(originals)])  # a fill of 0
    figure = augmented(originals, variants)
    drawn, places = pictures(figure), corners(figure)
    assert len(drawn) == 12
    for column in range(4):
        assert [places[row * 4 + column][0] for row in (1, 2)] == [places[column][0]] * 2
        assert np.allclose(drawn[4 + column], np.fliplr(drawn[column]))
        assert np.allclose(drawn[8 + column], 0.1307, atol=1e-3)  # grey, and not black


def test_images_of_different_units_are_refused(digit_images):
    """Catches bytes and normalised floats joined into one picture, in which one of the two is all black."""
    with pytest.raises(ValueError, match=r"torch\.(uint8|float32) and torch\.(uint8|float32)"):
        augmented(digit_images[:2], normalise(digit_images[:2])[None])
