"""The scoreboard's picture: every number at its place, none moved and none lost."""

from math import nan

import pytest

from helpers.results.statistics import NO_LIMITS, Interval, Mean
from helpers.scoreboard.board import Claim, Row, Scoreboard
from helpers.scoreboard.picture import BREAK, scoreboard_picture, write_picture


def row(notebook, parameters, last, limits=None, published_last=None, published_best=None) -> Row:
    """What the picture shows of a recipe; `limits` of the mean's interval, for several runs."""
    mean = Mean(last, 0.1, 3, Interval(*limits)) if limits else Mean(last, nan, 1, NO_LIMITS)
    return Row(
        notebook=notebook,
        parameters=parameters,
        receptive_field=28,
        epochs=15,
        seeds=[1],
        best=mean,
        last=mean,
        last_3=None,
        last_5=None,
        claimed_last=Claim(published_last, None),
        claimed_best=Claim(published_best, None),
        verdict=None,
        seconds=60.0,
        machines=["a machine"],
    )


ROWS = [
    row("01_basic_skeleton", 194_884, 98.83, published_best=99.15),
    row("07_plain_base", 6_536, 33.4, (14.3, 52.4), published_best=95.68),
    row("08_normalised", 6_704, 98.94, (98.7, 99.0), 98.88, 98.92),
    row("11_one_cycle", 13_808, 99.57, (99.40, 99.73), 99.50, 99.58),
    row("16_smallest_at_994", 3_932, 99.49, (99.45, 99.53)),
    row("17_mine", 7_000, 100.0, (100.0, 100.0)),
]
SORTED = [
    "16_smallest_at_994",
    "07_plain_base",
    "08_normalised",
    "17_mine",
    "11_one_cycle",
    "01_basic_skeleton",
]


def picture(rows=ROWS):
    return scoreboard_picture(Scoreboard(rows, [], [], [], [], []))


def marks(axes, marker: str) -> set[tuple[float, str]]:
    """The marks of a panel: accuracy, and the recipe whose row it lies in."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return {(float(line.get_xdata()[0]), SORTED[line.get_ydata()[0]]) for line in lines}


def test_every_mean_and_every_claim_stands_once_at_its_value_in_its_row():
    """Catches a mark that is moved, lost at the break, drawn in both panels, or in another's row."""
    low, high = picture().axes
    assert marks(low, "o") | marks(high, "o") == {(row.last.value, row.notebook) for row in ROWS}
    for marker, name in (("D", "claimed_last"), ("^", "claimed_best")):
        claimed = {(getattr(row, name).accuracy, row.notebook) for row in ROWS}
        assert marks(low, marker) | marks(high, marker) == {(at, of) for at, of in claimed if at is not None}
    assert marks(low, "o") == {(33.4, "07_plain_base")}
    assert marks(low, "^") == {(95.68, "07_plain_base")}


def test_the_panels_meet_at_the_break_and_reach_from_nothing_to_everything():
    """Catches accuracies that fall into a gap between the panels, or beyond their outer ends."""
    low, high = picture().axes
    assert (low.get_xlim(), high.get_xlim()) == ((0, BREAK), (BREAK, 100))


def test_an_interval_is_drawn_from_limit_to_limit_and_a_single_run_has_none():
    """Catches bars of one SD in place of the interval, cut at the break, or drawn for one seed."""
    for axes in picture().axes:
        drawn = [bar.get_segments()[0] for bar in axes.collections]
        found = {(SORTED[int(start[1])], start[0], end[0]) for start, end in drawn}
        several = [row for row in ROWS if row.last.n > 1]
        assert found == {(row.notebook, row.last.interval.low, row.last.interval.high) for row in several}


def test_rows_are_sorted_by_parameters_and_the_limit_lies_between_two_of_them():
    """Catches a network of more than 8,000 parameters on the good side of the line."""
    low, high = picture().axes
    counts = [label.get_text() for label in low.get_yticklabels()]
    assert counts == ["3,932", "6,536", "6,704", "7,000", "13,808", "194,884"]
    assert low.get_ylim() == (5.5, -0.5)  # the smallest on top
    for axes in (low, high):
        level, upright = (line for line in axes.lines if line.get_linestyle() == "--")
        assert level.get_ydata()[0] == 3.5 and upright.get_xdata()[0] == 99.4


def test_names_are_those_of_the_course_in_one_colour_for_each_lineage():
    """Catches a file's name where the course has a title, or a network in another lineage's colour."""
    names = {text.get_text(): text.get_color() for text in picture().axes[0].texts}
    assert {"01 · basic skeleton", "11 · one cycle", "16 · smallest at 99.4", "17_mine"} <= set(names)
    assert names["07 · plain base"] == names["08 · normalised"] != names["11 · one cycle"]
    assert names["16 · smallest at 99.4"] == names["17_mine"]  # beyond what was published


def test_no_label_covers_another_and_all_are_inside_the_picture():
    """Catches rows too close to read, or a long name cut off at the edge."""
    figure = picture()
    figure.draw_without_rendering()
    low = figure.axes[0]
    boxes = [text.get_window_extent() for text in [*low.texts, *low.get_yticklabels()]]
    for place, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_claims_are_hollow():
    """Catches published accuracies that look like measured ones."""
    lines = [line for axes in picture().axes for line in axes.lines if line.get_marker() in ("D", "^")]
    assert lines and all(line.get_fillstyle() == "none" for line in lines)


@pytest.mark.parametrize("rows", [[], ROWS[:1]], ids=["none", "one"])
def test_the_picture_is_written_for_any_number_of_rows(tmp_path, rows):
    """Catches a layout that needs several recipes, or a file that is no PNG or lies elsewhere."""
    path = write_picture(Scoreboard(rows, [], [], [], [], []), tmp_path)
    assert path == tmp_path / "outputs" / "scoreboard.png"
    assert path.read_bytes().startswith(b"\x89PNG")
