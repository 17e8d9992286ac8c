"""The map of the course: the notebooks are what it says they are, and its pictures show all of it legibly."""

from functools import cache
from itertools import pairwise

import nbformat
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from helpers.figures.course import Box, course_map, lineage_map
from helpers.networks.parameters import count_parameters
from helpers.places import REPOSITORY
from helpers.results import course
from helpers.results.course import ITERATIONS, LINEAGES, TITLES, Iteration
from helpers.results.statistics import Interval, Mean
from helpers.results.targets import Target
from helpers.runs.definitions import load_definitions

BRIEF = Target(max_params=8_000, max_epochs=15, min_accuracy=99.40, last_n=3)
OURS = {
    "13_slow_widening": Mean(99.396, 0.087, 3, Interval(99.2, 99.6)),
    "01_basic_skeleton": Mean(99.214, float("nan"), 1, Interval(float("-inf"), float("inf"))),
}
TITLES_OF = {lineage[0]: title for title, lineage in zip(TITLES, LINEAGES, strict=True)}

every_iteration = pytest.mark.parametrize("one", ITERATIONS, ids=lambda one: one.notebook)


def path_of(one):
    return REPOSITORY / "notebooks" / f"{one.notebook}.ipynb"


@cache
def definitions_of(one):
    return load_definitions(path_of(one))


def before(one):
    """The notebook that an iteration grew out of, by the map; None for the first of a lineage."""
    steps = {after: earlier.notebook for lineage in LINEAGES for earlier, after in pairwise(lineage)}
    return steps.get(one)


@pytest.fixture(scope="module")
def boxes():
    return {
        title: [
            Box(one.title, course.facts(one, OURS), one.change, one.fits(BRIEF), one.claims(BRIEF))
            for one in lineage
        ]
        for title, lineage in zip(TITLES, LINEAGES, strict=True)
    }


# the notebooks


def test_the_map_counts_fourteen_published_iterations_and_two_of_ours_in_order():
    assert [one.number for one in ITERATIONS] == [f"{number:02}" for number in range(1, 17)]
    assert [one.number for one in ITERATIONS if not one.published] == ["15", "16"]


@every_iteration
def test_every_iteration_has_its_notebook_under_its_title(one):
    first = nbformat.read(path_of(one), as_version=4).cells[0].source.splitlines()[0]
    assert first == f"# {one.number} · {one.name.capitalize()}"


@every_iteration
def test_a_change_is_on_the_map_exactly_where_the_notebook_declares_a_predecessor(one):
    definitions = definitions_of(one)
    assert definitions.predecessor == before(one)
    assert bool(definitions.changes) == bool(one.change) == (before(one) is not None)


@every_iteration
def test_the_map_says_of_every_iteration_what_its_notebook_says(one):
    definitions = definitions_of(one)
    assert one.parameters == count_parameters(definitions.Net())
    assert one.epochs == definitions.config.recipe.epochs
    assert one.published == (definitions.published is not None)
    if one.published:
        assert one.best in (None, definitions.published.best)
        assert one.write_up in definitions.published.source


# the text


@pytest.mark.parametrize(
    ("parameters", "epochs", "best", "fits", "claims"),
    [
        (8_000, 15, 99.40, True, True),
        (8_001, 15, 99.40, False, False),
        (8_000, 16, 99.40, False, False),
        (8_000, 15, 99.39, True, False),
        (8_000, 15, None, True, False),
    ],
)
def test_an_iteration_claims_the_target_only_with_all_of_it(parameters, epochs, best, fits, claims):
    one = Iteration("01", "made up", "000", parameters, epochs, best)
    assert (one.fits(BRIEF), one.claims(BRIEF)) == (fits, claims)


def test_our_runs_have_a_spread_only_from_two_on_and_a_dash_where_there_are_none():
    by_number = {one.number: course.ours_of(one, OURS) for one in ITERATIONS}
    assert (by_number["13"], by_number["01"], by_number["12"]) == ("99.40 ± 0.09", "99.21", "-")


def test_the_text_has_every_iteration_with_its_change_above_it_and_one_star():
    lines = course.lineage_text(BRIEF, OURS).splitlines()
    assert [line for line in lines if "*" in line] == [
        "  13 · slow widening          *  7,784 parameters, 15 epochs     published 99.47, ours 99.40 ± 0.09"
    ]
    for one in ITERATIONS:
        (place,) = (index for index, line in enumerate(lines) if one.title in line)
        assert lines[place - 1].strip() == (f"↓ {one.change}" if one.change else TITLES_OF[one])


def test_the_table_links_every_iteration_to_its_notebook():
    table = course.course_table(OURS).data
    assert all(f"[{one.title}]({one.notebook}.ipynb)" in table for one in ITERATIONS)
    assert "| 7,784 | 15 | 99.47 | 99.40 ± 0.09 |" in table


# the pictures


def test_the_map_shows_every_iteration_tinted_where_it_fits_and_starred_where_it_claims(boxes):
    axes = lineage_map(boxes).axes[0]
    written = [text.get_text() for text in axes.texts]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(frames) == len(ITERATIONS)
    assert [frame.get_facecolor() != (1, 1, 1, 1) for frame in frames] == [
        one.fits(BRIEF) for lineage in LINEAGES for one in lineage
    ]
    for one in ITERATIONS:
        assert one.title + (" ★" if one.claims(BRIEF) else "") in written
        assert set(course.facts(one, OURS)) <= set(written)


def test_every_change_stands_on_the_map_beside_an_arrow_of_its_own(boxes):
    axes = lineage_map(boxes).axes[0]
    written = [" ".join(text.get_text().split()) for text in axes.texts]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    changes = [one.change for one in ITERATIONS if one.change]
    assert len(arrows) == len(changes) == len(ITERATIONS) - len(LINEAGES)
    assert set(changes) <= set(written)


def test_nothing_written_on_the_map_leaves_its_column_or_covers_another(boxes):
    figure = lineage_map(boxes, "how to read\nthis picture")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    axes, renderer = figure.axes[0], canvas.get_renderer()
    texts = [text for text in axes.texts if text.get_text()]
    areas = [text.get_window_extent(renderer).transformed(axes.transData.inverted()) for text in texts]
    for text, area in zip(texts, areas, strict=True):
        assert int(area.x0 + 0.01) == int(area.x1 - 0.01), text.get_text()
    for index, area in enumerate(areas):
        for other in areas[index + 1 :]:
            apart = area.x1 <= other.x0 or other.x1 <= area.x0 or area.y0 <= other.y1 or other.y0 <= area.y1
            assert apart  # the axis points down: y0 is the lower edge


def test_the_map_by_size_and_error_has_a_mark_at_every_iteration():
    lineages = [[("01", 194_884, 99.15), ("02", 5_784, 88.67)], [("07", 6_536, 95.68)]]
    lineages += [[("10", 13_808, 99.40)], [("14", 7_918, 99.37)]]
    axes = course_map(lineages, 8_000, 99.4).axes[0]
    marks = [line.get_xydata().tolist() for line in axes.get_lines() if line.get_marker() == "o"]
    assert marks[0] == [[194_884, pytest.approx(0.85)], [5_784, pytest.approx(11.33)]]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["01", "02", "07", "10", "14"]


@pytest.mark.parametrize("draw", ["lineage", "size"])
def test_a_picture_of_the_course_is_a_small_png_with_a_text_for_the_blind(boxes, draw):
    known = [[(one.number, one.parameters, one.best) for one in lineage if one.best] for lineage in LINEAGES]
    figure = lineage_map(boxes, "notes") if draw == "lineage" else course_map(known, 8_000, 99.4)
    png, metadata = figure._repr_png_()
    assert png.startswith(b"\x89PNG") and len(png) < 200_000  # twice the usual: the map is nearly all text
    assert metadata["alt"]
