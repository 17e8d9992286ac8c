"""A copy of a network whose layers call our C++ kernels.

The copy shares the network's parameters and computes the same, faster on a CPU: its maps lie in memory with
the batch innermost. Only layers whose kernels exist are exchanged; every other layer keeps torch's own code,
which takes the permuted maps as they are. The network itself, its class and its text in the notebook, stay
untouched.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.training.kernels.build import MULTIPLE, library
from helpers.training.kernels.ops import KERNEL_SIZES, convolve, dropout_mask, max_pool, normalise


def twin_of(network: nn.Module) -> nn.Module:
    """A copy of `network` in training mode, on the CPU, whose layers compute with the batch innermost.

    It shares the network's parameters and buffers, and takes the same batches, (N, C, H, W), where N must be
    a multiple of MULTIPLE. It computes the same up to rounding, and to the draws of dropout; where several
    pixels of a pooling window are the largest, the first gets the gradient, as in torch.

    Raises:
        NoKernels: they cannot be built on this machine.
    """
    library()
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    twin = copy.deepcopy(network, shared)
    for layer in twin.modules():
        exchanged = EXCHANGES.get(type(layer))
        if exchanged is not None and exchanged.fits(layer):
            layer.__class__ = exchanged
    for layer in twin.modules():
        if isinstance(layer, nn.Sequential):
            _join(layer)
    return twin.train()


class AnyBatch(nn.Module):
    """A twin for evaluation that takes any number of images: black ones fill up the batch to a MULTIPLE."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.twin = twin_of(network)

    def forward(self, images: Tensor) -> Tensor:
        missing = -len(images) % MULTIPLE
        return self.twin(F.pad(images, (0, 0, 0, 0, 0, 0, 0, missing)))[: len(images)]


def _batch_innermost(maps: Tensor) -> Tensor:
    """(N, C, H, W) to contiguous (C, H, W, N): no copy where the maps lie so in memory already."""
    return maps.permute(1, 2, 3, 0).contiguous()


def _batch_first(maps: Tensor) -> Tensor:
    """(C, H, W, N) seen as (N, C, H, W), left where it lies in memory."""
    return maps.permute(3, 0, 1, 2)


class _Convolution(nn.Conv2d):
    def forward(self, images: Tensor) -> Tensor:
        return _batch_first(convolve(_batch_innermost(images), self.weight, self.bias, self.padding[0]))

    @staticmethod
    def fits(layer: nn.Conv2d) -> bool:
        kernel, padding = layer.kernel_size[0], layer.padding
        return (
            layer.kernel_size == (kernel, kernel)
            and kernel in KERNEL_SIZES
            and padding in [(same, same) for same in range(kernel)]
            and layer.stride == layer.dilation == (1, 1)
            and layer.groups == 1
            and layer.padding_mode == "zeros"
        )


class _Normalisation(nn.BatchNorm2d):
    """BatchNorm, and the ReLU and the dropout that follow it: one visit to the maps instead of five."""

    relu = False
    dropout = 0.0

    def forward(self, images: Tensor) -> Tensor:
        maps = _batch_innermost(images)
        if not self.training:
            row = maps.view(1, len(maps), -1)  # a channel's pixels of all images
            row = F.batch_norm(row, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
            return _batch_first((row.relu_() if self.relu else row).view(maps.shape))
        mask = dropout_mask(maps.detach(), self.dropout) if self.dropout else None
        result, mean, variance = normalise(maps, self.weight, self.bias, mask, self.eps, self.relu)
        with torch.no_grad():
            count = maps[0].numel()
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean.detach(), self.momentum)
            self.running_var.lerp_(variance.detach() * (count / (count - 1)), self.momentum)
        return _batch_first(result)

    @staticmethod
    def fits(layer: nn.BatchNorm2d) -> bool:
        return layer.affine and layer.track_running_stats and layer.momentum is not None


class _Pool(nn.MaxPool2d):
    def forward(self, images: Tensor) -> Tensor:
        return _batch_first(max_pool(_batch_innermost(images), self.kernel_size))

    @staticmethod
    def fits(layer: nn.MaxPool2d) -> bool:
        plain = layer.padding == 0 and layer.dilation == 1 and not (layer.ceil_mode or layer.return_indices)
        return plain and isinstance(layer.kernel_size, int) and layer.stride == layer.kernel_size


class _SavesNoMask(torch.autograd.Function):
    """ReLU whose backward reads its result, which the next layer keeps anyway.

    Inductor would store a mask of booleans instead, which took ten times as long as the ReLU itself.
    """

    @staticmethod
    def forward(context, maps: Tensor) -> Tensor:
        result = maps.relu()
        context.save_for_backward(result)
        return result

    @staticmethod
    def backward(context, gradients: Tensor) -> Tensor:
        (result,) = context.saved_tensors
        return gradients * result.sign()


class _ReLU(nn.ReLU):
    def forward(self, maps: Tensor) -> Tensor:
        return _SavesNoMask.apply(maps)

    @staticmethod
    def fits(layer: nn.ReLU) -> bool:
        return not layer.inplace


class _Dropout(nn.Dropout):
    """Dropout by a mask of floats drawn in one go: no booleans are stored."""

    def forward(self, maps: Tensor) -> Tensor:
        if maps.ndim != 4 or not self.training:
            return super().forward(maps)
        mask = dropout_mask(_batch_innermost(maps.detach()), self.p)
        return maps * _batch_first(mask)

    @staticmethod
    def fits(layer: nn.Dropout) -> bool:
        return 0 < layer.p < 1


def _join(layers: nn.Sequential) -> None:
    """Let every BatchNorm take over the ReLU and the dropout right after it."""
    for place, layer in enumerate(layers):
        if type(layer) is not _Normalisation:
            continue
        joined, following = copy.copy(layer), place + 1
        if following < len(layers) and type(layers[following]) is _ReLU:
            joined.relu, layers[following] = True, nn.Identity()
            following += 1
        if following < len(layers) and type(layers[following]) is _Dropout:
            joined.dropout, layers[following] = layers[following].p, nn.Identity()
        layers[place] = joined


EXCHANGES = {
    nn.Conv2d: _Convolution,
    nn.BatchNorm2d: _Normalisation,
    nn.ReLU: _ReLU,
    nn.MaxPool2d: _Pool,
    nn.Dropout: _Dropout,
}
