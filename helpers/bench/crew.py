"""How much faster this workbook trains than the usual way: measured in turns, side by side, on one machine.

Every way to train has a crew: processes that stay while the ways take turns, so that all meet the same machine.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from helpers.bench import work
from helpers.bench.record import BenchRecord, bench_record, one_run, save_bench
from helpers.bench.usual import LOADER_WORKERS
from helpers.bench.work import WAYS
from helpers.errors import PlanError
from helpers.places import BENCH, LOCAL, REPOSITORY
from helpers.runs.execution import Job, thread_settings
from helpers.runs.plan import plan
from helpers.runs.pool import available_cores


class Process:
    """A process that stays, with an environment of its own, and sleeps while it is not asked."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.pool = ProcessPoolExecutor(1, get_context("spawn"), work.start, (threads,))

    def ask(self, function: Callable, *arguments: Any) -> Future:
        """Have the process call a function; the answer comes as a future."""
        # The first question starts the process, which takes its environment from this one.
        with changed_environment(thread_settings(self.threads)):
            return self.pool.submit(function, *arguments)


Crews = Mapping[str, Sequence[Process]]  # by the name of the way


@contextmanager
def changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    """os.environ with `values`, for processes that are started meanwhile."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def crews_of(cores: int) -> Iterator[Crews]:
    """A process with all cores for each way, or one for each core; they end with the context."""
    not_ours = set(active_children())
    crews = {
        way.name: [Process(1) for _ in range(cores)] if way.side_by_side else [Process(cores)] for way in WAYS
    }
    with ExitStack() as pools:
        for crew in crews.values():
            for process in crew:
                pools.enter_context(process.pool)
        try:
            yield crews
        except BaseException:
            # Nobody waits for an answer any more: leaving the pools would.
            for process in set(active_children()) - not_ours:
                process.terminate()
            raise


def bench(
    notebooks: Sequence[str] = (),
    *,
    steps: int,
    repeats: int,
    dataset: str = "auto",
    root: Path = REPOSITORY,
    report: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[BenchRecord, Path]]:
    """Bench these iterations (names, their numbers or files; none: all), in the full profile, on the CPU.

    Yields:
        The record of each, and where it was written: outputs/bench, or outputs/local/bench where the data are
        not MNIST.

    Raises:
        PlanError, DefinitionsError, SettingsError, DataError, ResultsError: what cannot be measured or written.
    """
    # Plan: everything is checked before anything is measured.
    for name, value in {"steps": steps, "repeats": repeats}.items():
        if value < 1:
            raise PlanError(f"{name} = {value}: must be at least 1")
    jobs, remark = plan(notebooks, profile="full", dataset=dataset, force=True, root=root)
    if remark:
        report(remark)
    iterations = [job for job in jobs if job.seed is not None]
    for job in jobs if notebooks else ():
        if job not in iterations:
            raise PlanError(f"{job.source.stem}: has no network to train; name iterations only")
    # Measure: one notebook after the other, each with new processes, which hold nothing of the one before.
    for job in iterations:
        folder = root / (BENCH if job.parameters["dataset"] == "mnist" else LOCAL / BENCH.name)
        with crews_of(available_cores()) as crews:
            record = measure_in_turns(job, crews, steps, repeats, report)
        yield record, save_bench(record, folder)


def measure_in_turns(
    job: Job,
    crews: Crews,
    steps: int,
    repeats: int,
    report: Callable[[str], None] = lambda line: None,
) -> BenchRecord:
    """Measure one notebook: every way in turn, `repeats` times.

    Raises:
        PlanError: a process that ended, for lack of memory, say.
    """
    name, parameters = job.source.stem, {key: job.parameters[key] for key in ("profile", "dataset")}
    prepared, measured = {}, []
    try:
        # Prepare: one process after the other, so that each compiles in peace.
        for way in WAYS:
            question = (work.prepare, job.source, parameters, way.trainer)
            prepared[way.name] = [process.ask(*question).result() for process in crews[way.name]]
            report(f"{name}: {way.name} is ready")
        # Measure: the processes of a way at once, and way after way in every repeat.
        for repeat in range(1, repeats + 1):
            measured.append({way: _at_once(crew, work.measure, steps) for way, crew in crews.items()})
            shown = ", ".join(f"{way} {one_run(taken)['total']:.1f}" for way, taken in measured[-1].items())
            report(f"{name}: repeat {repeat} of {repeats}, seconds an epoch: {shown}")
        # Floor: the peak of all cores, while the others sleep.
        (arithmetic,) = _at_once(crews[WAYS[0].name], work.arithmetic, job.source, parameters)
    except BrokenProcessPool:
        raise PlanError(f"{name}: a measured process ended; is there enough memory?") from None
    options = {
        "profile": "full",
        "steps": steps,
        "repeats": repeats,
        "warm_up": work.WARM_UP,
        "tested_images": work.TESTED_IMAGES,
        "loader_workers": LOADER_WORKERS,
    }
    return bench_record(name, parameters["dataset"], options, prepared, measured, arithmetic)


def _at_once(crew: Sequence[Process], function: Callable, *arguments: Any) -> list[Any]:
    asked = [process.ask(function, *arguments) for process in crew]
    return [answer.result() for answer in asked]
