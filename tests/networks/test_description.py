"""The description of a network: the same for the same network, another for any other."""

import torch
import torch.nn.functional as F
from making.networks import Of, small
from torch import nn

from helpers.networks.description import describe


class Written(nn.Module):
    """`small`, written with attributes, in another order and under other names."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 10)
        self.tail = nn.Sequential(
            nn.ReLU(inplace=True), nn.Dropout(0.1), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten()
        )
        self.head = nn.ModuleDict({"a": nn.Conv2d(1, 4, (3, 3), bias=False), "b": nn.BatchNorm2d(4)})

    def forward(self, x):
        return self.last(self.tail(self.head["b"](self.head["a"](x))))


def test_a_description_has_one_line_for_every_step_and_no_names_of_attributes():
    """Catches another text of layers: every fingerprint that is kept in a record would be stale."""
    assert describe(small()) == (
        "input()",
        "Conv2d(in_channels=1, out_channels=4, kernel_size=3) on [-1]; weight 4x1x3x3",
        "BatchNorm2d(num_features=4, eps=1e-05, momentum=0.1) on [-1]; weight 4; bias 4",
        "ReLU() on [-1]",
        "Dropout(p=0.1) on [-1]",
        "AdaptiveAvgPool2d(output_size=1) on [-1]",
        "Flatten() on [-1]",
        "Linear(in_features=4, out_features=10) on [-1]; weight 10x4; bias 10",
        "output([-1])",
    )
    assert describe(Written()) == describe(small())


def test_a_description_says_of_functions_constants_and_parameters_what_decides():
    """Catches another text of functions, constants and parameters: kept fingerprints would be stale."""

    def forward(n, x):
        twice = F.dropout(n.a(n.a(x)), 0.1, training=n.training)
        return torch.cat([twice * n.scale, n.b(x) + n.constant], dim=1).view(x.size(0), -1)

    network = Of(forward)
    network.b.weight.requires_grad = False
    conv = "Conv2d(in_channels=1, out_channels=1, kernel_size=3, padding=1)"
    assert describe(network) == (
        "input()",
        f"{conv} on [-1]; weight 1x1x3x3; bias 1",
        f"{conv} on [-1]; weight 1x1x3x3 shared with [-1]; bias 1 shared with [-1]",
        "dropout([-1], p=0.1); in evaluation: dropout([-1], p=0.1, training=False)",
        "parameter(); values 1x1x1",
        "mul([-2], [-1])",
        f"{conv} on [-6]; weight 1x1x3x3 frozen; bias 1",
        "constant 1 6c3c396ed6b5",
        "add([-2], [-1])",
        "cat([[-4], [-1]], dim=1)",
        "size([-10], 0)",
        "view([-2], [-1], -1)",
        "output([-1])",
        "unused parameter 1x1x3x3",
        "unused parameter 1",
    )


def test_a_network_with_other_steps_in_evaluation_is_described_in_both_modes():
    """Catches a description that is silent about what only the test sees."""
    layers = [nn.Conv2d(1, 4, 3), nn.Flatten()]
    conv = "Conv2d(in_channels=1, out_channels=4, kernel_size=3) on [-1]; weight 4x1x3x3; bias 4"

    class Apart(nn.Sequential):
        def forward(self, x):
            return super().forward(x if self.training else x.abs())

    assert describe(Apart(*layers)) == (
        "in training:",
        *("input()", conv, "Flatten() on [-1]", "output([-1])"),
        "in evaluation:",
        *("input()", "abs([-1])", conv, "Flatten() on [-1]", "output([-1])"),
    )


def test_a_description_does_not_depend_on_weights_mode_or_precision():
    """Catches a fingerprint that changes with the seed, or once the network was trained."""
    assert describe(small()) == describe(small().eval()) == describe(small().double())


def test_another_layer_changes_only_its_own_line():
    """Catches lines that are numbered from the top: one new layer would change all below it."""
    layers = list(small())
    longer = describe(nn.Sequential(*layers[:4], nn.Conv2d(4, 4, 1), *layers[4:]))
    assert [line for line in longer if line not in describe(small())] == [
        "Conv2d(in_channels=4, out_channels=4, kernel_size=1) on [-1]; weight 4x4x1x1; bias 4"
    ]


def frozen() -> nn.Module:
    network = small()
    network[0].weight.requires_grad = False
    return network


def with_unused_layer() -> nn.Module:
    network = Of(lambda n, x: n.a(x))
    network.unused = nn.Linear(2, 2)
    return network


DIFFERENT = {
    "stride": lambda: small(conv=nn.Conv2d(1, 4, 3, stride=2, bias=False)),
    "padding": lambda: small(conv=nn.Conv2d(1, 4, 3, padding=1, bias=False)),
    "padding mode": lambda: small(conv=nn.Conv2d(1, 4, 3, padding=1, bias=False, padding_mode="reflect")),
    "dilation": lambda: small(conv=nn.Conv2d(1, 4, 3, dilation=2, bias=False)),
    "bias": lambda: small(conv=nn.Conv2d(1, 4, 3)),
    "kernel": lambda: small(conv=nn.Conv2d(1, 4, (3, 5), bias=False)),
    "frozen weights": frozen,
    "dropout rate": lambda: small(dropout=nn.Dropout(0.05)),
    "dropout of channels": lambda: small(dropout=nn.Dropout2d(0.1)),
    "default dropout": lambda: small(dropout=nn.Dropout()),
    "activation": lambda: small(activation=nn.GELU()),
    "leaky": lambda: small(activation=nn.LeakyReLU()),
    "leakier": lambda: small(activation=nn.LeakyReLU(0.2)),
    "norm momentum": lambda: small(norm=nn.BatchNorm2d(4, momentum=0.2)),
    "norm averaging": lambda: small(norm=nn.BatchNorm2d(4, momentum=None)),
    "norm without scale": lambda: small(norm=nn.BatchNorm2d(4, affine=False)),
    "norm of the batch": lambda: small(norm=nn.BatchNorm2d(4, track_running_stats=False)),
    "norm of groups": lambda: small(norm=nn.GroupNorm(2, 4)),
    "order": lambda: small(norm=nn.ReLU(), activation=nn.BatchNorm2d(4)),
    "pool": lambda: small(pool=nn.AdaptiveMaxPool2d(1)),
    "unused layer": with_unused_layer,
    "without it": lambda: Of(lambda n, x: n.a(x)),
    "functions": lambda: Of(lambda n, x: F.dropout(n.a(x), 0.1, training=n.training)),
    "rate of a function": lambda: Of(lambda n, x: F.dropout(n.a(x), 0.2, training=n.training)),
    "dropout that never ends": lambda: Of(lambda n, x: F.dropout(n.a(x), 0.1)),
    "slope of a function": lambda: Of(lambda n, x: F.leaky_relu(n.a(x), 0.1)),
    "skip": lambda: Of(lambda n, x: n.c(n.b(y := n.a(x))) + y),
    "other skip": lambda: Of(lambda n, x: n.c(y := n.b(n.a(x))) + y),
    "longer skip": lambda: Of(lambda n, x: n.c(n.b(n.a(x))) + x),
    "difference": lambda: Of(lambda n, x: n.c(n.b(n.a(x))) - x),
    "difference the other way": lambda: Of(lambda n, x: x - n.c(n.b(n.a(x)))),
    "concatenation": lambda: Of(lambda n, x: torch.cat([n.a(x), n.b(x)], 1)),
    "separate weights": lambda: Of(lambda n, x: n.b(n.a(x))),
    "shared weights": lambda: Of(lambda n, x: n.a(n.a(x))),
    "scale": lambda: Of(lambda n, x: n.a(x) * n.scale),
    "constant": lambda: Of(lambda n, x: n.a(x) * n.constant),
    "other constant": lambda: Of(lambda n, x: n.a(x) * n.constant, constant=2.0),
    "number": lambda: Of(lambda n, x: n.a(x) * 2),
    "other number": lambda: Of(lambda n, x: n.a(x) * 3),
    "evaluation apart": lambda: Of(lambda n, x: n.a(x) if n.training else n.a(x).relu()),
    "nested rate": lambda: nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2)),
    "other nested rate": lambda: nn.Sequential(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.3)),
}


def test_networks_that_compute_something_else_are_described_otherwise():
    """Catches a setting that is left out: a record would pass for that of another network."""
    names_of: dict[tuple[str, ...], list[str]] = {describe(small()): ["as it is"]}
    for name, build in DIFFERENT.items():
        names_of.setdefault(describe(build()), []).append(name)
    assert [names for names in names_of.values() if len(names) > 1] == []


def test_names_of_parameters_and_constants_do_not_show():
    class Renamed(Of):
        def __init__(self) -> None:
            super().__init__(lambda n, x: n.a(x) * n.gain + n.offset)
            self.gain, self.offset = self.scale, self.constant
            del self.scale, self.constant

    assert describe(Renamed()) == describe(Of(lambda n, x: n.a(x) * n.scale + n.constant))
