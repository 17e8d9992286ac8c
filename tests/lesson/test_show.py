"""What a notebook calls works from the first cell to the last, and says its mistakes before training."""

import inspect
import re
from pathlib import Path

import nbformat
import pytest
import torch
from making.records import full_run
from torch import nn

from helpers.data.augmentation_check import guarantees, movement
from helpers.data.splits import normalise
from helpers.errors import NetworkError, ResultsError, SettingsError
from helpers.lesson import show
from helpers.lesson.exercises import Prediction
from helpers.lesson.tables import HistoryTable, PromiseTable, RateTable, RunsTable, SpreadTable, TargetCard
from helpers.networks.receptive_field import receptive_field
from helpers.places import NOTEBOOKS
from helpers.results.analysis import Published
from helpers.results.record import Epoch
from helpers.results.runs import Runs
from helpers.results.store import load
from helpers.results.targets import Target
from helpers.runs.session import Run
from helpers.settings import Augmentation, Recipe, RunConfig
from helpers.training import loop
from helpers.training.evaluation import evaluate

TARGET = Target(max_params=10_000, max_epochs=15, min_accuracy=99.4, last_n=3)
PUBLISHED = Published(
    source="write-up X",
    parameters=900,
    epochs=15,
    best=99.0,
    last=98.9,
    test_accuracy=[98.0, 99.0, 98.8, 98.9],
    learning_rate=[0.02, 0.01],
)


class Net(nn.Module):
    def __init__(self, classes: int = 10, stride: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 5, stride=stride), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(4 * 6 * 6, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


def made_config(**settings) -> RunConfig:
    recipe = Recipe(learning_rate=0.05, batch_size=32)
    return RunConfig(
        **{"dataset": "digits", "recipe": recipe, "augmentation": Augmentation(rotation=5.0)} | settings
    )


def prepared(folder: Path, published: Published | None = PUBLISHED, **settings) -> Run:
    config = made_config(**settings)
    return show.prepare("99_example", config, TARGET, published, device="cpu", output=str(folder))


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """One lesson on the digits, from preparing to the record."""
    run = prepared(tmp_path_factory.mktemp("run"))
    network = show.build(Net, run)
    training = show.train(network, run)
    return run, network, show.finish(network, training, run, Prediction(parameters=1_000))


def test_a_lesson_leaves_a_record_that_reads_back_the_same(lived):
    run, network, record = lived
    assert load(run.folder / "result.json") == record
    assert (record.dataset, record.profile, record.seed) == ("digits", "fast", 1)
    assert record.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert record.student == {"parameters": 1_000}
    assert record.config.tested_weights == "raw"


def test_accuracy_is_not_judged_on_the_digits_while_the_budget_is(lived):
    verdict = lived[2].verdict
    assert verdict["accuracy"].outcome == "not judged"
    assert verdict["parameters"].outcome == verdict["epochs"].outcome == "met"


def test_run_and_record_carry_one_stamp_that_names_profile_data_and_seed(lived):
    run, _, record = lived
    assert run.stamp == record.stamp == "fast profile, the digits of scikit-learn, seed 1"


def test_preparing_says_which_data_will_be_run_and_why(installed, tmp_path, capsys):
    """Catches a remark on the data set that nobody gets to read."""
    config = made_config(dataset="mnist", recipe=Recipe(batch_size=8))
    show.prepare("99_example", config, TARGET, device="cpu", output=str(tmp_path))
    remark, summary = capsys.readouterr().out.splitlines()
    assert "MNIST, found in MNIST_ROOT" in remark
    assert summary == "99_example: fast profile, MNIST, seed 1, 2 of 15 epochs, on cpu"


def test_a_function_is_shown_as_it_is_written():
    """Catches a listing that a notebook shows as plain text, or that lacks a line."""
    shown = show.show_source(prepared)
    assert repr(shown).startswith("def prepared(folder: Path") and repr(shown) in Path(__file__).read_text()
    assert shown._repr_markdown_() == f"```python\n{shown!r}\n```"


def test_notebook_01_quotes_lines_of_the_loop_that_it_shows():
    """Catches a walk through lines that the loop no longer has."""
    cells = nbformat.read(NOTEBOOKS / "01_basic_skeleton.ipynb", as_version=4).cells
    (place,) = [i for i, cell in enumerate(cells) if cell.source == "show_source(loop.train)"]
    quotes = re.findall(r"`(.+?)`", cells[place + 1].source)
    source = inspect.getsource(loop.train)
    assert len(quotes) >= 10 and [quote for quote in quotes if quote not in source] == []


def test_every_figure_of_a_lesson_can_be_drawn(lived):
    run, network, record = lived
    drawn = [
        show.show_digits(run),
        show.show_augmentation(run),
        show.show_receptive_field(receptive_field(network), run),
        show.show_rates(run),
        show.show_curves(record, run),
        show.show_confusion(record, run),
        show.show_mistakes(record, run),
        show.show_recorded([Runs("99_example", [record])], TARGET, {"99_example": 98.9}),
    ]
    for figure in drawn:
        png, _ = figure._repr_png_()
        assert png.startswith(b"\x89PNG") and len(figure.axes) >= 1


def test_the_curves_of_another_record_carry_its_own_stamp(lived):
    """Catches a recorded run that is shown under the name of this one."""
    run, _, record = lived
    other = record.model_copy(update={"seed": 7})
    assert show.show_curves(other, run).get_suptitle() == other.stamp != run.stamp


def test_groups_of_runs_are_drawn_under_the_names_that_they_are_given(lived):
    """Catches a variant of a recipe that is drawn under the name of its notebook."""
    runs = Runs("99_example", [lived[2]])
    figure = show.show_recorded({"as declared": runs, "no dropout": runs}, TARGET, {})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["as declared", "no dropout"]


def test_training_stands_beside_the_test_as_counted_and_as_asked_afterwards(lived):
    """Catches a line that quotes another accuracy than it says."""
    run, network, record = lived
    counted, plain, tested = show.train_beside_test(network, record, run).splitlines()
    assert counted.endswith(f" {record.history[-1].train_accuracy:.2f} %")
    assert plain.endswith(f" {evaluate(network, run.data.train)[1]:.2f} %")
    assert tested.endswith(f" {record.test_accuracy[-1]:.2f} %")


def test_the_classes_of_a_record_are_the_answers_of_its_network(lived):
    """Catches answers in another order than that of the test images."""
    run, network, record = lived
    with torch.no_grad():
        answers = network.eval()(normalise(run.data.test.images)).argmax(1)
    assert torch.equal(show.predictions_of(record), answers.cpu())


def test_the_score_compares_with_what_came_out(lived):
    record = lived[2]
    (row,) = show.score(Prediction(parameters=1_000), record).cells()
    assert row[:3] == ("parameters", "1,000", f"{record.parameters:,}")


def test_building_draws_the_same_weights_from_the_same_seed(lived):
    run = lived[0]
    first, second = show.build(Net, run), show.build(Net, run)
    assert torch.equal(first.head.weight, second.head.weight)


@pytest.mark.parametrize(
    ("network", "message"),
    [(lambda: Net(classes=9), "2x9, wanted 2x10"), (lambda: Net(stride=3), "Linear|mat1|shape")],
)
def test_a_network_that_does_not_fit_is_told_before_training(lived, network, message):
    with pytest.raises(NetworkError, match=message) as caught:
        show.build(network, lived[0])
    assert "\n" not in str(caught.value)


def test_declared_spare_logits_train_with_a_warning(tmp_path, capsys):
    show.build(lambda: Net(classes=12), prepared(tmp_path, logits=12))
    assert "warning: 12 logits serve 10 classes" in capsys.readouterr().out


def test_an_unknown_device_and_a_folder_that_cannot_be_written_are_told_before_training(tmp_path):
    with pytest.raises(SettingsError, match="device = 'tpu'"):
        show.prepare("99_example", made_config(), TARGET, device="tpu", output=str(tmp_path))
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultsError, match="file"):
        prepared(tmp_path / "file")


def test_cards_show_wanted_beside_published():
    rows = {row[0]: row[1:] for row in TargetCard(TARGET, PUBLISHED).cells()}
    assert rows["parameters"] == ("at most 10,000", "900")
    assert rows["accuracy, each of the last 3"] == ("at least 99.40 %", "98.80 %")
    empty = Published(source="x", parameters=1, epochs=1)
    assert TargetCard(Target(), empty).cells()[2] == ("accuracy, judged by the last epoch", "-", "-")


def test_where_nothing_is_published_the_cards_have_no_empty_columns(lived, tmp_path):
    record = lived[2]
    run = prepared(tmp_path, None, recipe=Recipe(epochs=2, learning_rate=0.02))
    assert TargetCard(TARGET).cells() == [row[:2] for row in TargetCard(TARGET, PUBLISHED).cells()[:3]]
    assert TargetCard(TARGET).header == ("", "wanted") and not TargetCard(TARGET).notes()
    assert RateTable(run).cells() == [("1", "0.0200", "0.0200"), ("2", "0.0200", "0.0200")]
    assert len(RateTable(run).header) == 3
    assert len(RunsTable(record, run, Runs("99_example", [record])).cells()) == 2


def test_the_spread_over_seeds_is_that_of_every_way_to_quote_a_run():
    endings = ([99.0, 99.2, 99.4, 99.1, 99.3], [99.5, 99.1, 99.2, 99.3, 99.4])
    runs = Runs("99_example", [full_run(ending) for ending in endings])
    rows = {row[0]: row[1:] for row in SpreadTable(runs).cells()}
    assert rows["last epoch"][:4] == ("99.350", "0.071", "99.30", "99.40")
    assert rows["mean of last 3"][0] == "99.283" and rows["mean of last 5"][0] == "99.250"
    assert rows["lowest of last 5"][:4] == ("99.050", "0.071", "99.00", "99.10")
    assert rows["best epoch"][2:4] == ("99.40", "99.50")
    single = SpreadTable(Runs("99_example", runs.records[:1])).cells()
    assert single[0] == ("last epoch", "99.300", "-", "99.30", "99.30", "-")


def test_rates_are_compared_to_four_decimals_and_only_where_published(tmp_path):
    run = prepared(tmp_path, recipe=Recipe(epochs=3, learning_rate=0.02))
    assert [row[1:4] for row in RateTable(run).cells()] == [
        ("0.0200", "0.0200", "yes"),
        ("0.0200", "0.0100", "no"),
        ("0.0200", "-", "-"),
    ]


def test_a_broken_promise_is_shown_in_capitals():
    promises = guarantees(Augmentation(rotation=7.0)) | {"whole": False}
    cells = PromiseTable(promises, movement(Augmentation(rotation=7.0))).cells()
    assert cells[-1] == ("whole", "NO") and all(kept == "yes" for _, kept in cells[:-1])


def test_four_ways_to_quote_a_run_stand_side_by_side(lived):
    run, _, record = lived
    rows = RunsTable(record, run, Runs("99_example", [record])).cells()
    assert rows[-1] == ("published", "98.90", "98.90", "-", "99.00", "2")
    assert len(rows) == 3


def made_epoch(**changes) -> Epoch:
    values = {"epoch": 1, "train_loss": 1.0, "train_accuracy": 50.0, "learning_rate": 0.1, "seconds": 1.0}
    return Epoch(**(values | {"learning_rate_used": 0.1, "test_loss": 1.0, "test_accuracy": 50.0} | changes))


def test_a_small_learning_rate_is_not_shown_as_none():
    epochs = [made_epoch(learning_rate=rate) for rate in (0.0976, 1e-4, 2e-6, 0.0)]
    assert [row[5] for row in HistoryTable(epochs).cells()] == ["0.0976", "0.0001", "2e-06", "0e+00"]


def test_the_history_shows_validation_where_the_test_set_is_closed():
    closed = {"test_loss": None, "test_accuracy": None, "validation_loss": 0.5, "validation_accuracy": 80.0}
    table = HistoryTable([made_epoch(**closed)], "epoch 2 of 2")
    assert table.cells() == [("1", "1.0000", "50.00", "0.5000", "80.00", "0.1000", "1.0")]
    assert "epoch 2 of 2" in repr(table)
