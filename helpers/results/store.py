"""Where records of runs lie, and how they are written, read and found."""

import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from helpers.errors import ResultsError, SettingsError
from helpers.places import BENCH, REPOSITORY
from helpers.results.record import SCHEMA, Record

FILE = "result.json"
PROBE_BYTES = 1_000_000


def prepare_folder(folder: Path | str) -> Path:
    """Create the folder and prove, before any training, that a record can be written there.

    Raises:
        ResultsError: where it cannot.
    """
    folder = Path(folder)
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as probe:
            probe.write(os.urandom(PROBE_BYTES))  # not zeros, which some file systems store for free
            probe.flush()
            os.fsync(probe.fileno())
    return folder


def save(record: Record, folder: Path | str) -> Path:
    """Write the record to result.json, whole or not at all; an older one stays until the new one is complete.

    Raises:
        ResultsError: where the folder cannot be written, or the record holds what JSON cannot.
    """
    path = Path(folder) / FILE
    try:
        text = json.dumps(record.to_dict(), indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise ResultsError(f"{path}: the record does not fit into JSON ({error})") from None
    return write_whole(path, text.encode())


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file, and its folder where need be, whole or not at all; an older one stays until then.

    Raises:
        ResultsError: where the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")  # not tempfile, which hides it from others
    with _naming(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def load(path: Path | str) -> Record:
    """Read a record.

    Raises:
        ResultsError: for a file that is missing, damaged, of another schema or lacks a key.
    """
    try:
        return _read(Path(path))
    except ResultsError as error:
        raise ResultsError(f"{path}: {error}") from None


def find(
    root: Path | str, notebook: str | None = None, profile: str | None = None, dataset: str | None = None
) -> tuple[list[Record], list[str]]:
    """The records under root/<notebook>/<profile>/seed-*, by notebook, profile and seed.

    `profile` names the folder: "full" finds the declared recipe only, "full-digits" that variant.

    Returns:
        The records, and one line for each file that was left out, naming it (relative to root) and why.
    """
    found, left_out = [], []
    for path in sorted(Path(root).glob(f"{notebook or '*'}/{profile or '*'}/seed-*/{FILE}")):
        place = path.relative_to(root)
        try:
            record = _read(path)
        except ResultsError as error:
            left_out.append(f"{place.as_posix()}: {error}")
            continue
        in_notebook, in_profile, in_seed, _ = place.parts
        right_profile = in_profile == record.profile or in_profile.startswith(f"{record.profile}-")
        if not right_profile or (in_notebook, in_seed) != (record.notebook, f"seed-{record.seed}"):
            own = f"{record.notebook}, {record.profile}, seed {record.seed}"
            left_out.append(f"{place.as_posix()}: holds the record of another run ({own})")
        elif dataset in (None, record.dataset):
            found.append((in_notebook, in_profile, record.seed, record))
    found.sort(key=lambda item: item[:3])
    return [record for *_, record in found], left_out


class Equivalence(NamedTuple):
    """Last epochs (test accuracy, percent) of runs of one recipe, before and after a way of computing came."""

    before: list[float]
    after: list[float]
    margin: float  # points: a difference of the means that lies within it counts as none


def read_equivalence(path: Path = REPOSITORY / BENCH / "equivalence.json") -> Equivalence:
    """The full runs of notebook 13 that were made to compare the quick way of computing with the one before.

    Raises:
        ResultsError: for a file that is missing or damaged.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        before, after = (list(data[when]["last_epoch"].values()) for when in ("before", "after"))
        return Equivalence(before, after, data["margin"])
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ResultsError(f"{path}: damaged, holds no comparison of two ways") from None


def _read(path: Path) -> Record:
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise ResultsError(f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"damaged, not JSON ({error})") from None
    if not isinstance(data, dict) or "schema" not in data:
        raise ResultsError("not the record of a run, it states no schema")
    if data["schema"] != SCHEMA:
        raise ResultsError(f"schema {data['schema']!r}, this workbook reads {SCHEMA}")
    try:
        return Record(**data)
    except SettingsError as error:
        raise ResultsError(str(error)) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Any failure of the file system, as one line that names the folder."""
    try:
        yield
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written ({error.strerror or error})") from None
