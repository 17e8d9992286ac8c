"""What a bench measured: seconds of one run, ratios, the record as JSON, and its table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from helpers.errors import ResultsError, SettingsError
from helpers.results.record import UtcTime, environment, utc_now
from helpers.results.store import write_whole
from helpers.settings import Count, NonNegative, Positive, Settings
from helpers.tables import Cells, Table

BENCH_SCHEMA = 1
PARTS = ("data", "forward", "backward", "optimizer", "evaluation")  # of an epoch, in seconds

Seconds = Mapping[str, float]  # of PARTS, and their `total`
Measured = Mapping[str, Sequence[Seconds]]  # by way, what each of its processes measured at the same time


class WayRecord(Settings):
    """How one way computed, and what it took."""

    how: str
    processes: Count
    threads: Count  # of each process
    compile_seconds: list[NonNegative]  # of each process; short where compiled code lies in a cache
    memory: NonNegative  # GiB, the peak of the largest of its processes, without loader workers
    seconds: dict[str, NonNegative]  # PARTS and their `total`: an epoch of one run, in the median repeat


class BenchRecord(Settings):
    """The bench of one notebook, as written to outputs/bench/<notebook>.json; times in seconds per epoch."""

    schema_version: Annotated[int, Field(ge=BENCH_SCHEMA, le=BENCH_SCHEMA)] = Field(
        default=BENCH_SCHEMA, alias="schema"
    )
    notebook: str
    dataset: Literal["mnist", "digits"]
    machine: dict[str, Any]
    cores: Count
    finished: UtcTime
    options: dict[str, Any]
    ways: dict[str, WayRecord]  # the first is the usual one, which the others are held against
    ratios: dict[str, Positive]  # how many times faster than the usual way, by medians
    ratio_ranges: dict[str, list[Positive]]  # the lowest and the highest of these ratios within a repeat
    floor: dict[str, Positive]  # see `floor`
    repeats: list[dict[str, list[dict[str, float]]]]  # by way: what each of its processes measured

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True)


def bench_record(
    notebook: str,
    dataset: str,
    options: Mapping[str, Any],
    prepared: Mapping[str, Sequence[Mapping[str, Any]]],
    repeats: Sequence[Measured],
    arithmetic: Mapping[str, float],
) -> BenchRecord:
    """The record of what processes answered.

    Args:
        prepared: by way, what each process said when it was ready: `how`, `threads`, `compile_seconds`.
        repeats: by way, what each process measured: Seconds, `loss`, and `memory` in GiB.
        arithmetic: `operations` of an epoch, `float32_peak` and `bfloat16_peak` in operations a second.
    """
    # Share out: what processes took side by side becomes the seconds of one run; the median repeat counts.
    per_run = [{way: one_run(taken) for way, taken in repeat.items()} for repeat in repeats]
    seconds = {way: median_repeat([repeat[way] for repeat in per_run]) for way in prepared}
    ways = {
        way: WayRecord(
            how=processes[0]["how"],
            processes=len(processes),
            threads=processes[0]["threads"],
            compile_seconds=[process["compile_seconds"] for process in processes],
            memory=max(taken["memory"] for repeat in repeats for taken in repeat[way]),
            seconds=dict(seconds[way]),
        )
        for way, processes in prepared.items()
    }
    # Compare: with the usual way, and with the arithmetic alone.
    by_median, ranges = ratios(per_run)
    usual = next(iter(ways.values()))
    return BenchRecord(
        notebook=notebook,
        dataset=dataset,
        # The threads are those of the process that asks; every way has its own.
        machine={name: value for name, value in environment("cpu").items() if name != "threads"},
        cores=usual.processes * usual.threads,
        finished=utc_now(),
        options=dict(options),
        ways=ways,
        ratios=by_median,
        ratio_ranges=ranges,
        floor=floor(arithmetic, {way: taken["total"] for way, taken in seconds.items()}),
        repeats=[
            {way: [dict(process) for process in taken] for way, taken in repeat.items()} for repeat in repeats
        ],
    )


def one_run(processes: Sequence[Seconds]) -> dict[str, float]:
    """Seconds of PARTS and `total` per epoch of one run, from processes that trained side by side.

    n processes that each take s seconds an epoch finish one every s / n. Of unequal ones the mean is taken,
    which never claims more than their throughputs together.
    """
    parts = {part: sum(taken[part] for taken in processes) / len(processes) ** 2 for part in PARTS}
    return parts | {"total": sum(parts.values())}


def median_repeat(repeats: Sequence[Seconds]) -> Seconds:
    """The repeat with the median `total` (the lower of two), whole: its parts add up, medians of parts would not."""
    return sorted(repeats, key=lambda repeat: repeat["total"])[(len(repeats) - 1) // 2]


def ratios(repeats: Sequence[Mapping[str, Seconds]]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """How many times faster than the first way the others are: by their medians, and [lowest, highest] of a repeat.

    Args:
        repeats: for each repeat, the seconds of `one_run` by way.
    """
    usual, *others = repeats[0]
    median = {way: median_repeat([repeat[way] for repeat in repeats])["total"] for way in (usual, *others)}
    by_repeat = {way: [repeat[usual]["total"] / repeat[way]["total"] for repeat in repeats] for way in others}
    by_median = {way: median[usual] / median[way] for way in others}
    return by_median, {way: [min(values), max(values)] for way, values in by_repeat.items()}


def floor(arithmetic: Mapping[str, float], totals: Mapping[str, float]) -> dict[str, float]:
    """The arithmetic of an epoch, the peaks, the `seconds` that it takes at the float32 peak, and how many times
    as long each way needs.

    Args:
        arithmetic: `operations` of an epoch, `float32_peak` and `bfloat16_peak` in operations a second.
        totals: by way, seconds of an epoch of one run.
    """
    least = arithmetic["operations"] / arithmetic["float32_peak"]
    return {**arithmetic, "seconds": least} | {way: total / least for way, total in totals.items()}


def save_bench(record: BenchRecord, folder: Path) -> Path:
    """Write the record to folder/<notebook>.json.

    Raises:
        ResultsError: where it cannot be written.
    """
    text = json.dumps(record.to_dict(), indent=1, allow_nan=False) + "\n"
    return write_whole(folder / f"{record.notebook}.json", text.encode())


def load_bench(path: Path) -> BenchRecord:
    """Read a record.

    Raises:
        ResultsError: for a file that is missing, damaged or of another schema.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("not the record of a bench")
        return BenchRecord(**data)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, SettingsError) as error:
        raise ResultsError(f"{path}: {error}") from None


@dataclass(frozen=True, repr=False)
class BenchTable(Table):
    """An epoch of one run, by way: seconds of its parts, how many times faster, memory and compiling."""

    record: BenchRecord

    header = (
        "seconds an epoch", *PARTS, "total", "times faster", "times the floor", "GiB", "compiling",
    )  # fmt: skip
    left = 1

    def cells(self) -> list[Cells]:
        return [self._row(way, taken) for way, taken in self.record.ways.items()]

    def _row(self, way: str, taken: WayRecord) -> Cells:
        ratio = self.record.ratios.get(way)
        return (
            way,
            *(f"{taken.seconds[name]:.2f}" for name in (*PARTS, "total")),
            "-" if ratio is None else f"{ratio:.1f}",
            f"{self.record.floor[way]:.1f}",
            f"{taken.memory:.2f}",
            f"{max(taken.compile_seconds):.0f}",
        )

    def notes(self) -> list[str]:
        """How each way computed, and what the floor is."""
        record, least = self.record, self.record.floor
        spread = ", ".join(
            f"{way} {low:.1f} to {high:.1f}" for way, (low, high) in record.ratio_ranges.items()
        )
        return [
            f"{record.notebook}, {record.dataset}, {record.machine['processor']}, {counted(record.cores, 'core')}",
            *(f"{way}: {_how(taken)}" for way, taken in record.ways.items()),
            f"times faster, over {len(record.repeats)} repeats: {spread}",
            f"floor: {least['operations'] / 1e9:.0f} billion operations at "
            f"{least['float32_peak'] / 1e9:.0f} billion a second in float32: {least['seconds']:.2f} s "
            f"(bfloat16 peak: {least['bfloat16_peak'] / 1e9:.0f})",
        ]


def _how(taken: WayRecord) -> str:
    several = f"{taken.processes} runs at once, seconds shared out; each " if taken.processes > 1 else ""
    return f"{several}{counted(taken.threads, 'thread')}; {taken.how}"


def counted(number: int, thing: str) -> str:
    """1 core, 2 cores."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
