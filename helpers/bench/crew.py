"""How much faster this workbook trains than the usual way: measured in turns, side by side, on one machine."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from helpers.bench import work
from helpers.bench.picture import bench_bars
from helpers.bench.record import (
    ONE,
    SIDE,
    USUAL,
    WAYS,
    BenchRecord,
    WayRecord,
    counted,
    floor,
    load_bench,
    median_repeat,
    one_run,
    ratios,
    save_bench,
)
from helpers.bench.usual import LOADER_WORKERS
from helpers.errors import PlanError, ResultsError
from helpers.places import REPOSITORY
from helpers.results.record import environment, utc_now
from helpers.results.store import write_whole
from helpers.runs.execution import Job, thread_settings
from helpers.runs.plan import plan
from helpers.runs.pool import available_cores

PICTURE = "bench.png"

Crew = list["Process"]


class Process:
    """A process that stays, with an environment of its own, and sleeps while it is not asked."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.pool = ProcessPoolExecutor(1, get_context("spawn"), work.start, (threads,))

    def ask(self, function: Callable, *arguments: Any) -> Future:
        with changed_environment(thread_settings(self.threads)):  # the first question starts the process
            return self.pool.submit(function, *arguments)


@contextmanager
def changed_environment(values: Mapping[str, str]) -> Iterator[None]:
    """os.environ with `values`, for processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def crews_of(cores: int) -> Iterator[dict[str, Crew]]:
    """By way, its processes: all cores as threads of one, or one each; they end with the context."""
    not_ours = set(active_children())
    crews = {USUAL: [Process(cores)], ONE: [Process(cores)], SIDE: [Process(1) for _ in range(cores)]}
    with ExitStack() as pools:
        for crew in crews.values():
            for process in crew:
                pools.enter_context(process.pool)
        try:
            yield crews
        except BaseException:
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
        not MNIST. The picture there is redrawn after each.

    Raises:
        PlanError, DefinitionsError, SettingsError, DataError, ResultsError: what cannot be measured or written.
    """
    for name, value in {"steps": steps, "repeats": repeats}.items():
        if value < 1:
            raise PlanError(f"{name} = {value}: must be at least 1")
    jobs, remark = plan(notebooks, profile="full", dataset=dataset, force=True, root=root)
    if remark:
        report(remark)
    for job in jobs if notebooks else ():
        if job.seed is None:
            raise PlanError(f"{job.source.stem}: has no network to train; name iterations only")
    for job in (job for job in jobs if job.seed is not None):
        kind = job.parameters["dataset"]
        folder = root / "outputs" / ("bench" if kind == "mnist" else "local/bench")
        with crews_of(available_cores()) as crews:
            record = bench_one(job, crews, steps, repeats, report)
        path = save_bench(record, folder)
        draw(folder, record)
        yield record, path


def bench_one(
    job: Job,
    crews: Mapping[str, Crew],
    steps: int,
    repeats: int,
    report: Callable[[str], None] = lambda line: None,
) -> BenchRecord:
    """Measure one notebook: every way in turn, `repeats` times.

    Raises:
        PlanError: a process that ended, for lack of memory, say.
    """
    name, parameters = job.source.stem, {key: job.parameters[key] for key in ("profile", "dataset")}
    try:
        made = {}
        for way, crew in crews.items():  # one after the other: compiling in peace
            asked = (job.source, parameters, way == USUAL)
            made[way] = [process.ask(work.prepare, *asked).result() for process in crew]
            report(f"{name}: {way} is ready")
        measured = []
        for repeat in range(1, repeats + 1):
            measured.append({way: _at_once(crew, work.measure, steps) for way, crew in crews.items()})
            shown = ", ".join(f"{way} {one_run(taken)['total']:.1f}" for way, taken in measured[-1].items())
            report(f"{name}: repeat {repeat} of {repeats}, seconds an epoch: {shown}")
        (arithmetic,) = _at_once(crews[ONE], work.arithmetic, job.source, parameters)
    except BrokenProcessPool:
        raise PlanError(f"{name}: a measured process ended; is there enough memory?") from None
    threads = {way: crew[0].threads for way, crew in crews.items()}
    options = {
        "profile": "full",
        "steps": steps,
        "repeats": repeats,
        "warm_up": work.WARM_UP,
        "tested_images": work.TESTED_IMAGES,
        "loader_workers": LOADER_WORKERS,
    }
    return summary(name, parameters["dataset"], threads, options, made, measured, arithmetic)


def _at_once(crew: Crew, function: Callable, *arguments: Any) -> list[Any]:
    asked = [process.ask(function, *arguments) for process in crew]
    return [answer.result() for answer in asked]


def summary(
    notebook: str,
    dataset: str,
    threads: Mapping[str, int],
    options: Mapping[str, Any],
    made: Mapping[str, Sequence[Mapping[str, Any]]],
    measured: Sequence[Mapping[str, Sequence[Mapping[str, float]]]],
    arithmetic: Mapping[str, float],
) -> BenchRecord:
    """The record of a bench.

    Args:
        threads: of each process, by way.
        made: what `prepare` answered, by way and process.
        measured: what `measure` answered, by repeat, way and process.
        arithmetic: what `arithmetic` answered.
    """
    per_run = [{way: one_run(taken) for way, taken in repeat.items()} for repeat in measured]
    seconds = {way: dict(median_repeat([repeat[way] for repeat in per_run])) for way in WAYS}
    by_median, ranges = ratios(per_run)
    machine = environment("cpu")
    del machine["threads"]  # of this process; every way has its own
    return BenchRecord(
        notebook=notebook,
        dataset=dataset,
        machine=machine,
        cores=len(made[SIDE]),
        finished=utc_now(),
        options=dict(options),
        ways={
            way: WayRecord(
                how=made[way][0]["how"],
                processes=len(made[way]),
                threads=threads[way],
                compile_seconds=[one["compile_seconds"] for one in made[way]],
                memory=max(one["memory"] for repeat in measured for one in repeat[way]),
                seconds=seconds[way],
            )
            for way in WAYS
        },
        ratios=by_median,
        ratio_ranges=ranges,
        floor=floor(arithmetic, {way: seconds[way]["total"] for way in WAYS}),
        repeats=[{way: [dict(one) for one in taken] for way, taken in repeat.items()} for repeat in measured],
    )


def draw(folder: Path, newest: BenchRecord) -> Path:
    """The picture of all records in a folder that are of the same machine as the newest one.

    Raises:
        ResultsError: where it cannot be written.
    """
    shown = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = load_bench(path)
        except ResultsError:
            continue  # of another schema, or damaged
        if (record.machine["processor"], record.cores) == (newest.machine["processor"], newest.cores):
            shown.append(record)
    figure = bench_bars(
        [(one.notebook, {way: one.ways[way].seconds for way in WAYS}, one.floor["seconds"]) for one in shown],
        work.PARTS,
        f"{newest.dataset}, {newest.machine['processor']}, {counted(newest.cores, 'core')}",
    )
    return write_whole(folder / PICTURE, figure._repr_png_()[0])
