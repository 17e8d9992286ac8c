"""Where everything lies: the notebooks, the records of their runs, searches and benches."""

from pathlib import Path
from re import ASCII, fullmatch

from helpers.errors import ResultsError

REPOSITORY = Path(__file__).resolve().parent.parent
NOTEBOOKS = REPOSITORY / "notebooks"
OUTPUTS = REPOSITORY / "outputs"
# From a repository's root:
SEARCH = Path("outputs", "search")  # declared studies, and the trials of all of them
BENCH = Path("outputs", "bench")
LOCAL = Path("outputs", "local")  # ignored by git: runs by hand, tests, and what is not of MNIST


def notebooks_in(root: Path = REPOSITORY) -> dict[str, Path]:
    """The notebooks of the workbook by name, in order."""
    return {path.stem: path for path in sorted((root / "notebooks").glob("[!.]*.ipynb"))}


def run_folder(root: Path | str, notebook: str, profile: str, seed: int, label: str = "") -> Path:
    """Where a run is kept: root/notebook/profile/seed-k, or profile-label for all but the declared recipe on MNIST.

    Raises:
        ResultsError: for a name that is no plain folder name.
    """
    folder = f"{profile}-{label}" if label else profile
    for name in (notebook, folder):
        if not fullmatch(r"\w[\w.=+-]*", name, ASCII):
            raise ResultsError(f"{name!r}: a folder's name holds letters, digits and any of _ . = + - only")
    return Path(root) / notebook / folder / f"seed-{seed}"


def without_machine(path: Path) -> str:
    """A path as a notebook may show it: from the repository's root, and of one elsewhere only its name."""
    path = path.resolve()
    return path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.name
