"""The picture of the course: published iterations by size and error, and which grew out of which."""

from collections.abc import Sequence

from helpers.canvas import BLUE, GREEN, GREY, INK, ORANGE, TARGET, Figure, stamped, styled

LABEL = {"textcoords": "offset points", "fontsize": 8, "ha": "center"}
LEFT, RIGHT, ABOVE = (-10, -3), (10, -3), (0, 6)
LOOKS = (
    (GREY, (RIGHT, LEFT)),
    (ORANGE, (LEFT,)),
    (BLUE, (ABOVE,)),
    (INK, (RIGHT,)),
)  # colour, where numbers go


@styled
def course_map(
    lineages: Sequence[Sequence[tuple[str, int, float]]], max_params: int, min_accuracy: float
) -> Figure:
    """Published iterations by size and error, an arrow from each to the next of its lineage, and the corner aimed at.

    Args:
        lineages: (number, parameters, accuracy in percent) of every iteration, in order.
    """
    figure = stamped(9, 4.2)
    axes = figure.subplots()
    axes.set(
        xscale="log", yscale="log", title="Error on the test set (%) and number of parameters, as published"
    )
    axes.axvspan(1, max_params, 0, 1, color=GREEN, alpha=0.06)
    axes.axhspan(1e-3, 100 - min_accuracy, color=GREEN, alpha=0.06)
    axes.axvline(
        max_params, label=f"at most {max_params:,} parameters, at least {min_accuracy:g} %", **TARGET
    )
    axes.axhline(100 - min_accuracy, **TARGET)
    for lineage, (colour, sides) in zip(lineages, LOOKS, strict=True):
        places = [(parameters, 100 - accuracy) for _, parameters, accuracy in lineage]
        for start, end in zip(places, places[1:], strict=False):
            axes.annotate(
                "", end, start, arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 5, "shrinkB": 5}
            )
        axes.plot(*zip(*places, strict=True), linestyle="none", marker="o", color=colour)
        for index, (number, *_) in enumerate(lineage):
            axes.annotate(number, places[index], sides[index % len(sides)], color=colour, **LABEL)
    axes.set(xlim=(4_500, 250_000), ylim=(15, 0.3))
    axes.set_xticks([5_000, 10_000, 20_000, 50_000, 100_000, 200_000], [])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([10, 5, 2, 1, 0.6])
    axes.minorticks_off()
    axes.legend(loc="lower right")
    return figure
