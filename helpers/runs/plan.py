"""Which runs are to be made: notebooks, seeds and changed parameters, all checked before anything runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from helpers.data.mnist import find
from helpers.data.splits import load_data
from helpers.errors import DefinitionsError, PlanError
from helpers.places import REPOSITORY, notebooks_in, run_folder
from helpers.runs.definitions import Definitions, Notebook
from helpers.runs.execution import Job, is_finished
from helpers.settings import RunConfig
from helpers.training.loop import choose_device

RESERVED = {"profile", "dataset", "seed", "output"}  # parameters that are set by whoever makes the runs
LABEL_LENGTH = 60


class Plan(NamedTuple):
    """Runs to be made, and one line that says which data set they use and why; "" where there was no choice."""

    jobs: list[Job]
    remark: str


def plan(
    notebooks: Sequence[str] = (),
    *,
    profile: str = "fast",
    seeds: Iterable[int] = (1,),
    dataset: str = "auto",
    parameters: Mapping[str, Any] | None = None,
    force: bool = False,
    root: Path = REPOSITORY,
) -> Plan:
    """The runs of these notebooks (names, their numbers or files; none: all), in order.

    An iteration is run once per seed, any other notebook once: after all iterations, for it may show their
    records, and not at all where parameters are changed and it is not asked for by name. `parameters` are
    values or text for them. Runs that are finished are marked so, unless `force` asks for all.

    Raises:
        PlanError, DefinitionsError, SettingsError, DataError, ResultsError: anything that cannot be run as
            asked. A notebook that fails by itself is no such thing: it is planned, and will fail.
    """
    # What holds for all runs: profile, data set, seeds, changed parameters.
    seeds, changes = list(dict.fromkeys(seeds)), dict(parameters or {})
    for seed in seeds:
        RunConfig(profile=profile, dataset=dataset, seed=seed)
    for name in RESERVED.intersection(changes):
        raise PlanError(f"parameter {name} is set by the command itself; use its options instead")
    # Which notebooks: iterations first, for the others may show their records.
    asked = _select(notebooks, root)
    iterations = [notebook for notebook in asked if notebook.is_iteration]
    others = [notebook for notebook in asked if not notebook.is_iteration and (notebooks or not changes)]
    chosen = [(notebook, notebook.convert(changes)) for notebook in [*iterations, *others]]
    # Which data set: only now, for it may have to be fetched.
    source = find(dataset)
    own = {"profile": profile, "dataset": source.name}
    # Their runs, each with the folder that its label gives it.
    jobs = []
    for notebook, changed in chosen:
        label = _label(notebook, source.name, changed)
        folders = [run_folder(root / "outputs", notebook.path.stem, profile, seed, label) for seed in seeds]
        if notebook.is_iteration:
            for seed, folder in zip(seeds, folders, strict=True):
                values = own | {"seed": seed, "output": str(folder)}
                jobs.append(_iteration(notebook, folder, values, changed, force))
        else:
            folder = folders[0].parent
            values = own | {"output": str(folder)} | changed
            jobs.append(Job(notebook.path, folder, values if "parameters" in notebook.cells else {}))
    return Plan(jobs, source.remark)


def _iteration(
    notebook: Notebook, folder: Path, own: Mapping[str, Any], changed: Mapping[str, Any], force: bool
) -> Job:
    values, seed = {**own, **changed}, own["seed"]
    definitions = _definitions(notebook, own, changed)
    if definitions is None:
        return Job(notebook.path, folder, values, seed)
    if changed:
        _try_out(definitions, changed)
    fingerprint = definitions.fingerprint(own["dataset"])
    finished = not force and is_finished(folder, fingerprint)
    return Job(notebook.path, folder, values, seed, fingerprint, finished)


def _select(names: Sequence[str], root: Path) -> list[Notebook]:
    """The notebooks of these names, each once; all of them for no names."""
    known = notebooks_in(root)
    if not known:
        raise PlanError(f"{root / 'notebooks'}: there are no notebooks here")
    chosen: dict[str, Path] = {}
    for name in names:
        file = Path(name)
        stem = file.name.removesuffix(".ipynb")
        if file.suffix == ".ipynb" and file.is_file() and file.resolve() != known.get(stem, root).resolve():
            raise PlanError(f"{name}: not in {root / 'notebooks'}; copy it there, under a name of its own")
        numbered = [full for full in known if full.partition("_")[0] == stem]
        match = stem if stem in known else numbered[0] if len(numbered) == 1 else None
        if match is None:
            close = get_close_matches(stem, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise PlanError(f"unknown notebook {name!r}; {hint}")
        chosen[match] = known[match]
    return [Notebook.read(path) for path in (chosen or known).values()]


def _label(notebook: Notebook, dataset: str, changed: Mapping[str, Any]) -> str:
    """What sets a run apart from the declared recipe on MNIST, fit for a folder's name; "" if nothing does."""
    parts = [] if dataset == "mnist" else [dataset]
    if changed:
        # A device changes no recipe.
        different = [
            f"{name}={value}"
            for name, value in sorted(changed.items())
            if value != notebook.parameters[name].default and name != "device"
        ]
        text = "+".join(different)
        if len(text) > LABEL_LENGTH or not re.fullmatch(r"[\w.=+-]*", text, re.ASCII):
            text = sha256(text.encode()).hexdigest()[:12]
        parts += [text] if text else []
    return "+".join(parts)


def _definitions(
    notebook: Notebook, values: Mapping[str, Any], changed: Mapping[str, Any]
) -> Definitions | None:
    """What the run is to be; None for a notebook that fails as it is, which then shows when it is run."""
    try:
        definitions = notebook.definitions(values)
    except DefinitionsError:
        return None
    stem = notebook.path.stem
    if definitions.notebook != stem:
        raise PlanError(f"{stem}: its cell target must say notebook = {stem!r}, not {definitions.notebook!r}")
    return notebook.definitions({**values, **changed}) if changed else definitions


def _try_out(definitions: Definitions, changed: Mapping[str, Any]) -> None:
    """Raise now what the notebook would raise about its data or its device."""
    try:
        choose_device(changed.get("device", "auto"))
        load_data(definitions.config)
    except ValueError as error:
        raise PlanError(f"{definitions.notebook}: {error}") from None
