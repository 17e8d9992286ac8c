"""A batch checks everything first, runs what is missing, keeps errors, and says what each notebook reached."""

import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext

import nbformat
import pytest
from example_notebooks import PARAMETERS, write_iteration, write_notebook, write_other

from helpers import execution
from helpers.batch import BatchTable, available_cores, execute
from helpers.config import SettingsError
from helpers.definitions import DefinitionsError, load_definitions
from helpers.execution import Job, is_finished, run
from helpers.planning import BatchError, plan
from helpers.results import ResultsError, load

THREADS = "import os\nprint('threads', os.environ['OMP_NUM_THREADS'])"


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """Two runs at a time: one that is good, ones that fail in different ways, one that trains nothing."""
    root = tmp_path_factory.mktemp("workbook")
    write_iteration(root, "01_good", after=THREADS)
    write_iteration(root, "02_late", after="raise ValueError('first line\\nsecond line')")
    write_notebook(root, "03_dead", [("network", "import os\nos._exit(1)")])
    write_notebook(root, "04_left", [("network", "raise SystemExit"), ("after", "print('never')")])
    write_notebook(root, "05_silent", [("network", "print('no record')")])
    write_other(root, "00_start", "print('data:', dataset)")
    outcomes = execute(plan(dataset="digits", root=root), workers=2)
    return root, {outcome.job.source.stem: outcome for outcome in outcomes}


def printed(path):
    outputs = (output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", []))
    return "".join(output.get("text", output.get("ename", "")) for output in outputs)


def test_a_good_run_leaves_its_record_and_its_executed_notebook(batch):
    root, outcomes = batch
    folder = root / "outputs/01_good/fast-digits/seed-1"
    assert outcomes["01_good"].status == "done"
    assert sorted(path.name for path in folder.iterdir()) == ["notebook.ipynb", "result.json"]
    record = load(folder / "result.json")
    assert (record.notebook, record.profile, record.dataset, record.seed) == ("01_good", "fast", "digits", 1)
    assert record.fingerprint == outcomes["01_good"].job.fingerprint


def test_workers_share_the_cores(batch):
    root, _ = batch
    executed = root / "outputs/01_good/fast-digits/seed-1/notebook.ipynb"
    assert printed(executed) == f"threads {max(1, available_cores() // 2)}\n"


def test_an_executed_notebook_names_no_folder_of_this_machine(batch):
    root, _ = batch
    text = (root / "outputs/01_good/fast-digits/seed-1/notebook.ipynb").read_text()
    assert str(root) not in text
    assert json.loads(text)["metadata"]["papermill"]["parameters"]["output"] == (
        "../outputs/01_good/fast-digits/seed-1"
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("02_late", "ValueError: first line (cell [8])"),
        ("03_dead", "DeadKernelError: Kernel died"),
        ("04_left", "SystemExit: left before the last cell"),
    ],
)
def test_a_failing_notebook_is_kept_with_its_error_and_the_others_go_on(batch, name, problem):
    root, outcomes = batch
    folder = root / f"outputs/{name}/fast-digits/seed-1"
    assert (outcomes[name].status, outcomes[name].problem) == ("failed", problem)
    assert not (folder / "notebook.ipynb").exists()
    error = problem.partition(":")[0]
    assert (error in printed(folder / "failed.ipynb")) == (name != "03_dead")


def test_an_iteration_without_a_record_has_failed(batch):
    root, outcomes = batch
    assert outcomes["05_silent"].status == "failed"
    assert outcomes["05_silent"].problem.startswith("no record: ")


def test_a_notebook_that_trains_nothing_is_run_once_with_the_parameters_it_has(batch):
    root, outcomes = batch
    assert outcomes["00_start"].status == "done"
    assert printed(root / "outputs/00_start/fast-digits/notebook.ipynb") == "data: digits\n"


def test_only_good_runs_are_finished(batch):
    root, _ = batch
    finished = {job.source.stem: job.finished for job in plan(dataset="digits", root=root)}
    assert finished == dict.fromkeys(finished, False) | {"01_good": True}
    assert not any(job.finished for job in plan(dataset="digits", root=root, force=True))
    assert not any(job.finished for job in plan(dataset="digits", root=root, seeds=[2]))
    assert not any(job.finished for job in plan(dataset="digits", root=root, profile="full"))


@pytest.mark.parametrize("name", ["failed.ipynb", ".unfinished.ipynb"])
def test_a_failed_repeat_is_not_taken_for_the_earlier_success(batch, tmp_path, name):
    _, outcomes = batch
    folder, fingerprint = outcomes["01_good"].job.folder, outcomes["01_good"].job.fingerprint
    assert is_finished(folder, fingerprint)
    (tmp_path / "result.json").write_bytes((folder / "result.json").read_bytes())
    assert is_finished(tmp_path, fingerprint)
    (tmp_path / name).touch()
    assert not is_finished(tmp_path, fingerprint)


@pytest.mark.parametrize(
    ("ending", "wrote_record", "left"),
    [
        ("", True, ["notebook.ipynb", "result.json"]),
        ("ValueError: broken", True, ["failed.ipynb", "notebook.ipynb", "result.json"]),
        ("ValueError: broken", False, ["failed.ipynb", "notebook.ipynb", "result.json"]),
        (SystemExit, True, ["failed.ipynb", "notebook.ipynb", "result.json"]),
        (SystemExit, False, ["notebook.ipynb", "result.json"]),
    ],
)
def test_an_earlier_run_stays_and_counts_as_finished_only_if_nothing_newer_is_half_done(
    tmp_path, monkeypatch, ending, wrote_record, left
):
    def execute(job, executed):
        executed.write_text("new")
        if wrote_record:
            (tmp_path / "result.json").write_text("new")
        if ending is SystemExit:
            raise SystemExit
        return ending

    monkeypatch.setattr(execution, "_execute", execute)
    for name in ("notebook.ipynb", "result.json"):
        (tmp_path / name).write_text("old")
    with nullcontext() if ending is not SystemExit else pytest.raises(SystemExit):
        assert execution.run(Job(tmp_path / "x.ipynb", tmp_path, {})).problem == ending
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    assert (tmp_path / "notebook.ipynb").read_text() == ("old" if ending else "new")


def test_a_success_clears_an_earlier_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "_execute", lambda job, executed: executed.write_text("new") and "")
    (tmp_path / "failed.ipynb").touch()
    assert execution.run(Job(tmp_path / "x.ipynb", tmp_path, {})).status == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["notebook.ipynb"]


def test_a_worker_finds_mnist_wherever_its_kernels_start(tmp_path, monkeypatch):
    monkeypatch.setattr(execution.signal, "signal", lambda *_: None)
    for name in execution.THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MNIST_ROOT", "data")
    monkeypatch.chdir(tmp_path)
    execution.start_worker(3)
    assert os.environ["MNIST_ROOT"] == str(tmp_path / "data")
    assert [os.environ[name] for name in execution.THREADS] == ["3", "3", "3"]


def test_the_table_says_what_each_reached_and_ends_with_what_failed(batch, monkeypatch):
    root, outcomes = batch
    monkeypatch.chdir(root)
    lines = repr(BatchTable(tuple(outcomes.values()), seconds=61.7)).splitlines()
    good = next(line for line in lines if line.startswith("01_good"))
    folder = "outputs/01_good/fast-digits/seed-1"
    assert good.split()[:8] == ["01_good", folder, "1", "785", "90.00", "89.00", "not", "judged"]
    assert lines[-5] == "6 runs in 62 s, 4 failed"
    assert lines[-4] == (
        "02_late seed 1: ValueError: first line (cell [8]); see outputs/02_late/fast-digits/seed-1/failed.ipynb"
    )


def test_a_finished_run_is_skipped_and_said_so(batch, capsys):
    root, _ = batch
    written = (root / "outputs/01_good/fast-digits/seed-1/result.json").stat().st_mtime_ns
    (outcome,) = execute(plan(["01_good"], dataset="digits", root=root))
    assert outcome.status == "skipped"
    assert "01_good seed 1: finished before, skipped" in capsys.readouterr().out
    assert (root / "outputs/01_good/fast-digits/seed-1/result.json").stat().st_mtime_ns == written
    assert "skipped" in repr(BatchTable((outcome,), seconds=0.0))


@pytest.fixture
def listening():
    """Ctrl-C reaches this process, also where the tests run in the background of a shell, which turns it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_running_kernel_and_keeps_what_is_finished(tmp_path, listening):
    stop = (
        "import os, pathlib, signal, time\n"
        "pathlib.Path('../kernel').write_text(str(os.getpid()))\n"
        f"os.kill({os.getpid()}, signal.SIGINT)\n"
        "time.sleep(600)"
    )
    write_iteration(tmp_path, "01_good")
    write_iteration(tmp_path, "02_stopping", before=stop)
    write_iteration(tmp_path, "03_waiting")
    with pytest.raises(KeyboardInterrupt):
        execute(plan(dataset="digits", root=tmp_path), workers=1)
    assert [job.finished for job in plan(dataset="digits", root=tmp_path)] == [True, False, False]
    kernel = int((tmp_path / "kernel").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)
    assert not list((tmp_path / "outputs/02_stopping").rglob("*.ipynb"))


def test_plan_orders_iterations_by_name_and_seed_and_the_others_after_them(tmp_path):
    write_other(tmp_path, "00_start")
    write_iteration(tmp_path, "01_a")
    write_iteration(tmp_path, "02_b")
    jobs = plan(seeds=[1, 2, 1], dataset="digits", root=tmp_path)
    assert list(map(str, jobs)) == ["01_a seed 1", "01_a seed 2", "02_b seed 1", "02_b seed 2", "00_start"]


@pytest.mark.parametrize(
    "name",
    ["01_small", "01", "01_small.ipynb", "notebooks/01_small.ipynb", "{root}/notebooks/01_small.ipynb"],
)
def test_a_notebook_is_found_by_name_number_or_file(tmp_path, monkeypatch, name):
    write_iteration(tmp_path)
    write_iteration(tmp_path, "02_other")
    monkeypatch.chdir(tmp_path)
    assert list(map(str, plan([name.format(root=tmp_path)], dataset="digits", root=tmp_path))) == [
        "01_small seed 1"
    ]


def folder_of(root, **options):
    (job,) = plan(["01_small"], root=root, **({"dataset": "digits"} | options))
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
    monkeypatch.setattr("helpers.planning.resolve", lambda dataset: "mnist")
    monkeypatch.setattr("helpers.planning.load_data", lambda config: None)
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
    (job,) = plan(seeds=[5], dataset="digits", parameters={"rotation": "10"}, root=tmp_path)
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
    monkeypatch.setattr("helpers.planning.resolve", lambda dataset: asked.append(dataset) or "mnist")
    for name in ("01_a", "02_b"):
        write_iteration(tmp_path, name)
    jobs = plan(root=tmp_path, seeds=[1, 2])
    assert asked == ["auto"]
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
        ({"parameters": {"seed": "2"}}, "parameter seed is set by the batch itself"),
        ({"parameters": {"output": "x"}}, "parameter output is set by the batch itself"),
        (
            {"notebooks": ["00", "01"], "parameters": {"rotation": "1"}},
            "00_start has no parameter 'rotation'",
        ),
    ],
)
def test_what_cannot_be_run_as_asked_is_refused_in_one_line_before_anything_runs(tmp_path, options, words):
    write_iteration(tmp_path)
    write_other(tmp_path)
    with pytest.raises((BatchError, DefinitionsError, SettingsError), match=words) as error:
        plan(**({"dataset": "digits", "root": tmp_path} | options))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "outputs").exists()


def test_a_folder_without_notebooks_is_named(tmp_path):
    with pytest.raises(BatchError, match=f"{tmp_path / 'notebooks'}: there are no notebooks here"):
        plan(root=tmp_path)


def test_a_notebook_elsewhere_is_refused_even_under_a_known_name(tmp_path):
    write_iteration(tmp_path)
    (tmp_path / "copies").mkdir()
    elsewhere = write_iteration(tmp_path / "copies")
    with pytest.raises(BatchError, match="01_small.ipynb: not in "):
        plan([str(elsewhere)], dataset="digits", root=tmp_path)


def test_a_copy_that_still_has_the_name_of_another_notebook_is_refused(tmp_path):
    copy = write_iteration(tmp_path, "01_small")
    copy.rename(copy.with_name("02_mine.ipynb"))
    with pytest.raises(
        BatchError, match="02_mine: its cell target must say notebook = '02_mine', not '01_small'"
    ):
        plan(dataset="digits", root=tmp_path)


def test_a_notebook_that_fails_by_itself_is_planned_and_does_not_stop_the_others(tmp_path):
    write_iteration(tmp_path, "01_good")
    write_iteration(tmp_path, "02_broken", network="1 / 0")
    good, broken = plan(dataset="digits", root=tmp_path, parameters={"rotation": "1"})
    assert good.fingerprint is not None
    assert broken.fingerprint is None and not broken.finished


def test_changed_parameters_run_iterations_only_unless_others_are_named(tmp_path):
    write_iteration(tmp_path)
    write_other(tmp_path)
    assert [str(job) for job in plan(dataset="digits", root=tmp_path, parameters={"epochs": "2"})] == [
        "01_small seed 1"
    ]


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(BatchError, match="workers = 0: must be at least 1"):
        execute([], workers=0)


def test_a_folder_that_cannot_be_written_is_named_before_anything_runs(tmp_path):
    source = write_iteration(tmp_path)
    (tmp_path / "file").touch()
    job = Job(source, tmp_path / "file/seed-1", {}, seed=1)
    with pytest.raises(ResultsError, match="file/seed-1: cannot be written"):
        execute([job])


HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_another_process_is_making_fails_at_once_and_touches_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "_execute", lambda job, executed: "")
    folder = tmp_path / "seed-1"
    folder.mkdir()
    job = Job(tmp_path / "01_small.ipynb", folder, {}, seed=1)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".seed-1.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        outcome = run(job)
        problem = "another process is making this run; nothing was touched"
        assert (outcome.status, outcome.problem) == ("failed", problem)
        assert list(folder.iterdir()) == []
        holder.kill()  # the lock goes with its process, however that ends
    assert run(job).status == "done"
