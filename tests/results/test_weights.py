"""Weights are kept whole, come back the same, and what is not of the network is refused in one line."""

import pickle

import pytest
import torch
from making.errors import one_line
from torch import nn

from helpers.errors import ResultsError
from helpers.results.weights import WEIGHTS, load_weights, save_weights


def network(channels: int = 4) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, channels, 3), nn.BatchNorm2d(channels), nn.Flatten(), nn.Linear(channels * 9, 10)
    )


def test_weights_and_buffers_come_back_and_the_network_is_ready_to_be_tested(tmp_path):
    """Catches BatchNorm's running mean and variance left out of the file, or a network left in training."""
    trained, images = network(), torch.rand(8, 1, 5, 5)
    trained(images)  # BatchNorm's buffers leave their first values
    save_weights(trained, tmp_path)
    loaded = load_weights(network(), tmp_path)
    assert not loaded.training
    assert torch.equal(loaded(images), trained.eval()(images))


def test_saving_again_replaces_the_file_and_leaves_nothing_else(tmp_path):
    """Catches old weights that stay when a network is saved again, and temporary files beside them."""
    save_weights(network(), tmp_path)
    second = network()
    path = save_weights(second, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [WEIGHTS] == [path.name]
    assert torch.equal(load_weights(network(), tmp_path)[0].weight, second[0].weight)


class Surprise:
    def __reduce__(self):
        return print, ("code of a stranger",)


DAMAGED = {
    "empty": b"",
    "text": b"no weights",
    "code": pickle.dumps(Surprise(), protocol=2),
    "numbers": pickle.dumps([1, 2], protocol=2),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_file_without_weights_is_refused_and_runs_nothing(tmp_path, content, capsys):
    """Catches a pickle whose code is run while its weights are read."""
    tmp_path.joinpath(WEIGHTS).write_bytes(content)
    with pytest.raises(ResultsError) as error:
        load_weights(network(), tmp_path)
    assert WEIGHTS in one_line(error) and "stranger" not in capsys.readouterr().out


def test_the_weights_of_another_network_are_refused(tmp_path):
    """Catches weights of 5 channels in a network of 4, or an error of many lines that does not say so."""
    save_weights(network(channels=5), tmp_path)
    with pytest.raises(ResultsError, match="not the weights of this network"):
        load_weights(network(), tmp_path)


def test_a_missing_file_is_named(tmp_path):
    """Catches weights that are not there but are called damaged."""
    with pytest.raises(ResultsError, match="cannot be read"):
        load_weights(network(), tmp_path / "nowhere")
