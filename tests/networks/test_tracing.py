"""The steps of a forward pass, and which networks are refused before training."""

import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from making.networks import Of, small
from making.published import PUBLISHED
from torch import nn

from helpers.errors import NetworkError
from helpers.networks.description import describe
from helpers.networks.parameters import parameter_table
from helpers.networks.tracing import check_network, trace


def test_a_trace_holds_every_step_with_its_shape_and_what_it_reads():
    """Catches a step that is left out, and inputs that point to other steps."""
    network = Of(lambda n, x: (y := n.a(x)).view(y.shape[0], -1) + F.max_pool2d(x, 1).flatten(1))
    nodes = trace(network)
    assert [node.operation for node in nodes] == (
        ["input", "Conv2d", "getattr", "getitem", "view", "max_pool2d", "flatten", "add", "output"]
    )
    assert [node.inputs for node in nodes] == [(), (0,), (1,), (2,), (1, 3), (0,), (5,), (4, 6), (7,)]
    assert nodes[1].name == "a" and nodes[1].shape == (2, 1, 28, 28)
    assert nodes[3].value == 2 and nodes[3].shape is None
    assert nodes[4].args == (None, 2, -1) and nodes[4].shape == (2, 784)


def test_a_sound_network_passes_in_silence_and_is_left_as_it_was(capsys):
    """Catches a check that moves BatchNorm's statistics or uses up random numbers of the training."""
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
    """Catches that two published networks, of 12 and 192 logits, are refused."""
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
    """Catches an error that does not say where the network fails."""
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


def test_a_network_that_cannot_be_copied_is_refused_in_one_line():
    class Single(nn.Module):
        def __deepcopy__(self, memo):
            raise RuntimeError("there is one of it")

    with pytest.raises(
        NetworkError, match=r"^the network cannot be copied: RuntimeError: there is one of it$"
    ):
        check_network(Single(), logits=10)
