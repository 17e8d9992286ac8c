"""Records of runs are written whole or not at all, read strictly, found honestly."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from making.errors import one_line
from making.records import KEYS, make

from helpers.errors import ResultsError
from helpers.places import run_folder
from helpers.results.store import find, load, prepare_folder, read_equivalence, save

# Where it lies


def test_only_the_declared_recipe_goes_to_the_profiles_own_folder(tmp_path):
    """Catches runs on digits that overwrite those on MNIST of the same profile and seed."""
    assert run_folder(tmp_path, "13_slow", "full", 3) == tmp_path / "13_slow" / "full" / "seed-3"
    assert (
        run_folder(tmp_path, "13_slow", "full", 3, "digits")
        == tmp_path / "13_slow" / "full-digits" / "seed-3"
    )


@pytest.mark.parametrize(
    ("notebook", "label"), [("../13", ""), ("", ""), ("13", "a/b"), ("13", "a b"), (".13", "")]
)
def test_a_name_that_is_no_plain_folder_is_refused(tmp_path, notebook, label):
    """Catches a name such as ../13 that leads out of the folder of the outputs."""
    with pytest.raises(ResultsError, match="letters, digits") as error:
        run_folder(tmp_path, notebook, "full", 1, label)
    one_line(error)


# How it is written


def test_a_folder_is_prepared_and_left_empty(tmp_path):
    """Catches a probe that stays behind in a run's folder, and a folder that may not be there already."""
    folder = tmp_path / "13" / "fast" / "seed-1"
    assert prepare_folder(folder) == folder
    assert prepare_folder(folder) == folder  # again, on one that exists
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("write", [prepare_folder, lambda folder: save(make(), folder)])
@pytest.mark.parametrize("below", ["", "fast/seed-1"])
def test_a_file_in_place_of_the_folder_is_named_before_anything_is_lost(tmp_path, write, below):
    """Catches a file in the folder's place that is overwritten, or that ends in a traceback."""
    blocked = tmp_path / "outputs"
    blocked.write_text("precious")
    with pytest.raises(ResultsError) as error:
        write(blocked / below)
    assert one_line(error).startswith(f"{blocked / below}: cannot be written")
    assert blocked.read_text() == "precious"


def test_a_full_disk_is_found_before_training(tmp_path, monkeypatch):
    """Catches a full disk that is noticed only when hours of training are to be written down."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError) as error:
        prepare_folder(tmp_path / "seed-1")
    assert one_line(error) == f"{tmp_path / 'seed-1'}: cannot be written (No space left on device)"
    assert list((tmp_path / "seed-1").iterdir()) == []


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failure_while_saving_keeps_the_old_record_and_leaves_nothing_else(tmp_path, monkeypatch, step):
    """Catches an old result that is lost, or a temporary file that stays, where the disk fills up."""
    path = save(make(), tmp_path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(ResultsError) as error:
            save(make(parameters=9_382), tmp_path)
    assert one_line(error) == f"{tmp_path}: cannot be written (No space left on device)"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert load(save(make(parameters=9_382), tmp_path)).parameters == 9_382


def test_an_interruption_while_saving_leaves_nothing_half_written(tmp_path, monkeypatch):
    """Catches a partial file after Ctrl-C, where only errors of the disk are cleaned up."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(make(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("x"), np.float32(1)])
def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path, value):
    """Catches NaN, a path or a NumPy number that leaves a result behind which JSON cannot hold."""
    with pytest.raises(ResultsError, match="does not fit into JSON") as error:
        save(make(environment={"threads": value}), tmp_path)
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_a_record_can_be_read_by_everyone_the_users_mask_allows(tmp_path):
    """Catches results that only their owner can read, as temporary files are made with mode 600."""
    mask = os.umask(0o022)
    try:
        path = save(make(), tmp_path)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o644


# How it is read


def damaged(tmp_path: Path, change) -> Path:
    """A record whose data `change` has altered."""
    path = save(make(), tmp_path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("key", [key for key in KEYS if key != "schema"])
def test_a_missing_key_is_named(tmp_path, key):
    """Catches a key that has a default: a file that lacks it would be read as if it were whole."""
    path = damaged(tmp_path, lambda data: data.pop(key))
    with pytest.raises(ResultsError) as error:
        load(path)
    assert one_line(error) == f"{path}: {key}: Field required"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data.pop("schema"), "states no schema"),
        (lambda data: data.update(schema=2), "schema 2, this workbook reads 1"),
        (lambda data: data.update(schema="1"), "schema '1', this workbook reads 1"),
        (lambda data: data.update(schema=True), "schema = True"),
        (lambda data: data.update(extra=1), "extra = 1"),
        (lambda data: data.update(self=1), "self = 1"),
        (lambda data: data["history"][0].pop("train_loss"), "train_loss: Field required"),
        (lambda data: data["history"][1].update(epoch=3), "epochs 1, 2, ... in order"),
        (lambda data: data["history"][1].update(test_accuracy="96"), "test_accuracy = '96'"),
        (lambda data: data.update(history=None), "history = None"),
        (lambda data: data["config"].update(speed=1), "speed = 1"),
        (lambda data: data["verdict"].update(accuracy={"wanted": 99.4}), "verdict: "),
        (lambda data: data["verdict"].update(accuracy=99.4), "verdict: "),
        (lambda data: data["target"].update(max_params=0), "max_params = 0"),
        (lambda data: data.update(test_predictions="x" * 13_337), "not base64"),
        (lambda data: data.update(seconds=float("nan")), "NaN is no number"),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused_with_its_name_and_why(tmp_path, change, why):
    """Catches numbers as text, unknown keys, NaN or another schema that are read as if they belonged."""
    path = damaged(tmp_path, change)
    with pytest.raises(ResultsError) as error:
        load(path)
    assert one_line(error).startswith(f"{path}: ") and why in one_line(error)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff\xfe{}", b"[" * 100_000, b'{"schema": 1}'])
def test_what_is_no_record_is_refused_in_one_line(tmp_path, content):
    """Catches an empty, binary or deeply nested file that ends in a traceback of the JSON reader."""
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match="result.json: ") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_a_record_cut_off_anywhere_is_refused(tmp_path):
    """Catches a file cut short at some byte that is still read, or blamed on something else."""
    path = save(make(), tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 29):  # the last two bytes are the brace and the line's end
        path.write_bytes(whole[:length])
        with pytest.raises(ResultsError, match="damaged, not JSON"):
            load(path)


def test_a_missing_file_is_named(tmp_path):
    """Catches a result that is not there but is called damaged, or is not named."""
    with pytest.raises(ResultsError) as error:
        load(tmp_path / "result.json")
    assert one_line(error) == f"{tmp_path / 'result.json'}: cannot be read (No such file or directory)"


# How it is found


def put(root: Path, label: str = "", **changes) -> Path:
    record = make(**changes)
    return save(record, run_folder(root, record.notebook, record.profile, record.seed, label))


def test_records_are_found_by_notebook_profile_and_data_set_in_the_order_of_their_seeds(tmp_path):
    """Catches seed 10 sorted before seed 2, and runs on digits found among those on MNIST."""
    for seed in (10, 2, 1):
        put(tmp_path, seed=seed)
    put(tmp_path, label="digits", dataset="digits", seed=7)
    put(tmp_path, notebook="12_squeeze", seed=5)
    put(tmp_path / "local", seed=9)  # interactive runs are another root

    def seeds(**wanted) -> list[int]:
        records, left_out = find(tmp_path, **wanted)
        assert left_out == []
        return [record.seed for record in records]

    assert seeds() == [5, 1, 2, 10, 7]
    assert seeds(notebook="13_slow_widening", profile="fast") == [1, 2, 10]
    assert seeds(profile="fast-digits") == seeds(dataset="digits") == [7]
    assert seeds(notebook="12_squeeze", dataset="digits") == seeds(profile="full") == []
    assert [record.seed for record in find(tmp_path / "local")[0]] == [9]


def test_looking_where_nothing_is_finds_nothing(tmp_path):
    """Catches a folder that does not exist yet and raises instead of holding no runs."""
    assert find(tmp_path / "missing") == ([], [])


def test_a_bad_file_is_left_out_by_name_and_the_others_are_found(tmp_path):
    """Catches one damaged result that hides all others, or that is passed over without a word."""
    put(tmp_path, seed=1)
    put(tmp_path, seed=2).write_text("{")
    put(tmp_path, seed=3).write_text('{"schema": 9}')
    (tmp_path / "13_slow_widening/fast/seed-4/result.json").mkdir(parents=True)
    records, left_out = find(tmp_path)
    assert [record.seed for record in records] == [1]
    assert [line.split(": ")[0] for line in left_out] == [
        f"13_slow_widening/fast/seed-{seed}/result.json" for seed in (2, 3, 4)
    ]
    assert ["damaged" in left_out[0], "schema 9" in left_out[1], "cannot be read" in left_out[2]] == [
        True
    ] * 3


@pytest.mark.parametrize(
    "wrong", ["12_squeeze/fast/seed-1", "13_slow_widening/full/seed-1", "13_slow_widening/fast/seed-2"]
)
def test_a_record_in_the_folder_of_another_run_is_left_out(tmp_path, wrong):
    """Catches a result copied into the folder of another seed, profile or notebook that counts there."""
    save(make(), tmp_path / wrong)
    records, left_out = find(tmp_path)
    assert records == []
    assert left_out == [
        f"{wrong}/result.json: holds the record of another run (13_slow_widening, fast, seed 1)"
    ]


# The comparison of two ways of computing


def test_the_runs_of_either_way_are_read_in_their_order(tmp_path):
    """Catches the two ways in each other's place, and seeds taken for accuracies."""
    ways = {"before": {"last_epoch": {"1": 99.4, "2": 99.3}}, "after": {"last_epoch": {"1": 99.5}}}
    path = tmp_path / "equivalence.json"
    path.write_text(json.dumps({**ways, "margin": 0.05}))
    assert read_equivalence(path) == ([99.4, 99.3], [99.5], 0.05)


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"before": {"last_epoch": [99.4]}}'])
def test_a_comparison_that_is_missing_or_damaged_is_named(tmp_path, content):
    """Catches a traceback of JSON in a notebook instead of one line with the file's name."""
    path = tmp_path / "equivalence.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ResultsError) as error:
        read_equivalence(path)
    assert one_line(error).startswith(f"{path}: ")
