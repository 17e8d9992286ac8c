"""What a network is said to be: its description, its counts, and whether it can be trained."""

import copy
import html
import re
import warnings

import pytest
import torch
import torch.nn.functional as F
from making.networks import Of, small
from making.published import PUBLISHED
from torch import nn
from torchinfo import summary

from helpers.errors import NetworkError
from helpers.networks.description import describe
from helpers.networks.parameters import count_parameters, parameter_table
from helpers.networks.tracing import check_network, trace


def test_a_trace_holds_every_step_with_its_shape_and_what_it_reads():
    network = Of(lambda n, x: (y := n.a(x)).view(y.shape[0], -1) + F.max_pool2d(x, 1).flatten(1))
    nodes = trace(network)
    assert [node.operation for node in nodes] == (
        ["input", "Conv2d", "getattr", "getitem", "view", "max_pool2d", "flatten", "add", "output"]
    )
    assert [node.inputs for node in nodes] == [(), (0,), (1,), (2,), (1, 3), (0,), (5,), (4, 6), (7,)]
    assert nodes[1].name == "a" and nodes[1].shape == (2, 1, 28, 28)
    assert nodes[3].value == 2 and nodes[3].shape is None
    assert nodes[4].args == (None, 2, -1) and nodes[4].shape == (2, 784)


def test_shared_and_frozen_parameters_are_counted_once():
    network = nn.Sequential(shared := nn.Conv2d(4, 4, 1, bias=False), nn.ReLU(), shared)
    shared.weight.requires_grad = False
    assert count_parameters(network) == 16


def test_the_parameters_of_notebook_13_are_those_counted_by_hand():
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
    network = PUBLISHED[notebook]()
    assert parameter_table(network).total == count_parameters(network)


def test_multiply_adds_are_those_of_the_published_networks_and_of_torchinfo():
    assert parameter_table(PUBLISHED["08"]()).mult_adds == 2_374_112
    without_bias_and_norm = PUBLISHED["07"]()
    reference = summary(without_bias_and_norm, (1, 1, 28, 28), verbose=0).total_mult_adds
    assert parameter_table(without_bias_and_norm).mult_adds == reference == 2_468_192


def test_multiply_adds_count_groups_functions_and_every_use():
    grouped = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 3, groups=4, padding=1))
    assert parameter_table(grouped).mult_adds == 4 * 784 + 4 * 9 * 784
    twice = Of(lambda n, x: F.conv2d(n.a(n.a(x)), n.b.weight))
    assert parameter_table(twice).mult_adds == 9 * (784 + 784 + 26 * 26)


def test_parameters_outside_of_layers_and_unused_ones_have_rows():
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


def test_a_sound_network_passes_in_silence_and_is_left_as_it_was(capsys):
    network = small().train()
    network[1].eval()
    state, modes = copy.deepcopy(network.state_dict()), [module.training for module in network.modules()]
    random_state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_network(network, logits=10)
    assert capsys.readouterr().out == ""
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


@pytest.mark.parametrize(("number", "logits"), [("06", 12), ("02", 192)])
def test_more_logits_than_classes_are_allowed(number, logits):
    check_network(PUBLISHED[number](), logits=logits)


REFUSED = {
    "wrong channels": (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(5, 4, 3)),
        "at 1 (Conv2d), which got 2x4x26x26: ",
    ),
    "too small a map": (
        nn.Sequential(nn.MaxPool2d(28), nn.Conv2d(1, 4, 3)),
        "at 1 (Conv2d), which got 2x1x1x1: ",
    ),
    "a function": (
        Of(lambda n, x: n.a(x) + x[:, :, 1:]),
        "at add (add), which got 2x1x28x28 and 2x1x27x28: ",
    ),
    "a missing layer": (Of(lambda n, x: n.d(x)), "'Of' object has no attribute 'd'"),
    "only in training": (Of(lambda n, x: n.b(x).view(2, 5) if n.training else x), "at view (view)"),
    "only in evaluation": (Of(lambda n, x: n.b(x) if n.training else x.view(2, 5)), "wanted 2x10"),
    "a viewed map": (Of(lambda n, x: torch.cat([n.a(x)] * 2, 1).view(2, -1)), "at view (view)"),
    "maps": (nn.Sequential(nn.Conv2d(1, 10, 28)), "turns 2x1x28x28 into 2x10x1x1, wanted 2x10"),
    "too few": (nn.Sequential(nn.Flatten(), nn.Linear(784, 9)), "into 2x9, wanted 2x10"),
    "too many": (nn.Sequential(nn.Flatten(), nn.Linear(784, 12)), "declares logits = 12"),
    "images lost": (Of(lambda n, x: x.reshape(-1, 10)[:1]), "fails on 2x1x28x28"),
    "two outputs": (Of(lambda n, x: (x, x)), "gives a tuple"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_network_that_cannot_be_trained_is_refused_in_one_line(case):
    network, part = REFUSED[case]
    with pytest.raises(NetworkError) as error:
        check_network(network, logits=10)
    assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_a_forward_pass_with_a_choice_in_it_passes_the_check_but_cannot_be_described():
    network = Of(lambda n, x: F.adaptive_avg_pool2d(n.a(x) if x.mean() > 0 else n.b(x), (1, 10)).flatten(1))
    check_network(network, logits=10)
    for function in (describe, trace, parameter_table):
        with pytest.raises(NetworkError, match="cannot be traced.*control flow"):
            function(network)
