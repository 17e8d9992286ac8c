"""Which recorded runs belong together, and why the others are left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from typing import Any

from helpers.errors import DefinitionsError
from helpers.networks.parameters import count_parameters
from helpers.places import REPOSITORY, notebooks_in
from helpers.results.record import Record
from helpers.results.runs import Runs
from helpers.results.store import FILE, find
from helpers.runs.definitions import Definitions, load_definitions
from helpers.runs.execution import FAILED, UNFINISHED
from helpers.settings import RunConfig

DECLARED = "full"  # the folder of the declared recipe on MNIST; variants lie in full-<label>
NOT_COMPARED = ("fast", "local")  # what they hold proves that the code runs


@dataclass(frozen=True, eq=False)
class Group:
    """Complete runs of one notebook that share everything but the seed.

    `label` is what the name of their folder adds to "full": "" for the declared recipe on MNIST. `definitions`
    are those that the runs were checked against; None where the label does not say which they are.
    """

    runs: Runs
    label: str
    definitions: Definitions | None

    @property
    def notebook(self) -> str:
        return self.runs.notebook


@dataclass(frozen=True, eq=False)
class Gathered:
    """All recorded full runs: those that belong together in groups, and a line for each of the others."""

    groups: list[Group] = field(default_factory=list)  # of the declared recipes, by notebook
    experiments: list[Group] = field(default_factory=list)  # of the variants
    left_out: list[str] = field(default_factory=list)  # where a record lies, and why it does not count
    remarks: list[str] = field(default_factory=list)  # on folders, where their records do not say all


def gather(root: Path = REPOSITORY) -> Gathered:
    """The full runs under root/outputs, each held against its notebook in root/notebooks as it is today.

    Records that another process is writing are read as they were before or as they are after, never in between:
    they are replaced whole.
    """
    outputs, notebooks = root / "outputs", notebooks_in(root)
    gathered = Gathered()
    for notebook, folder in _folders(outputs):
        # Read: every record of the folder, and what else lies there.
        records, unreadable = find(outputs, escape(notebook), escape(folder))
        gathered.left_out.extend(unreadable)
        gathered.remarks.extend(_remarks(outputs, notebook, folder))
        # Check: each record against what its notebook declares today.
        label = folder.removeprefix(DECLARED).removeprefix("-")
        group, complaints = _group(notebooks.get(notebook), records, label)
        gathered.left_out.extend(f"{notebook}/{folder}/{complaint}" for complaint in complaints)
        # Sort: the declared recipe apart from its variants.
        if group is not None:
            (gathered.groups if folder == DECLARED else gathered.experiments).append(group)
    return gathered


def _folders(outputs: Path) -> list[tuple[str, str]]:
    """Notebook and folder of everything that looks like runs, but not of the fast profile."""
    found = {path.parent.relative_to(outputs).parts for path in outputs.glob("*/*/seed-*")}
    return sorted(
        (notebook, folder)
        for notebook, folder in found
        if notebook not in NOT_COMPARED and folder.partition("-")[0] not in NOT_COMPARED
    )


def _group(path: Path | None, records: Sequence[Record], label: str) -> tuple[Group | None, list[str]]:
    """Those of a folder's records that belong together, if any, and a complaint on each of the others."""
    dataset, changes = _meant_by(label)
    kept, complaints, expected = [], [], None
    for record in records:
        try:
            if path is None:
                reason = "there is no notebook of this name"
            elif changes is None:
                reason = _unlike(record, kept[0]) if kept else _unfinished(record)
            else:
                expected, reason = _checked(path, record, dataset, changes, expected)
        except DefinitionsError as error:
            reason = f"cannot be compared with its notebook ({error})"
        if reason:
            complaints.append(f"seed-{record.seed}: {reason}")
        else:
            kept.append(record)
    return (Group(Runs(kept[0].notebook, kept), label, expected) if kept else None), complaints


def _meant_by(label: str) -> tuple[str, dict[str, str] | None]:
    """The data set and the changed parameters that a label of `runs.plan` names; None where it is a hash of them."""
    first, *rest = label.split("+")
    dataset, parts = ("digits", rest) if first == "digits" else ("mnist", [first, *rest])
    pairs = [part.partition("=") for part in parts if part]
    if not all(equals for _, equals, _ in pairs):
        return dataset, None
    return dataset, {name: value for name, _, value in pairs}


def _checked(
    path: Path, record: Record, dataset: str, changes: dict[str, str], expected: Definitions | None
) -> tuple[Definitions, str]:
    """The notebook's definitions for this run, and why the record is not of them; "" if it is.

    `expected` are those of another seed: loading takes time, and most often the seed is all that differs.
    """
    if expected is not None:
        expected = replace(expected, config=expected.config.model_copy(update={"seed": record.seed}))
        if not _why_apart(record, expected, dataset):
            return expected, ""
    expected = load_definitions(path, {"profile": "full", "seed": record.seed} | changes)
    return expected, _why_apart(record, expected, dataset)


def _why_apart(record: Record, expected: Definitions, dataset: str) -> str:
    """The first thing in which a record is not the finished run of these definitions; "" if it is."""
    if record.dataset != dataset:
        return f"trained on {record.dataset}, not on {dataset}"
    differences = _differences(record.config, expected.config)
    if differences:
        return f"other settings than its notebook's: {', '.join(differences)}"
    parameters = count_parameters(expected.Net())
    if record.parameters != parameters:
        return f"a network of {record.parameters:,} parameters, its notebook's has {parameters:,}"
    if record.fingerprint != expected.fingerprint(dataset):
        return "made with another network than its notebook's (the fingerprint differs)"
    return _unfinished(record)


def _unlike(record: Record, first: Record) -> str:
    """Why two records, both of a recipe that cannot be looked up, are not of the same one; "" if they are."""
    differences = _differences(record.config, first.config.model_copy(update={"seed": record.seed}))
    for name in ("dataset", "parameters", "receptive_field"):
        if (own := getattr(record, name)) != (other := getattr(first, name)):
            differences.append(f"{name} {own} instead of {other}")
    if differences:
        return f"differs from seed {first.seed} beside it: {', '.join(differences)}"
    return _unfinished(record)


def _unfinished(record: Record) -> str:
    """Why a record is no complete run; "" if it is."""
    if not record.complete:
        return f"stopped after {len(record.history)} of {record.config.run_epochs} epochs"
    return "" if record.test_accuracy else "the test set was not opened after every epoch"


def _differences(own: RunConfig, expected: RunConfig) -> list[str]:
    """The settings that differ; the data set is compared by what was used, not by how it was asked for."""
    decisive = RunConfig.model_fields.keys() - {"dataset"}
    wanted = dict(_flat(expected.model_dump(include=decisive)))
    return [
        f"{name} {value} instead of {wanted[name]}"
        for name, value in _flat(own.model_dump(include=decisive))
        if value != wanted[name]
    ]


def _flat(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Settings by name, without the groups that they are nested in."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value)
        else:
            yield name, value


def _remarks(outputs: Path, notebook: str, folder: str) -> Iterator[str]:
    """What a folder says beyond its record: runs under way, broken off, failed, or never begun."""
    for path in sorted(outputs.glob(f"{escape(notebook)}/{escape(folder)}/seed-*")):
        recorded = (path / FILE).exists()
        place = path.relative_to(outputs).as_posix()
        if (path / UNFINISHED).exists():
            kept = "its record is the one from before" if recorded else "no record yet"
            yield f"{place}: a run is under way, or was broken off; {kept}"
        elif (path / FAILED).exists():
            kept = "its record is judged by itself" if recorded else "no record"
            yield f"{place}: its notebook failed, see {FAILED}; {kept}"
        elif not recorded:
            yield f"{place}: no record yet"
