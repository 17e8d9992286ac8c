"""The picture of a bench: what an epoch's seconds go to, the usual way and ours, and the least they could be."""

from collections.abc import Sequence
from pathlib import Path

from helpers.bench.record import PARTS, BenchRecord, counted, load_bench
from helpers.errors import ResultsError
from helpers.figures.style import BLUE, GREEN, GREY, INK, ORANGE, RED, Figure, stamped, styled
from helpers.results.store import write_whole

NAME = "bench.png"
COLOURS = dict(zip(PARTS, (ORANGE, BLUE, GREEN, RED, GREY), strict=True))
FLOOR = {"linestyle": "--", "linewidth": 1.2, "color": INK}


def write_picture(folder: Path, newest: BenchRecord) -> Path:
    """Draw folder/bench.png, of all records there that are of the same machine as the newest one.

    Raises:
        ResultsError: where it cannot be written.
    """
    return write_whole(folder / NAME, bench_bars(of_same_machine(folder, newest))._repr_png_()[0])


def of_same_machine(folder: Path, newest: BenchRecord) -> list[BenchRecord]:
    """The records in a folder that can be compared with the newest one, without those that cannot be read."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = load_bench(path)
        except ResultsError:  # of another kind or schema, or damaged
            continue
        if (record.machine["processor"], record.cores) == (newest.machine["processor"], newest.cores):
            found.append(record)
    return found


@styled
def bench_bars(records: Sequence[BenchRecord]) -> Figure:
    """A panel for every notebook, in it a stacked bar for every way; beside it how many times faster it is."""
    first = records[0]
    stamp = f"{first.dataset}, {first.machine['processor']}, {counted(first.cores, 'core')}"
    figure = stamped(9, 0.9 + 1.25 * len(records), stamp)
    panels = figure.subplots(len(records), sharex=True, squeeze=False)[:, 0]
    longest = max(way.seconds["total"] for record in records for way in record.ways.values())
    for axes, record in zip(panels, records, strict=True):
        # Bars: the parts of an epoch, one behind the other.
        ways = list(record.ways)
        left = [0.0] * len(ways)
        for part, colour in COLOURS.items():
            widths = [record.ways[way].seconds[part] for way in ways]
            axes.barh(ways, widths, left=left, height=0.7, color=colour, label=part)
            left = [start + width for start, width in zip(left, widths, strict=True)]
        # Words: the total beside each bar, and the floor as a line through all.
        for place, way in enumerate(ways):
            total, ratio = record.ways[way].seconds["total"], record.ratios.get(way)
            text = f"{total:.1f} s" if ratio is None else f"{total:.1f} s, {ratio:.1f} times faster"
            axes.annotate(text, (total, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
        axes.axvline(record.floor["seconds"], label="floor: arithmetic alone", **FLOOR)
        axes.set(title=record.notebook, xlim=(0, 1.15 * longest))
        axes.invert_yaxis()
        axes.grid(False, axis="y")
    panels[-1].set_xlabel("seconds per epoch of one run, training and evaluation")
    panels[0].legend(loc="lower right", ncols=2, fontsize=8)
    return figure
