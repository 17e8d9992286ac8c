"""The quickest way to compute a training step on this machine, and the plain way where there is none."""

import copy
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.errors import NoKernels
from helpers.training.kernels.build import MULTIPLE
from helpers.training.kernels.twin import AnyBatch, twin_of

Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
ForwardOf = Callable[[nn.Module], Forward]


def channels_innermost(network: nn.Module) -> nn.Module:
    """`network` itself, its weights laid out as torch's own convolutions are quickest."""
    return network.to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Step:
    """How the steps of a run are computed.

    Attributes:
        forward: of a training step: (images, labels) to (mean loss, number correct).
        computed: how, in words: "eager", "compiled, batch innermost", ...
        to_evaluate: gives a network the form in which it is evaluated quickest.
        compile_seconds: how long compiling took.
    """

    forward: Forward
    computed: str = "eager"
    to_evaluate: Callable[[nn.Module], nn.Module] = channels_innermost
    compile_seconds: float = 0.0


def compiled(forward_of: ForwardOf, network: nn.Module, batch_size: int, device: torch.device) -> Step:
    """`forward_of(network)`, compiled for full batches of 28x28 images.

    On a CPU a twin of the network is compiled that computes with the batch innermost, by kernels of ours; on
    CUDA the kernels of a step are replayed as CUDA graphs. The smaller last batch of an epoch goes through
    the plain forward: compiling it too would take longer than it saves.

    Compiling runs a few steps on black images; weights, buffers and random numbers of `network` are put back
    afterwards. Where something is missing, such as a C++ compiler, the next best way is taken, and a warning
    says why.
    """
    started = time.perf_counter()
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # CUDA's absence is no news
    plain = forward_of(network)
    fast_network, computed, to_evaluate = _fast_network(network, batch_size, device)
    torch.compiler.reset()  # torch counts the networks that a notebook compiles, and gives up after eight
    mode = "reduce-overhead" if device.type == "cuda" else None
    fast = torch.compile(forward_of(fast_network), dynamic=False, mode=mode)
    try:
        _try_out(fast, network, batch_size, device)
    # Any exception: torch wraps a missing compiler in several private classes.
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        warnings.warn(f"training without torch.compile, more slowly: {reason[0]}", stacklevel=2)
        return Step(plain, compile_seconds=time.perf_counter() - started)

    def full_batches_fast(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return (fast if len(labels) == batch_size else plain)(images, labels)

    return Step(full_batches_fast, computed, to_evaluate, time.perf_counter() - started)


def _fast_network(
    network: nn.Module, batch_size: int, device: torch.device
) -> tuple[nn.Module, str, Callable[[nn.Module], nn.Module]]:
    """What is to be compiled, how it computes, and what makes a network quick to evaluate."""
    if device.type == "cpu" and batch_size % MULTIPLE == 0:
        try:
            return twin_of(network), "compiled, batch innermost", AnyBatch
        except NoKernels as error:
            warnings.warn(f"training without the workbook's kernels, more slowly: {error}", stacklevel=3)
    return channels_innermost(network), "compiled, channels innermost", channels_innermost


def _try_out(fast: Forward, network: nn.Module, batch_size: int, device: torch.device) -> None:
    """Two steps on black images (CUDA graphs are recorded in the second), without a trace in `network`."""
    state, training = copy.deepcopy(network.state_dict()), network.training
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            network.train()
            images = torch.zeros(batch_size, 1, 28, 28, device=device)
            labels = torch.zeros(batch_size, dtype=torch.int64, device=device)
            for _ in range(2):
                fast(images, labels)[0].backward()
                network.zero_grad()
        finally:
            network.load_state_dict(state)
            network.zero_grad()
            network.train(training)
