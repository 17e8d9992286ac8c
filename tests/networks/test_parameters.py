"""Parameters and multiply-adds, against counts by hand and by torchinfo."""

import html
import re

import pytest
import torch.nn.functional as F
from making.networks import Of, small
from making.published import PUBLISHED
from torch import nn
from torchinfo import summary

from helpers.networks.parameters import count_parameters, parameter_table


def test_shared_and_frozen_parameters_are_counted_once():
    network = nn.Sequential(shared := nn.Conv2d(4, 4, 1, bias=False), nn.ReLU(), shared)
    shared.weight.requires_grad = False
    assert count_parameters(network) == 16


def test_the_parameters_of_notebook_13_are_those_counted_by_hand():
    """Catches parameters that are told under the wrong layer or as the wrong kind."""
    table = parameter_table(PUBLISHED["13"](), budget=8_000)
    rows = {row.layer: row for row in table.rows}
    counts = [row.weights for row in table.rows if row.operation == "Conv2d"]
    assert counts == [9 * 1 * 7, 9 * 7 * 7, 9 * 7 * 10, 9 * 10 * 10, 9 * 10 * 12, 9 * 12 * 16, 9 * 16 * 18]
    assert [row.biases for row in table.rows if row.operation == "BatchNorm2d"] == [
        14,
        14,
        20,
        20,
        24,
        32,
        36,
    ]
    assert (rows["26"].weights, rows["26"].biases, rows["26"].output) == (180, 10, (10,))
    assert rows["0"].output == (7, 26, 26) and rows["0"].mult_adds == 63 * 26 * 26
    assert table.total == 7_784
    assert table.notes()[-1] == "budget 8,000: 216 to spare"
    assert parameter_table(PUBLISHED["13"](), budget=7_000).notes()[-1] == "budget 7,000: 784 too many"


@pytest.mark.parametrize("notebook", PUBLISHED)
def test_the_rows_add_up_to_the_network(notebook):
    """Catches parameters that no row has, and those that two rows have."""
    network = PUBLISHED[notebook]()
    assert parameter_table(network).total == count_parameters(network)


def test_multiply_adds_are_those_of_the_published_networks_and_of_torchinfo():
    """Catches positions counted on the incoming map, where they belong to the outgoing one."""
    assert parameter_table(PUBLISHED["08"]()).mult_adds == 2_374_112
    without_bias_and_norm = PUBLISHED["07"]()
    reference = summary(without_bias_and_norm, (1, 1, 28, 28), verbose=0).total_mult_adds
    assert parameter_table(without_bias_and_norm).mult_adds == reference == 2_468_192


def test_multiply_adds_count_groups_functions_and_every_use():
    """Catches a layer that is used twice and counted once, and groups that are counted as whole."""
    grouped = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 3, groups=4, padding=1))
    assert parameter_table(grouped).mult_adds == 4 * 784 + 4 * 9 * 784
    twice = Of(lambda n, x: F.conv2d(n.a(n.a(x)), n.b.weight))
    assert parameter_table(twice).mult_adds == 9 * (784 + 784 + 26 * 26)


def test_parameters_outside_of_layers_and_unused_ones_have_rows():
    """Catches a total that leaves out what no layer holds or no step uses."""
    table = parameter_table(Of(lambda n, x: n.a(x) * n.scale))
    rows = {row.layer: (row.operation, row.total) for row in table.rows}
    assert rows["scale"] == ("parameter", 1)
    assert rows["c.weight"] == ("not used", 9) and rows["c.bias"] == ("not used", 1)
    assert table.total == 31


def test_the_table_is_clean_text_and_the_html_holds_the_same_cells():
    table = parameter_table(small(), budget=100)
    assert repr(table) == GOLDEN.strip()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table._repr_html_())
    assert [html.unescape(cell) for cell in cells] == [cell for row in table.cells() for cell in row]


GOLDEN = """
layer  operation           output  weights  biases  total   share  mult-adds
----------------------------------------------------------------------------
0      Conv2d             4x26x26       36       0     36  38.3 %     24,336
1      BatchNorm2d        4x26x26        0       8      8   8.5 %          0
4      AdaptiveAvgPool2d    4x1x1        0       0      0   0.0 %          0
5      Flatten                  4        0       0      0   0.0 %          0
6      Linear                  10       40      10     50  53.2 %         40
----------------------------------------------------------------------------
94 parameters, 24,376 multiply-adds for one image
budget 100: 6 to spare
"""
