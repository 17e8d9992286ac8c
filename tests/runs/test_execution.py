"""One run of a notebook: what it leaves when it ends well, fails, is interrupted or meets another of its kind."""

import os
import subprocess
import sys
from contextlib import nullcontext

import pytest
from making.records import epoch, make

from helpers.results.store import save
from helpers.runs import execution
from helpers.runs.execution import Job, run


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
    """Catches a failed repeat that overwrites the last good notebook, and one that passes for it."""

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


def test_a_record_of_other_settings_does_not_count_as_finished(tmp_path):
    """Catches a run that is skipped although the notebook has changed since its record was written."""
    record = make(history=[epoch(1), epoch(2)])
    save(record, tmp_path)
    assert execution.is_finished(tmp_path, record.fingerprint)
    assert not execution.is_finished(tmp_path, record.fingerprint[::-1])


def test_a_success_clears_an_earlier_failure(tmp_path, monkeypatch):
    """Catches a run that is made again for ever, for it once failed."""
    monkeypatch.setattr(execution, "_execute", lambda job, executed: executed.write_text("new") and "")
    (tmp_path / "failed.ipynb").touch()
    assert execution.run(Job(tmp_path / "x.ipynb", tmp_path, {})).status == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["notebook.ipynb"]


def test_a_worker_finds_mnist_wherever_its_kernels_start(tmp_path, monkeypatch):
    """Catches a relative MNIST_ROOT that means another folder in the notebook's own, and threads that are not set."""
    monkeypatch.setattr(execution.signal, "signal", lambda *_: None)
    for name in execution.THREADS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("MNIST_ROOT", "data")
    monkeypatch.chdir(tmp_path)
    execution.start_worker(3)
    assert os.environ["MNIST_ROOT"] == str(tmp_path / "data")
    assert [os.environ[name] for name in execution.THREADS] == ["3", "3", "3"]


HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_another_process_is_making_fails_at_once_and_touches_nothing(tmp_path, monkeypatch):
    """Catches two runs that mix what they leave, and a lock that outlives a killed process."""
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
