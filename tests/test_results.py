"""The record of a run: what it holds, that it is written whole or not at all, read strictly, found honestly."""

import errno
import getpass
import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import record as record_module
from helpers.config import Augmentation, Recipe, RunConfig, SettingsError
from helpers.record import (
    Record,
    ResultsError,
    decode_predictions,
    encode_predictions,
    environment,
    fingerprint,
    utc_now,
)
from helpers.results import find, load, prepare_folder, run_folder, save

# The contract of DESIGN.md with reports and checks from outside
KEYS = (
    "schema notebook profile dataset seed parameters receptive_field config fingerprint history test_predictions "
    "student target verdict environment seconds finished"
).split()
EPOCH_KEYS = (
    "epoch train_loss train_accuracy test_loss test_accuracy learning_rate learning_rate_used seconds"
).split()
CONFIG = RunConfig(profile="fast", dataset="mnist", recipe=Recipe(epochs=15))
NETWORK = ["conv1.weight (7, 1, 3, 3)", "fc.weight (10, 18)"]


def epoch(number: int, **changes) -> dict:
    return {
        "epoch": number,
        "train_loss": 0.51,
        "train_accuracy": 84.25,
        "test_loss": 0.12,
        "test_accuracy": 96.4,
        "learning_rate": 0.0976,
        "learning_rate_used": 0.0973,
        "seconds": 1.5,
    } | changes


def make(**changes) -> Record:
    values = {
        "notebook": "13_slow_widening",
        "profile": "fast",
        "dataset": "mnist",
        "seed": 1,
        "parameters": 7_784,
        "receptive_field": 42,
        "config": CONFIG.model_dump(),
        "fingerprint": fingerprint(CONFIG, NETWORK, "mnist"),
        "history": [epoch(1), epoch(2)],
        "test_predictions": encode_predictions([7, 2, 1, 0]),
        "student": None,
        "target": {"max_params": 8_000, "min_accuracy": 99.4},
        "verdict": {"overall": "not judged"},
        "environment": {"python": "3.11.9", "commit": None},
        "seconds": 3.25,
        "finished": "2025-01-31T12:00:00+00:00",
    }
    return Record(**(values | changes))


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 400
    return text


# What a record holds


def test_the_file_has_exactly_the_keys_of_the_contract(tmp_path):
    data = json.loads(save(make(), tmp_path).read_text())
    assert list(data) == KEYS
    assert (data["schema"], data["student"], data["seed"]) == (1, None, 1)
    assert [list(entry) for entry in data["history"]] == [EPOCH_KEYS, EPOCH_KEYS]
    assert data["config"] == CONFIG.model_dump()


def test_a_record_survives_the_round_trip(tmp_path):
    averaged = epoch(1, raw_test_accuracy=95.9, raw_test_loss=0.15)
    config = CONFIG.model_dump() | {"tested_weights": "averaged"}
    original = make(history=[averaged], config=config, student={"parameters": 8_000, "accuracy": 99.0})
    copy = load(save(original, tmp_path))
    assert copy == original
    assert copy.config["tested_weights"] == "averaged"
    assert copy.run_config == CONFIG


def test_an_epoch_with_a_validation_split_holds_no_test_keys():
    entry = epoch(1, validation_loss=0.2, validation_accuracy=95.0)
    del entry["test_loss"], entry["test_accuracy"]
    data = make(history=[entry], test_predictions=None).to_dict()
    assert data["history"] == [entry]
    assert data["test_predictions"] is None


def test_the_test_accuracies_are_all_there_or_count_as_none():
    entries = [epoch(1, test_accuracy=96.0), epoch(2, test_accuracy=97.5)]
    assert make(history=entries).test_accuracy == [96.0, 97.5]
    del entries[0]["test_accuracy"]
    assert make(history=entries).test_accuracy == make(history=[]).test_accuracy == []


@pytest.mark.parametrize(("epochs", "complete"), [(0, False), (1, False), (2, True)])
def test_a_run_is_complete_when_it_holds_every_epoch_of_its_profile(epochs, complete):
    assert make(history=[epoch(n + 1) for n in range(epochs)]).complete is complete


def test_a_full_run_that_was_stopped_is_not_complete():
    config = RunConfig(profile="full", recipe=Recipe(epochs=15))
    history = [epoch(n) for n in range(1, 16)]
    assert make(profile="full", config=config.model_dump(), history=history).complete
    assert not make(profile="full", config=config.model_dump(), history=history[:-1]).complete


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"history": [epoch(1, train_accuracy=100.1)]}, "train_accuracy = 100.1"),
        ({"history": [epoch(1, train_loss=float("nan"))]}, "train_loss = nan"),
        ({"history": [epoch(1, learning_rate=float("inf"))]}, "learning_rate = inf"),
        ({"history": [epoch(1, accuracy=96.0)]}, "accuracy = 96.0"),
        ({"history": [epoch(2), epoch(1)]}, "epochs 1, 2, ... in order"),
        ({"history": [epoch(1), epoch(2), epoch(3)]}, "3 epochs, the run has 2"),
        ({"config": {"recipe": {"epochs": -1}}}, "epochs = -1"),
        ({"parameters": "7784"}, "parameters = '7784'"),
        ({"parameters": 7_784.5}, "parameters = 7784.5"),
        ({"profile": "quick"}, "profile = 'quick'"),
        ({"dataset": "auto"}, "dataset = 'auto'"),
        ({"seed": -1}, "seed = -1"),
        ({"seconds": float("nan")}, "seconds = nan"),
        ({"test_predictions": "no base64!"}, "not base64"),
        ({"finished": "2025-01-31T12:00:00"}, "must be a time in UTC"),
        ({"finished": "2025-01-31T12:00:00+01:00"}, "must be a time in UTC"),
        ({"finished": "yesterday"}, "yesterday"),
        ({"notes": "hello"}, "notes = 'hello'"),
        ({"schema": 2}, "schema = 2"),
    ],
)
def test_a_value_that_does_not_belong_is_refused_in_one_line_that_names_it(bad, named):
    with pytest.raises(SettingsError) as error:
        make(**bad)
    assert named in one_line(error)


@given(st.lists(st.integers(0, 255)))
def test_predictions_survive_the_round_trip(classes):
    decoded = decode_predictions(encode_predictions(classes if classes else np.zeros(0, int)))
    assert decoded.dtype == np.uint8 and decoded.tolist() == classes


def test_predictions_are_one_byte_each_in_base64():
    assert encode_predictions(np.array([7, 2, 1, 0, 191])) == "BwIBAL8="  # 07 02 01 00 bf


@pytest.mark.parametrize("bad", [[256], [-1], [[1, 2]], [1.5], ["7"], 7])
def test_predictions_that_do_not_fit_a_byte_are_refused(bad):
    with pytest.raises(ResultsError, match="integers from 0 to 255"):
        encode_predictions(bad)


def test_the_fingerprint_of_a_run_does_not_depend_on_how_it_was_asked_for():
    auto = RunConfig(dataset="auto", recipe=Recipe(epochs=15))
    assert fingerprint(auto, NETWORK, "mnist") == fingerprint(CONFIG, tuple(NETWORK), "mnist")
    integer = RunConfig(dataset="mnist", recipe=Recipe(epochs=15, label_smoothing=0))
    assert fingerprint(integer, NETWORK, "mnist") == fingerprint(CONFIG, NETWORK, "mnist")
    assert len(bytes.fromhex(fingerprint(CONFIG, NETWORK, "mnist"))) == 32


def test_the_fingerprint_changes_with_everything_that_decides_the_numbers():
    prints = [fingerprint(CONFIG, NETWORK, "mnist"), fingerprint(CONFIG, NETWORK, "digits")]
    prints += [
        fingerprint(CONFIG, network, "mnist") for network in (NETWORK[::-1], NETWORK[:1], ["".join(NETWORK)])
    ]
    changed = {
        "profile": "full",
        "seed": 2,
        "logits": 12,
        "validation_images": 5_000,
        "split_seed": 1,
        "recipe": Recipe(epochs=14),
        "augmentation": Augmentation(rotation=7.0),
    }
    assert changed.keys() | {"dataset"} == RunConfig.model_fields.keys()
    prints += [
        fingerprint(CONFIG.model_copy(update={name: changed[name]}), NETWORK, "mnist") for name in changed
    ]
    assert len(set(prints)) == len(prints)


def test_the_environment_names_versions_and_hardware_but_no_paths_hosts_or_people():
    found = environment("cpu")
    keys = ["python", "torch", "torchvision", "device", "device_name", "threads", "processor", "commit"]
    assert list(found) == keys
    assert (found["python"], found["device"]) == (platform.python_version(), "cpu")
    assert found["threads"] >= 1 and found["processor"]
    words = " ".join(str(value) for value in found.values()).split()
    assert not {platform.node(), getpass.getuser()} & set(words)
    assert not any(word.startswith((os.sep, str(Path.home()))) for word in words)


def test_the_commit_is_that_of_the_repository_or_null(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # a hook's variables would point at another repository
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setattr(record_module, "REPOSITORY", tmp_path)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert environment("cpu")["commit"] is None  # no repository
    git("init", "-q")
    assert environment("cpu")["commit"] is None  # a repository without a commit
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert environment("cpu")["commit"] == git("log", "-1", "--format=%H")
    with monkeypatch.context() as patch:
        patch.setattr(record_module, "REPOSITORY", tmp_path / "installed")
        (tmp_path / "installed").mkdir()
        assert environment("cpu")["commit"] is None  # inside a repository of something else
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment("cpu")["commit"] is None  # no git


def test_the_time_of_finishing_is_accepted_by_the_record():
    now = utc_now()
    assert now.endswith("+00:00")
    assert make(finished=now).finished == now


# Where it lies


def test_only_the_declared_recipe_goes_to_the_profiles_own_folder(tmp_path):
    assert run_folder(tmp_path, "13_slow", "full", 3) == tmp_path / "13_slow" / "full" / "seed-3"
    assert (
        run_folder(tmp_path, "13_slow", "full", 3, "digits")
        == tmp_path / "13_slow" / "full-digits" / "seed-3"
    )


@pytest.mark.parametrize(
    ("notebook", "label"), [("../13", ""), ("", ""), ("13", "a/b"), ("13", "a b"), (".13", "")]
)
def test_a_name_that_is_no_plain_folder_is_refused(tmp_path, notebook, label):
    with pytest.raises(ResultsError, match="letters, digits") as error:
        run_folder(tmp_path, notebook, "full", 1, label)
    one_line(error)


# How it is written


def test_a_folder_is_prepared_and_left_empty(tmp_path):
    folder = tmp_path / "13" / "fast" / "seed-1"
    assert prepare_folder(folder) == folder
    assert prepare_folder(folder) == folder  # again, on one that exists
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("write", [prepare_folder, lambda folder: save(make(), folder)])
@pytest.mark.parametrize("below", ["", "fast/seed-1"])
def test_a_file_in_place_of_the_folder_is_named_before_anything_is_lost(tmp_path, write, below):
    blocked = tmp_path / "outputs"
    blocked.write_text("precious")
    with pytest.raises(ResultsError) as error:
        write(blocked / below)
    assert one_line(error).startswith(f"{blocked / below}: cannot be written")
    assert blocked.read_text() == "precious"


def test_a_full_disk_is_found_before_training(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsError) as error:
        prepare_folder(tmp_path / "seed-1")
    assert one_line(error) == f"{tmp_path / 'seed-1'}: cannot be written (No space left on device)"
    assert list((tmp_path / "seed-1").iterdir()) == []


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failure_while_saving_keeps_the_old_record_and_leaves_nothing_else(tmp_path, monkeypatch, step):
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
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(make(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("x"), np.float32(1)])
def test_what_json_cannot_hold_is_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(ResultsError, match="does not fit into JSON") as error:
        save(make(verdict={"margin": value}), tmp_path)
    one_line(error)
    assert list(tmp_path.iterdir()) == []


def test_a_record_can_be_read_by_everyone_the_users_mask_allows(tmp_path):
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
        (lambda data: data.update(test_predictions="x" * 13_337), "not base64"),
        (lambda data: data.update(seconds=float("nan")), "NaN is no number"),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused_with_its_name_and_why(tmp_path, change, why):
    path = damaged(tmp_path, change)
    with pytest.raises(ResultsError) as error:
        load(path)
    assert one_line(error).startswith(f"{path}: ") and why in one_line(error)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"\xff\xfe{}", b"[" * 100_000, b'{"schema": 1}'])
def test_what_is_no_record_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match="result.json: ") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_a_record_cut_off_anywhere_is_refused(tmp_path):
    path = save(make(), tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 29):  # the last two bytes are the brace and the line's end
        path.write_bytes(whole[:length])
        with pytest.raises(ResultsError, match="damaged, not JSON"):
            load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ResultsError) as error:
        load(tmp_path / "result.json")
    assert one_line(error) == f"{tmp_path / 'result.json'}: cannot be read (No such file or directory)"


# How it is found


def put(root: Path, label: str = "", **changes) -> Path:
    record = make(**changes)
    return save(record, run_folder(root, record.notebook, record.profile, record.seed, label))


def test_records_are_found_by_notebook_profile_and_data_set_in_the_order_of_their_seeds(tmp_path):
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
    assert find(tmp_path / "missing") == ([], [])


def test_a_bad_file_is_left_out_by_name_and_the_others_are_found(tmp_path):
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
    save(make(), tmp_path / wrong)
    records, left_out = find(tmp_path)
    assert records == []
    assert left_out == [
        f"{wrong}/result.json: holds the record of another run (13_slow_widening, fast, seed 1)"
    ]
