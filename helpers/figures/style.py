"""The house style of all figures: colours, fonts, and a figure that a notebook shows once, as PNG."""

import io

import matplotlib.figure
from matplotlib import style

# Okabe and Ito's colours, which the colour-blind can tell apart; marks differ too, for print in grey
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
INK, GREY, PALE = "#222222", "#6e6e6e", "#e4e4e4"
PUBLISHED = {"linestyle": "none", "marker": "D", "markersize": 7, "fillstyle": "none", "color": INK}
TARGET = {"linestyle": "--", "linewidth": 1.2, "color": GREEN}
DPI = 100
SETTINGS = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "lines.markersize": 4.5,
    "legend.frameon": False,
}
styled = style.context(SETTINGS, after_reset=True)  # a decorator; readers keep their own


class Figure(matplotlib.figure.Figure):
    """A figure apart from pyplot: a notebook shows it once, as PNG, and nothing has to be closed."""

    @styled
    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        """PNG, and as its metadata the titles, for readers who cannot see the picture."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", metadata={"Software": None})
        titles = [self.get_suptitle(), *(axes.get_title("left") for axes in self.axes)]
        return buffer.getvalue(), {"alt": "; ".join(filter(None, titles))}


def stamped(width: float, height: float, stamp: str = "") -> Figure:
    """An empty figure (inches) that says above everything which run it shows."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if stamp:
        figure.suptitle(stamp, x=0.01, horizontalalignment="left", fontsize=9, color=GREY)
    return figure
