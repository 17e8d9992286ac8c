"""Pictures of digits: rows of them, and their augmented variants."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from helpers.figures.style import DPI, ORANGE, Figure, styled

SIDE, GAP = 28, 3  # image pixels: a digit, and the space between two
LINE = 14  # screen pixels: a line of text
LEAST_WIDTH = 7 * (SIDE + GAP)  # of a figure with a title


@styled
def digit_grid(
    images: Tensor, captions: Sequence[str] | None = None, columns: int = 10, title: str = ""
) -> Figure:
    """Digits row by row, each above its caption.

    Args:
        images: (N, 1, 28, 28), uint8, or floats whose least is black and whose greatest is white.

    Raises:
        ValueError: if there is not one caption for each image.
    """
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images: each needs one")
    if len(images) == 0:
        return tiles(np.empty((0, SIDE, SIDE)), columns, title=title or "No digits to show")[0]
    return tiles(grey(images), columns, captions, title)[0]


@styled
def augmented(originals: Tensor, variants: Tensor) -> Figure:
    """Digits in the top row, and in each row below one variant of every digit.

    Args:
        originals: (N, 1, 28, 28).
        variants: (rows, N, 1, 28, 28), in the same units: one scale of greys serves all.
    """
    title = "Top row: as they are. Below: as training sees them, drawn anew in every epoch."
    figure, axes, corners = tiles(grey(originals, variants), len(originals), title=title)
    axes.axhline(corners[len(originals)][1] - GAP / 2, color=ORANGE, linewidth=2)
    return figure


def grey(*batches: Tensor) -> np.ndarray:
    """All images of the batches, (N, 28, 28), from 0, black, to 1, white.

    Raises:
        ValueError: for batches of different units.
    """
    kinds = {batch.dtype for batch in batches}
    if len(kinds) > 1:
        raise ValueError(f"images of {' and '.join(map(str, kinds))}: all must be in the same units")
    images = torch.cat([batch.detach().cpu().flatten(0, -3) for batch in batches])
    if images.dtype == torch.uint8:
        return images.numpy() / 255
    black, white = images.aminmax()
    return ((images - black) / (white - black).clamp(min=1e-6)).numpy()


def tiles(
    images: np.ndarray, columns: int, captions: Sequence[str] | None = None, title: str = "", zoom: int = 3
) -> tuple[Figure, Axes, list[tuple[float, float]]]:
    """Images (N, 28, 28) in rows of `columns`, with the upper left corner of each, in image pixels.

    A pixel of an image is `zoom` pixels of the figure: a whole number keeps all of them alike.
    """
    lines = max((caption.count("\n") + 1 for caption in captions or []), default=0)
    top = GAP + (2 * LINE / zoom if title else 0)
    pitch = SIDE + GAP + lines * LINE / zoom
    width = max(GAP + columns * (SIDE + GAP), LEAST_WIDTH if title else 0)
    height = top + -(-len(images) // columns) * pitch
    figure = Figure(figsize=(width * zoom / DPI, height * zoom / DPI))
    figure.suptitle(title, x=GAP / width, y=1 - GAP / height, fontsize=10, ha="left", va="top")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    corners = [(GAP + i % columns * (SIDE + GAP), top + i // columns * pitch) for i in range(len(images))]
    for i, (image, (x, y)) in enumerate(zip(images, corners, strict=True)):
        extent = (x, x + SIDE, y + SIDE, y)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest", aspect="auto")
        if captions:
            axes.text(x + SIDE / 2, y + SIDE + 1, captions[i], fontsize=8, ha="center", va="top")
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure, axes, corners
