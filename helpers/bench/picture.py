"""The picture of a bench: what an epoch's seconds go to, the usual way and ours, and the least they could be."""

from collections.abc import Mapping, Sequence

from helpers.figures.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Figure, stamped, styled

COLOURS = (ORANGE, BLUE, GREEN, RED, GREY)
FLOOR = {"linestyle": "--", "linewidth": 1.2, "color": INK}


@styled
def bench_bars(
    benches: Sequence[tuple[str, Mapping[str, Mapping[str, float]], float]], parts: Sequence[str], stamp: str
) -> Figure:
    """A row of stacked bars for every notebook; beside each bar its seconds, and how many times faster than the first.

    Args:
        benches: (notebook, {way: {part: seconds, "total": seconds}}, seconds of the floor).
        parts: what the bars are made of, in order.
        stamp: what was measured where.
    """
    figure = stamped(9, 0.9 + 1.25 * len(benches), stamp)
    rows = figure.subplots(len(benches), sharex=True, squeeze=False)[:, 0]
    longest = max(taken["total"] for _, ways, _ in benches for taken in ways.values())
    for axes, (notebook, ways, floor) in zip(rows, benches, strict=True):
        left = dict.fromkeys(ways, 0.0)
        for part, colour in zip(parts, COLOURS, strict=True):
            widths = [taken[part] for taken in ways.values()]
            axes.barh(list(ways), widths, left=list(left.values()), height=0.7, color=colour, label=part)
            left = {way: left[way] + taken[part] for way, taken in ways.items()}
        first = next(iter(ways.values()))["total"]
        for place, taken in enumerate(ways.values()):
            faster = f", {first / taken['total']:.1f} times faster" if place else ""
            text = f"{taken['total']:.1f} s{faster}"
            axes.annotate(
                text, (taken["total"], place), (4, 0), textcoords="offset points", va="center", fontsize=8
            )
        axes.axvline(floor, label="floor: arithmetic alone", **FLOOR)
        axes.set(title=notebook, xlim=(0, 1.15 * longest))
        axes.invert_yaxis()
        axes.grid(False, axis="y")
    rows[-1].set_xlabel("seconds per epoch of one run, training and evaluation")
    rows[0].legend(loc="lower right", ncols=2, fontsize=8)
    return figure
