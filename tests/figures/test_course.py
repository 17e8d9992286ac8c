"""The published iterations by size and error."""

import pytest

from helpers.figures.course import course_map


def test_the_map_by_size_and_error_has_a_mark_at_every_iteration():
    """Catches an accuracy that is drawn where its error belongs, and a number that stands at no mark."""
    lineages = [[("01", 194_884, 99.15), ("02", 5_784, 88.67)], [("07", 6_536, 95.68)]]
    lineages += [[("10", 13_808, 99.40)], [("14", 7_918, 99.37)]]
    figure = course_map(lineages, 8_000, 99.4)
    axes = figure.axes[0]
    marks = [line.get_xydata().tolist() for line in axes.get_lines() if line.get_marker() == "o"]
    assert marks[0] == [[194_884, pytest.approx(0.85)], [5_784, pytest.approx(11.33)]]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["01", "02", "07", "10", "14"]
    png, metadata = figure._repr_png_()
    assert png.startswith(b"\x89PNG") and len(png) < 200_000
    assert metadata["alt"]
