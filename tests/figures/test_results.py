"""Figures: what was given is what is drawn, and every one shows itself as a small PNG."""

import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from making.drawings import network, pictures
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.image import imread

from helpers.data.splits import normalise
from helpers.figures.digits import augmented, digit_grid
from helpers.figures.networks import parameters_per_layer, receptive_field_squares
from helpers.figures.results import Strip, confusion, curves, rate_curve, run_strips
from helpers.figures.style import PALE
from helpers.networks.parameters import parameter_table
from helpers.networks.receptive_field import receptive_field
from helpers.results.record import Epoch
from helpers.results.statistics import Interval

STAMP = "fast profile, digits, seed 1"
PUBLISHED = [97.97, 98.56, 98.65, 98.88, 99.26, 99.17, 99.13, 99.36]
MATRIX = 50 * np.eye(10, dtype=int)
MATRIX[4, 9], MATRIX[9, 4], MATRIX[7, 2] = 8, 3, 1


def epoch(number, **measured):
    return Epoch(epoch=number, learning_rate=0.1, learning_rate_used=0.1, seconds=1.0, **measured)


def history(test_accuracy):
    return [
        epoch(
            number,
            train_loss=1 / number,
            train_accuracy=accuracy - 0.7,
            test_loss=0.3 / number,
            test_accuracy=accuracy,
        )
        for number, accuracy in enumerate(map(float, test_accuracy), 1)
    ]


@pytest.fixture(scope="module")
def everything(digit_images):
    """Every kind of figure, as a notebook draws it."""
    return {
        "digit_grid": digit_grid(digit_images[:40], ["4 read as 9"] * 40, title="Misread"),
        "augmented": augmented(
            normalise(digit_images[:8]), normalise(digit_images[8:32]).view(3, 8, 1, 28, 28)
        ),
        "receptive_field_squares": receptive_field_squares(digit_images[0], receptive_field(network())),
        "parameters_per_layer": parameters_per_layer(parameter_table(network()).rows, 8_000),
        "curves": curves(history(np.linspace(90, 99.5, 15)), 99.4, PUBLISHED, STAMP),
        "rate_curve": rate_curve([0.1, 0.3, 0.2, 0.0], [0.1, 0.3, 0.2, 0.0]),
        "confusion": confusion(np.arange(100).reshape(10, 10) + 1, STAMP),
        "run_strips": run_strips([Strip("thirteen", [99.4, 99.5], Interval(99.3, 99.6), 99.44)], 99.4),
    }


def lines(axes):
    """What was plotted, by its label."""
    return {line.get_label(): line for line in axes.get_lines()}


# how a figure shows itself


def test_every_figure_shows_itself_as_a_png_under_100_kb_with_a_text_for_the_blind(everything):
    """Catches a figure that bloats its notebook, or that has no alternative text."""
    formatter = DisplayFormatter()
    for name, figure in everything.items():
        data, metadata = formatter.format(figure)
        assert data["image/png"].startswith(b"\x89PNG"), name
        assert len(data["image/png"]) < 100_000, name
        assert metadata["image/png"]["alt"], name


def test_no_figure_is_left_to_pyplot_which_would_show_it_twice(everything):
    """Catches a figure made by plt.subplots, which notebooks draw a second time and never close."""
    assert everything
    assert plt.get_fignums() == []


def test_figures_do_without_the_style_of_the_reader_and_leave_it_as_it_is():
    """Catches black paper taken over from the reader's rcParams, and our rcParams left behind in theirs."""
    with plt.style.context(["dark_background", {"savefig.facecolor": "black", "savefig.dpi": 300}]):
        names = set(matplotlib.rcParams) - {"backend"}  # found out only when somebody asks for it
        before = {name: matplotlib.rcParams[name] for name in names}
        figure = confusion(MATRIX)
        png, _ = figure._repr_png_()
        assert {name: matplotlib.rcParams[name] for name in names} == before
    pixels = imread(io.BytesIO(png))
    assert pixels.shape[:2] == (500, 540)
    assert np.allclose(pixels[0, 0, :3], 1)  # white paper
    assert to_rgb(figure.axes[0].title.get_color()) < (0.5, 0.5, 0.5)  # dark ink


def test_the_same_figure_is_the_same_png():
    """Catches a date in the PNG or a random place on it, by which every run of a notebook looks changed."""
    first, second = (curves(history([98, 99]), 99.4, stamp=STAMP)._repr_png_() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["curves", "confusion", "run_strips"])
def test_result_figures_carry_their_stamp(name):
    """Catches a figure of results that does not say from which profile, data set and seed they come."""
    drawn = {
        "curves": lambda: curves([], stamp=STAMP),
        "confusion": lambda: confusion(MATRIX, STAMP),
        "run_strips": lambda: run_strips([Strip("one", [99.0])], stamp=STAMP),
    }[name]()
    assert drawn.get_suptitle() == STAMP


# results


def test_curves_pass_through_every_finished_epoch():
    """Catches test values drawn as training, a point too few, and epochs counted from 0."""
    rows = history([97.0, 98.5, 99.1])
    loss, accuracy = curves(rows).axes
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        for label, key in (("training", "train"), ("test", "test")):
            assert lines(axes)[label].get_xydata().tolist() == [
                [row.epoch, getattr(row, f"{key}_{quantity}")] for row in rows
            ]


def test_with_a_validation_split_that_is_what_is_drawn():
    """Catches an empty test curve in the legend where the test set was never opened."""
    measured = {
        "train_loss": 0.5,
        "train_accuracy": 90.0,
        "validation_loss": 0.4,
        "validation_accuracy": 92.0,
    }
    for axes in curves([epoch(1, **measured)]).axes:
        assert set(lines(axes)) == {"training", "validation"}


@pytest.mark.parametrize("published", [PUBLISHED, {3: 98.66, 15: 99.33}, [None, 98.0, None, 99.0]])
def test_published_accuracies_are_hollow_marks_at_their_epochs(published):
    """Catches published values given by epoch but drawn from epoch 1 on, or beyond the end of the axis."""
    axes = curves(history([97.0, 98.5]), published=published).axes[1]
    pairs = published.items() if isinstance(published, dict) else enumerate(published, 1)
    marks = lines(axes)["published test"]
    assert marks.get_xydata().tolist() == [[epoch, value] for epoch, value in pairs if value is not None]
    assert (marks.get_linestyle(), marks.get_fillstyle()) == ("None", "none")
    assert axes.get_xlim()[1] > marks.get_xdata().max()


@pytest.mark.parametrize("published", [None, [], ()])
def test_without_published_accuracies_there_are_no_marks(published):
    """Catches a legend that names published accuracies where there are none."""
    assert "published test" not in lines(curves(history([97.0]), 99.4, published).axes[1])


@pytest.mark.parametrize("first", [10.0, 90.0, 98.0])
def test_the_second_half_of_the_run_fills_the_picture_of_the_accuracies(first):
    """Catches an axis scaled to the first epoch, on which 99.3 % and 99.5 % cannot be told apart."""
    rows = history(np.linspace(first, 99.0, 7).tolist() + [99.2, 99.3, 99.4, 99.35, 99.45, 99.4, 99.45, 99.5])
    axes = curves(rows, 99.4).axes[1]
    low, high = axes.get_ylim()
    late = [value for row in rows[7:] for value in (row.train_accuracy, row.test_accuracy)]
    assert low < min(late) and max(late) < high
    assert max(late) - min(late) > 0.8 * (high - low)
    assert "enlarged: earlier epochs lie below" in axes.get_title("left")


def test_the_height_from_which_a_run_collapsed_is_within_the_picture():
    """Catches a view of the second half alone, in which a collapsed run seems to have been low all along."""
    accuracies = [91.4, 94.3, 93.1, 23.6, 25.5, 30.2, 38.6, 42.2]
    low, high = curves(history(accuracies)).axes[1].get_ylim()
    assert low < min(accuracies[4:]) and high > max(accuracies)


def test_the_target_is_within_the_picture_also_where_the_run_is_far_from_it():
    """Catches an axis fitted to the run only, with the target line somewhere above it."""
    axes = curves(history([50.0, 60.0, 70.0, 80.0, 90.0, 95.0]), 99.4).axes[1]
    low, high = axes.get_ylim()
    assert set(lines(axes)["target 99.4"].get_ydata()) == {99.4}
    assert low < 79.3 and 99.4 < high <= 100.05


def test_late_published_accuracies_are_within_the_picture_too():
    """Catches an axis fitted to the run only, so that published marks lie outside of it."""
    published = [10.0, 20.0, 90.0, 91.0, 98.0, 100.0]
    low, high = curves(history([99.3, 99.5]), None, published).axes[1].get_ylim()
    assert 20 < low < 91 and 100 < high


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_short_run_is_shown_whole_with_whole_epochs_on_its_axis(epochs):
    """Catches half epochs on the axis of a run of one or two, and a first epoch that is cut away."""
    figure = curves(history([60.0, 90.0][:epochs]), 99.4)
    figure._repr_png_()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        drawn = [value for name in ("training", "test") for value in lines(axes)[name].get_ydata()]
        assert low < min(drawn) and max(drawn) < high
        left, right = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if left <= tick <= right] == list(range(1, epochs + 1))
    assert figure.axes[1].get_title("left") == "Accuracy (%)"


def test_a_run_without_a_finished_epoch_says_so():
    """Catches the maximum of no epochs, which raises an error before the first epoch has ended."""
    figure = curves([], 99.4, PUBLISHED, STAMP)
    assert figure.axes == []
    assert "no epoch finished" in [text.get_text() for text in figure.texts]


def test_learning_rates_and_the_published_column_are_drawn_at_their_epochs():
    """Catches rates drawn from epoch 0 on, one epoch beside the published column."""
    axes = rate_curve([0.1, 0.3, 0.0003], [0.1, 0.3, 0.0004]).axes[0]
    assert lines(axes)["this schedule"].get_xydata().tolist() == [[1, 0.1], [2, 0.3], [3, 0.0003]]
    assert lines(axes)["published"].get_xydata().tolist() == [[1, 0.1], [2, 0.3], [3, 0.0004]]


def test_a_schedule_that_drops_by_factors_has_a_logarithmic_axis():
    """Catches a linear axis on which all rates after the first drop lie on zero."""
    assert rate_curve([0.02, 2e-4], log=True).axes[0].get_yscale() == "log"
    assert rate_curve([0.02, 2e-4]).axes[0].get_yscale() == "linear"


def test_only_errors_are_coloured_and_more_errors_more_strongly():
    """Catches a diagonal that is coloured too, whose counts make every error look white."""
    colours = pictures(confusion(MATRIX))[0]
    assert all(tuple(colours[i, i]) == pytest.approx(to_rgba(PALE)) for i in range(10))
    assert tuple(colours[0, 1]) == to_rgba("white")
    brightness = [colours[place][:3].sum() for place in ((7, 2), (9, 4), (4, 9))]
    assert 3 > brightness[0] > brightness[1] > brightness[2]


def test_cells_hold_their_counts_where_there_are_any():
    """Catches rows and columns exchanged, by which 4 as 9 reads as 9 as 4, and zeros that fill the cells."""
    axes = confusion(torch.from_numpy(MATRIX)).axes[0]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(row, column): str(MATRIX[row, column]) for row, column in np.argwhere(MATRIX)}
    assert axes.get_title("left") == "12 of 512 test digits misread, most often 4 as 9 (8)"
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("is", "read as")


def test_a_matrix_without_errors_has_no_most_frequent_one():
    """Catches a title that names 0 as 0 the most frequent error of a network without any."""
    axes = confusion(np.eye(10, dtype=int)).axes[0]
    assert axes.get_title("left") == "0 of 10 test digits misread"


def test_classes_that_no_digit_has_share_a_column():
    """Catches predictions of classes beyond 9 that fall out of the matrix and out of its sum."""
    wide = np.hstack([MATRIX, np.zeros((10, 2), dtype=int)])
    wide[3, 10], wide[3, 11] = 5, 6
    axes = confusion(wide).axes[0]
    assert axes.get_xticklabels()[-1].get_text() == "none"
    assert axes.get_title("left") == "23 of 523 test digits misread, most often 3 as none (11)"


@pytest.mark.parametrize("shape", [(10, 9), (9, 10), (100,)])
def test_a_matrix_of_another_shape_is_refused(shape):
    """Catches a matrix that lacks a class and is drawn as if every digit were in it."""
    with pytest.raises(ValueError, match="must be"):
        confusion(np.zeros(shape, dtype=int))


def test_runs_show_seeds_mean_interval_claim_and_target_at_their_values():
    """Catches the published value drawn as the mean, and equal seeds that hide each other."""
    strip = Strip("thirteen", [99.4, 99.4, 99.55], Interval(99.2, 99.7), published=99.44)
    axes = run_strips([strip], 99.5).axes[0]
    drawn = {label: list(line.get_xdata()) for label, line in lines(axes).items()}
    assert drawn == {
        "one seed": [99.4, 99.4, 99.55],
        "mean": [pytest.approx(99.45)],
        "95 % interval of the mean": [99.2, 99.7],
        "published": [99.44],
        "target 99.5": [99.5, 99.5],
    }
    heights = lines(axes)["one seed"].get_ydata()
    assert len(set(heights)) == 3  # equal values do not hide each other
    assert max(map(abs, heights)) < 0.5


@pytest.mark.parametrize("interval", [None, Interval(float("-inf"), float("inf"))])
def test_a_single_run_has_no_interval(interval):
    """Catches an interval from minus to plus infinity that is drawn for a single run."""
    axes = run_strips([Strip("one", [99.4], interval)]).axes[0]
    assert list(lines(axes)) == ["one seed"]
    assert lines(axes)["one seed"].get_ydata().tolist() == [0]


def test_every_notebook_has_its_row_from_the_top():
    """Catches rows in the reverse of their names, since an axis counts from the bottom."""
    axes = run_strips([Strip(name, [99.0]) for name in ("eleven", "twelve")]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["eleven", "twelve"]
    assert [line.get_ydata().tolist() for line in axes.get_lines()] == [[0], [1]]
    assert axes.yaxis_inverted()
