"""Pictures of a network before any training: what its units see, and where its parameters are."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from helpers.figures.digits import grey, tiles
from helpers.figures.style import BLUE, GREEN, ORANGE, RED, Figure, stamped, styled
from helpers.networks.parameters import ParameterRow
from helpers.networks.receptive_field import ReceptiveField

DIMMED = 0.35  # brightness of what is not seen


@styled
def receptive_field_squares(image: Tensor, field: ReceptiveField) -> Figure:
    """What the middle unit of a layer sees of a digit, for each layer that sees more than what it reads.

    The squares are clipped to the image, and dashed where there was something to clip.

    Args:
        image: (1, 28, 28).
    """
    # A digit for each layer that widens the field, dimmed where the layer's middle unit does not see it.
    rows = [row for row in field.rows if row.outgoing.extents not in [f.extents for f in row.incoming]]
    sizes = (" x ".join(map(str, row.outgoing.extents)) for row in rows)
    captions = [f"{row.layer}\n{row.operation}\n{size}" for row, size in zip(rows, sizes, strict=True)]
    seen = grey(image).repeat(len(rows), axis=0)
    for picture, row in zip(seen, rows, strict=True):
        inside = np.zeros_like(picture, dtype=bool)
        inside[tuple(slice(first, last + 1) for first, last in row.clipped)] = True
        picture[~inside] *= DIMMED
    # The squares themselves, over the digits.
    title = "The growing field of the middle unit, in pixels; dashed: it reaches past the border of the image"
    figure, axes, corners = tiles(seen, 7, captions, title, zoom=4)
    for (x, y), row in zip(corners, rows, strict=True):
        (top, bottom), (left, right) = row.clipped
        axes.add_patch(
            Rectangle(
                (x + left, y + top),
                right - left + 1,
                bottom - top + 1,
                fill=False,
                color=ORANGE,
                linewidth=2,
                linestyle="-" if row.clipped == row.spans else (0, (2, 1)),
            )
        )
    return figure


@styled
def parameters_per_layer(rows: Sequence[ParameterRow], budget: int | None = None) -> Figure:
    """Where the parameters are, and how many a budget leaves to spare."""
    # A bar for each layer that has parameters, and one for what the budget leaves.
    counted = [row for row in rows if row.total]
    total = sum(row.total for row in counted)
    names = [f"{row.layer}, {row.operation}" for row in counted]
    widths = [row.total for row in counted]
    labels = [f"{width:,} ({100 * width / total:.1f} %)" for width in widths]
    title = f"{total:,} parameters"
    if budget is not None:
        slack = abs(budget - total)
        word, colour = ("to spare", GREEN) if total <= budget else ("too many", RED)
        names, widths, labels = [*names, word], [*widths, slack], [*labels, f"{slack:,}"]
        title += f", budget {budget:,}: {slack:,} {word}"
    # Draw: layers from the top down, what is left over only hatched.
    figure = stamped(7.5, 0.4 + 0.22 * len(names))
    axes = figure.subplots()
    bars = axes.barh(range(len(names)), widths, color=BLUE)
    if budget is not None:
        bars[-1].set(facecolor="none", edgecolor=colour, hatch="////")
    axes.bar_label(bars, labels, padding=3, fontsize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set(title=title, xlim=(0, 1.15 * max(widths)), ylim=(len(names) - 0.4, -0.6), xticks=[])
    axes.spines.bottom.set_visible(False)
    axes.grid(False)
    return figure
