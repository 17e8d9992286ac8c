"""How two networks differ: layers, order, settings, sources, each under its own name and nothing else."""

from random import Random

import pytest
import torch
from making.networks import Of, small
from making.random_networks import random_network
from torch import nn

from helpers.networks.difference import layers_of, network_difference


def names(before, after):
    return [entry.name for entry in network_difference(before, after)]


def stack(*layers):
    return nn.Sequential(*layers, nn.Flatten())


def test_a_convolution_that_follows_a_wider_one_is_no_change_of_its_own():
    """Catches that widths which follow from the layer before are reported as changes."""
    before = stack(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    )
    after = stack(
        nn.Conv2d(1, 9, 3), nn.BatchNorm2d(9), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(9, 10)
    )
    assert names(before, after) == ["Conv2d.out_channels"]


def test_a_1x1_that_stands_behind_its_pool_is_put_elsewhere():
    """Catches an alignment that keeps the small convolution in place and moves the pool."""
    wide, narrow, pool = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 4, 1), nn.MaxPool2d(2)
    (entry,) = network_difference(stack(wide, narrow, pool), stack(wide, pool, narrow))
    assert entry[:3] == (
        "Conv2d 1x1.order",
        "between Conv2d 3x3 and MaxPool2d",
        "between MaxPool2d and the logits",
    )


def test_two_kernels_that_change_places_are_order_and_no_other_kernels():
    """Catches that a changed order is told as two resized kernels."""
    small, large, act = (lambda: nn.Conv2d(4, 4, 1)), (lambda: nn.Conv2d(4, 4, 5)), nn.Sigmoid()
    pool = nn.AdaptiveAvgPool2d(9)
    one, other = stack(small(), act, pool, act, large()), stack(large(), act, pool, act, small())
    assert names(one, other) == ["Conv2d 1x1.order", "Conv2d 5x5.order"]


def test_a_layer_put_elsewhere_between_the_same_neighbours_is_told_by_number():
    """Catches an entry that says the same before and after."""

    def pair(dropout):
        return stack(
            nn.Conv2d(1, 8, 3),
            nn.ReLU(),
            *dropout[0],
            nn.Conv2d(8, 8, 3),
            nn.ReLU(),
            *dropout[1],
            nn.Conv2d(8, 8, 3),
        )

    drop = nn.Dropout(0.1)
    (entry,) = network_difference(pair(([drop], [])), pair(([], [drop])))
    assert entry[:3] == (
        "Dropout.order",
        "between ReLU no. 1 and Conv2d 3x3 no. 2",
        "between ReLU no. 2 and Conv2d 3x3 no. 3",
    )


def test_of_two_layers_the_one_that_is_set_alike_is_the_one_that_stayed():
    before = stack(nn.Conv2d(1, 4, 3), nn.Dropout(0.1), nn.Dropout(0.2), nn.MaxPool2d(2))
    assert names(before, stack(nn.Conv2d(1, 4, 3), nn.Dropout(0.2), nn.MaxPool2d(2))) == ["Dropout"]


def test_a_layer_put_elsewhere_with_another_rate_is_two_changes():
    """Catches that settings are compared only of layers that stayed where they were."""
    before = stack(nn.Dropout(0.1), nn.Conv2d(1, 4, 3))
    assert names(before, stack(nn.Conv2d(1, 4, 3), nn.Dropout(0.2))) == ["Dropout.order", "Dropout.p"]


def test_another_source_of_a_skip_is_a_change_and_an_insertion_on_the_way_is_none():
    """Catches a skip whose beginning is not looked at, and one that a new activation seems to move."""
    early = Of(lambda n, x: n.c(n.b(y := n.a(x))) + y)
    late = Of(lambda n, x: n.c(y := n.b(n.a(x))) + y)
    longer = Of(lambda n, x: n.c(n.b(y := n.a(x)).relu()) + y)
    assert names(early, late) == ["add.reads"]
    assert names(early, longer) == ["relu"]
    late_and_longer = Of(lambda n, x: n.c(y := n.b(n.a(x)).relu()) + y)
    assert names(early, late_and_longer) == ["relu", "add.reads"]


def test_a_new_skip_is_one_change_its_readers_are_none():
    plain, skip = Of(lambda n, x: n.c(n.b(n.a(x)))), Of(lambda n, x: n.c(n.b(y := n.a(x)) + y))
    assert names(plain, skip) == ["add"]


def test_frozen_and_shared_weights_and_other_evaluation_are_changes():
    """Catches that sharing weights is mistaken for reading another layer, or not seen at all."""
    frozen = small()
    frozen[0].weight.requires_grad = False
    assert names(small(), frozen) == ["Conv2d.frozen"]
    apart, shared = Of(lambda n, x: n.c(n.b(n.a(x)))), Of(lambda n, x: n.a(n.a(n.a(x))))
    assert any(name.endswith(".shared") for name in names(apart, shared))
    assert not any(name.endswith(".reads") for name in names(apart, shared))
    dropout = [
        Of(lambda n, x, on=on: nn.functional.dropout(n.a(x), 0.1, training=n.training or on))
        for on in (False, True)
    ]
    assert names(*dropout) == ["dropout.in evaluation"]


def test_other_steps_in_evaluation_are_entries_of_their_own():
    """Catches reads that point to the wrong layers once a heading stands between them."""
    alike, apart = (
        Of(lambda n, x, on=on: n.a(x) if n.training or on else n.a(x).relu()) for on in (True, False)
    )
    found = names(alike, apart)
    assert {"in training", "in evaluation", "relu"} <= set(found)
    layers = layers_of(apart)
    place = [layer.operation for layer in layers].index("relu")
    assert layers[place].reads == (place - 1,) and layers[place + 1].reads == (place,)


@pytest.mark.parametrize("seed", range(40))
def test_renaming_changes_nothing_and_no_difference_vanishes(seed):
    """Two networks differ by no entry exactly where their layers, settings and connections are the same."""

    class Renamed(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.inner = nn.ModuleDict({f"part_{number}": part for number, part in enumerate(network)})

        def forward(self, images):
            for part in self.inner.values():
                images = part(images)
            return images

    torch.manual_seed(seed)
    network, other = random_network(seed), random_network(Random(seed).randrange(1000))
    assert network_difference(network, Renamed(network)) == []
    assert (network_difference(network, other) == []) == (layers_of(network) == layers_of(other))
