"""Which runs are to be made: ordered, named, labelled, and refused before anything runs."""

import pytest
from making.notebooks import PARAMETERS, write_iteration, write_other

from helpers.data.mnist import Source
from helpers.errors import DefinitionsError, PlanError, SettingsError
from helpers.runs import plan as planning
from helpers.runs.definitions import load_definitions
from helpers.runs.plan import plan

MNIST = Source("mnist", None, "found")


def test_plan_orders_iterations_by_name_and_seed_and_the_others_after_them(tmp_path):
    write_other(tmp_path, "00_start")
    write_iteration(tmp_path, "01_a")
    write_iteration(tmp_path, "02_b")
    jobs = plan(seeds=[1, 2, 1], dataset="digits", root=tmp_path).jobs
    assert list(map(str, jobs)) == ["01_a seed 1", "01_a seed 2", "02_b seed 1", "02_b seed 2", "00_start"]


@pytest.mark.parametrize(
    "name",
    ["01_small", "01", "01_small.ipynb", "notebooks/01_small.ipynb", "{root}/notebooks/01_small.ipynb"],
)
def test_a_notebook_is_found_by_name_number_or_file(tmp_path, monkeypatch, name):
    write_iteration(tmp_path)
    write_iteration(tmp_path, "02_other")
    monkeypatch.chdir(tmp_path)
    (job,) = plan([name.format(root=tmp_path)], dataset="digits", root=tmp_path).jobs
    assert str(job) == "01_small seed 1"


def folder_of(root, **options):
    (job,) = plan(["01_small"], root=root, **({"dataset": "digits"} | options)).jobs
    return job.folder.relative_to(root / "outputs").as_posix()


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({}, ""),
        ({"rotation": "0"}, ""),  # as declared
        ({"device": "cpu"}, ""),
        ({"rotation": "10"}, "+rotation=10.0"),
        ({"rotation": "1e-5", "epochs": "2"}, "+epochs=2+rotation=1e-05"),
    ],
)
def test_changed_parameters_and_digits_go_to_a_folder_of_their_own(tmp_path, parameters, label):
    write_iteration(tmp_path)
    assert folder_of(tmp_path, parameters=parameters) == f"01_small/fast-digits{label}/seed-1"


def test_the_declared_recipe_on_mnist_goes_to_the_folder_of_its_profile(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "find", lambda dataset: MNIST)
    monkeypatch.setattr(planning, "load_data", lambda config: None)
    write_iteration(tmp_path)
    assert folder_of(tmp_path, dataset="auto", profile="full", seeds=[3]) == "01_small/full/seed-3"
    changed = {"dataset": "auto", "parameters": {"rotation": "10"}}
    assert folder_of(tmp_path, **changed) == "01_small/fast-rotation=10.0/seed-1"


def test_a_label_that_makes_no_folder_name_becomes_a_short_hash(tmp_path):
    write_iteration(tmp_path, parameters=f"{PARAMETERS}\nnote: str = ''")
    first, second = (
        folder_of(tmp_path, parameters={"note": note}) for note in ("a/../b", "another, much longer")
    )
    assert first != second
    for folder in (first, second):
        assert len(folder.split("/")) == 3 and len(folder) < 50


def test_every_run_gets_seed_data_folder_and_changes_as_parameters(tmp_path):
    write_iteration(tmp_path)
    (job,) = plan(seeds=[5], dataset="digits", parameters={"rotation": "10"}, root=tmp_path).jobs
    assert job.parameters == {
        "profile": "fast",
        "dataset": "digits",
        "seed": 5,
        "output": str(job.folder),
        "rotation": 10.0,
    }
    assert job.fingerprint == load_definitions(job.source, job.parameters).fingerprint("digits")


def test_auto_is_resolved_once_for_all_runs(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(planning, "find", lambda dataset: asked.append(dataset) or MNIST)
    for name in ("01_a", "02_b"):
        write_iteration(tmp_path, name)
    jobs, remark = plan(root=tmp_path, seeds=[1, 2])
    assert asked == ["auto"] and remark == "found"
    assert {job.parameters["dataset"] for job in jobs} == {"mnist"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"notebooks": ["01_smal"]}, "unknown notebook '01_smal'; did you mean 01_small?"),
        ({"notebooks": ["zzz"]}, "unknown notebook 'zzz'; there are 00_start, 01_small"),
        ({"notebooks": ["../elsewhere.ipynb"]}, "unknown notebook '../elsewhere.ipynb'"),
        ({"profile": "ful"}, "profile = 'ful': .*'fast' or 'full'"),
        ({"dataset": "cifar"}, "dataset = 'cifar': .*'auto', 'mnist' or 'digits'"),
        ({"seeds": [-1]}, "seed = -1: .*greater than or equal to 0"),
        ({"parameters": {"rotaton": "1"}}, "01_small has no parameter 'rotaton'; did you mean rotation?"),
        ({"parameters": {"epochs": "fifteen"}}, "epochs = 'fifteen'"),
        ({"parameters": {"epochs": "-1"}}, "epochs = -1: "),
        ({"parameters": {"rotation": "nan"}}, "rotation = nan: "),
        ({"parameters": {"batch_size": "0"}}, "batch_size = 0: "),
        ({"parameters": {"batch_size": "100000"}}, "batch_size = 100000: must be at most"),
        ({"parameters": {"device": "tpu"}}, "device = 'tpu': not on this machine; allowed here: auto, "),
        ({"parameters": {"seed": "2"}}, "parameter seed is set by the command itself"),
        ({"parameters": {"output": "x"}}, "parameter output is set by the command itself"),
        (
            {"notebooks": ["00", "01"], "parameters": {"rotation": "1"}},
            "00_start has no parameter 'rotation'",
        ),
    ],
)
def test_what_cannot_be_run_as_asked_is_refused_in_one_line_before_anything_runs(tmp_path, options, words):
    write_iteration(tmp_path)
    write_other(tmp_path)
    with pytest.raises((PlanError, DefinitionsError, SettingsError), match=words) as error:
        plan(**({"dataset": "digits", "root": tmp_path} | options))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "outputs").exists()


def test_a_folder_without_notebooks_is_named(tmp_path):
    with pytest.raises(PlanError, match=f"{tmp_path / 'notebooks'}: there are no notebooks here"):
        plan(root=tmp_path)


def test_a_notebook_elsewhere_is_refused_even_under_a_known_name(tmp_path):
    write_iteration(tmp_path)
    (tmp_path / "copies").mkdir()
    elsewhere = write_iteration(tmp_path / "copies")
    with pytest.raises(PlanError, match="01_small.ipynb: not in "):
        plan([str(elsewhere)], dataset="digits", root=tmp_path)


def test_a_copy_that_still_has_the_name_of_another_notebook_is_refused(tmp_path):
    copy = write_iteration(tmp_path, "01_small")
    copy.rename(copy.with_name("02_mine.ipynb"))
    with pytest.raises(
        PlanError, match="02_mine: its cell target must say notebook = '02_mine', not '01_small'"
    ):
        plan(dataset="digits", root=tmp_path)


def test_a_notebook_that_fails_by_itself_is_planned_and_does_not_stop_the_others(tmp_path):
    write_iteration(tmp_path, "01_good")
    write_iteration(tmp_path, "02_broken", network="1 / 0")
    good, broken = plan(dataset="digits", root=tmp_path, parameters={"rotation": "1"}).jobs
    assert good.fingerprint is not None
    assert broken.fingerprint is None and not broken.finished


def test_changed_parameters_run_iterations_only_unless_others_are_named(tmp_path):
    write_iteration(tmp_path)
    write_other(tmp_path)
    (job,) = plan(dataset="digits", root=tmp_path, parameters={"epochs": "2"}).jobs
    assert str(job) == "01_small seed 1"
