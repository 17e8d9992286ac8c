"""Pictures of networks: squares and bars are those of the tables."""

import numpy as np
import pytest
import torch
from making.drawings import corners, network, pictures, texts
from torch import nn

from helpers.figures.networks import parameters_per_layer, receptive_field_squares
from helpers.networks.parameters import parameter_table
from helpers.networks.receptive_field import receptive_field


def squares(figure):
    """(top, bottom), (left, right) in pixels of the digit, first and last, of every square."""
    found = []
    for patch, (left, top) in zip(figure.axes[0].patches, corners(figure), strict=True):
        x, y = patch.get_x() - left, patch.get_y() - top
        found.append(((y, y + patch.get_height() - 1), (x, x + patch.get_width() - 1)))
    return found


def test_squares_are_those_of_the_table_clipped_to_the_digit(digit_images):
    """Catches a square one pixel too small, since its last pixel was not counted, or one past the digit."""
    # By hand: unit 12 of 26 sees 12-14, unit 6 of 13 pooled 12-15, after a padded 3x3 10-17; then all.
    figure = receptive_field_squares(digit_images[0], receptive_field(network()))
    by_hand = [(12, 14), (12, 15), (10, 17), (0, 27)]
    assert squares(figure) == pytest.approx(np.array([(span, span) for span in by_hand]))
    assert texts(figure.axes[0]) == [
        "0\nConv2d\n3 x 3",
        "2\nMaxPool2d\n4 x 4",
        "3\nConv2d\n8 x 8",
        "5\nAdaptiveAvgPool2d\n32 x 32",
    ]


def test_only_a_square_that_had_to_be_clipped_is_dashed(digit_images):
    """Catches squares that are all dashed, or a field past the border drawn as if it ended there."""
    figure = receptive_field_squares(digit_images[0], receptive_field(network()))
    assert [patch.get_linestyle() != "-" for patch in figure.axes[0].patches] == [False, False, False, True]


def test_height_and_width_of_a_field_are_not_mixed_up(digit_images):
    """Catches x and y exchanged in the rectangle, unseen as long as all kernels are square."""
    field = receptive_field(nn.Sequential(nn.Conv2d(1, 10, (5, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    figure = receptive_field_squares(digit_images[0], field)
    assert squares(figure)[0] == pytest.approx(np.array([(11, 15), (13, 13)]))
    assert texts(figure.axes[0])[0].endswith("5 x 1")


def test_what_is_not_seen_is_dimmed_and_what_is_seen_is_not():
    """Catches a mask that dims the inside, or one that misses the last row and column of the square."""
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    drawn = pictures(receptive_field_squares(white, receptive_field(network())))
    assert [int((picture == 1).sum()) for picture in drawn] == [9, 16, 64, 784]
    assert drawn[0].min() > 0


@pytest.mark.parametrize(("budget", "word", "slack"), [(300, "to spare", 54), (200, "too many", 46)])
def test_bars_hold_every_parameter_and_the_slack_of_the_budget(budget, word, slack):
    """Catches BatchNorm left out of the bars, and too many parameters called parameters to spare."""
    # 36 + 4, 8, 144 + 4, 40 + 10.
    axes = parameters_per_layer(parameter_table(network()).rows, budget).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [40, 8, 148, 50, slack]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "0, Conv2d", "1, BatchNorm2d", "3, Conv2d", "4, Conv2d", word,
    ]  # fmt: skip
    assert axes.get_title("left") == f"246 parameters, budget {budget}: {slack} {word}"
    assert max(bar.get_width() for bar in axes.patches) < axes.get_xlim()[1]


def test_without_a_budget_there_are_only_layers():
    """Catches a bar of no width, or a comparison with None, where no budget was declared."""
    axes = parameters_per_layer(parameter_table(network()).rows).axes[0]
    assert len(axes.patches) == 4
    assert axes.get_title("left") == "246 parameters"
