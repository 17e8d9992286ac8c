"""torch.compile where it pays, and a clean way back where there is no compiler."""

import copy
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def compiled(
    forward: Forward, network: nn.Module, batch_size: int, device: torch.device
) -> tuple[Forward, float]:
    """`forward` compiled for full batches of 28x28 images, and the seconds that compiling took.

    The smaller last batch of an epoch goes through the plain `forward`: compiling it too would take longer
    than it saves. Compiling runs one step on black images; weights, buffers and random numbers of `network`
    are put back afterwards. Where compiling fails (no C++ compiler, say) the plain `forward` is returned, with
    a warning that says why.
    """
    started = time.perf_counter()
    fast = torch.compile(forward, dynamic=False)
    state = copy.deepcopy(network.state_dict())
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            network.train()
            images = torch.zeros(batch_size, 1, 28, 28, device=device)
            labels = torch.zeros(batch_size, dtype=torch.int64, device=device)
            fast(images, labels)[0].backward()
        except Exception as error:  # torch wraps a missing compiler in several private classes
            reason = str(error).strip().splitlines() or [type(error).__name__]
            warnings.warn(f"training without torch.compile, more slowly: {reason[0]}", stacklevel=2)
            return forward, time.perf_counter() - started
        finally:
            network.load_state_dict(state)
            network.zero_grad()

    def full_batches_fast(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return (fast if len(labels) == batch_size else forward)(images, labels)

    return full_batches_fast, time.perf_counter() - started
