"""The twin computes what the network computes: kernels against torch, layer by layer and network by network."""

import copy
import platform
import subprocess

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from making.published import PUBLISHED
from torch import nn

from helpers.errors import NoKernels
from helpers.training.kernels import build
from helpers.training.kernels.ops import (
    KERNEL_SIZES,
    convolve,
    correlate,
    dropout_mask,
    max_pool,
    normalise,
)
from helpers.training.kernels.twin import twin_of
from helpers.training.step import compiled

SIZES = st.integers(1, 9)


def random_maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def last(maps: torch.Tensor) -> torch.Tensor:
    return maps.permute(1, 2, 3, 0).contiguous()


def first(maps: torch.Tensor) -> torch.Tensor:
    return maps.permute(3, 0, 1, 2)


def gradients(function, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The result, and the gradients of its product with a fixed random tensor."""
    leaves = [value.clone().requires_grad_() for value in inputs]
    result = function(*leaves)
    (result * random_maps(*result.shape, seed=9).to(result)).sum().backward()
    return result.detach(), *(leaf.grad for leaf in leaves)


def assert_close(ours: torch.Tensor, reference: torch.Tensor) -> None:
    scale = reference.abs().max().item() or 1.0
    assert ours.shape == reference.shape
    assert (ours.double() - reference).abs().max().item() / scale < 1e-5


@settings(deadline=None, max_examples=60)
@given(
    inputs=st.integers(1, 33),
    outputs=st.integers(1, 33),
    kernel=st.sampled_from(KERNEL_SIZES),
    padding=st.integers(0, 6),
    size=st.tuples(SIZES, SIZES),
    count=st.sampled_from([16, 32, 48]),
    threads=st.integers(1, 3),
)
def test_convolution_and_its_gradients_are_torchs(inputs, outputs, kernel, padding, size, count, threads):
    """Catches taps beyond the border, a kernel not turned for the gradient, and a thread's rows lost."""
    padding = min(padding, kernel - 1)
    height, width = (max(side, kernel - 2 * padding) for side in size)
    images = random_maps(count, inputs, height, width)
    weights = random_maps(outputs, inputs, kernel, kernel, seed=1)
    bias = random_maps(outputs, seed=2)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = gradients(lambda x, w, b: first(convolve(last(x), w, b, padding)), images, weights, bias)
    finally:
        torch.set_num_threads(before)
    reference = gradients(
        lambda x, w, b: F.conv2d(x, w, b, padding=padding),
        images.double(),
        weights.double(),
        bias.double(),
    )
    for mine, theirs in zip(ours, reference, strict=True):
        assert_close(mine, theirs)


@settings(deadline=None, max_examples=40)
@given(
    channels=st.integers(1, 5),
    size=st.tuples(SIZES, SIZES),
    window=st.integers(1, 3),
    levels=st.integers(1, 9),
)
def test_pooling_and_its_gradient_are_torchs_ties_included(channels, size, window, levels):
    """Catches a gradient for every largest pixel of a window, and rows in no window left uninitialised."""
    height, width = (max(side, window) for side in size)
    images = (random_maps(16, channels, height, width) * levels).round()  # whole numbers: many ties
    ours = gradients(lambda x: first(max_pool(last(x), window)), images)
    reference = gradients(lambda x: F.max_pool2d(x, window), images)
    for mine, theirs in zip(ours, reference, strict=True):
        assert torch.equal(mine, theirs)


@settings(deadline=None, max_examples=40)
@given(
    channels=st.integers(1, 5),
    size=st.tuples(SIZES, SIZES),
    relu=st.booleans(),
    probability=st.sampled_from([0.0, 0.3]),
    offset=st.floats(-3, 3),
)
def test_normalisation_relu_and_dropout_in_one_are_torchs(channels, size, relu, probability, offset):
    """Catches an unbiased variance in the forward pass, and a backward pass without ReLU or mask."""
    images = random_maps(16, channels, *size) + offset
    weight, bias = random_maps(channels, seed=1), random_maps(channels, seed=2)
    mask = dropout_mask(last(images), probability) if probability else None

    def ours(x, w, b):
        result, mean, variance = normalise(last(x), w, b, mask, 1e-5, relu)
        torch.testing.assert_close(mean, x.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(variance, x.var((0, 2, 3), correction=0), rtol=1e-4, atol=1e-5)
        return first(result)

    def reference(x, w, b):
        result = F.batch_norm(x, None, None, w, b, training=True)
        result = result.relu() if relu else result
        return result if mask is None else result * first(mask)

    found = gradients(ours, images, weight, bias)
    wanted = gradients(reference, images.double(), weight.double(), bias.double())
    for mine, theirs in zip(found, wanted, strict=True):
        assert (mine - theirs).abs().max() < 1e-4 * (1 + theirs.abs().max())


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_twin_of_a_published_network_is_that_network(name):
    """Catches a running variance without n / (n - 1), and a ReLU lost where BatchNorm takes it over."""
    torch.manual_seed(3)
    network = PUBLISHED[name]().train()
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0  # the twin draws its own masks
    reference = copy.deepcopy(network).double()
    twin = twin_of(network)
    images = random_maps(32, 1, 28, 28)
    labels = torch.arange(32) % 10
    logits = twin(images)
    expected = reference(images.double())
    F.cross_entropy(logits, labels).backward()
    F.cross_entropy(expected, labels).backward()
    assert_close(logits, expected)
    for (name, parameter), theirs in zip(network.named_parameters(), reference.parameters(), strict=True):
        # A bias or weight before BatchNorm may have no gradient but rounding: compare with the largest of all.
        assert (parameter.grad - theirs.grad).abs().max() < 2e-4, name
    for ours, theirs in zip(network.buffers(), reference.buffers(), strict=True):
        torch.testing.assert_close(ours.double(), theirs.double(), rtol=1e-5, atol=1e-6)


def test_every_kind_of_layer_of_a_published_network_is_exchanged():
    """Catches a layer of the published networks that silently keeps torch's slower code."""
    twin = twin_of(PUBLISHED["13"]())
    kinds = {type(layer).__module__ for layer in twin.modules() if type(layer).__name__.startswith("_")}
    left = {type(layer).__name__ for layer in twin.modules() if not type(layer).__name__.startswith("_")}
    assert kinds == {"helpers.training.kernels.twin"}
    assert not left & {"Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Dropout"}


def test_the_twin_shares_parameters_and_buffers_and_leaves_the_network_its_classes():
    """Catches a deep copy of the weights, whose training the network itself would never see."""
    network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU())
    twin = twin_of(network)
    assert [id(p) for p in network.parameters()] == [id(p) for p in twin.parameters()]
    assert [id(b) for b in network.buffers()] == [id(b) for b in twin.buffers()]
    assert [type(layer) for layer in network] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    twin(random_maps(16, 1, 6, 6))
    assert network[1].num_batches_tracked == 1


class Subclass(nn.Conv2d):
    """A convolution that somebody may have changed."""


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, stride=2),
        nn.Conv2d(2, 4, 3, groups=2),
        nn.Conv2d(2, 3, 3, dilation=2),
        nn.Conv2d(2, 3, (3, 1)),
        nn.Conv2d(2, 3, 3, padding=(1, 0)),
        nn.Conv2d(2, 3, 3, padding="same"),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 3, 4),
        nn.Conv2d(2, 3, 1, padding=1),
        Subclass(2, 3, 3),
        nn.MaxPool2d(2, stride=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.MaxPool2d(3, padding=1, stride=3),
        nn.MaxPool2d((2, 1)),
        nn.Dropout2d(0.5),
    ],
    ids=str,
)
def test_what_has_no_kernel_keeps_torchs_own(layer):
    """Catches an exchanged layer whose stride, dilation, groups or padding mode the kernels ignore."""
    twin = twin_of(nn.Sequential(nn.Conv2d(1, 2, 3, bias=True), layer))
    assert type(twin[1]) is type(layer)
    torch.manual_seed(0)
    ours = twin(random_maps(16, 1, 9, 9))
    torch.manual_seed(0)
    assert_close(
        ours,
        nn.Sequential(*twin).double()[1](
            F.conv2d(random_maps(16, 1, 9, 9).double(), twin[0].weight.double(), twin[0].bias.double())
        ),
    )


@pytest.mark.parametrize("probability", [0.02, 0.25, 0.5, 0.9])
def test_dropout_keeps_its_share_and_the_mean(probability):
    """Catches kept values scaled by the wrong factor, and a threshold that drops the kept share."""
    torch.manual_seed(0)
    mask = dropout_mask(torch.empty(100, 1000, 16), probability)
    share, spread = 1 - probability, (probability * (1 - probability) / mask.numel()) ** 0.5
    assert abs((mask > 0).float().mean().item() - share) < 5 * spread
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / share])


def test_dropout_draws_are_independent_of_place_and_of_each_other():
    """Catches a hash so weak that neighbouring pixels, or two masks in a row, are dropped together."""
    torch.manual_seed(0)
    mask, other = (dropout_mask(torch.empty(1_000_000 // 16, 16), 0.5).flatten() - 1 for _ in range(2))
    bound = 5 / mask.numel() ** 0.5
    assert abs((mask * other).mean()) < bound
    for shift in (1, 2, 16, 128, 128 * 28):
        assert abs((mask[shift:] * mask[:-shift]).mean()) < bound


def test_dropout_follows_the_seed_and_not_the_threads():
    """Catches a random state for each thread, and seeds that are not drawn from torch's generator."""
    before, masks = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        torch.manual_seed(5)
        masks.append(dropout_mask(torch.empty(50, 32), 0.3))
    torch.set_num_threads(before)
    assert torch.equal(*masks)
    assert not torch.equal(masks[0], dropout_mask(torch.empty(50, 32), 0.3))


def test_backward_uses_the_mask_of_its_forward_when_compiled_too():
    """Catches a backward pass with a mask of its own, whose gradients reach units that were dropped."""
    twin = twin_of(nn.Sequential(nn.ReLU(), nn.Dropout(0.4), nn.ReLU()))
    images = torch.ones(16, 2, 3, 5, requires_grad=True)
    kept = torch.compile(twin, dynamic=False)(images)
    kept.sum().backward()
    assert 0 < (kept > 0).sum() < kept.numel()
    assert torch.allclose(images.grad, kept)


def test_wrong_tensors_are_refused():
    """Catches an address handed to C++ without a look at the type and layout of the memory behind it."""
    with pytest.raises(ValueError, match="not contiguous"):
        max_pool(first(torch.zeros(1, 2, 2, 16)), 2)
    with pytest.raises(ValueError, match="float32 on the CPU is needed, got float64"):
        max_pool(torch.zeros(1, 2, 2, 16, dtype=torch.float64), 2)
    with pytest.raises(ValueError, match="multiple of 16"):
        dropout_mask(torch.zeros(3, 5), 0.5)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="instruction sets of another processor")
@pytest.mark.parametrize("instructions", ["haswell", "x86-64"])
def test_the_kernels_of_processors_with_smaller_registers_agree(instructions, tmp_path, monkeypatch):
    """Catches a fixed stride of sixteen floats where a register holds eight or four."""
    images, weights = last(random_maps(32, 7, 6, 5)), random_maps(13, 7, 3, 3, seed=1)
    wanted = convolve(images, weights, None, 1)
    wanted_gradient = correlate(images, wanted, 3, 1)
    torch.manual_seed(0)
    wanted_mask = dropout_mask(images, 0.3)
    flags = tuple(flag.replace("native", instructions) for flag in build.FLAGS)
    monkeypatch.setattr(build, "FLAGS", flags)
    monkeypatch.setattr(build, "user_cache_path", lambda name: tmp_path)
    build.library.cache_clear()
    try:
        assert_close(convolve(images, weights, None, 1), wanted)
        assert_close(correlate(images, wanted, 3, 1), wanted_gradient)
        assert torch.equal(first(max_pool(images, 2)), F.max_pool2d(first(images), 2))
        torch.manual_seed(0)
        assert torch.equal(dropout_mask(images, 0.3), wanted_mask)
        (built,) = (tmp_path / "kernels").iterdir()
        assert built.suffix == ".so"
    finally:
        build.library.cache_clear()


@pytest.mark.parametrize(
    ("compiler", "message"),
    [("no-such-compiler", "no C\\+\\+ compiler"), ("refusing", "refusing: I will not")],
)
def test_without_kernels_the_next_best_way_is_taken_and_said(compiler, message, tmp_path, monkeypatch):
    """Catches a compiler's failure that ends the training, or that is passed over without a word."""
    script = tmp_path / "refusing"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && echo 1.0 && exit\necho "I will not" >&2\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", compiler if compiler == "no-such-compiler" else str(script))
    monkeypatch.setattr(build, "user_cache_path", lambda name: tmp_path / "cache")
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    build.library.cache_clear()
    try:
        with pytest.raises(NoKernels, match=message):
            twin_of(nn.ReLU())
        with pytest.warns(UserWarning, match=f"without the workbook's kernels.*{message}"):
            chosen = compiled(forward_of, nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 32, CPU)
        assert chosen.computed == "compiled, channels innermost"
        assert not list((tmp_path / "cache").rglob("*.so"))
    finally:
        build.library.cache_clear()


CPU = torch.device("cpu")


def forward_of(network: nn.Module):
    def forward(images, labels):
        logits = network(images)
        return F.cross_entropy(logits, labels), (logits.argmax(1) == labels).sum()

    return forward


@pytest.mark.parametrize(("batch_size", "how"), [(48, "batch innermost"), (50, "channels innermost")])
def test_a_batch_of_whole_registers_is_computed_batch_innermost(batch_size, how, monkeypatch):
    """Catches kernels called with a number of images that is no multiple of sixteen."""
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    network = PUBLISHED["13"]()
    chosen = compiled(forward_of, network, batch_size, CPU)
    assert chosen.computed == f"compiled, {how}"
    for count in (batch_size, batch_size - 2):  # the last batch of an epoch is smaller
        loss, _ = chosen.forward(random_maps(count, 1, 28, 28), torch.zeros(count, dtype=torch.int64))
        assert torch.isfinite(loss)


def test_a_library_is_built_once(tmp_path, monkeypatch):
    """Catches something that changes in the key of the cache, so that every start compiles again."""
    monkeypatch.setattr(build, "user_cache_path", lambda name: tmp_path)
    built = []
    run = subprocess.run
    monkeypatch.setattr(
        build.subprocess, "run", lambda command, **kw: (built.append(command[1]), run(command, **kw))[1]
    )
    for _ in range(2):
        build.library.cache_clear()
        build.library()
    build.library.cache_clear()
    assert built.count("-std=c++17") == 1
