"""Run one notebook with papermill, in its folder: all of it, or its error."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import chdir
from dataclasses import dataclass
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Any, Literal

import nbformat
import papermill
from filelock import FileLock, Timeout
from papermill.exceptions import PapermillExecutionError

from helpers.errors import ResultsError
from helpers.results.store import FILE, load

EXECUTED = "notebook.ipynb"
FAILED = "failed.ipynb"  # never replaces the last good one
UNFINISHED = ".unfinished.ipynb"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One notebook to be run once: an iteration with one seed, or a notebook that trains nothing."""

    source: Path
    folder: Path  # of its record and its executed copy
    parameters: dict[str, Any]
    seed: int | None = None  # None: not an iteration, it leaves no record
    fingerprint: str | None = None  # of the record that it is to leave; None: not known before
    finished: bool = False  # ran before

    def __str__(self) -> str:
        return self.source.stem if self.seed is None else f"{self.source.stem} seed {self.seed}"


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `problem` says in one line why it failed."""

    job: Job
    status: Literal["done", "skipped", "failed"]
    seconds: float = 0.0
    problem: str = ""

    def __str__(self) -> str:
        if self.status == "skipped":
            return f"{self.job}: finished before, skipped"
        why = f", {self.problem}" if self.problem else ""
        return f"{self.job}: {self.status} after {self.seconds:.0f} s{why}"


def is_finished(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds the complete record of just this run, and no notebook that failed after it.

    The executed notebook need not be there: of several seeds, one may be enough to keep.
    """
    broken = any((folder / name).exists() for name in (FAILED, UNFINISHED))
    return not broken and not _missing_record(folder, fingerprint)


def thread_settings(threads: int) -> dict[str, str]:
    """The environment of a process that is to compute with so many threads; read when it imports torch."""
    return dict.fromkeys(THREADS, str(threads))


def start_worker(threads: int) -> None:
    """Prepare a process for running notebooks, each of which may compute with so many threads.

    Ctrl-C is left to the process that started this one; when that ends a worker, the worker first ends its
    kernel and tidies up.
    """
    os.environ.update(thread_settings(threads))
    if "MNIST_ROOT" in os.environ:  # a kernel starts in another folder
        os.environ["MNIST_ROOT"] = os.path.abspath(os.path.expanduser(os.environ["MNIST_ROOT"]))
    getLogger("papermill").setLevel(CRITICAL)  # what it would say is in the outcome
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)


def _leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing disturbs the tidying
    raise SystemExit


def run(job: Job) -> Outcome:
    """Execute the notebook of a job; its folder must exist."""
    return locked(job, _run_alone)


def work(job: Job, run: Callable[[Job], Outcome] = run) -> Outcome:
    """`run`, for a worker; one that is ended does not stay for the next job."""
    try:
        return run(job)
    except SystemExit:
        os._exit(1)


def locked(job: Job, make: Callable[[Job], Outcome]) -> Outcome:
    """Make a job, whose folder must exist, unless another process is making the same.

    Then this one fails at once and touches nothing: two would mix what they have half made. The lock is the
    operating system's and goes with its process, however that ends.
    """
    lock = FileLock(job.folder.with_name(f".{job.folder.name}.lock"))
    try:
        with lock.acquire(blocking=False):
            return make(job)
    except Timeout:
        return Outcome(job, "failed", problem="another process is making this run; nothing was touched")


def _run_alone(job: Job) -> Outcome:
    """Execute the notebook and keep what it leaves.

    A good run leaves notebook.ipynb beside its record. A failed one leaves failed.ipynb, with the error in it:
    an earlier notebook.ipynb stays, and so does a record that was written before the error, but neither
    counts as finished. An interrupted run leaves no notebook, unless it has left a record.
    """
    started = time.perf_counter()
    unfinished, record = job.folder / UNFINISHED, job.folder / FILE
    before = record.read_bytes() if record.is_file() else None
    problem = None  # stays None where the run is interrupted
    try:
        problem = _execute(job, unfinished)
    finally:
        # An interrupted run leaves its notebook only beside a record of its own.
        if problem is None and before == (record.read_bytes() if record.is_file() else None):
            unfinished.unlink(missing_ok=True)
        elif unfinished.is_file():
            os.replace(unfinished, job.folder / (EXECUTED if problem == "" else FAILED))
    if not problem:
        (job.folder / FAILED).unlink(missing_ok=True)
    seconds = time.perf_counter() - started
    return Outcome(job, "failed" if problem else "done", seconds, problem)


def _execute(job: Job, executed: Path) -> str:
    """Run the notebook and save it as `executed`; why it failed, or ""."""
    # In the notebook's own folder, as in JupyterLab: paths in the saved notebook stay relative.
    with chdir(job.source.parent):
        parameters = dict(job.parameters)
        if "output" in parameters:
            parameters["output"] = Path(os.path.relpath(job.folder)).as_posix()
        try:
            notebook = papermill.execute_notebook(
                job.source.name,
                os.path.relpath(executed),
                parameters=parameters,
                kernel_name="python3",
                progress_bar=False,
                # It would only say that a local kernel talks over TCP, or was stopped.
                extra_arguments=["--log-level=CRITICAL"],
            )
        except PapermillExecutionError as error:
            return in_one_line(error.ename, error.evalue, f"cell [{error.exec_count}]")
        except Exception as error:
            # As when the kernel dies: the notebook's own metadata then says "completed".
            return in_one_line(type(error).__name__, str(error))
    # Papermill takes it for success when a cell leaves with SystemExit.
    if any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", [])):
        return "SystemExit: left before the last cell"
    notebook.metadata.papermill.output_path = EXECUTED
    nbformat.write(notebook, executed)
    return "" if job.seed is None else _missing_record(job.folder, job.fingerprint)


def in_one_line(kind: str, message: str, place: str = "") -> str:
    """An error in one line: its class, the first line of its message, and the cell."""
    line = next(iter(message.strip().splitlines()), "")
    text = f"{kind}: {line}" if line else kind
    return f"{text} ({place})" if place else text


def _missing_record(folder: Path, fingerprint: str | None) -> str:
    """Why the folder does not hold the complete record of a run with this fingerprint; "" if it does."""
    try:
        record = load(folder / FILE)
    except ResultsError as error:
        return f"no record: {error}"
    if not record.complete:
        return f"its record stops after {len(record.history)} of {record.config.run_epochs} epochs"
    if fingerprint not in (None, record.fingerprint):
        return "its record is not of the network and the settings that its cells define"
    return ""
