"""A declared search: what a declaration may say, its candidates and trials, and how they rank."""

from pathlib import Path

import pytest
from making.errors import one_line
from making.notebooks import write_iteration
from making.studies import finish, record_of, study

from helpers.errors import DefinitionsError, StudyError
from helpers.results.store import save
from helpers.search.study import Candidate, candidates, read_study, standings, studies_in, trials

DECLARATION = """\
question = "Which rate?"
notebook = "01_small"
fixed = { epochs = 4 }
grid = [{ batch_size = [32, 64], rotation = [0.0, 5.0] }, { nesterov = [true] }]
trials = [2, 4]
keep = [3]
"""


@pytest.fixture
def root(tmp_path) -> Path:
    write_iteration(tmp_path)
    return tmp_path


def declare(root: Path, text: str = DECLARATION, name: str = "rates") -> Path:
    path = root / "outputs" / "search" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def with_settings(found: list[Candidate], **settings) -> Candidate:
    (candidate,) = [candidate for candidate in found if dict(candidate.settings) == settings]
    return candidate


def test_a_declaration_is_read_as_it_is_written(root):
    declare(root)
    found = read_study("rates", root)
    assert list(studies_in(root)) == ["rates"]
    assert (found.notebook, found.trials, found.keep, found.fixed) == ("01_small", [2, 4], [3], {"epochs": 4})


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("keep = [3, 1]", "keep = [3, 1]"),
        ("trials = [4, 2]\nkeep = [1]", "trials = [4, 2]"),
        ("trials = [1, 2, 3]\nkeep = [1, 2]", "keep = [1, 2]"),
        ("trials = []\nkeep = []", "trials"),
        ("grid = []", "grid"),
        ("keeep = [3]", "keeep"),
        ("grid = [{ rotation = [] }]", "rotation"),
        ("first_seed = -1", "first_seed = -1"),
        ("this is no TOML", "rates.toml"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_in_one_line(root, line, named):
    names = [part.partition(" =")[0] for part in line.splitlines()]
    kept = [old for old in DECLARATION.splitlines() if old.partition(" =")[0] not in names]
    declare(root, "\n".join([*kept, line]))
    with pytest.raises(StudyError) as error:
        read_study("rates", root)
    assert named in one_line(error)


def test_an_unknown_study_is_told_with_those_that_are_there(root):
    declare(root)
    with pytest.raises(StudyError, match="'rats'; there are rates"):
        read_study("rats", root)


def test_every_table_of_a_grid_stands_for_all_its_combinations(root):
    declare(root)
    found = candidates(read_study("rates", root), root=root)
    pairs = [{"batch_size": size, "rotation": angle} for size in (32, 64) for angle in (0.0, 5.0)]
    assert [dict(candidate.settings) for candidate in found] == [*pairs, {"nesterov": True}]
    first = with_settings(found, batch_size=32, rotation=5.0)
    recipe, augmentation = first.definitions.config.recipe, first.definitions.config.augmentation
    assert (recipe.batch_size, recipe.epochs, augmentation.rotation) == (32, 4, 5.0)
    assert first.parameters == 7_850 and str(first) == "batch_size 32, rotation 5.0"


def test_an_empty_table_is_what_is_fixed_and_the_same_recipe_is_one_candidate(root):
    found = candidates(study(grid=[{}, {"rotation": [0.0, 5.0]}]), root=root)
    assert [str(candidate) for candidate in found] == ["as fixed", "rotation 5.0"]


def test_a_study_may_name_its_candidates(root):
    names = {"as fixed": "as it was", "nesterov True, rotation 5.0": "both"}
    grid = [{}, {"rotation": [5.0]}, {"rotation": [5.0], "nesterov": [True]}]
    found = candidates(study(grid=grid, names=names), root=root)
    assert [str(candidate) for candidate in found] == ["as it was", "rotation 5.0", "both"]


@pytest.mark.parametrize(
    ("changes", "error", "named"),
    [
        ({"names": {"rotation 6.0": "far"}}, StudyError, "rotation 6.0"),
        ({"grid": [{"seed": [1, 2]}]}, StudyError, "seed"),
        ({"fixed": {"device": "cpu"}}, StudyError, "device"),
        ({"notebook": "02_none"}, StudyError, "02_none"),
        ({"grid": [{"rotaton": [1.0]}]}, DefinitionsError, "rotaton"),
        ({"grid": [{"rotation": ["far"]}]}, DefinitionsError, "far"),
        ({"fixed": {"colour": 1}}, DefinitionsError, "colour"),
        ({"grid": [{"rotation": [-1.0]}]}, DefinitionsError, "-1.0"),
    ],
)
def test_a_candidate_that_cannot_be_made_is_refused_in_one_line(root, changes, error, named):
    with pytest.raises(error) as raised:
        candidates(study(**changes), root=root)
    assert named in one_line(raised)


def test_the_number_of_a_trial_is_its_seed_and_that_of_its_split(root):
    plain, turned = candidates(study(), root=root)
    first, second = trials(plain, [1001, 1002], study(), root)
    assert (first.seed, first.parameters["seed"], first.validation_images) == (1001, 1001, 5_000)
    assert str(second) == f"{plain}, trial 1002"
    assert (
        len({first.folder, second.folder, *(trial.folder for trial in trials(turned, [1001], study(), root))})
        == 3
    )
    assert trials(plain, [1001], study(validation_images=300), root)[0].fingerprint != first.fingerprint


def test_two_studies_that_ask_for_the_same_trial_share_it(root):
    ours, theirs = study(), study(question="another", fixed={"rotation": 5.0}, grid=[{}])
    (turned,) = candidates(theirs, root=root)
    (trial,) = trials(turned, [1001], theirs, root)
    assert trial.folder == trials(candidates(ours, root=root)[1], [1001], ours, root)[0].folder
    finish(trial, 90.0)
    assert trials(candidates(ours, root=root)[1], [1001], ours, root)[0].finished


@pytest.mark.parametrize("kind", [{"profile": "fast"}, {"dataset": "digits"}])
def test_only_full_trials_on_mnist_are_kept(root, kind):
    kept, local = (
        trials(candidates(study(), root=root, **how)[0], [1], study(), root)[0] for how in ({}, kind)
    )
    assert kept.folder.parent == root / "outputs" / "search" / "trials"
    assert local.folder.parent == root / "outputs" / "local" / "search" / "trials"


def test_more_trials_rank_before_higher_accuracies_and_these_are_of_the_last_epoch(root):
    asked = study(grid=[{"rotation": [0.0, 5.0, 10.0, 15.0]}])
    none, steady, better, lucky = candidates(asked, root=root)
    for candidate, reached in ((steady, [90.0, 91.0]), (better, [90.0, 93.0]), (lucky, [99.0])):
        for trial, last in zip(trials(candidate, [1001, 1002], asked, root), reached, strict=False):
            finish(trial, last, before=99.9)
    ranked = standings(asked, root=root)
    assert [standing.candidate.settings["rotation"] for standing in ranked] == [10.0, 5.0, 15.0, 0.0]
    assert [standing.accuracies for standing in ranked] == [[90.0, 93.0], [90.0, 91.0], [99.0], []]
    assert ranked[0].mean == 91.5 and ranked[0].accuracy(1002) == 93.0


def test_a_broken_trial_counts_as_not_made(root):
    asked = study()
    first, second = trials(candidates(asked, root=root)[0], [1001, 1002], asked, root)
    finish(first, 90.0)
    first.folder.joinpath("result.json").write_text("{")
    second.folder.mkdir(parents=True)
    save(record_of(second, 90.0), second.folder)  # one epoch of four
    assert all(not standing.records for standing in standings(asked, root=root))
