"""What the record of a run holds, and what it refuses."""

import getpass
import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making.errors import one_line
from making.records import CONFIG, EPOCH_KEYS, KEYS, NETWORK, epoch, make, recorded
from making.targets import COURSE, FULL

from helpers.errors import ResultsError, SettingsError
from helpers.results import record as record_module
from helpers.results.record import decode_predictions, encode_predictions, environment, fingerprint, utc_now
from helpers.results.store import load, save
from helpers.results.targets import judge
from helpers.settings import Augmentation, Recipe, RunConfig


def test_the_file_has_exactly_the_keys_of_the_contract(tmp_path):
    """Catches a key of result.json that is renamed, moved, dropped or added while the schema stays at 1."""
    data = json.loads(save(make(), tmp_path).read_text())
    assert list(data) == KEYS
    assert (data["schema"], data["student"], data["seed"]) == (1, None, 1)
    assert [list(entry) for entry in data["history"]] == [EPOCH_KEYS, EPOCH_KEYS]
    assert data["config"] == CONFIG.model_dump()


def test_a_record_survives_the_round_trip(tmp_path):
    """Catches a field lost between writing and reading: averaged weights, a student, a target, a verdict."""
    original = make(
        history=[epoch(1, raw_test_accuracy=95.9, raw_test_loss=0.15)],
        config=recorded(CONFIG, tested_weights="averaged"),
        student={"parameters": 8_000, "accuracy": 99.0},
        target=COURSE,
        verdict=judge(COURSE, **FULL),
    )
    copy = load(save(original, tmp_path))
    assert copy == original
    assert copy.config.tested_weights == "averaged" and copy.config.recipe == CONFIG.recipe
    assert copy.verdict.overall == copy.verdict["accuracy"].outcome == "not shown"


def test_a_setting_that_an_older_file_lacks_has_its_default_and_is_not_written_into_it():
    """Catches a record that changes by being read: those from before the five crops do not speak of them."""
    settings = {name: value for name, value in CONFIG.model_dump().items() if name != "crops"}
    record = make(config=settings)
    assert (record.config.crops, record.config.tested_weights) == (1, None)
    assert record.to_dict()["config"] == settings
    assert fingerprint(record.config, NETWORK, "mnist") == fingerprint(CONFIG, NETWORK, "mnist")


def test_an_epoch_with_a_validation_split_holds_no_test_keys():
    """Catches a closed test set that is written as null, and validation results that are left out."""
    closed = epoch(1, test_loss=None, test_accuracy=None, validation_loss=0.2, validation_accuracy=95.0)
    (kept,) = make(history=[closed], test_predictions=None).to_dict()["history"]
    assert kept.keys() == (set(EPOCH_KEYS) - {"test_loss", "test_accuracy"}) | {
        "validation_loss",
        "validation_accuracy",
    }


def test_the_test_accuracies_are_all_there_or_count_as_none():
    """Catches test accuracies with gaps, which would stand beside the wrong epochs."""
    assert make(history=[epoch(1, 96.0), epoch(2, 97.5)]).test_accuracy == [96.0, 97.5]
    closed = epoch(1, test_accuracy=None)
    assert make(history=[closed, epoch(2)]).test_accuracy == make(history=[]).test_accuracy == []


@pytest.mark.parametrize(("epochs", "complete"), [(0, False), (1, False), (2, True)])
def test_a_run_is_complete_when_it_holds_every_epoch_of_its_profile(epochs, complete):
    """Catches a run of the fast profile that counts as complete before its second epoch."""
    assert make(history=[epoch(n + 1) for n in range(epochs)]).complete is complete


def test_a_full_run_that_was_stopped_is_not_complete():
    """Catches a full run that counts as complete with 14 of its 15 epochs, or by the two of a fast one."""
    config = RunConfig(profile="full", recipe=Recipe(epochs=15))
    history = [epoch(n) for n in range(1, 16)]
    assert make(profile="full", config=recorded(config), history=history).complete
    assert not make(profile="full", config=recorded(config), history=history[:-1]).complete


@pytest.mark.parametrize(
    ("bad", "named"),
    [
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
    """Catches a gap in the epochs, a time without its zone or a number as text that gets into a record."""
    with pytest.raises(SettingsError) as error:
        make(**bad)
    assert named in one_line(error)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"train_accuracy": 100.1}, "train_accuracy = 100.1"),
        ({"train_loss": float("nan")}, "train_loss = nan"),
        ({"learning_rate": float("inf")}, "learning_rate = inf"),
        ({"loss": 0.5}, "loss = 0.5"),
    ],
)
def test_an_epoch_refuses_a_value_that_does_not_belong_and_names_it(bad, named):
    """Catches an accuracy above 100 %, or a loss or learning rate not finite, in the history of a run."""
    with pytest.raises(SettingsError) as error:
        epoch(1, **bad)
    assert named in one_line(error)


@given(st.lists(st.integers(0, 255)))
def test_predictions_survive_the_round_trip(classes):
    """Catches classes that base64 gives back in another order, number or type, or that fail where empty."""
    decoded = decode_predictions(encode_predictions(classes if classes else np.zeros(0, int)))
    assert decoded.dtype == np.uint8 and decoded.tolist() == classes


def test_predictions_are_one_byte_each_in_base64():
    """Catches predictions that are stored as 64-bit integers, or in a base64 that older files do not use."""
    assert encode_predictions(np.array([7, 2, 1, 0, 191])) == "BwIBAL8="  # 07 02 01 00 bf


@pytest.mark.parametrize("bad", [[256], [-1], [[1, 2]], [1.5], ["7"], 7])
def test_predictions_that_do_not_fit_a_byte_are_refused(bad):
    """Catches class 256 that wraps round to 0, and 1.5 that is cut to 1, on the way into a byte."""
    with pytest.raises(ResultsError, match="integers from 0 to 255"):
        encode_predictions(bad)


def test_the_fingerprint_of_a_run_does_not_depend_on_how_it_was_asked_for():
    """Catches one and the same run with two fingerprints: by "auto" or by name, by 0 or by 0.0."""
    auto = RunConfig(dataset="auto", recipe=Recipe(epochs=15))
    assert fingerprint(auto, NETWORK, "mnist") == fingerprint(CONFIG, tuple(NETWORK), "mnist")
    integer = RunConfig(dataset="mnist", recipe=Recipe(epochs=15, label_smoothing=0))
    assert fingerprint(integer, NETWORK, "mnist") == fingerprint(CONFIG, NETWORK, "mnist")
    assert len(bytes.fromhex(fingerprint(CONFIG, NETWORK, "mnist"))) == 32


def test_the_fingerprint_changes_with_everything_that_decides_the_numbers():
    """Catches a setting, layer or data set that the hash leaves out: two different runs would be one."""
    prints = [fingerprint(CONFIG, NETWORK, "mnist"), fingerprint(CONFIG, NETWORK, "digits")]
    prints += [
        fingerprint(CONFIG, network, "mnist") for network in (NETWORK[::-1], NETWORK[:1], ["".join(NETWORK)])
    ]
    changed = {
        "profile": "full",
        "seed": 2,
        "logits": 12,
        "crops": 5,
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


def test_a_run_with_one_crop_has_the_fingerprint_of_runs_that_are_older_than_the_setting():
    """Catches a number of crops in the hash of runs with one: older ones would count as other runs."""
    settings = {name: value for name, value in CONFIG.model_dump().items() if name != "crops"}
    older = json.dumps({"config": settings, "network": NETWORK}, sort_keys=True, separators=(",", ":"))
    assert fingerprint(CONFIG, NETWORK, "mnist") == hashlib.sha256(older.encode()).hexdigest()


def test_the_environment_names_versions_and_hardware_but_no_paths_hosts_or_people():
    """Catches a record that gives away a user's name, a host or a path, or lacks a version or processor."""
    found = environment("cpu")
    keys = ["python", "torch", "torchvision", "device", "device_name", "threads", "processor", "commit"]
    assert list(found) == keys
    assert (found["python"], found["device"]) == (platform.python_version(), "cpu")
    assert found["threads"] >= 1 and found["processor"]
    words = " ".join(str(value) for value in found.values()).split()
    assert not {platform.node(), getpass.getuser()} & set(words)
    assert not any(word.startswith((os.sep, str(Path.home()))) for word in words)


def test_the_commit_is_that_of_the_repository_or_null(tmp_path, monkeypatch):
    """Catches the commit of a repository around ours, and a crash where there is no commit or no git."""
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
    """Catches a time in a local zone or without any, which the record itself would refuse."""
    now = utc_now()
    assert now.endswith("+00:00")
    assert make(finished=now).finished == now
