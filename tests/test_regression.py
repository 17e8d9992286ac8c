"""nbval turns red when a notebook or a helper stops telling the truth: tried on tampered copies.

Each copy of a notebook ends before training, runs on the digits, and is compared with the outputs that are
committed, from MNIST: so the untouched copy also shows that the checked cells do not depend on the data set.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = "13_slow_widening.ipynb"

FAULTS = {
    "a changed channel count": (NOTEBOOK, "self.block(12, 16, padding=1)", "self.block(12, 17, padding=1)"),
    "receptive field: growth ignores the jump": ("", "", ""),
}


def copy_of_the_workbook(folder: Path) -> Path:
    """helpers/ and the notebook up to training, on the digits; returns the notebook's path."""
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    notebook = nbformat.read(ROOT / "notebooks" / NOTEBOOK, as_version=4)
    headings = [cell.source.startswith("## Train") for cell in notebook.cells]
    notebook.cells = notebook.cells[: headings.index(True)]
    for cell in notebook.cells:
        cell.source = cell.source.replace('dataset: str = "auto"', 'dataset: str = "digits"')
    path = folder / NOTEBOOK
    nbformat.write(notebook, path)
    return path


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{path.name} no longer holds {old!r}: plant the fault anew"
    path.write_text(text.replace(old, new), encoding="utf-8")


def nbval(notebook: Path) -> subprocess.CompletedProcess:
    """Run nbval in the copy's folder, whose helpers come first on the path."""
    import os

    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
        + ["--rootdir", str(notebook.parent), str(notebook)],
        cwd=notebook.parent,
        env=os.environ | {"PYTHONPATH": str(notebook.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
