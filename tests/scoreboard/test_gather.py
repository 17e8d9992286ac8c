"""Records that do not belong together are never put together, and none is lost without a word."""

import json
from pathlib import Path

import pytest
from making.notebooks import write_iteration
from making.records import EPOCHS, ending, made, put

from helpers.places import run_folder
from helpers.results.store import save
from helpers.runs.execution import FAILED, UNFINISHED
from helpers.scoreboard.gather import gather


@pytest.fixture
def notebook(tmp_path) -> Path:
    return write_iteration(tmp_path)


def seeds(groups) -> dict[tuple[str, str], list[int]]:
    return {(group.notebook, group.label): [record.seed for record in group.runs.records] for group in groups}


def test_runs_of_the_declared_recipe_are_one_group_in_the_order_of_their_seeds(notebook, tmp_path):
    """Catches seed 10 sorted before seed 2, or good seeds of one recipe split or refused."""
    for seed in (10, 2, 1):
        put(notebook, seed, ending(99))
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1, 2, 10]}
    assert (found.experiments, found.left_out, found.remarks) == ([], [], [])


def test_variants_are_groups_of_their_own(notebook, tmp_path):
    """Catches runs with changed settings, or on other data, pooled with the declared recipe's."""
    put(notebook, 1, ending(99))
    put(notebook, 1, ending(98), "rotation=3.0", of={"rotation": 3.0})
    put(notebook, 2, ending(98), "rotation=3.0", of={"rotation": 3.0})
    put(notebook, 1, ending(97), "digits+nesterov=True", of={"nesterov": True}, dataset="digits")
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1]}
    assert seeds(found.experiments) == {
        ("01_small", "digits+nesterov=True"): [1],
        ("01_small", "rotation=3.0"): [1, 2],
    }
    assert found.left_out == []


def test_what_proves_only_that_the_code_runs_is_not_looked_at(notebook, tmp_path):
    """Catches short trial runs counted as results, or complained about."""
    outputs = tmp_path / "outputs"
    for folder in ("01_small/fast/seed-1", "01_small/fast-digits/seed-1", "local/01_small/full/seed-1"):
        (outputs / folder).mkdir(parents=True)
        (outputs / folder / "result.json").write_text("{")
    found = gather(tmp_path)
    assert found.groups == found.left_out == found.remarks == []


PLANTED = {  # what is done to the good record of seed 2, and what is said of it
    "another schema": (lambda data: data.update(schema=2), "schema 2, this workbook reads 1"),
    "a key that is missing": (lambda data: data.pop("history"), "history: Field required"),
    "another notebook's record": (
        lambda data: data.update(notebook="02_other"),
        "holds the record of another run (02_other, full, seed 2)",
    ),
    "another seed's record": (lambda data: data.update(seed=3), "holds the record of another run"),
    "another profile": (lambda data: data.update(profile="fast"), "holds the record of another run"),
    "another data set": (lambda data: data.update(dataset="digits"), "trained on digits, not on mnist"),
    "other epochs": (
        lambda data: data["config"]["recipe"].update(epochs=20),
        f"other settings than its notebook's: epochs 20 instead of {EPOCHS}",
    ),
    "a changed parameter": (
        lambda data: data["config"]["augmentation"].update(rotation=7.0),
        "other settings than its notebook's: rotation 7.0 instead of 0.0",
    ),
    "a seed that the settings deny": (lambda data: data["config"].update(seed=5), "seed 5 instead of 2"),
    "another size": (
        lambda data: data.update(parameters=785),
        "a network of 785 parameters, its notebook's has 7,850",
    ),
    "another network of this size": (
        lambda data: data.update(fingerprint="0" * 64),
        "made with another network than its notebook's",
    ),
    "an interrupted run": (lambda data: data["history"].pop(), "stopped after 3 of 4 epochs"),
    "a closed test set": (
        lambda data: data["history"][0].pop("test_accuracy"),
        "the test set was not opened after every epoch",
    ),
}


@pytest.mark.parametrize(("plant", "why"), PLANTED.values(), ids=PLANTED)
def test_a_record_that_does_not_belong_is_left_out_with_its_place_and_the_reason(
    notebook, tmp_path, plant, why
):
    """Catches a foreign, altered or cut-off record that counts, or takes good seeds down with it."""
    for seed in (1, 2, 3):
        path = put(notebook, seed, ending(99))
        if seed == 2:
            data = json.loads(path.read_text())
            plant(data)
            path.write_text(json.dumps(data))
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1, 3]}
    (line,) = found.left_out
    assert line.startswith("01_small/full/seed-2") and why in line and "\n" not in line


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_a_damaged_file_is_left_out(notebook, tmp_path, content):
    """Catches an empty or garbled record that stops the reading of the sound ones."""
    put(notebook, 1, ending(99))
    put(notebook, 2, ending(99)).write_bytes(content)
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1]}
    assert len(found.left_out) == 1 and found.left_out[0].startswith("01_small/full/seed-2/result.json: ")


def test_a_record_is_held_against_its_notebook_as_it_is_today(notebook, tmp_path):
    """Catches results of a network that its notebook no longer defines."""
    put(notebook, 1, ending(99))
    write_iteration(tmp_path, channels=12)
    found = gather(tmp_path)
    assert found.groups == []
    assert found.left_out == ["01_small/full/seed-1: a network of 7,850 parameters, its notebook's has 9,420"]


def test_a_variant_under_the_wrong_label_is_left_out(notebook, tmp_path):
    """Catches a folder's name believed over the settings that were trained with."""
    put(notebook, 1, ending(98), "rotation=3.0", of={"rotation": 5.0})
    put(notebook, 2, ending(98), "rotaton=3.0", of={"rotation": 3.0})
    found = gather(tmp_path)
    assert found.experiments == []
    assert "rotation 5.0 instead of 3.0" in found.left_out[0]
    assert "seed-2: cannot be compared with its notebook" in found.left_out[1]
    assert "did you mean rotation?" in found.left_out[1]


def test_of_a_label_that_is_a_hash_the_first_seed_says_what_belongs_together(notebook, tmp_path):
    """Catches seeds of two settings averaged because nothing but a hash names their folder."""
    put(notebook, 1, ending(98), "0a1b2c3d4e5f", of={"rotation": 3.0})
    put(notebook, 2, ending(98), "0a1b2c3d4e5f", of={"rotation": 3.0})
    put(notebook, 3, ending(98), "0a1b2c3d4e5f", of={"rotation": 4.0})
    put(notebook, 4, ending(98)[:-1], "0a1b2c3d4e5f", of={"rotation": 3.0})
    found = gather(tmp_path)
    assert seeds(found.experiments) == {("01_small", "0a1b2c3d4e5f"): [1, 2]}
    assert found.left_out == [
        "01_small/full-0a1b2c3d4e5f/seed-3: differs from seed 1 beside it: rotation 4.0 instead of 3.0",
        "01_small/full-0a1b2c3d4e5f/seed-4: stopped after 3 of 4 epochs",
    ]


def test_records_without_a_notebook_or_with_a_broken_one_are_left_out(notebook, tmp_path):
    """Catches one deleted or broken notebook that ends the whole board, or whose runs still count."""
    other = write_iteration(tmp_path, "02_other")
    put(notebook, 1, ending(99))
    put(other, 1, ending(99))
    other.unlink()
    write_iteration(tmp_path, network="raise ValueError('no network')")
    found = gather(tmp_path)
    assert found.groups == []
    assert found.left_out == [
        "01_small/full/seed-1: cannot be compared with its notebook (01_small, cell network: ValueError: no network)",
        "02_other/full/seed-1: there is no notebook of this name",
    ]


def test_a_seed_that_a_notebook_derives_settings_from_is_taken_as_that_notebook_does(tmp_path):
    """Catches settings that follow the seed, as a split's may, called a change of the recipe."""
    settings = "config = RunConfig(profile=profile, dataset=dataset, seed=seed, split_seed=seed)"
    path = write_iteration(tmp_path, settings=settings)
    for seed in (1, 2):
        put(path, seed, ending(99))
    found = gather(tmp_path)
    assert seeds(found.groups) == {} and len(found.left_out) == 2  # 15 epochs by default, not 4
    path = write_iteration(tmp_path, settings=settings.replace(", split", ", recipe=Recipe(epochs=4), split"))
    for seed in (1, 2):
        put(path, seed, ending(99))
    assert seeds(gather(tmp_path).groups) == {("01_small", ""): [1, 2]}


def test_what_a_folder_says_beyond_its_record_is_remarked(notebook, tmp_path):
    """Catches an older record passed off as that of a run that broke off, failed or goes on."""
    for seed in (1, 2):
        put(notebook, seed, ending(99))
    folders = {seed: run_folder(tmp_path / "outputs", "01_small", "full", seed) for seed in range(1, 6)}
    for seed in (3, 4, 5):
        folders[seed].mkdir()
    (folders[1] / UNFINISHED).touch()
    (folders[2] / FAILED).touch()
    (folders[3] / UNFINISHED).touch()
    (folders[4] / FAILED).touch()
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1, 2]}
    assert found.remarks == [
        "01_small/full/seed-1: a run is under way, or was broken off; its record is the one from before",
        "01_small/full/seed-2: its notebook failed, see failed.ipynb; its record is judged by itself",
        "01_small/full/seed-3: a run is under way, or was broken off; no record yet",
        "01_small/full/seed-4: its notebook failed, see failed.ipynb; no record",
        "01_small/full/seed-5: no record yet",
    ]


def test_half_written_files_of_a_save_that_is_under_way_are_not_read(notebook, tmp_path):
    """Catches a save's temporary file taken for a record, or called damaged."""
    path = put(notebook, 1, ending(99))
    (path.parent / f".{path.name}-0123abcd").write_text('{"schema": 1, "note')
    found = gather(tmp_path)
    assert seeds(found.groups) == {("01_small", ""): [1]} and found.left_out == []


def test_a_record_in_a_folder_of_no_profile_is_not_overlooked(notebook, tmp_path):
    """Catches a record passed over without a word since its folder's name is unknown, or a pattern."""
    save(made(notebook, 1, ending(99)), tmp_path / "outputs" / "01_small" / "slow[1]" / "seed-1")
    (line,) = gather(tmp_path).left_out
    assert line.startswith("01_small/slow[1]/seed-1/result.json: holds the record of another run")
