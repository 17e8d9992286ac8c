"""A process that trains a small network at a signal and says how many steps a second it made.

Started as `python -m helpers.runs.pace SECONDS DEVICE`. It imports nothing but torch, so that it starts quickly.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_UP = 10  # steps: the first ones are slow, as kernels are chosen and memory is taken
BATCH_SIZE = 128
LEARNING_RATE = 0.01


def network() -> nn.Module:
    """(N, 1, 28, 28) -> (N, 10), of the kind that the course trains: 8 to 16 channels, BatchNorm, ReLU."""
    blocks = [_block(1, 8), _block(8, 16), nn.MaxPool2d(2), _block(16, 16), _block(16, 16), nn.AvgPool2d(8)]
    return nn.Sequential(*blocks, nn.Conv2d(16, 10, 1), nn.Flatten())


def _block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def main(seconds: float, device: str) -> None:
    """Warm up and say "ready"; once stdin is closed, train for so many seconds and say the steps a second."""
    trained = network().to(device, memory_format=torch.channels_last)
    weights = list(trained.parameters())
    images = torch.randn(BATCH_SIZE, 1, 28, 28, device=device)
    labels = torch.randint(10, (BATCH_SIZE,), device=device)

    def step() -> torch.Tensor:
        loss = F.cross_entropy(trained(images), labels)
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():  # plain SGD: to import torch.optim takes longer than to measure
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(gradient, alpha=LEARNING_RATE)
        return loss

    for _ in range(WARM_UP):
        step().item()
    print("ready", flush=True)
    sys.stdin.read()
    started, steps = time.perf_counter(), 0
    while steps == 0 or time.perf_counter() - started < seconds:
        loss = step()
        steps += 1
    loss.item()  # a GPU may be behind: it has made the steps only now
    print(steps / (time.perf_counter() - started))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
