"""The kernels of kernels.cpp as torch operations, on maps stored with the batch innermost, (C, H, W, N).

They exist because the layers of this course have 7 to 32 channels: libraries that put channels innermost, and
pad them to full vector registers, spend most of their arithmetic on padding. N must be a multiple of
MULTIPLE.
"""

import torch
from torch import Tensor

from helpers.training.kernels.build import MULTIPLE, library

KERNEL_SIZES = (1, 3, 5, 7)


def _call(function: str, tensors: tuple[Tensor | None, ...], *numbers: float) -> None:
    """Call a kernel with the addresses of contiguous float32 tensors (None: no address)."""
    for tensor in filter(lambda tensor: tensor is not None, tensors):
        if tensor.dtype != torch.float32 or not tensor.is_contiguous() or tensor.device.type != "cpu":
            order = "" if tensor.is_contiguous() else ", not contiguous"
            got = f"{str(tensor.dtype).removeprefix('torch.')} on {tensor.device}{order}"
            raise ValueError(f"{function}: contiguous float32 on the CPU is needed, got {got}")
    addresses = (None if tensor is None else tensor.data_ptr() for tensor in tensors)
    getattr(library(), function)(*addresses, *numbers, torch.get_num_threads())


@torch.library.custom_op("workbook::convolve", mutates_args=())
def convolve(images: Tensor, weights: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Convolve (C, H, W, N) by (O, C, K, K), K in KERNEL_SIZES, with stride 1, to (O, P, Q, N)."""
    outputs, _, kernel, _ = weights.shape
    result = _convolved(images, weights, bias, padding)
    packed = weights.permute(1, 2, 3, 0).contiguous()
    _call("convolve", (images, packed, bias, result), *images.shape, outputs, kernel, padding)
    return result


@convolve.register_fake
def _convolved(images: Tensor, weights: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    outputs, _, kernel, _ = weights.shape
    _, height, width, count = images.shape
    shrinks = kernel - 1 - 2 * padding
    return images.new_empty(outputs, height - shrinks, width - shrinks, count)


@torch.library.custom_op("workbook::correlate", mutates_args=())
def correlate(images: Tensor, gradients: Tensor, kernel: int, padding: int) -> Tensor:
    """The gradient of a convolution's weights, (O, C, K, K), from its images and its result's gradients."""
    result = _correlated(images, gradients, kernel, padding)
    _call("correlate", (images, gradients, result), *images.shape, len(gradients), kernel, padding)
    return result


@correlate.register_fake
def _correlated(images: Tensor, gradients: Tensor, kernel: int, padding: int) -> Tensor:
    return images.new_empty(len(gradients), len(images), kernel, kernel)


def _save_convolution(ctx, inputs: tuple, output: Tensor) -> None:
    images, weights, _, ctx.padding = inputs
    ctx.save_for_backward(images, weights)


def _convolution_backward(ctx, gradients: Tensor) -> tuple[Tensor | None, ...]:
    """The gradient of the images is the convolution of the gradients with the kernels turned round."""
    images, weights = ctx.saved_tensors
    kernel, gradients = weights.shape[2], gradients.contiguous()
    of_images = of_bias = None
    if ctx.needs_input_grad[0]:
        turned = weights.flip(2, 3).transpose(0, 1)
        of_images = convolve(gradients, turned, None, kernel - 1 - ctx.padding)
    if ctx.needs_input_grad[2]:
        of_bias = gradients.flatten(1).sum(1)
    return of_images, correlate(images, gradients, kernel, ctx.padding), of_bias, None


convolve.register_autograd(_convolution_backward, setup_context=_save_convolution)


@torch.library.custom_op("workbook::max_pool", mutates_args=())
def max_pool(images: Tensor, size: int) -> Tensor:
    """The largest of every size x size window, side by side: (C, H, W, N) to (C, H // size, W // size, N)."""
    result = _pooled(images, size)
    _call("pool", (images, result), *images.shape, size)
    return result


@max_pool.register_fake
def _pooled(images: Tensor, size: int) -> Tensor:
    channels, height, width, count = images.shape
    return images.new_empty(channels, height // size, width // size, count)


@torch.library.custom_op("workbook::unpool", mutates_args=())
def unpool(images: Tensor, largest: Tensor, gradients: Tensor, size: int) -> Tensor:
    """The gradient of `max_pool`'s images: each window's goes to its first largest pixel."""
    left_over = images.shape[1] % size or images.shape[2] % size  # rows and columns in no window
    result = torch.zeros_like(images) if left_over else torch.empty_like(images)
    _call("unpool", (images, largest, gradients, result), *images.shape, size)
    return result


@unpool.register_fake
def _unpooled(images: Tensor, largest: Tensor, gradients: Tensor, size: int) -> Tensor:
    return torch.empty_like(images)


def _save_pool(ctx, inputs: tuple, output: Tensor) -> None:
    images, ctx.size = inputs
    ctx.save_for_backward(images, output)


def _pool_backward(ctx, gradients: Tensor) -> tuple[Tensor, None]:
    return unpool(*ctx.saved_tensors, gradients.contiguous(), ctx.size), None


max_pool.register_autograd(_pool_backward, setup_context=_save_pool)


@torch.library.custom_op("workbook::mask", mutates_args=(), tags=(torch.Tag.nondeterministic_seeded,))
def dropout_mask(like: Tensor, probability: float) -> Tensor:
    """A mask of dropout in the shape of `like`: 0 with this probability, else 1 / (1 - probability).

    Its draws follow from torch's own generator on the CPU and not from the number of threads. The number of
    elements must be a multiple of MULTIPLE.
    """
    if like.numel() % MULTIPLE:
        raise ValueError(f"a mask of {like.numel()} elements: must be a multiple of {MULTIPLE}")
    result = torch.empty_like(like, memory_format=torch.contiguous_format)
    seeds = torch.randint(2**32, (2,)).tolist()
    library().mask(
        result.data_ptr(),
        result.numel(),
        min(round(probability * 2**32), 2**32 - 1),
        1 / (1 - probability),
        *seeds,
        torch.get_num_threads(),
    )
    return result


@dropout_mask.register_fake
def _masked(like: Tensor, probability: float) -> Tensor:
    return torch.empty_like(like, memory_format=torch.contiguous_format)


@torch.library.custom_op("workbook::normalise", mutates_args=())
def normalise(
    images: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None, epsilon: float, relu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """BatchNorm in training, then ReLU (if `relu`) and dropout (if there is a mask, in the images' shape).

    Returns:
        The result (C, H, W, N), and each channel's mean and biased variance, (C,), without gradients.
    """
    results = _normalised(images, weight, bias, mask, epsilon, relu)
    channels, count = len(images), images[0].numel()
    _call("normalise", (images, weight, bias, mask, *results), channels, count, epsilon, relu)
    return results


@normalise.register_fake
def _normalised(
    images: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None, epsilon: float, relu: bool
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(images), torch.empty_like(weight), torch.empty_like(weight)


@torch.library.custom_op("workbook::normalise_backward", mutates_args=())
def normalise_backward(
    gradients: Tensor,
    images: Tensor,
    weight: Tensor,
    bias: Tensor,
    mask: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    epsilon: float,
    relu: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the images, the weight and the bias of `normalise`."""
    results = torch.empty_like(images), torch.empty_like(weight), torch.empty_like(weight)
    tensors = (gradients, images, weight, bias, mask, mean, variance, *results)
    _call("normalise_backward", tensors, len(images), images[0].numel(), epsilon, relu)
    return results


@normalise_backward.register_fake
def _normalised_back(gradients, images, weight, bias, mask, mean, variance, epsilon, relu):
    return torch.empty_like(images), torch.empty_like(weight), torch.empty_like(weight)


def _save_normalisation(ctx, inputs: tuple, output: tuple) -> None:
    images, weight, bias, mask, ctx.epsilon, ctx.relu = inputs
    ctx.save_for_backward(images, weight, bias, mask, *output[1:])


def _normalisation_backward(ctx, gradients: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    found = normalise_backward(gradients.contiguous(), *ctx.saved_tensors, ctx.epsilon, ctx.relu)
    return *found, None, None, None


normalise.register_autograd(_normalisation_backward, setup_context=_save_normalisation)
