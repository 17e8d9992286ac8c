"""The bench: the usual way is what it says, the arithmetic of a measurement is exact, records come back whole."""

import itertools
import multiprocessing
import os
from types import SimpleNamespace

import pytest
import torch
from making.notebooks import write_iteration, write_other
from torch import nn
from torchvision import transforms

from helpers.bench import crew, work
from helpers.bench.floor import batch_operations, epoch_operations, matrix_peak
from helpers.bench.picture import bench_bars, of_same_machine, write_picture
from helpers.bench.record import (
    PARTS,
    BenchTable,
    bench_record,
    load_bench,
    median_repeat,
    one_run,
    ratios,
    save_bench,
)
from helpers.bench.usual import UsualImages, usual_loader, usual_transforms
from helpers.bench.work import WAYS, measure_trainer, our_trainer, scaled_to_epoch, time_steps, usual_trainer
from helpers.data.splits import BLACK, load_data, normalise
from helpers.errors import PlanError, ResultsError
from helpers.settings import Augmentation, Recipe, RunConfig

ARITHMETIC = {"operations": 6e9, "float32_peak": 3e9, "bfloat16_peak": 9e9}


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(676, 10)
    )


@pytest.fixture(scope="module")
def config():
    recipe = Recipe(epochs=2, batch_size=64, learning_rate=0.05)
    return RunConfig(dataset="digits", recipe=recipe, augmentation=Augmentation(rotation=7.0))


@pytest.fixture(scope="module")
def data(config):
    return load_data(config)


@pytest.fixture
def without_workers(monkeypatch):
    """The usual way in this process alone: starting loader workers takes longer than these tests."""

    def loader(*arguments, **options):
        return usual_loader(*arguments, **options, workers=0)

    monkeypatch.setattr(work, "usual_loader", loader)


# The usual way


def varied_by(**settings):
    """The random transforms, without ToTensor and Normalize."""
    return usual_transforms(Augmentation(**settings)).transforms[:-2]


def test_without_augmentation_the_usual_images_are_ours(data):
    """Catches two ways that train on differently normalised images, or on shifted labels."""
    image, label = UsualImages(data.test)[3]
    assert torch.allclose(image, normalise(data.test.images[3]), atol=1e-6)
    assert label == data.test.labels[3]


def test_rotation_alone_is_random_rotation():
    """Catches turns of another range or on grey, or an affine transform where turns are all."""
    (rotation,) = varied_by(rotation=7.0)
    assert isinstance(rotation, transforms.RandomRotation)
    assert (rotation.degrees, rotation.fill) == ([-7.0, 7.0], 0)


@pytest.mark.parametrize(
    ("settings", "translate", "scale", "shear"),
    [
        ({"translation": 0.1}, (0.1, 0.1), None, None),
        ({"scale": 0.2}, None, (0.8, 1.2), None),
        ({"shear": 5.0}, None, None, [-5.0, 5.0]),
        ({"translation": 0.1, "scale": 0.2, "shear": 5.0}, (0.1, 0.1), (0.8, 1.2), [-5.0, 5.0]),
    ],
)
def test_any_other_affine_change_is_one_random_affine_with_all(settings, translate, scale, shear):
    """Catches images resampled once for each change, or a strength that never reaches torchvision."""
    (affine,) = varied_by(rotation=7.0, **settings)
    assert isinstance(affine, transforms.RandomAffine)
    assert affine.degrees == [-7.0, 7.0]
    assert (affine.translate, affine.scale, affine.shear) == (translate, scale, shear)


def test_perspective_and_elastic_follow_with_their_strengths():
    """Catches a distortion left out, out of order, or at torchvision's default strength."""
    rotation, perspective, elastic = varied_by(
        rotation=3.0, perspective=0.3, perspective_probability=0.4, elastic_alpha=30.0, elastic_sigma=4.0
    )
    assert isinstance(rotation, transforms.RandomRotation)
    assert (perspective.distortion_scale, perspective.p) == (0.3, 0.4)
    assert (elastic.alpha, elastic.sigma) == ([30.0, 30.0], [4.0, 4.0])


@pytest.mark.parametrize(
    "settings",
    [{"rotation": 180.0}, {"translation": 1.0}, {"perspective": 0.9}, {"elastic_alpha": 300.0}],
    ids=str,
)
def test_every_change_leaves_black_outside(data, settings):
    """Catches pixels darker than black after a change, or a change that changes nothing."""
    served = UsualImages(data.train, Augmentation(**settings))
    images = torch.stack([served[index][0] for index in range(20)])
    assert images.min() >= BLACK - 1e-4
    assert not torch.allclose(images, normalise(data.train.images[:20]))


def test_the_usual_loop_lowers_the_loss(data, config, without_workers):
    """Catches a baseline that is timed but does not learn, say for want of an optimiser step."""
    trainer = usual_trainer(network(), data, config)
    losses = [time_steps(trainer, 20)["loss"] for _ in range(2)]
    assert losses[1] < 0.7 * losses[0]


# Timings


def test_a_measurement_of_either_way_adds_up(data, config, without_workers):
    """Catches a part of an epoch that is not timed."""
    for build in (usual_trainer, our_trainer):
        measured = measure_trainer(build(network(), data, config), steps=2)
        assert sum(measured[part] for part in PARTS) == pytest.approx(measured["total"])
        assert min(measured[part] for part in PARTS) > 0 and measured["memory"] > 0.05


def test_each_part_is_timed_apart(data, config, monkeypatch):
    """Catches seconds booked on the neighbouring part, warm-up that counts, or an end after one epoch."""
    # A clock that only planted work moves: serving a batch takes 1 s, forward 10, backward 100.
    now = itertools.count()
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(work.time, "perf_counter", lambda: clock.now)

    def epoch():
        for batch in usual_loader(data.train, 64, workers=0):
            clock.now += 1
            yield batch

    class Loss:
        def backward(self):
            clock.now += 100

        def item(self):
            return float(next(now))

    def forward(images, labels):
        clock.now += 10
        return Loss(), torch.tensor(1)

    trainer = usual_trainer(network(), data, config)
    trainer.epoch, trainer.forward = epoch, forward
    measured = time_steps(trainer, 30)  # more than an epoch: it goes on with the next
    assert measured == {"data": 30, "forward": 300, "backward": 3000, "optimizer": 0, "loss": 5 + 14.5}


def test_scaling_to_an_epoch_is_exact():
    """Catches evaluation scaled by training steps, or a total that omits a part."""
    seconds = {"data": 1.0, "forward": 2.0, "backward": 3.0, "optimizer": 0.5, "evaluation": 0.25}
    scaled = scaled_to_epoch(seconds, steps=100, steps_per_epoch=469, tested=2_000, test_images=10_000)
    expected = {"data": 4.69, "forward": 9.38, "backward": 14.07, "optimizer": 2.345, "evaluation": 1.25}
    assert scaled == pytest.approx(expected | {"total": 31.735})


def spent(total):
    """A planted measurement: an epoch of so many seconds."""
    shares = dict(zip(PARTS, (0.1, 0.3, 0.4, 0.05, 0.15), strict=True))
    return {part: total * share for part, share in shares.items()} | {
        "total": total, "loss": 1.0, "memory": total / 10,
    }  # fmt: skip


def test_runs_side_by_side_share_their_seconds():
    """Catches runs at once that are timed as if each had the machine for itself."""
    run = one_run([spent(10.0), spent(14.0)])
    assert run["total"] == pytest.approx(6.0)  # two runs in 12 s
    assert sum(run[part] for part in PARTS) == pytest.approx(6.0)


@pytest.mark.parametrize(("totals", "median"), [([3, 1, 2], 2), ([4, 1, 3, 2], 2), ([5], 5)])
def test_the_median_repeat_is_one_that_was_measured(totals, median):
    """Catches parts of two repeats averaged, so that no run ever took these seconds."""
    assert median_repeat([spent(total) for total in totals]) == spent(median)


def repeated():
    """Three repeats on two cores: raw measurements by way and process."""
    rows = [(40, 10, 16), (44, 12, 20), (60, 11, 24)]
    return [
        {"usual": [spent(usual)], "one process": [spent(one)], "side by side": [spent(side), spent(side)]}
        for usual, one, side in rows
    ]


def test_ratios_are_those_of_the_medians_and_their_range_is_over_repeats():
    """Catches a speed-up turned upside down, or taken from the best repeat of one way."""
    per_run = [{way: one_run(taken) for way, taken in repeat.items()} for repeat in repeated()]
    by_median, ranges = ratios(per_run)
    assert by_median == pytest.approx({"one process": 44 / 11, "side by side": 44 / 10})
    assert ranges["one process"] == pytest.approx([44 / 12, 60 / 11])
    assert ranges["side by side"] == pytest.approx([44 / 10, 5])


# The floor


def test_the_operations_of_a_network_are_counted_by_hand():
    """Catches multiply-adds counted as one, a missing backward pass, or a count that alters the network."""
    # A convolution of 2 maps, 13x13 of 3x3, and 338x10: forward, gradients of all weights and of the maps.
    net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(338, 10))
    convolution, linear = 2 * 2 * 13 * 13 * 9, 2 * 338 * 10
    both, forward = batch_operations(net, 8)
    assert forward == 8 * (convolution + linear)
    assert both == 8 * (2 * convolution + 3 * linear)
    assert net[1].num_batches_tracked == 0 and net[0].weight.grad is None


def test_the_operations_of_an_epoch_are_its_steps_and_its_evaluation():
    """Catches an epoch without its evaluation, or with one that is charged for gradients."""
    assert epoch_operations((300, 80), batch_size=8, steps=5, tested_images=100) == 5 * 300 + 10 * 100


def test_the_peak_is_a_speed():
    """Catches a peak in seconds or in billions where operations a second are meant."""
    assert 1e7 < matrix_peak(torch.float32, size=64, seconds=0.01) < 1e14


# Record, table, picture


@pytest.fixture
def record():
    """The bench of a notebook by three ways on two cores."""
    prepared = {
        way: [{"how": f"{way} way", "threads": 2, "compile_seconds": 3.0}] for way in ("usual", "one process")
    }
    prepared["side by side"] = [
        {"how": "side way", "threads": 1, "compile_seconds": seconds} for seconds in (3.0, 5.0)
    ]
    return bench_record("01_small", "digits", {"steps": 9}, prepared, repeated(), ARITHMETIC)


def test_the_record_says_what_was_measured(record):
    """Catches memory summed over processes, a floor at the bfloat16 peak, or raw repeats lost."""
    assert record.ways["side by side"].seconds["total"] == pytest.approx(10)
    assert record.ways["side by side"].memory == 2.4  # of one process
    assert record.cores == 2 and record.repeats == repeated()
    assert record.floor["seconds"] == 2
    assert record.floor["one process"] == pytest.approx(5.5)


def test_a_record_comes_back_as_it_was(record, tmp_path):
    """Catches a field that JSON loses or renames, or a temporary file left beside the record."""
    path = save_bench(record, tmp_path / "new")
    assert path.name == "01_small.json" and load_bench(path) == record
    assert [file.name for file in path.parent.iterdir()] == ["01_small.json"]


@pytest.mark.parametrize("text", ["", "[1]", '{"schema": 2}', "{}"])
def test_a_damaged_record_is_refused_by_name(tmp_path, text):
    """Catches a broken or foreign bench file that ends in a traceback, or does not say which it is."""
    path = tmp_path / "01.json"
    path.write_text(text)
    with pytest.raises(ResultsError, match=r"01\.json: "):
        load_bench(path)


def test_the_table_shows_seconds_ratios_and_the_floor(record):
    """Catches a ratio of the usual way to itself, or the shorter of two times of compiling."""
    lines = repr(BenchTable(record)).splitlines()
    assert lines[2].split()[-5:] == ["44.00", "-", "22.0", "6.00", "3"]
    assert lines[4].split()[-5:] == ["10.00", "4.4", "5.0", "2.40", "5"]
    assert "side by side: 2 runs at once, seconds shared out; each 1 thread; side way" in lines


def test_another_way_needs_no_other_code(record, tmp_path):
    """Catches a record, a table or a picture that knows the ways by name."""
    other = record.model_dump(by_alias=True)
    other["ways"]["resident"] = other["ways"]["one process"]
    other["ratios"]["resident"], other["floor"]["resident"] = 4.0, 5.5
    path = save_bench(type(record)(**other), tmp_path)
    read = load_bench(path)
    assert "resident" in repr(BenchTable(read)).splitlines()[5]
    assert len(bench_bars([read]).axes[0].get_yticks()) == 4


def test_the_picture_stacks_the_parts_up_to_the_total(record):
    """Catches bars drawn over one another, so that a way looks as quick as its longest part."""
    (axes,) = bench_bars([record]).axes
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches[-3:]]
    assert ends == pytest.approx([44, 11, 10])
    assert axes.lines[0].get_xdata()[0] == 2
    assert [text.get_text() for text in axes.texts] == [
        "44.0 s",
        "11.0 s, 4.0 times faster",
        "10.0 s, 4.4 times faster",
    ]


def test_the_picture_holds_all_records_of_the_same_machine(record, tmp_path):
    """Catches seconds of two machines side by side, and a damaged file that stops the picture."""
    for name, changed in {"02_two": {}, "03_other": {"cores": 64}}.items():
        save_bench(record.model_copy(update={"notebook": name} | changed), tmp_path)
    save_bench(record, tmp_path)
    (tmp_path / "04_damaged.json").write_text("{")
    assert [shown.notebook for shown in of_same_machine(tmp_path, record)] == ["01_small", "02_two"]
    path = write_picture(tmp_path, record)
    assert path.name == "bench.png" and path.read_bytes().startswith(b"\x89PNG")


# Processes and the command


def test_a_process_has_its_threads_and_starts_workers_as_the_platform_does(monkeypatch):
    """Catches a measured process on all cores, or one whose settings leak into its parent."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    process = crew.Process(3)
    with process.pool:
        asked = (torch.get_num_threads,), (os.getenv, "OMP_NUM_THREADS"), (multiprocessing.get_start_method,)
        answers = [process.ask(*question).result() for question in asked]
    assert answers == [3, "3", multiprocessing.get_all_start_methods()[0]]
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_the_ways_are_measured_in_turns(tmp_path):
    """Catches a way measured to its end before the next begins: the machine may change meanwhile."""
    asked = []

    class Planted:
        """A process that answers at once, and notes what it was asked."""

        def __init__(self, way):
            self.way = way

        def ask(self, function, *arguments):
            asked.append((function.__name__, self.way))
            ready = {"how": self.way, "threads": 2, "compile_seconds": 0.0}
            answers = {"prepare": ready, "arithmetic": ARITHMETIC}
            return SimpleNamespace(result=lambda: answers.get(function.__name__, spent(2.0)))

    crews = {way.name: [Planted(way.name)] * (2 if way.side_by_side else 1) for way in WAYS}
    source = tmp_path / "01_small.ipynb"
    job = SimpleNamespace(source=source, parameters={"profile": "full", "dataset": "digits"})
    record = crew.measure_in_turns(job, crews, steps=3, repeats=2)
    turn = ["usual", "one process", "side by side", "side by side"]
    assert [way for what, way in asked if what == "measure"] == turn * 2
    assert list(record.ways) == [way.name for way in WAYS]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steps", "0"], ["0", "x>=1"]),
        (["--repeats", "none"], ["'none'", "integer"]),
        (["--dataset", "cifar"], ["'cifar'", "'auto', 'mnist', 'digits'"]),
        (["01_smal"], ["'01_smal'", "01_small"]),
        (["00_start", "--dataset", "digits"], ["00_start", "no network"]),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_measured(command, monkeypatch, tmp_path, arguments, words):
    """Catches a mistyped name or number found out only after minutes of measuring, or by a traceback."""
    monkeypatch.setattr(crew, "crews_of", None)
    write_iteration(tmp_path)
    write_other(tmp_path)
    status, _, errors = command("bench", *arguments)
    assert status != 0 and errors.count("\n") == 1
    assert all(word in errors for word in words), errors


@pytest.mark.parametrize("options", [{"steps": 0, "repeats": 1}, {"steps": 1, "repeats": -1}])
def test_bad_numbers_are_refused_from_python_too(options):
    """Catches limits that only the command line checks: an empty bench, or a division by no steps."""
    with pytest.raises(PlanError, match="must be at least 1"):
        next(crew.bench(**options))
