"""How many processes train fastest side by side: a short measurement before a batch."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import environ
from subprocess import PIPE, Popen

from tqdm import tqdm

from helpers.errors import PlanError
from helpers.runs.execution import summary, thread_settings
from helpers.runs.pool import available_cores
from helpers.training.loop import choose_device

SECONDS = 2.0  # of measured training, for each candidate
MOST_PROCESSES = 8  # each run takes about a gigabyte of memory
TIE = 0.05  # of the highest throughput: less than that, two short measurements cannot tell apart


@dataclass(frozen=True)
class Throughput:
    """What so many processes, of so many threads each, reached side by side."""

    processes: int
    threads: int
    steps: float  # training steps a second, of all processes together

    def __str__(self) -> str:
        return f"{self.processes}x{self.threads} {self.steps:.0f}"


@dataclass(frozen=True)
class Choice:
    """How many runs at a time, the threads of each, and why: what was measured, or why nothing was."""

    workers: int
    threads: int
    measured: tuple[Throughput, ...] = ()
    unmeasured: str = ""  # the reason

    def __str__(self) -> str:
        processes = "1 process" if self.workers == 1 else f"{self.workers} processes"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        table = f"measured: {', '.join(map(str, self.measured))} steps a second"
        return f"workers: {processes} of {threads} ({table if self.measured else self.unmeasured})"


def candidates(cores: int, waiting: int) -> list[int]:
    """Numbers of processes worth trying: the powers of two, and as many as there are cores.

    Never more than MOST_PROCESSES, nor than there are runs waiting.
    """
    most = max(1, min(cores, waiting, MOST_PROCESSES))
    return [n for n in range(1, most + 1) if n == most or n.bit_count() == 1]


def choose(
    waiting: int, *, device: str = "auto", cores: int | None = None, seconds: float = SECONDS
) -> Choice:
    """Measure each candidate with its fair share of the cores, and choose; takes some seconds for each.

    Args:
        waiting: runs that are to be made; for fewer than two nothing is measured, nor is it on one core.
        device: on which they will train.
        cores: by default, those that this process may use.
        seconds: of measured training.

    Raises:
        SettingsError: the device is not in this machine.
        PlanError: a measuring process failed.
    """
    cores = available_cores() if cores is None else cores
    if cores == 1 or waiting <= 1:
        few = "nothing to run" if waiting == 0 else "one run only"
        return Choice(1, cores, unmeasured=f"not measured: {'one core' if cores == 1 else few}")
    device = choose_device(device).type
    tried = tqdm(candidates(cores, waiting), "measuring", leave=False, disable=None)
    measured = tuple(measure(n, cores // n, seconds, device) for n in tried)
    best = fastest(measured)
    return Choice(best.processes, best.threads, measured)


def fastest(measured: Sequence[Throughput]) -> Throughput:
    """The highest throughput; of those that tie with it, the one of fewest processes."""
    enough = (1 - TIE) * max(each.steps for each in measured)
    return min((each for each in measured if each.steps >= enough), key=lambda each: each.processes)


def measure(processes: int, threads: int, seconds: float = SECONDS, device: str = "cpu") -> Throughput:
    """Let so many processes train at the same time, and add up their steps a second.

    Raises:
        PlanError: one of them failed.
    """
    with ExitStack() as stack:
        trainers = [stack.enter_context(_trainer(threads, seconds, device)) for _ in range(processes)]
        for trainer in trainers:  # all warm before any starts
            _line(trainer)
        for trainer in trainers:
            trainer.stdin.close()
        return Throughput(processes, threads, sum(float(_line(trainer)) for trainer in trainers))


@contextmanager
def _trainer(threads: int, seconds: float, device: str) -> Iterator[Popen]:
    """A process of its own, with its threads set before it imports torch; ended in any case.

    Its own session keeps Ctrl-C from it, which would only make it print a traceback.
    """
    command = [sys.executable, "-m", "helpers.runs.pace", str(seconds), device]
    settings = {"env": environ | thread_settings(threads), "start_new_session": True, "text": True}
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, **settings) as process:
        try:
            yield process
        finally:
            process.kill()


def _line(trainer: Popen) -> str:
    line = trainer.stdout.readline()
    if not line:
        last = (trainer.stderr.read().strip().splitlines() or [f"status {trainer.wait()}"])[-1]
        raise PlanError(f"{summary('workers = auto, but a measuring process failed', last)}; give a number")
    return line
