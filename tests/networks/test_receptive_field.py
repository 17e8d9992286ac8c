"""Receptive field tables against tables worked by hand, their text, and what is refused."""

import copy
import html
import re
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from making.networks import Between
from making.published import PUBLISHED
from torch import nn

from helpers.errors import DifferentJumps, UnknownOperation
from helpers.networks.gradient_check import check_by_gradients
from helpers.networks.parameters import count_parameters
from helpers.networks.receptive_field import receptive_field


def fields(network: nn.Module) -> list[int]:
    """The fields of the rows that the table shows; the same along both axes."""
    rows = [row for row in receptive_field(network).rows if row.changes]
    assert all(row.outgoing.extents[0] == row.outgoing.extents[1] for row in rows)
    return [row.outgoing.extents[0] for row in rows]


# Worked by hand: r grows by (k - 1) * j, then j doubles at every pool; 12 ends in a 7x7 map at jump 4.
BY_HAND = {
    "01": (194_884, [3, 5, 7, 8, 8, 12, 16, 16, 28]),
    "06": (5_920, [3, 5, 5, 6, 10, 14, 18, 22, 28]),
    "09": (7_820, [3, 5, 7, 8, 8, 12, 16, 20, 22, 22, 8, 22, 30, 38, 46, 46, 70]),
    "11": (13_808, [3, 5, 5, 6, 10, 14, 18, 22, 32, 32]),
    "12": (9_382, [3, 5, 6, 6, 10, 14, 16, 16, 40, 40]),
    "13": (7_784, [3, 5, 7, 8, 12, 16, 18, 26, 34, 42, 42]),
    "14": (7_918, [3, 5, 7, 8, 8, 12, 16, 28, 28]),
}
AT_LOGITS = {"02": (5_784, 22), "03": (5_936, 22), "05": (5_936, 28), "07": (6_536, 54), "08": (6_704, 54)}


@pytest.mark.parametrize("notebook", BY_HAND)
def test_the_table_of_a_published_network_is_the_one_worked_by_hand(notebook):
    """Catches a wrong field of any layer, also where the one at the logits is right."""
    parameters, expected = BY_HAND[notebook]
    network = PUBLISHED[notebook]()
    assert count_parameters(network) == parameters
    assert fields(network) == expected
    assert receptive_field(network).at_logits == expected[-1]


@pytest.mark.parametrize("notebook", AT_LOGITS)
def test_the_other_published_networks_see_what_their_facts_say(notebook):
    """Catches a network that is not the published one: its parameters or its field would differ."""
    parameters, expected = AT_LOGITS[notebook]
    network = PUBLISHED[notebook]()
    assert (count_parameters(network), receptive_field(network).at_logits) == (parameters, expected)


@pytest.mark.parametrize("notebook", ["01", "02", "11", "14"])  # whose maps end where the image ends
def test_the_middle_unit_sees_exactly_the_clipped_span_on_a_real_sized_image(notebook):
    """Catches a field of the right width that lies beside the right place."""
    network = copy.deepcopy(PUBLISHED[notebook]()).double().eval()
    table = receptive_field(network)
    rows = {row.layer: row for row in table.rows}
    layers = [nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer for layer in network]
    x = image = torch.ones(1, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    seen = []
    for index, layer in enumerate(layers):
        if not isinstance(layer, nn.Conv2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d):
            continue  # only what moves pixels: all else would hide some of them
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
        x = layer(x)
        middle = x[0, :, (x.shape[2] - 1) // 2, (x.shape[3] - 1) // 2].sum()
        (gradient,) = torch.autograd.grad(middle, image, retain_graph=True)
        pixels = gradient[0, 0].nonzero()
        spans = tuple(zip(pixels.amin(0).tolist(), pixels.amax(0).tolist(), strict=True))
        assert rows[str(index)].clipped == spans
        seen.append(spans)
    assert len(seen) >= 8


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        self.wide = nn.Conv2d(4, 4, (3, 5), padding=(2, 2), dilation=(2, 1))
        self.up = nn.Upsample(scale_factor=(2, 1))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x += self.wide(x)
        return self.head(self.up(x))


def test_the_text_is_a_clean_table_and_the_html_holds_the_same_cells():
    """Catches a column that is lost, and text that the HTML does not hold."""
    network = Residual()
    table = receptive_field(network)
    assert repr(table) == GOLDEN.strip()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table._repr_html_())
    assert [html.unescape(cell) for cell in cells] == [cell for row in table.cells() for cell in row]


GOLDEN = """
layer   operation              kernel   stride  padding       in      out  RF in  RF out  jump in  jump out  centre   span
--------------------------------------------------------------------------------------------------------------------------
stem.0  Conv2d                      3        1        0       28       26      1       3        1         1      13  12-14
stem.3  MaxPool2d                   2        2        0       26       13      3       4        1         2    13.5  12-15
wide    Conv2d             3 (d2) x 5        1        2       13       13      4      12        2         2    13.5   8-19
add     add                         -        -        -       13       13  4, 12      12        2         2    13.5   8-19
up      Upsample                    1  1/2 x 1        0       13  26 x 13     12      12        2     1 x 2    13.5   8-19
head.0  AdaptiveAvgPool2d     26 x 13  26 x 13        0  26 x 13        1     12      36    1 x 2        26    13.5   0-27
head.2  Linear                      1        1        0        1        1     36      36       26        26    13.5   0-27
--------------------------------------------------------------------------------------------------------------------------
receptive field at the logits: 36 pixels
centre and span (within the image) are those of the unit in the middle of the map
unchanged by: BatchNorm2d, ReLU, Flatten
"""


def test_rows_hold_numbers_for_every_step():
    """Catches a row whose sizes, jumps or spans are only fit to be printed."""
    table = receptive_field(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Upsample(scale_factor=2))
    )
    conv, relu, pool, upsample = table.rows
    assert (conv.layer, conv.operation, relu.windows) == ("0", "Conv2d", None)
    assert [row.outgoing.size for row in table.rows] == [(26, 26), (26, 26), (13, 13), (26, 26)]
    assert pool.incoming[0].extents == (3, 3) and pool.outgoing.extents == (4, 4)
    assert upsample.outgoing.jumps == (Fraction(1), Fraction(1)) and upsample.windows[0].stride == Fraction(
        1, 2
    )
    assert pool.spans == ((12, 15), (12, 15)) and pool.centre == (13.5, 13.5)


def test_fields_may_differ_between_height_and_width():
    assert receptive_field(nn.Sequential(nn.Conv2d(1, 1, (3, 5)))).at_logits == (3, 5)


def test_a_field_larger_than_the_image_is_reported_whole_and_drawn_clipped():
    last = receptive_field(PUBLISHED["13"]()).rows[-1]
    assert last.outgoing.extents == (42, 42)
    assert last.clipped == ((0, 27), (0, 27)) and last.spans == ((-8, 33), (-8, 33))


def test_a_flattened_map_without_a_linear_layer_keeps_its_field():
    assert receptive_field(PUBLISHED["02"]()).logits.size == (4, 4)


UNKNOWN = {
    "PixelShuffle": nn.PixelShuffle(2),
    "ConvTranspose2d": nn.ConvTranspose2d(4, 4, 3),
    "roll": lambda x: torch.roll(x, 1, 3),
    "permute": lambda x: x.permute(0, 1, 3, 2),
    "getitem": lambda x: x[:, :, ::2],
    "chunk": lambda x: x.chunk(2, 1)[0],
    "matmul": lambda x: x @ x,
    "bicubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "align_corners True": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True),
    "softmax along dimension": lambda x: x.softmax(dim=3),
    "cat along dimension": lambda x: torch.cat([x, x.relu()], dim=2),
    "mean over dimensions": lambda x: x + x.mean((0, 2), keepdim=True),
    "mean over all": lambda x: x - x.mean(),
    "Linear on a map": nn.Linear(28, 28),
    "reshape to": lambda x: x.reshape(2, 4, 14, 56),
    "div of several maps": lambda x: x / x.relu(),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_operation_is_named_with_its_place(name):
    network = Between(UNKNOWN[name])
    for function in (receptive_field, check_by_gradients):
        with pytest.raises(UnknownOperation) as error:
            function(network)
        assert name in str(error.value) and ", at " in str(error.value)
        assert "\n" not in str(error.value)


class Branches(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.first(x) + self.second(x)


def test_a_sum_of_different_jumps_names_both_branches():
    branches = Branches(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(1, 2, 15))
    with pytest.raises(
        DifferentJumps, match=r"add at add joins first \(14 .* jump 2\) and second \(14 .* jump 1\)"
    ):
        receptive_field(branches)


def test_a_sum_of_different_sizes_names_both_branches():
    branches = Branches(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1))
    with pytest.raises(DifferentJumps, match="first .28 units.* and second .1 units"):
        receptive_field(branches)


def test_an_output_that_does_not_come_from_the_image_is_refused():
    class Constant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(2, 10)

    with pytest.raises(ValueError, match="computed from the image"):
        receptive_field(Constant())


@pytest.mark.parametrize("function", [receptive_field, check_by_gradients])
def test_the_network_and_the_random_numbers_are_left_as_they_were(function):
    network = PUBLISHED["14"]().train()
    network[0].eval()
    (network(torch.rand(4, 1, 28, 28)).sum()).backward()
    state = copy.deepcopy(network.state_dict())
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    modes = [module.training for module in network.modules()]
    random_state = torch.get_rng_state()
    with torch.inference_mode():
        function(network)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert all(map(torch.equal, (parameter.grad for parameter in network.parameters()), gradients))
    assert all(parameter.requires_grad for parameter in network.parameters())
