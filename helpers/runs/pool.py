"""Many runs: made in processes that share the cores, and a table of what they reached."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path

from helpers.errors import PlanError
from helpers.results.store import FILE, load, prepare_folder
from helpers.runs.execution import FAILED, Job, Outcome, in_one_line, start_worker, work
from helpers.tables import Cells, Table

MOST_WORKERS = 4  # by default


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers() -> int:
    """One run for every core, at most MOST_WORKERS.

    The steps of a small network are too short to keep several cores busy, and each run takes about a gigabyte of
    memory.
    """
    return min(available_cores(), MOST_WORKERS)


def execute(
    jobs: Sequence[Job],
    workers: int | None = None,
    work: Callable[[Job], Outcome] = work,
    watch: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run the jobs that are not finished, `workers` at a time (by default as many as `default_workers` says).

    Iterations come first, then the notebooks that train nothing. Each run computes with its fair share of the
    cores.

    Args:
        work: makes one job, in a process of its own; by default it executes its notebook.
        watch: is told of each outcome as it comes, first of what was finished before.

    Returns:
        What became of each job, in order.

    Raises:
        ResultsError: before anything runs, for a folder that cannot be written.
        PlanError: for fewer than one worker.
        KeyboardInterrupt: once all that was running has ended; what is finished stays.
    """
    workers = default_workers() if workers is None else workers
    if workers < 1:
        raise PlanError(f"workers = {workers}: must be at least 1")
    # A folder that cannot be written is told now, and not after hours.
    due = [job for job in jobs if not job.finished]
    for job in due:
        prepare_folder(job.folder)
    outcomes: dict[Path, Outcome] = {}

    def ended(outcome: Outcome) -> None:
        outcomes[outcome.job.folder] = outcome
        watch(outcome)

    for job in jobs:
        if job.finished:
            ended(Outcome(job, "skipped"))
    # Notebooks that train nothing wait for the iterations, for they may show their records.
    for phase in ([job for job in due if job.seed is not None], [job for job in due if job.seed is None]):
        _run_all(phase, min(workers, len(phase)), work, ended)
    return [outcomes[job.folder] for job in jobs]


def _run_all(
    jobs: Sequence[Job],
    workers: int,
    work: Callable[[Job], Outcome],
    ended: Callable[[Outcome], None],
) -> None:
    if not jobs:
        return
    threads = max(1, available_cores() // workers)
    not_ours = set(active_children())
    with ProcessPoolExecutor(workers, get_context("spawn"), start_worker, (threads,)) as pool:
        try:
            futures = {pool.submit(work, job): job for job in jobs}
            for future in as_completed(futures):
                job, error = futures[future], future.exception()
                if error is None:
                    ended(future.result())
                else:  # the folder could not be written, or the process was killed
                    ended(Outcome(job, "failed", problem=in_one_line(type(error).__name__, str(error))))
        except BaseException:
            # Interrupted: end our workers, which end their kernels, and no process of anybody else.
            for process in set(active_children()) - not_ours:
                process.terminate()
            raise


@dataclass(frozen=True, repr=False)
class OutcomeTable(Table):
    """What each of many runs reached, and where its files are, from the current folder."""

    outcomes: tuple[Outcome, ...]
    seconds: float  # all of them together

    header = ("notebook", "folder", "seed", "parameters", "best", "last", "verdict", "seconds")

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    def notes(self) -> list[str]:
        """How long it took; what failed, and why."""
        notes = [f"{len(self.outcomes)} runs in {self.seconds:.0f} s, {len(self.failed)} failed"]
        return notes + [_complaint(outcome) for outcome in self.failed]

    def cells(self) -> list[Cells]:
        return [self._row(outcome) for outcome in self.outcomes]

    def _row(self, outcome: Outcome) -> Cells:
        job = outcome.job
        place = (job.source.stem, os.path.relpath(job.folder), "-" if job.seed is None else str(job.seed))
        seconds = f"{outcome.seconds:.0f}"
        if outcome.status == "failed":
            return (*place, "-", "-", "-", "failed", seconds)
        if job.seed is None:
            return (*place, "-", "-", "-", "-", seconds)
        record = load(job.folder / FILE)
        tested = [epoch.test_accuracy for epoch in record.history if epoch.test_accuracy is not None]
        best, last = (f"{max(tested):.2f}", f"{tested[-1]:.2f}") if tested else ("-", "-")
        verdict = record.verdict.overall if record.verdict else "-"
        if outcome.status == "skipped":
            seconds = "skipped"
        return (*place, f"{record.parameters:,}", best, last, verdict, seconds)


def _complaint(outcome: Outcome) -> str:
    saved = outcome.job.folder / FAILED
    where = f"; see {os.path.relpath(saved)}" if saved.exists() else ""
    return f"{outcome.job}: {outcome.problem}{where}"
