"""Many runs: what is missing is made, errors are kept, and a table says what each notebook reached."""

import json
import os
import signal

import nbformat
import pytest
from making.notebooks import write_iteration, write_notebook, write_other

from helpers.errors import PlanError, ResultsError
from helpers.results.store import load
from helpers.runs.execution import Job, is_finished
from helpers.runs.plan import plan
from helpers.runs.pool import OutcomeTable, available_cores, execute

THREADS = "import os\nprint('threads', os.environ['OMP_NUM_THREADS'])"


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    """Two runs at a time: one that is good, ones that fail in different ways, one that trains nothing."""
    root = tmp_path_factory.mktemp("workbook")
    write_iteration(root, "01_good", after=THREADS)
    write_iteration(root, "02_late", after="raise ValueError('first line\\nsecond line')")
    write_notebook(root, "03_dead", [("network", "import os\nos._exit(1)")])
    write_notebook(root, "04_left", [("network", "raise SystemExit"), ("after", "print('never')")])
    write_notebook(root, "05_silent", [("network", "print('no record')")])
    write_other(root, "00_start", "print('data:', dataset)")
    outcomes = execute(plan(dataset="digits", root=root).jobs, workers=2)
    return root, {outcome.job.source.stem: outcome for outcome in outcomes}


def printed(path):
    outputs = (output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", []))
    return "".join(output.get("text", output.get("ename", "")) for output in outputs)


def test_a_good_run_leaves_its_record_and_its_executed_notebook(workbook):
    root, outcomes = workbook
    folder = root / "outputs/01_good/fast-digits/seed-1"
    assert outcomes["01_good"].status == "done"
    assert sorted(path.name for path in folder.iterdir()) == ["notebook.ipynb", "result.json"]
    record = load(folder / "result.json")
    assert (record.notebook, record.profile, record.dataset, record.seed) == ("01_good", "fast", "digits", 1)
    assert record.fingerprint == outcomes["01_good"].job.fingerprint


def test_workers_share_the_cores(workbook):
    root, _ = workbook
    executed = root / "outputs/01_good/fast-digits/seed-1/notebook.ipynb"
    assert printed(executed) == f"threads {max(1, available_cores() // 2)}\n"


def test_an_executed_notebook_names_no_folder_of_this_machine(workbook):
    root, _ = workbook
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
def test_a_failing_notebook_is_kept_with_its_error_and_the_others_go_on(workbook, name, problem):
    root, outcomes = workbook
    folder = root / f"outputs/{name}/fast-digits/seed-1"
    assert (outcomes[name].status, outcomes[name].problem) == ("failed", problem)
    assert not (folder / "notebook.ipynb").exists()
    error = problem.partition(":")[0]
    assert (error in printed(folder / "failed.ipynb")) == (name != "03_dead")


def test_an_iteration_without_a_record_has_failed(workbook):
    root, outcomes = workbook
    assert outcomes["05_silent"].status == "failed"
    assert outcomes["05_silent"].problem.startswith("no record: ")


def test_a_notebook_that_trains_nothing_is_run_once_with_the_parameters_it_has(workbook):
    root, outcomes = workbook
    assert outcomes["00_start"].status == "done"
    assert printed(root / "outputs/00_start/fast-digits/notebook.ipynb") == "data: digits\n"


def test_only_good_runs_are_finished(workbook):
    root, _ = workbook
    finished = {job.source.stem: job.finished for job in plan(dataset="digits", root=root).jobs}
    assert finished == dict.fromkeys(finished, False) | {"01_good": True}
    assert not any(job.finished for job in plan(dataset="digits", root=root, force=True).jobs)
    assert not any(job.finished for job in plan(dataset="digits", root=root, seeds=[2]).jobs)
    assert not any(job.finished for job in plan(dataset="digits", root=root, profile="full").jobs)


@pytest.mark.parametrize("name", ["failed.ipynb", ".unfinished.ipynb"])
def test_a_failed_repeat_is_not_taken_for_the_earlier_success(workbook, tmp_path, name):
    _, outcomes = workbook
    folder, fingerprint = outcomes["01_good"].job.folder, outcomes["01_good"].job.fingerprint
    assert is_finished(folder, fingerprint)
    (tmp_path / "result.json").write_bytes((folder / "result.json").read_bytes())
    assert is_finished(tmp_path, fingerprint)
    (tmp_path / name).touch()
    assert not is_finished(tmp_path, fingerprint)


def test_the_table_says_what_each_reached_and_ends_with_what_failed(workbook, monkeypatch):
    root, outcomes = workbook
    monkeypatch.chdir(root)
    lines = repr(OutcomeTable(tuple(outcomes.values()), seconds=61.7)).splitlines()
    good = next(line for line in lines if line.startswith("01_good"))
    folder = "outputs/01_good/fast-digits/seed-1"
    assert good.split()[:8] == ["01_good", folder, "1", "785", "90.00", "89.00", "not", "judged"]
    assert lines[-5] == "6 runs in 62 s, 4 failed"
    assert lines[-4] == (
        "02_late seed 1: ValueError: first line (cell [8]); see outputs/02_late/fast-digits/seed-1/failed.ipynb"
    )


def test_a_finished_run_is_skipped_and_the_watcher_is_told(workbook):
    root, _ = workbook
    written = (root / "outputs/01_good/fast-digits/seed-1/result.json").stat().st_mtime_ns
    told = []
    (outcome,) = execute(plan(["01_good"], dataset="digits", root=root).jobs, watch=told.append)
    assert outcome.status == "skipped"
    assert list(map(str, told)) == ["01_good seed 1: finished before, skipped"]
    assert (root / "outputs/01_good/fast-digits/seed-1/result.json").stat().st_mtime_ns == written
    assert "skipped" in repr(OutcomeTable((outcome,), seconds=0.0))


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
        execute(plan(dataset="digits", root=tmp_path).jobs, workers=1)
    assert [job.finished for job in plan(dataset="digits", root=tmp_path).jobs] == [True, False, False]
    kernel = int((tmp_path / "kernel").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)
    assert not list((tmp_path / "outputs/02_stopping").rglob("*.ipynb"))


def test_fewer_than_one_worker_is_refused():
    with pytest.raises(PlanError, match="workers = 0: must be at least 1"):
        execute([], workers=0)


def test_a_folder_that_cannot_be_written_is_named_before_anything_runs(tmp_path):
    source = write_iteration(tmp_path)
    (tmp_path / "file").touch()
    job = Job(source, tmp_path / "file/seed-1", {}, seed=1)
    with pytest.raises(ResultsError, match="file/seed-1: cannot be written"):
        execute([job])
