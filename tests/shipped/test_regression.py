"""nbval turns red when a notebook or a helper stops telling the truth: tried on tampered copies.

Each copy of the notebook ends before training, runs on the digits, and is compared with the committed outputs,
which come from MNIST: the untouched copy shows as well that the checked cells do not depend on the data set.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "13_slow_widening.ipynb"
FAULTS = {  # the file, what it says and what the fault makes of it, and the source of a cell that must notice
    "another channel count": (
        NOTEBOOK,
        {"16, 18, padding=1": "16, 20, padding=1", "nn.Linear(18, 10)": "nn.Linear(20, 10)"},
        "parameters = lesson.parameter_table",
    ),
    "a jump that never grows": (
        "helpers/networks/windows.py",
        {"self.shift * step // len(self.spans)": "self.shift"},
        "field = lesson.receptive_field",
    ),
    "digits turned one way only": (
        "helpers/data/augmentation.py",
        {"uniform(-settings.rotation, settings.rotation)": "uniform(0, settings.rotation)"},
        "lesson.check_augmentation(run)",
    ),
    "a schedule of its own": (
        "helpers/training/optimization.py",
        {"pct_start=recipe.pct_start": "pct_start=0.3"},
        "RateTable(",
    ),
    "a budget that is never quite met": (
        "helpers/results/targets.py",
        {'"met" if actual <= wanted': '"met" if actual < wanted'},
        "lesson.show_budget(network, run)",
    ),
}


def copied(folder: Path) -> Path:
    """The helpers, and the notebook up to training, on the digits."""
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")  # what changed is read from the saved ones
    notebook = nbformat.read(ROOT / "notebooks" / NOTEBOOK, as_version=4)
    before_training = [cell.source.startswith("## Train") for cell in notebook.cells].index(True)
    notebook.cells = notebook.cells[:before_training]
    nbformat.write(notebook, folder / NOTEBOOK)
    replace(folder / NOTEBOOK, 'dataset: str = \\"auto\\"', 'dataset: str = \\"digits\\"')
    return folder


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} holds {old!r} {text.count(old)} times: plant the fault anew"
    path.write_text(text.replace(old, new), encoding="utf-8")


def nbval(folder: Path) -> subprocess.CompletedProcess[str]:
    """Compare the copy with its stored outputs, with the copy's own helpers first on the path."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "-c", os.devnull, NOTEBOOK],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


def test_an_untouched_copy_passes_on_another_data_set(tmp_path):
    result = nbval(copied(tmp_path))
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_turns_the_notebook_red(tmp_path, fault):
    file, changes, noticing_cell = FAULTS[fault]
    copied(tmp_path)
    for right, wrong in changes.items():
        replace(tmp_path / file, right, wrong)
    result = nbval(tmp_path)
    assert result.returncode == 1, result.stdout[-3000:]
    assert "Cell outputs differ" in result.stdout and noticing_cell in result.stdout
