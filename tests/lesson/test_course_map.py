"""The map of the course shows all iterations legibly, beside what our recorded runs reached."""

import pytest
from making.records import full_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from helpers.lesson.course_map import (
    course_table,
    facts,
    lineage_text,
    ours_of,
    show_course_by_size,
    show_course_map,
)
from helpers.places import run_folder
from helpers.results.course import ITERATIONS, LINEAGES, TITLES
from helpers.results.store import save
from helpers.results.targets import Target

BRIEF = Target(max_params=8_000, max_epochs=15, min_accuracy=99.40, last_n=3)
TITLES_OF = {lineage[0]: title for title, lineage in zip(TITLES, LINEAGES, strict=True)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Three runs of iteration 13 and one of 01; mean and SD of the three by hand: 99.3967, 0.0907."""
    folder = tmp_path_factory.mktemp("outputs")
    for notebook, endings in {
        "13_slow_widening": (99.30, 99.41, 99.48),
        "01_basic_skeleton": (99.21,),
    }.items():
        for seed, ending in enumerate(endings, 1):
            record = full_run([ending], notebook=notebook, seed=seed)
            save(record, run_folder(folder, notebook, "full", seed))
    return folder


@pytest.fixture(scope="module")
def drawn(root):
    return show_course_map(BRIEF, root)


def test_our_runs_have_a_spread_only_from_two_on_and_a_dash_where_there_are_none(root):
    by_number = {iteration.number: ours_of(iteration, root) for iteration in ITERATIONS}
    assert (by_number["13"], by_number["01"], by_number["12"]) == ("99.40 ± 0.09", "99.21", "-")


def test_the_text_has_every_iteration_with_its_change_above_it_and_one_star(root):
    lines = lineage_text(BRIEF, root).splitlines()
    assert [line for line in lines if "*" in line] == [
        "  13 · slow widening          *  7,784 parameters, 15 epochs     published 99.47, ours 99.40 ± 0.09"
    ]
    for iteration in ITERATIONS:
        (place,) = (index for index, line in enumerate(lines) if iteration.title in line)
        above = f"↓ {iteration.change}" if iteration.change else TITLES_OF[iteration]
        assert lines[place - 1].strip() == above


def test_the_table_links_every_iteration_to_its_notebook(root):
    table = course_table(root)
    assert all(f"[{iteration.title}]({iteration.notebook}.ipynb)" in table for iteration in ITERATIONS)
    assert "| 7,784 | 15 | 99.47 | 99.40 ± 0.09 |" in table
    assert "| ours | 3,932 | 15 | - | - |" in table


def test_the_map_shows_every_iteration_tinted_where_it_fits_and_starred_where_it_claims(root, drawn):
    axes = drawn.axes[0]
    written = [text.get_text() for text in axes.texts]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(frames) == len(ITERATIONS)
    assert [frame.get_facecolor() != (1, 1, 1, 1) for frame in frames] == [
        iteration.fits(BRIEF) for lineage in LINEAGES for iteration in lineage
    ]
    for iteration in ITERATIONS:
        assert iteration.title + (" ★" if iteration.claims(BRIEF) else "") in written
        assert set(facts(iteration, root)) <= set(written)


def test_every_change_stands_on_the_map_beside_an_arrow_of_its_own(drawn):
    axes = drawn.axes[0]
    written = [" ".join(text.get_text().split()) for text in axes.texts]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]
    changes = [iteration.change for iteration in ITERATIONS if iteration.change]
    assert len(arrows) == len(changes) == len(ITERATIONS) - len(LINEAGES)
    assert set(changes) <= set(written)


def test_nothing_written_on_the_map_leaves_its_column_or_covers_another(drawn):
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    axes, renderer = drawn.axes[0], canvas.get_renderer()
    texts = [text for text in axes.texts if text.get_text()]
    areas = [text.get_window_extent(renderer).transformed(axes.transData.inverted()) for text in texts]
    for text, area in zip(texts, areas, strict=True):
        assert int(area.x0 + 0.01) == int(area.x1 - 0.01), text.get_text()
    for index, area in enumerate(areas):
        for other in areas[index + 1 :]:
            apart = area.x1 <= other.x0 or other.x1 <= area.x0 or area.y0 <= other.y1 or other.y0 <= area.y1
            assert apart  # the axis points down: y0 is the lower edge


def test_the_map_says_how_to_read_it_and_is_a_small_png_with_a_text_for_the_blind(drawn):
    assert any("tinted: at most 8,000 parameters" in text.get_text() for text in drawn.axes[0].texts)
    png, metadata = drawn._repr_png_()
    assert png.startswith(b"\x89PNG") and len(png) < 200_000  # twice the usual: the map is nearly all text
    assert metadata["alt"]


def test_by_size_every_iteration_with_a_published_best_is_drawn_and_no_other():
    """Catches our own iterations, or one whose best is unclear, at a place that nobody published."""
    written = {text.get_text() for text in show_course_by_size(BRIEF).axes[0].texts}
    assert written - {""} == {iteration.number for iteration in ITERATIONS if iteration.best is not None}
