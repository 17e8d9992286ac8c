"""Figures: what was given is what is drawn, and every one shows itself as a small PNG."""

import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.image import imread
from torch import nn

from helpers import figures
from helpers.canvas import PALE
from helpers.config import RunConfig
from helpers.data import BLACK, load_data, normalise
from helpers.digit_figures import GAP, SIDE
from helpers.network import parameter_table
from helpers.receptive_field import receptive_field
from helpers.stats import Interval

STAMP = "fast profile, digits, seed 1"
PUBLISHED = [97.97, 98.56, 98.65, 98.88, 99.26, 99.17, 99.13, 99.36]
MATRIX = 50 * np.eye(10, dtype=int)
MATRIX[4, 9], MATRIX[9, 4], MATRIX[7, 2] = 8, 3, 1


def history(test_accuracy):
    return [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": accuracy - 0.7,
            "test_loss": 0.3 / epoch,
            "test_accuracy": accuracy,
        }
        for epoch, accuracy in enumerate(test_accuracy, 1)
    ]


def network():
    """Fields of 3, 4 and 8 pixels; 8 + 12 * 2 = 32 at the logits."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 10, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


@pytest.fixture(scope="module")
def digits():
    return load_data(RunConfig(dataset="digits")).test.images


@pytest.fixture(scope="module")
def everything(digits):
    """Every kind of figure, as a notebook draws it."""
    return {
        "digit_grid": figures.digit_grid(digits[:40], ["4 read as 9"] * 40, title="Misread"),
        "augmented": figures.augmented(normalise(digits[:8]), normalise(digits[8:32]).view(3, 8, 1, 28, 28)),
        "receptive_field_squares": figures.receptive_field_squares(digits[0], receptive_field(network())),
        "parameters_per_layer": figures.parameters_per_layer(parameter_table(network()).rows, 8_000),
        "curves": figures.curves(history(np.linspace(90, 99.5, 15)), 99.4, PUBLISHED, STAMP),
        "learning_rate": figures.learning_rate([0.1, 0.3, 0.2, 0.0], [0.1, 0.3, 0.2, 0.0]),
        "confusion": figures.confusion(np.arange(100).reshape(10, 10) + 1, STAMP),
        "runs": figures.runs([figures.Strip("thirteen", [99.4, 99.5], Interval(99.3, 99.6), 99.44)], 99.4),
    }


def lines(axes):
    """What was plotted, by its label."""
    return {line.get_label(): line for line in axes.get_lines()}


def texts(axes):
    return [text.get_text() for text in axes.texts]


def pictures(figure):
    return [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]


def corners(figure):
    return [image.get_extent()[::3] for image in figure.axes[0].get_images()]  # left, top


# how a figure shows itself


def test_every_figure_shows_itself_as_a_png_under_100_kb_with_a_text_for_the_blind(everything):
    formatter = DisplayFormatter()
    for name, figure in everything.items():
        data, metadata = formatter.format(figure)
        assert data["image/png"].startswith(b"\x89PNG"), name
        assert len(data["image/png"]) < 100_000, name
        assert metadata["image/png"]["alt"], name


def test_no_figure_is_left_to_pyplot_which_would_show_it_twice(everything):
    assert everything
    assert plt.get_fignums() == []


def test_figures_do_without_the_style_of_the_reader_and_leave_it_as_it_is():
    with plt.style.context(["dark_background", {"savefig.facecolor": "black", "savefig.dpi": 300}]):
        names = set(matplotlib.rcParams) - {"backend"}  # found out only when somebody asks for it
        before = {name: matplotlib.rcParams[name] for name in names}
        figure = figures.confusion(MATRIX)
        png, _ = figure._repr_png_()
        assert {name: matplotlib.rcParams[name] for name in names} == before
    pixels = imread(io.BytesIO(png))
    assert pixels.shape[:2] == (500, 540)
    assert np.allclose(pixels[0, 0, :3], 1)  # white paper
    assert to_rgb(figure.axes[0].title.get_color()) < (0.5, 0.5, 0.5)  # dark ink


def test_the_same_figure_is_the_same_png():
    first, second = (figures.curves(history([98, 99]), 99.4, stamp=STAMP)._repr_png_() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["curves", "confusion", "runs"])
def test_result_figures_carry_their_stamp(name):
    drawn = {
        "curves": lambda: figures.curves([], stamp=STAMP),
        "confusion": lambda: figures.confusion(MATRIX, STAMP),
        "runs": lambda: figures.runs([figures.Strip("one", [99.0])], stamp=STAMP),
    }[name]()
    assert drawn.get_suptitle() == STAMP


# pictures of digits


def test_a_grid_draws_every_digit_in_order_with_its_caption(digits):
    figure = figures.digit_grid(digits[:23], [f"no. {i}" for i in range(23)], columns=10)
    assert texts(figure.axes[0]) == [f"no. {i}" for i in range(23)]
    assert len(pictures(figure)) == 23
    for drawn, image in zip(pictures(figure), digits, strict=False):
        assert np.allclose(drawn, image[0] / 255)
    places = corners(figure)
    assert len({top for _, top in places}) == 3 and len({left for left, _ in places}) == 10
    assert places[10][0] == places[0][0] and places[10][1] > places[0][1] + SIDE


def test_digits_do_not_overlap_and_lie_within_the_figure(digits):
    figure = figures.digit_grid(digits[:7], columns=3)
    taken = np.zeros((1_000, 1_000), dtype=int)
    for left, top in corners(figure):
        taken[int(top) : int(top) + SIDE, int(left) : int(left) + SIDE] += 1
    assert taken.max() == 1
    bottom, _ = figure.axes[0].get_ylim()
    assert np.argwhere(taken).max(axis=0)[0] < bottom
    assert np.argwhere(taken).max(axis=0)[1] < figure.axes[0].get_xlim()[1]


def test_every_pixel_of_a_digit_is_a_square_of_three_by_three_screen_pixels():
    checkered = torch.tensor([0, 255], dtype=torch.uint8).repeat(14).expand(1, 1, 28, 28)
    png, _ = figures.digit_grid(checkered)._repr_png_()
    row = imread(io.BytesIO(png))[3 * (GAP + 1) + 1, 3 * GAP : 3 * (GAP + SIDE), 0]
    assert np.array_equal(row, np.tile([0, 0, 0, 1, 1, 1], 14))


def test_a_grid_of_no_digits_says_so():
    figure = figures.digit_grid(torch.zeros(0, 1, 28, 28), [])
    assert figure.get_suptitle() == "No digits to show"
    assert pictures(figure) == []


def test_a_missing_caption_is_refused(digits):
    with pytest.raises(ValueError, match="2 captions for 3 images"):
        figures.digit_grid(digits[:3], ["a", "b"])


@pytest.mark.parametrize("units", [lambda images: images, normalise, lambda images: images / 255])
def test_black_is_black_and_white_is_white_in_any_units(units):
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).repeat_interleave(28 * 28).view(3, 1, 28, 28)
    drawn = pictures(figures.digit_grid(units(image)))
    assert [picture[0, 0] for picture in drawn] == pytest.approx([0, 0.2, 1], abs=1e-6)


def test_a_picture_without_any_ink_is_black():
    assert np.array_equal(
        pictures(figures.digit_grid(torch.full((1, 1, 28, 28), BLACK)))[0], np.zeros((28, 28))
    )


def test_augmented_digits_stand_below_their_originals_on_one_scale_of_greys(digits):
    originals = normalise(digits[:4])
    variants = torch.stack([originals.flip(3), torch.zeros_like(originals)])  # a fill of 0
    figure = figures.augmented(originals, variants)
    drawn, places = pictures(figure), corners(figure)
    assert len(drawn) == 12
    for column in range(4):
        assert [places[row * 4 + column][0] for row in (1, 2)] == [places[column][0]] * 2
        assert np.allclose(drawn[4 + column], np.fliplr(drawn[column]))
        assert np.allclose(drawn[8 + column], 0.1307, atol=1e-3)  # grey, and not black


def test_images_of_different_units_are_refused(digits):
    with pytest.raises(ValueError, match=r"torch\.(uint8|float32) and torch\.(uint8|float32)"):
        figures.augmented(digits[:2], normalise(digits[:2])[None])


# pictures of a network


def squares(figure):
    """(top, bottom), (left, right) in pixels of the digit, first and last, of every square."""
    found = []
    for patch, (left, top) in zip(figure.axes[0].patches, corners(figure), strict=True):
        x, y = patch.get_x() - left, patch.get_y() - top
        found.append(((y, y + patch.get_height() - 1), (x, x + patch.get_width() - 1)))
    return found


def test_squares_are_those_of_the_table_clipped_to_the_digit(digits):
    """By hand: unit 12 of 26 sees 12-14, unit 6 of 13 pooled 12-15, after a padded 3x3 10-17; then all."""
    figure = figures.receptive_field_squares(digits[0], receptive_field(network()))
    by_hand = [(12, 14), (12, 15), (10, 17), (0, 27)]
    assert squares(figure) == pytest.approx(np.array([(span, span) for span in by_hand]))
    assert texts(figure.axes[0]) == [
        "0\nConv2d\n3 x 3",
        "2\nMaxPool2d\n4 x 4",
        "3\nConv2d\n8 x 8",
        "5\nAdaptiveAvgPool2d\n32 x 32",
    ]


def test_only_a_square_that_had_to_be_clipped_is_dashed(digits):
    figure = figures.receptive_field_squares(digits[0], receptive_field(network()))
    assert [patch.get_linestyle() != "-" for patch in figure.axes[0].patches] == [False, False, False, True]


def test_height_and_width_of_a_field_are_not_mixed_up(digits):
    field = receptive_field(nn.Sequential(nn.Conv2d(1, 10, (5, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    figure = figures.receptive_field_squares(digits[0], field)
    assert squares(figure)[0] == pytest.approx(np.array([(11, 15), (13, 13)]))
    assert texts(figure.axes[0])[0].endswith("5 x 1")


def test_what_is_not_seen_is_dimmed_and_what_is_seen_is_not():
    white = torch.full((1, 28, 28), 255, dtype=torch.uint8)
    drawn = pictures(figures.receptive_field_squares(white, receptive_field(network())))
    assert [int((picture == 1).sum()) for picture in drawn] == [9, 16, 64, 784]
    assert drawn[0].min() > 0


@pytest.mark.parametrize(("budget", "word", "slack"), [(300, "to spare", 54), (200, "too many", 46)])
def test_bars_hold_every_parameter_and_the_slack_of_the_budget(budget, word, slack):
    """36 + 4, 8, 144 + 4, 40 + 10."""
    axes = figures.parameters_per_layer(parameter_table(network()).rows, budget).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [40, 8, 148, 50, slack]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "0, Conv2d", "1, BatchNorm2d", "3, Conv2d", "4, Conv2d", word,
    ]  # fmt: skip
    assert axes.get_title("left") == f"246 parameters, budget {budget}: {slack} {word}"
    assert max(bar.get_width() for bar in axes.patches) < axes.get_xlim()[1]


def test_without_a_budget_there_are_only_layers():
    axes = figures.parameters_per_layer(parameter_table(network()).rows).axes[0]
    assert len(axes.patches) == 4
    assert axes.get_title("left") == "246 parameters"


# results


def test_curves_pass_through_every_finished_epoch():
    rows = history([97.0, 98.5, 99.1])
    loss, accuracy = figures.curves(rows).axes
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        for label, key in (("training", "train"), ("test", "test")):
            assert lines(axes)[label].get_xydata().tolist() == [
                [row["epoch"], row[f"{key}_{quantity}"]] for row in rows
            ]


def test_with_a_validation_split_that_is_what_is_drawn():
    rows = [
        {"epoch": 1, "train_loss": 0.5, "train_accuracy": 90.0, "test_loss": None, "test_accuracy": None}
        | {"validation_loss": 0.4, "validation_accuracy": 92.0}
    ]
    for axes in figures.curves(rows).axes:
        assert set(lines(axes)) == {"training", "validation"}


@pytest.mark.parametrize("published", [PUBLISHED, {3: 98.66, 15: 99.33}, [None, 98.0, None, 99.0]])
def test_published_accuracies_are_hollow_marks_at_their_epochs(published):
    axes = figures.curves(history([97.0, 98.5]), published=published).axes[1]
    pairs = published.items() if isinstance(published, dict) else enumerate(published, 1)
    marks = lines(axes)["published test"]
    assert marks.get_xydata().tolist() == [[epoch, value] for epoch, value in pairs if value is not None]
    assert (marks.get_linestyle(), marks.get_fillstyle()) == ("None", "none")
    assert axes.get_xlim()[1] > marks.get_xdata().max()


@pytest.mark.parametrize("published", [None, [], ()])
def test_without_published_accuracies_there_are_no_marks(published):
    assert "published test" not in lines(figures.curves(history([97.0]), 99.4, published).axes[1])


@pytest.mark.parametrize("first", [10.0, 90.0, 98.0])
def test_the_second_half_of_the_run_fills_the_picture_of_the_accuracies(first):
    rows = history(np.linspace(first, 99.0, 7).tolist() + [99.2, 99.3, 99.4, 99.35, 99.45, 99.4, 99.45, 99.5])
    axes = figures.curves(rows, 99.4).axes[1]
    low, high = axes.get_ylim()
    late = [row[f"{key}_accuracy"] for row in rows[7:] for key in ("train", "test")]
    assert low < min(late) and max(late) < high
    assert max(late) - min(late) > 0.8 * (high - low)
    assert "enlarged: earlier epochs lie below" in axes.get_title("left")


def test_the_height_from_which_a_run_collapsed_is_within_the_picture():
    accuracies = [91.4, 94.3, 93.1, 23.6, 25.5, 30.2, 38.6, 42.2]
    low, high = figures.curves(history(accuracies)).axes[1].get_ylim()
    assert low < min(accuracies[4:]) and high > max(accuracies)


def test_the_target_is_within_the_picture_also_where_the_run_is_far_from_it():
    axes = figures.curves(history([50.0, 60.0, 70.0, 80.0, 90.0, 95.0]), 99.4).axes[1]
    low, high = axes.get_ylim()
    assert set(lines(axes)["target 99.4"].get_ydata()) == {99.4}
    assert low < 79.3 and 99.4 < high <= 100.05


def test_late_published_accuracies_are_within_the_picture_too():
    published = [10.0, 20.0, 90.0, 91.0, 98.0, 100.0]
    low, high = figures.curves(history([99.3, 99.5]), None, published).axes[1].get_ylim()
    assert 20 < low < 91 and 100 < high


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_short_run_is_shown_whole_with_whole_epochs_on_its_axis(epochs):
    figure = figures.curves(history([60.0, 90.0][:epochs]), 99.4)
    figure._repr_png_()
    for axes in figure.axes:
        low, high = axes.get_ylim()
        drawn = [value for name in ("training", "test") for value in lines(axes)[name].get_ydata()]
        assert low < min(drawn) and max(drawn) < high
        left, right = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if left <= tick <= right] == list(range(1, epochs + 1))
    assert figure.axes[1].get_title("left") == "Accuracy (%)"


def test_a_run_without_a_finished_epoch_says_so():
    figure = figures.curves([], 99.4, PUBLISHED, STAMP)
    assert figure.axes == []
    assert "no epoch finished" in [text.get_text() for text in figure.texts]


def test_learning_rates_and_the_published_column_are_drawn_at_their_epochs():
    axes = figures.learning_rate([0.1, 0.3, 0.0003], [0.1, 0.3, 0.0004]).axes[0]
    assert lines(axes)["this schedule"].get_xydata().tolist() == [[1, 0.1], [2, 0.3], [3, 0.0003]]
    assert lines(axes)["published"].get_xydata().tolist() == [[1, 0.1], [2, 0.3], [3, 0.0004]]


def test_a_schedule_that_drops_by_factors_has_a_logarithmic_axis():
    assert figures.learning_rate([0.02, 2e-4], log=True).axes[0].get_yscale() == "log"
    assert figures.learning_rate([0.02, 2e-4]).axes[0].get_yscale() == "linear"


def test_only_errors_are_coloured_and_more_errors_more_strongly():
    colours = pictures(figures.confusion(MATRIX))[0]
    assert all(tuple(colours[i, i]) == pytest.approx(to_rgba(PALE)) for i in range(10))
    assert tuple(colours[0, 1]) == to_rgba("white")
    brightness = [colours[place][:3].sum() for place in ((7, 2), (9, 4), (4, 9))]
    assert 3 > brightness[0] > brightness[1] > brightness[2]


def test_cells_hold_their_counts_where_there_are_any():
    axes = figures.confusion(torch.from_numpy(MATRIX)).axes[0]
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(row, column): str(MATRIX[row, column]) for row, column in np.argwhere(MATRIX)}
    assert axes.get_title("left") == "12 of 512 test digits misread, most often 4 as 9 (8)"
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("is", "read as")


def test_a_matrix_without_errors_has_no_most_frequent_one():
    axes = figures.confusion(np.eye(10, dtype=int)).axes[0]
    assert axes.get_title("left") == "0 of 10 test digits misread"


def test_classes_that_no_digit_has_share_a_column():
    wide = np.hstack([MATRIX, np.zeros((10, 2), dtype=int)])
    wide[3, 10], wide[3, 11] = 5, 6
    axes = figures.confusion(wide).axes[0]
    assert axes.get_xticklabels()[-1].get_text() == "none"
    assert axes.get_title("left") == "23 of 523 test digits misread, most often 3 as none (11)"


@pytest.mark.parametrize("shape", [(10, 9), (9, 10), (100,)])
def test_a_matrix_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="must be"):
        figures.confusion(np.zeros(shape, dtype=int))


def test_runs_show_seeds_mean_interval_claim_and_target_at_their_values():
    strip = figures.Strip("thirteen", [99.4, 99.4, 99.55], Interval(99.2, 99.7), published=99.44)
    axes = figures.runs([strip], 99.5).axes[0]
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
    axes = figures.runs([figures.Strip("one", [99.4], interval)]).axes[0]
    assert list(lines(axes)) == ["one seed"]
    assert lines(axes)["one seed"].get_ydata().tolist() == [0]


def test_every_notebook_has_its_row_from_the_top():
    axes = figures.runs([figures.Strip(name, [99.0]) for name in ("eleven", "twelve")]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["eleven", "twelve"]
    assert [line.get_ydata().tolist() for line in axes.get_lines()] == [[0], [1]]
    assert axes.yaxis_inverted()
