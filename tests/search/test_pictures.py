"""The pictures of a search: every candidate and factor is drawn where it is, and the front is labelled."""

from making.studies import standing

from helpers.figures.style import GREEN, GREY, RED
from helpers.results.statistics import Difference, Interval
from helpers.search.effects import Effect
from helpers.search.pictures import effect_bars, pareto


def test_every_candidate_is_drawn_and_the_front_is_labelled():
    """Catches points that are moved, candidates that are lost, and a front of candidates with fewer trials."""
    small, large = (
        standing(3_000, [99.1, 99.3], layers="small"),
        standing(8_000, [99.4, 99.6], layers="large"),
    )
    worse, dropped = standing(9_000, [99.1, 99.1], layers="worse"), standing(2_000, [99.6], layers="dropped")
    axes = pareto({"sizes": [small, large, worse], "more": [dropped]}, "layers").axes[0]
    assert {text.get_text() for text in axes.texts} == {"small", "large"}
    axes.figure.canvas.draw()
    labels = {label.get_text() for label in axes.get_xticklabels()}
    assert {"2,000", "3,000", "9,000"} <= labels, "the sizes can be read off"
    drawn = {tuple(point) for bars in axes.containers for point in bars.lines[0].get_xydata()}
    assert drawn == {(tried.candidate.parameters, tried.mean) for tried in (small, large, worse, dropped)}


def test_only_what_is_shown_is_coloured():
    """Catches a colour that follows the sign alone, and one that says loss for a gain."""

    def effect(factor: str, points: float, p: float) -> Effect:
        return Effect(factor, Difference(points, Interval(points - 0.1, points + 0.1), p), p, resolves=0.1)

    found = [effect("no padding", -0.2, 0.01), effect("noise", 0.01, 0.9), effect("gain", 0.1, 0.02)]
    axes = effect_bars(found, "what matters").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no padding", "noise", "gain"]
    assert [line.get_color() for line in axes.lines if line.get_marker() in ("o", "s")] == [RED, GREY, GREEN]
