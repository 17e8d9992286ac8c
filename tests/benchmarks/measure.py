"""How long the workbook takes on this machine, and how much memory: run it beside nothing else.

    .venv/bin/python tests/benchmarks/measure.py [EPOCHS]

Prints a table for the README: one epoch of notebook 13 in the full profile (compiling apart), the peak memory of
that process, a fast notebook including the start of its kernel, and the whole workbook in the fast profile.
"""

import resource
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOK = ROOT / "notebooks" / "13_slow_widening.ipynb"


def full_epochs(epochs: int) -> dict[str, float]:
    """Seconds an epoch (median; training and evaluation), seconds of compiling, peak memory in GiB."""
    from helpers import lesson
    from helpers.definitions import load_definitions
    from helpers.training import train

    definitions = load_definitions(NOTEBOOK, {"profile": "full", "dataset": "mnist", "epochs": epochs})
    with TemporaryDirectory() as folder:
        run = lesson.prepare(definitions.notebook, definitions.config, output=folder)
        training = train(lesson.build(definitions.Net, run), run.data, run.config)
    return {
        "epoch": median(epoch["seconds"] for epoch in training.history),
        "compiling": training.compile_seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def seconds_of(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def main() -> None:
    from helpers.record import environment

    epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        full = pool.submit(full_epochs, epochs).result()
    workbook = str(Path(sys.executable).with_name("workbook"))
    with TemporaryDirectory() as folder:
        execute = (sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", folder)
        fast = seconds_of(*execute, str(NOTEBOOK))
    whole = seconds_of(workbook, "run", "--force")
    machine = environment("cpu")
    print(
        f"\n| {machine['processor']}, {machine['threads']} threads, torch {machine['torch']} | |\n|---|---|"
    )
    print(f"| notebook 13, full profile, seconds an epoch (median of {epochs}) | {full['epoch']:.1f} |")
    print(f"| compiling, once for a run, seconds | {full['compiling']:.0f} |")
    print(f"| peak memory of that process, GiB | {full['memory']:.2f} |")
    print(f"| notebook 13, fast profile, seconds with the start of its kernel | {fast:.0f} |")
    print(f"| all notebooks, fast profile, seconds | {whole:.0f} |")


if __name__ == "__main__":
    main()
