"""Traced receptive fields against measured ones: published, random and hand-made networks; planted faults."""

from collections import Counter
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from making.networks import Between
from making.published import PUBLISHED
from making.random_networks import random_network
from torch import nn

from helpers.errors import DifferentJumps
from helpers.networks import operations
from helpers.networks.gradient_check import check_by_gradients
from helpers.networks.operations import rule_name
from helpers.networks.receptive_field import ReceptiveField, agreement, receptive_field
from helpers.networks.windows import Axis, sliding

SEEDS = range(60)
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch pads a copy


@pytest.mark.parametrize("notebook", PUBLISHED)
def test_gradients_measure_what_is_traced_of_the_published_networks(notebook):
    """Catches a wrong rule for any layer that the course uses."""
    traced, measured = agreement(PUBLISHED[notebook]())
    assert traced == measured


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_measure_what_is_traced_of_any_network(seed):
    """Catches a rule that is right only for the kernels, strides and joins of the course."""
    traced, measured = agreement(random_network(seed))
    assert traced == measured


def features(table: ReceptiveField) -> set[str]:
    """What a network exercises, as its table shows it."""
    found = set()
    for row in table.rows:
        operation = rule_name(row.operation)
        unequal = len({field.extents for field in row.incoming}) > 1
        if operation == "add" and unequal:
            found.add("unequal-depth residual")
        if operation == "cat" and unequal:
            found.add("concatenation")
        if operation in operations.INTERPOLATIONS:
            found.add("interpolation")
        if row.windows is None:
            continue
        if operation == "linear" and max(window.kernel for window in row.windows) > 1:
            found.add("Linear after flatten")
        if operation in ("conv2d", *operations.POOLS):
            height, width = row.windows
            if height.kernel != width.kernel:
                found.add("kernel h != w")
            if any(window.dilation > 1 and window.kernel > 1 for window in row.windows):
                found.add("dilation")
            if any(window.stride not in (1, window.kernel) for window in row.windows):
                found.add("stride != kernel")
    return found


@cache
def features_of(seed: int) -> frozenset[str]:
    return frozenset(features(receptive_field(random_network(seed))))


def test_the_random_networks_hold_every_feature_at_least_five_times():
    """Catches a generator that no longer makes what the agreement is meant to be tried on."""
    counts = Counter(feature for seed in SEEDS for feature in features_of(seed))
    assert set(counts) == {
        "unequal-depth residual",
        "concatenation",
        "kernel h != w",
        "dilation",
        "stride != kernel",
        "interpolation",
        "Linear after flatten",
    }
    assert min(counts.values()) >= 5
    assert len({str(random_network(seed)) for seed in SEEDS}) >= 50


def multiplied_before_use(kernel, stride=1, padding=0, dilation=1):
    return sliding(1 + (kernel - 1) * stride, stride, padding, dilation)


def without_dilation(kernel, stride=1, padding=0, dilation=1):
    return sliding(kernel, stride, padding)


def one_short(kernel, stride=1, padding=0, dilation=1):
    return sliding(max(kernel - 1, 1), stride, padding, dilation)


def one_unit(step):
    return sliding(1, step.size[0]), sliding(1, step.size[1])


def summed(self, other):
    first, last = self.spans[0]
    return Axis(((first, last + other.extent(1)),), self.shift)


def first_branch(self, other):
    return self


FAULTS = {
    "jump multiplied before use": ("stride != kernel", operations, "sliding", multiplied_before_use),
    "dilation forgotten": ("dilation", operations, "sliding", without_dilation),
    "kernel one short": ("kernel h != w", operations, "sliding", one_short),
    "branches summed": ("unequal-depth residual", Axis, "union", summed),
    "first branch only": ("concatenation", Axis, "union", first_branch),
    "interpolation ignored": ("interpolation", operations.MODES, "nearest", lambda stride: sliding(1)),
    "Linear reads one unit": ("Linear after flatten", operations.RULES, "linear", one_unit),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_ends_the_agreement(monkeypatch, fault):
    """Catches a comparison that would agree with anything."""
    feature, place, name, wrong = FAULTS[fault]
    networks = [random_network(seed) for seed in SEEDS if feature in features_of(seed)]
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, name, wrong)
    assert any(disagrees(network) for network in networks)


def disagrees(network: nn.Module) -> bool:
    try:
        traced, measured = agreement(network)
    except DifferentJumps:  # a wrong jump may show at the next join
        return False
    return traced != measured


def test_units_between_the_copies_of_an_upsampled_one_see_more_than_those_beside_them():
    """Catches a field that is taken from one unit where those of a map differ."""

    def upsampled(*rest: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Upsample(scale_factor=2), *rest)

    pair = upsampled(nn.Conv2d(1, 1, 2))
    assert agreement(pair) == ((5, 5), (5, 5))  # the widest: two units of field 3, two pixels apart
    first = upsampled(nn.Conv2d(1, 1, 2), nn.Upsample(scale_factor=0.5), nn.Conv2d(1, 1, 1))
    assert agreement(first) == ((3, 3), (3, 3))  # only the units that lie on two copies of the same one


SAME = {
    "max pool": (nn.MaxPool2d(3, 2, padding=1), lambda x: F.max_pool2d(x, 3, 2, 1)),
    "average pool": (nn.AvgPool2d(2), lambda x: F.avg_pool2d(x, 2)),
    "global pool": (nn.AdaptiveAvgPool2d(4), lambda x: F.adaptive_avg_pool2d(x, 4)),
    "global maximum": (nn.AdaptiveMaxPool2d(4), lambda x: F.adaptive_max_pool2d(x, (4, 4))),
    "padded pool": (nn.AvgPool2d(5, 1, 2), lambda x: F.avg_pool2d(x, 5, 1, padding=2)),
    "interpolation": (nn.Upsample(scale_factor=2), lambda x: F.interpolate(x, (56, 56))),
    "interpolation by scale": (nn.Upsample((14, 14)), lambda x: F.interpolate(x, scale_factor=0.5)),
    "convolution": (
        nn.Conv2d(4, 4, 3, dilation=2),
        lambda x: F.conv2d(x, torch.ones(4, 4, 3, 3), dilation=2),
    ),
    "sum": (nn.Identity(), lambda x: torch.add(x, F.relu(x))),
    "sum in place": (nn.Identity(), lambda x: x.clone().add_(F.relu(x))),
    "product": (nn.Identity(), lambda x: x * torch.sigmoid(x) / 2),
    "dropout": (nn.Dropout(0.1), lambda x: F.dropout(x.relu(), 0.1)),
    "same padding": (
        nn.Conv2d(4, 4, 4, padding="same"),
        lambda x: F.conv2d(x, torch.ones(4, 4, 4, 4), padding="same"),
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_layers_and_functions_that_do_the_same_see_the_same(case):
    """Catches an argument of a function that is read from the wrong place."""
    layer, function = (Between(item) for item in SAME[case])
    assert receptive_field(layer).logits == receptive_field(function).logits
    assert agreement(function)[0] == check_by_gradients(layer)


FLATTENED = {
    "Flatten": lambda x: torch.flatten(x, 1),
    "flatten": lambda x: x.flatten(start_dim=1),
    "view": lambda x: x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape(-1, 4 * 7 * 7),
    "in two": lambda x: x.flatten(2).flatten(1),
}
POOLED = {
    "mean": lambda x: x.mean((2, 3)),
    "mean of negative": lambda x: torch.mean(x, dim=[-1, -2]),
    "one axis after the other": lambda x: x.mean(3).mean(2),
    "kept": lambda x: x.mean((2, 3), keepdim=True).squeeze(3).squeeze(2),
    "flattened": lambda x: x.flatten(2).mean(axis=-1),
    "amax": lambda x: x.amax((2, 3)),
    "frozen": lambda x: F.avg_pool2d(x, 7).view(x.shape[0], -1),
    "to a size": lambda x: F.adaptive_avg_pool2d(x, (x.shape[2] // 7, 1)).view(x.shape[0], -1),
}


class Head(nn.Module):
    def __init__(self, function, features):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 4, stride=4)
        self.function = function
        self.last = nn.Linear(features, 10)

    def forward(self, x):
        return F.log_softmax(self.last(self.function(self.first(x))), dim=1)


@pytest.mark.parametrize(
    "network",
    [Head(function, 196) for function in FLATTENED.values()]
    + [Head(function, 4) for function in POOLED.values()],
    ids=[*FLATTENED, *POOLED],
)
def test_every_way_to_a_linear_layer_sees_the_whole_map(network):
    """Catches a spelling of flattening or pooling that has no rule or a wrong one."""
    assert agreement(network) == ((28, 28), (28, 28))
