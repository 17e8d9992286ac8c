"""What a bench measured: medians, ratios, its record as JSON, and its table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from helpers.bench.work import PARTS
from helpers.errors import ResultsError, SettingsError
from helpers.results.record import UtcTime
from helpers.results.store import write_whole
from helpers.settings import Count, NonNegative, Positive, Settings
from helpers.tables import Cells, Table

BENCH_SCHEMA = 1
USUAL, ONE, SIDE = "usual", "one process", "side by side"
WAYS = (USUAL, ONE, SIDE)


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
    ways: dict[str, WayRecord]
    ratios: dict[str, Positive]  # how many times faster than the usual way, by medians
    ratio_ranges: dict[str, list[Positive]]  # the lowest and the highest of these ratios within a repeat
    floor: dict[str, Positive]  # see `floor`
    repeats: list[dict[str, list[dict[str, float]]]]  # by way: what each of its processes measured

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(by_alias=True)


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def one_run(measured: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Seconds of PARTS and `total` per epoch of one run, from processes that trained side by side.

    n processes that each take s seconds an epoch finish one every s / n. Of unequal ones the mean is taken,
    which never claims more than their throughputs together.
    """
    parts = {part: sum(one[part] for one in measured) / len(measured) ** 2 for part in PARTS}
    return parts | {"total": sum(parts.values())}


def median_repeat(repeats: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    """The repeat with the median `total` (the lower of two), whole: its parts add up, medians of parts would not."""
    return sorted(repeats, key=lambda repeat: repeat["total"])[(len(repeats) - 1) // 2]


def ratios(
    per_run: Sequence[Mapping[str, Mapping[str, float]]],
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """How many times faster than USUAL the other ways are: by their medians, and [lowest, highest] of a repeat.

    Args:
        per_run: for each repeat, `one_run` of every way.
    """
    median = {way: median_repeat([repeat[way] for repeat in per_run])["total"] for way in WAYS}
    by_repeat = {
        way: [repeat[USUAL]["total"] / repeat[way]["total"] for repeat in per_run] for way in (ONE, SIDE)
    }
    by_median = {way: median[USUAL] / median[way] for way in (ONE, SIDE)}
    return by_median, {way: [min(values), max(values)] for way, values in by_repeat.items()}


def floor(arithmetic: Mapping[str, float], seconds: Mapping[str, float]) -> dict[str, float]:
    """The arithmetic of an epoch, the peaks, the `seconds` that it takes at the float32 peak, and how many times
    as long each way needs.

    Args:
        arithmetic: `operations` of an epoch, `float32_peak` and `bfloat16_peak` in operations a second.
        seconds: per way, an epoch of one run.
    """
    least = arithmetic["operations"] / arithmetic["float32_peak"]
    return {**arithmetic, "seconds": least} | {way: seconds[way] / least for way in WAYS}


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
        return [self._row(way, self.record.ways[way]) for way in WAYS]

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
        record, lines = self.record, []
        for way, taken in record.ways.items():
            several = (
                "" if taken.processes == 1 else f"{taken.processes} runs at once, seconds shared out; each "
            )
            lines.append(f"{way}: {several}{counted(taken.threads, 'thread')}; {taken.how}")
        spread = ", ".join(
            f"{way} {low:.1f} to {high:.1f}" for way, (low, high) in record.ratio_ranges.items()
        )
        least = record.floor
        return [
            f"{record.notebook}, {record.dataset}, {record.machine['processor']}, {counted(record.cores, 'core')}",
            *lines,
            f"times faster, over {len(record.repeats)} repeats: {spread}",
            f"floor: {least['operations'] / 1e9:.0f} billion operations at "
            f"{least['float32_peak'] / 1e9:.0f} billion a second in float32: {least['seconds']:.2f} s "
            f"(bfloat16 peak: {least['bfloat16_peak'] / 1e9:.0f})",
        ]
