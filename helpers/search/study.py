"""A declared search: candidates of one notebook, their trials on validation splits, and how they rank."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from sklearn.model_selection import ParameterGrid

from helpers.errors import SettingsError, StudyError
from helpers.networks.parameters import count_parameters
from helpers.places import LOCAL, REPOSITORY, SEARCH
from helpers.results.record import Record
from helpers.results.store import FILE, load
from helpers.runs.definitions import Definitions, Notebook
from helpers.runs.execution import Job, is_finished
from helpers.runs.plan import RESERVED
from helpers.settings import Count, Settings

TRIALS = "trials"  # the folder with the trials of all studies
DIVERGED = "diverged.txt"  # what a trial leaves instead of a record when its loss became infinite: why
OWN = RESERVED | {"device"}  # parameters that a search sets itself
NAME_LENGTH = 16  # of a fingerprint, as the name of a trial's folder


class Study(Settings):
    """What a search asks and tries, as declared in a TOML file.

    Every table of `grid` stands for all combinations of its values, an empty one for `fixed` as it is. A setting
    that is not named is the notebook's own. After each round the best `keep` of the candidates go on, until they
    have had as many `trials` as the next round asks for. `names` says for candidates, as "rotation 0.0, scale 0.0",
    what tables are to call them.
    """

    question: str
    notebook: str
    fixed: dict[str, Any] = {}
    grid: Annotated[list[dict[str, Annotated[list[Any], Field(min_length=1)]]], Field(min_length=1)]
    trials: Annotated[list[Count], Field(min_length=1)]  # of each candidate, after each round
    keep: list[Count] = []  # candidates after each round but the last
    names: dict[str, str] = {}
    # Of the first trial, and of its split; the next trials have the next numbers.
    first_seed: Annotated[int, Field(ge=0)] = 1001
    validation_images: Count = 5_000

    @model_validator(mode="after")
    def _rounds_fit(self) -> Self:
        if len(self.keep) != len(self.trials) - 1:
            raise ValueError(f"keep = {self.keep}: must have one entry less than trials = {self.trials}")
        if sorted(set(self.trials)) != self.trials:
            raise ValueError(f"trials = {self.trials}: must rise from round to round")
        if sorted(self.keep, reverse=True) != self.keep:
            raise ValueError(f"keep = {self.keep}: must not rise from round to round")
        return self


@dataclass(frozen=True)
class Trial(Job):
    """One candidate trained once; its seed also draws the images that are held out to judge it."""

    validation_images: int = 0
    candidate: str = ""
    diverged: bool = False  # finished, but with an infinite loss instead of a record

    def __str__(self) -> str:
        return f"{self.candidate}, trial {self.seed}"


@dataclass(frozen=True, eq=False)
class Candidate:
    """One combination of a study's grid: the notebook's definitions with it."""

    settings: Mapping[str, Any]  # of the grid
    everything: Mapping[str, Any]  # with what the study fixes
    definitions: Definitions
    name: str  # the study's own for it, else its settings in words

    def __str__(self) -> str:
        return self.name

    @cached_property
    def parameters(self) -> int:
        return count_parameters(self.definitions.Net())


@dataclass(frozen=True, eq=False)
class Standing:
    """What a candidate reached in its trials: their records by their numbers. Accuracies in percent."""

    candidate: Candidate
    records: Mapping[int, Record]
    diverged: frozenset[int] = frozenset()  # numbers of the trials that ended with an infinite loss

    def accuracy(self, trial: int) -> float:
        """Validation accuracy of the last epoch of a trial."""
        return self.records[trial].history[-1].validation_accuracy

    @property
    def accuracies(self) -> list[float]:
        """Validation accuracies of all trials, in percent."""
        return [self.accuracy(trial) for trial in self.records]

    @property
    def mean(self) -> float:
        """Mean of `accuracies`; 0.0 without trials."""
        return fmean(self.accuracies) if self.records else 0.0

    @property
    def standard_error(self) -> float:
        """Standard error of `mean`; 0.0 for fewer than two trials, which have no spread."""
        count = len(self.records)
        return stdev(self.accuracies) / count**0.5 if count > 1 else 0.0

    @property
    def key(self) -> str:
        """All settings of the candidate as text: two studies of a notebook have the same for the same candidate."""
        return str(sorted(self.candidate.everything.items()))


def studies_in(root: Path = REPOSITORY) -> dict[str, Path]:
    """The declared studies by name."""
    return {path.stem: path for path in sorted((root / SEARCH).glob("*.toml"))}


def read_study(name: str, root: Path = REPOSITORY) -> Study:
    """The study root/outputs/search/<name>.toml.

    Raises:
        StudyError: for a name that is not there, a file that is no TOML, or a declaration that makes no sense.
    """
    known = studies_in(root)
    if name not in known:
        raise StudyError(
            f"unknown study {name!r}; there are {', '.join(known) or 'none'} in {SEARCH.as_posix()}"
        )
    try:
        return Study(**tomllib.loads(known[name].read_text(encoding="utf-8")))
    except (OSError, ValueError, SettingsError) as error:
        raise StudyError(f"{known[name].name}: {error}") from None


def candidates(
    study: Study, *, profile: str = "full", dataset: str = "mnist", root: Path = REPOSITORY
) -> list[Candidate]:
    """The combinations of a study's grid, each once, in the order declared.

    Raises:
        StudyError, DefinitionsError: a notebook that is not there; a setting that it does not have, or that makes
            no network or no recipe, or that the search sets itself; a name for a candidate that is not there.
    """
    path = root / "notebooks" / f"{study.notebook}.ipynb"
    if not path.is_file():
        raise StudyError(f"notebook = {study.notebook!r}: there is none of this name in {path.parent}")
    if own := OWN & {*study.fixed, *(name for table in study.grid for name in table)}:
        raise StudyError(f"{', '.join(sorted(own))}: set by the search itself; name any other parameter")
    notebook = Notebook.read(path)
    found: dict[str, Candidate] = {}
    for chosen in ParameterGrid(study.grid):
        settings = notebook.convert(chosen)
        everything = notebook.convert(study.fixed) | settings
        definitions = notebook.definitions(everything | {"profile": profile, "dataset": dataset})
        plain = _in_words(settings)
        candidate = Candidate(settings, everything, definitions, study.names.get(plain, plain))
        found.setdefault(definitions.fingerprint(dataset), candidate)
    unknown = study.names.keys() - {_in_words(candidate.settings) for candidate in found.values()}
    if unknown:
        raise StudyError(f"names: no candidate is {' or '.join(map(repr, sorted(unknown)))}")
    return list(found.values())


def trials(
    candidate: Candidate, numbers: Sequence[int], study: Study, root: Path = REPOSITORY
) -> list[Trial]:
    """The trials of a candidate by their numbers, with those marked that are finished.

    A trial lies under the fingerprint of what it trains: two studies that ask for the same one share it.
    """
    config = candidate.definitions.config
    found = []
    for number in numbers:
        split = {"seed": number, "split_seed": number, "validation_images": study.validation_images}
        settings = config.model_copy(update=split)
        fingerprint = replace(candidate.definitions, config=settings).fingerprint(config.dataset)
        folder = _pool(config.profile, config.dataset, root) / fingerprint[:NAME_LENGTH]
        diverged = (folder / DIVERGED).is_file()
        found.append(
            Trial(
                source=root / "notebooks" / f"{study.notebook}.ipynb",
                folder=folder,
                parameters=dict(candidate.everything)
                | {"profile": config.profile, "dataset": config.dataset, "seed": number},
                seed=number,
                fingerprint=fingerprint,
                finished=diverged or is_finished(folder, fingerprint),
                diverged=diverged,
                validation_images=study.validation_images,
                candidate=str(candidate),
            )
        )
    return found


def standings(
    study: Study, among: Sequence[Candidate] | None = None, count: int | None = None, root: Path = REPOSITORY
) -> list[Standing]:
    """The candidates of a study (or those `among` them) with what they reached in their first `count` trials (all
    that the study may ask for), ranked: more trials with a record first, then the higher mean accuracy."""
    count = study.trials[-1] if count is None else count
    numbers = range(study.first_seed, study.first_seed + count)
    found = []
    for candidate in candidates(study, root=root) if among is None else among:
        finished = [trial for trial in trials(candidate, numbers, study, root) if trial.finished]
        records = {trial.seed: load(trial.folder / FILE) for trial in finished if not trial.diverged}
        diverged = frozenset(trial.seed for trial in finished if trial.diverged)
        found.append(Standing(candidate, records, diverged))
    # rounded, so that equals stay as declared whatever their last digits
    return sorted(found, key=lambda standing: (-len(standing.records), -round(standing.mean, 6)))


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "as fixed"


def _pool(profile: str, dataset: str, root: Path) -> Path:
    """Where trials lie: those of full runs on MNIST are kept."""
    kept = (profile, dataset) == ("full", "mnist")
    return root / (SEARCH if kept else LOCAL / "search") / TRIALS
