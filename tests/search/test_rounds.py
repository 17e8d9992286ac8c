"""Carrying out a search: the rounds, what is skipped, what fails, and that the test set stays closed."""

from pathlib import Path

import pytest
from making.notebooks import PARAMETERS, SETTINGS, write_iteration
from making.studies import finish, study

from helpers.data.mnist import Source
from helpers.errors import DataError, StudyError
from helpers.runs.execution import Outcome
from helpers.search import rounds
from helpers.search.rounds import search, train_trial
from helpers.search.study import DIVERGED, candidates, trials

SMALL = {"profile": "fast", "dataset": "digits"}


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """Trials of two epochs are too short to be worth compiling."""
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")


@pytest.fixture
def root(tmp_path) -> Path:
    write_iteration(
        tmp_path,
        parameters=f"{PARAMETERS}\nlearning_rate: float = 0.01",
        settings=SETTINGS.replace("epochs=epochs,", "epochs=epochs, learning_rate=learning_rate,"),
    )
    return tmp_path


@pytest.fixture
def made(monkeypatch) -> list[tuple[float, int]]:
    """Trials as they are made, by rotation and number; each reaches 90 % plus its rotation, without any training."""
    order: list[tuple[float, int]] = []

    def execute(due, workers, work, watch):
        for trial in due:
            finish(trial, 90.0 + trial.parameters["rotation"])
            order.append((trial.parameters["rotation"], trial.seed))
        return []

    monkeypatch.setattr(rounds, "execute", execute)
    monkeypatch.setattr(rounds, "load_data", lambda config: None)
    monkeypatch.setattr(rounds, "find", lambda dataset: Source("mnist", None, ""))
    return order


def three_rounds(**changes):
    return study(
        grid=[{"rotation": [1.0, 4.0, 2.0, 3.0]}], trials=[1, 3, 4], keep=[2, 1], first_seed=7, **changes
    )


def test_only_the_better_candidates_go_on_and_every_trial_is_made_once(root, made):
    ranked = search(three_rounds(), root=root)
    assert sorted(made[:4]) == [(1.0, 7), (2.0, 7), (3.0, 7), (4.0, 7)]
    assert sorted(made[4:8]) == [(3.0, 8), (3.0, 9), (4.0, 8), (4.0, 9)]
    assert made[8:] == [(4.0, 10)]
    assert [standing.candidate.settings["rotation"] for standing in ranked] == [4.0]
    assert list(ranked[0].records) == [7, 8, 9, 10]


def test_a_search_that_was_made_makes_nothing_again(root, made):
    first = search(three_rounds(), root=root)
    made.clear()
    again = search(three_rounds(), root=root)
    assert made == [] and again[0].accuracies == first[0].accuracies


def test_a_round_is_announced(root, made):
    said: list[str] = []
    search(three_rounds(), report=said.append, root=root)
    assert said == [
        "round 1 of 3: 4 candidates, 1 trials of each; 0 of 4 were made before",
        "round 2 of 3: 2 candidates, 3 trials of each; 2 of 6 were made before",
        "round 3 of 3: 1 candidates, 4 trials of each; 3 of 4 were made before",
    ]


def test_a_split_that_does_not_fit_is_refused_before_anything_is_trained(root):
    with pytest.raises(DataError, match="validation_images = 5000"):
        search(study(), root=root, **SMALL)
    assert not (root / "outputs").exists()


def test_a_trial_trains_on_its_split_and_leaves_the_test_set_closed(root):
    asked = study(validation_images=200, fixed={"epochs": 2})
    (standing,) = search(asked.model_copy(update={"trials": [1]}), workers=1, root=root, **SMALL)[:1]
    (record,) = standing.records.values()
    assert record.complete and all(epoch.validation_accuracy is not None for epoch in record.history)
    assert record.test_accuracy == [] and record.test_predictions is None
    assert (record.seed, record.config.split_seed, record.config.validation_images) == (1001, 1001, 200)


def test_a_trial_that_diverges_leaves_why_and_is_not_made_again(root):
    asked = study(validation_images=200, grid=[{"learning_rate": [1e38]}], trials=[1])
    (standing,) = search(asked, workers=1, root=root, **SMALL)
    assert standing.diverged == {1001} and not standing.records
    (trial,) = trials(standing.candidate, [1001], asked, root)
    assert trial.finished and trial.diverged
    (left,) = trial.folder.iterdir()
    assert "learning rate 1e+38" in left.read_text() and left.name == DIVERGED
    said: list[str] = []
    search(asked, report=said.append, root=root, **SMALL)
    assert said == ["round 1 of 1: 1 candidates, 1 trials of each; 1 of 1 were made before"]


def test_a_trial_that_diverges_is_told_as_failed(root):
    asked = study(validation_images=200, grid=[{"learning_rate": [1e38]}])
    (trial,) = trials(candidates(asked, root=root, **SMALL)[0], [1001], asked, root)
    trial.folder.mkdir(parents=True)
    outcome = train_trial(trial)
    assert isinstance(outcome, Outcome) and outcome.status == "failed"
    assert "learning rate 1e+38" in outcome.problem


def test_a_round_that_lost_a_trial_is_not_ranked(root, made, monkeypatch):
    def execute(due, workers, work, watch):
        return [Outcome(due[0], "failed", problem="killed")]

    monkeypatch.setattr(rounds, "execute", execute)
    with pytest.raises(StudyError, match="1 trials were not made, so nothing is ranked.*killed"):
        search(three_rounds(), root=root)


def test_a_trial_that_another_search_has_just_made_is_not_made_again(root):
    asked = study(validation_images=200, fixed={"epochs": 2}, grid=[{}], trials=[1])
    search(asked, workers=1, root=root, **SMALL)
    (trial,) = trials(candidates(asked, root=root, **SMALL)[0], [1001], asked, root)
    assert train_trial(trial).status == "skipped"


def test_a_network_that_does_not_fit_is_told_before_anything_is_trained(root, made):
    write_iteration(root, "02_nine", channels=9)  # logits, for ten classes
    with pytest.raises(StudyError, match="as fixed"):
        search(study(notebook="02_nine", grid=[{}]), root=root)
    assert made == []
