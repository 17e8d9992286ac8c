"""The least that an epoch could take on this machine: its arithmetic at the speed of a matrix product.

Counted are the floating-point operations of convolutions and matrix products, a multiplication and an addition
as two; normalisation, pooling, augmentation and the optimiser come on top, so no code reaches the floor.
"""

import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

MATRIX = 2_048  # rows and columns of the product that measures the peak
PEAK_SECONDS = 2.0  # spent looking for the best product
FEWEST_PRODUCTS = 3


def batch_operations(network: nn.Module, batch_size: int) -> tuple[int, int]:
    """Floating-point operations of one batch of 28x28 images: forward and backward, and forward alone.

    `network` is in plain eager form, on the CPU, with BatchNorm in any state; it is left in training mode,
    its gradients cleared, its buffers as they were.
    """
    images = torch.zeros(batch_size, 1, 28, 28)
    labels = torch.zeros(batch_size, dtype=torch.int64)
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()
    with FlopCounterMode(display=False) as both:
        F.cross_entropy(network(images), labels).backward()
    network.zero_grad()
    with torch.no_grad(), FlopCounterMode(display=False) as forward:
        network(images)
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    return both.get_total_flops(), forward.get_total_flops()


def epoch_operations(per_batch: tuple[int, int], batch_size: int, steps: int, tested_images: int) -> float:
    """Floating-point operations of an epoch of so many steps and of the evaluation after it."""
    both, forward = per_batch
    return both * steps + forward / batch_size * tested_images


def matrix_peak(dtype: torch.dtype, size: int = MATRIX, seconds: float = PEAK_SECONDS) -> float:
    """Operations a second of the quickest of several products of two (size, size) matrices.

    All threads that this process has take part.
    """
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    result = torch.empty(size, size, dtype=dtype)
    torch.mm(a, b, out=result)  # untimed, for the first one also prepares
    best, tried, started = float("inf"), 0, time.perf_counter()
    while tried < FEWEST_PRODUCTS or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        torch.mm(a, b, out=result)
        best = min(best, time.perf_counter() - before)
        tried += 1
    return 2 * size**3 / best
