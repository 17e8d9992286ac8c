"""The notebooks beyond the published ones: how `layers` is read, and that their trained networks are what they say."""

import re

import nbformat
import pytest
import torch

from helpers.errors import DefinitionsError
from helpers.networks.parameters import count_parameters
from helpers.places import OUTPUTS, REPOSITORY
from helpers.results.runs import recorded
from helpers.results.weights import load_weights
from helpers.runs.definitions import load_definitions

CONSISTENT, SMALLEST = (
    REPOSITORY / "notebooks" / f"{name}.ipynb" for name in ("15_consistent_under_8k", "16_smallest_at_994")
)
both = pytest.mark.parametrize("path", [CONSISTENT, SMALLEST], ids=lambda path: path.stem)


def network(layers: str, **settings):
    return load_definitions(CONSISTENT, {"layers": layers} | settings).Net()


def cell(path, mark: str):
    """The one code cell in which `mark` stands."""
    cells = nbformat.read(path, as_version=4).cells
    (found,) = (one for one in cells if one.cell_type == "code" and mark in one.source)
    return found


def test_the_layers_are_built_as_they_are_written():
    kinds = [type(layer).__name__ for layer in network("4-P-6").features]
    block = ["Conv2d", "BatchNorm2d", "ReLU"]
    assert kinds == [*block, "MaxPool2d", *block, "AdaptiveAvgPool2d"]
    assert count_parameters(network("4-P-6")) == (9 * 4 + 8) + (9 * 4 * 6 + 12) + (60 + 10)


def test_a_repeated_convolution_costs_only_its_batch_norm_and_is_the_same_one():
    once, twice = network("4-6-6"), network("4-6-6-R")
    assert count_parameters(twice) - count_parameters(once) == 12
    convolutions = [layer for layer in twice.features if isinstance(layer, torch.nn.Conv2d)]
    assert convolutions[3] is convolutions[2] and convolutions[2] is not convolutions[1]


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({"batch_norm": False}, ["Conv2d", "ReLU"]),
        ({"dropout": 0.1}, ["Conv2d", "BatchNorm2d", "ReLU", "Dropout"]),
        ({"padding": 1}, ["Conv2d", "BatchNorm2d", "ReLU"]),
    ],
)
def test_every_setting_of_the_network_is_in_it(settings, kinds):
    built = network("4", **settings)
    assert [type(layer).__name__ for layer in built.features] == [*kinds, "AdaptiveAvgPool2d"]
    convolution = built.features[0]
    assert (convolution.bias is not None) == (settings.get("batch_norm") is False)
    assert convolution.padding == (settings.get("padding", 0),) * 2


@pytest.mark.parametrize("layers", ["", "P-8", "R-8", "8-x", "8--8", "0-8", "8-12-", "8,12"])
def test_layers_that_say_nothing_are_refused_in_one_line(layers):
    with pytest.raises(DefinitionsError, match=re.escape(f"layers = {layers!r}: must be")) as refusal:
        network(layers)
    assert "\n" not in str(refusal.value)


def test_both_notebooks_train_the_same_class():
    assert cell(CONSISTENT, "class Net(").source == cell(SMALLEST, "class Net(").source


@both
def test_the_kept_weights_are_those_of_the_recorded_network(path):
    """The committed output was made on MNIST: what they reach there is what the record says."""
    first = recorded(path.stem).records[0]
    trained = load_weights(load_definitions(path).Net(), OUTPUTS / path.stem / "full" / f"seed-{first.seed}")
    assert count_parameters(trained) == first.parameters
    *_, shown = cell(path, "try_kept_weights(Net, ").outputs
    reached = f"{first.test_accuracy[-1]:.2f} %"
    assert shown["text"] == f"{reached} of 10,000 test images of MNIST; recorded: {reached}\n"
