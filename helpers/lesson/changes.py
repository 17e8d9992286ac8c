"""What a notebook changed against its predecessor, in network and recipe, and which sentence explains it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from helpers.errors import DefinitionsError
from helpers.networks.difference import Entry, network_difference
from helpers.places import NOTEBOOKS
from helpers.runs.definitions import Definitions, load_definitions
from helpers.settings import RunConfig
from helpers.tables import Cells, Table

# What the table prints; the notebooks speak of owning up to a change.
UNEXPLAINED = "NOT OWNED UP TO"
EXPLAINS_NOTHING = "ACCOUNTS FOR NOTHING"
WITHOUT_EFFECT = "not in effect"
BY_SCHEDULE = "set by the schedule"
RUN_ONLY = {"profile", "dataset", "seed", "recipe", "augmentation"}  # the last two are compared by field
SCHEDULES = {  # which schedules read a setting
    **dict.fromkeys(("pct_start", "div_factor", "final_div_factor", "cycle_momentum"), {"one_cycle"}),
    **dict.fromkeys(("plateau_patience", "plateau_min_rate"), {"plateau"}),
    "step_epochs": {"step"},
    "drop_factor": {"step", "plateau"},
}
WIDER = {name: ("schedule",) for name in SCHEDULES} | {  # a setting, and those that bring it into effect
    "momentum": ("optimizer", "schedule", "cycle_momentum"),
    "nesterov": ("optimizer",),
    "elastic_sigma": ("elastic_alpha",),
    "perspective_probability": ("perspective",),
    "split_seed": ("validation_images",),
}


@dataclass(frozen=True, repr=False)
class ChangesTable(Table):
    """The differences between two notebooks, each beside the sentence that explains it.

    Attributes:
        since: the notebook compared with.
        changes: the sentences, each with the names of the entries that it explains.
        entries: the differences.
    """

    since: str
    changes: Mapping[str, Sequence[str]]
    entries: tuple[Entry, ...]

    header = ("what is new", "entry", "before", "after")
    left = 4

    def explained(self, names: Sequence[str]) -> list[Entry]:
        """The entries of these names, and those of such wider names whose own names no sentence holds."""
        exact = {name for explaining in self.changes.values() for name in explaining}
        return [
            entry
            for entry in self.entries
            if entry.name in names or (entry.name not in exact and entry.goes_by(names))
        ]

    @property
    def unexplained(self) -> list[str]:
        """Names of the entries that no sentence explains."""
        return [entry.name for entry in self.entries if not any(map(entry.goes_by, self.changes.values()))]

    @property
    def unused(self) -> list[str]:
        """The sentences that explain nothing, and single names of others that do so, as `sentence: name`."""
        unused = []
        for sentence, names in self.changes.items():
            empty = [name for name in names if not self.explained([name])]
            unused += [sentence] if len(empty) == len(names) else [f"{sentence}: {name}" for name in empty]
        return unused

    def cells(self) -> list[Cells]:
        rows: list[Cells] = []
        for sentence, names in self.changes.items():
            explained = self.explained(names)
            titles = [sentence] + [""] * len(explained)
            rows += [(title, *entry[:3]) for title, entry in zip(titles, explained, strict=False)]
        rows += [(UNEXPLAINED, *entry[:3]) for entry in self.entries if entry.name in self.unexplained]
        return rows + [(sentence, EXPLAINS_NOTHING, "", "") for sentence in self.unused]

    def notes(self) -> list[str]:
        count, unexplained = len(self.entries), len(self.unexplained)
        if not count:
            return [f"since {self.since}: no difference"]
        explained = f"{unexplained} of them not owned up to" if unexplained else "all of them owned up to"
        return [f"since {self.since}: {count} {'difference' if count == 1 else 'differences'}, {explained}"]


def what_changed(
    notebook: str, changes: Mapping[str, Sequence[str]], since: str, folder: Path = NOTEBOOKS
) -> ChangesTable:
    """Every difference in layers, their order and settings and in the recipe, beside what explains it.

    Both notebooks are read from their files, as saved. `network_difference` names the entries of the network;
    those of the recipe, the augmentation and the configuration have the names of their fields ("schedule",
    "rotation", "logits"). A sentence explains entries by these names, or by wider ones: "Conv2d" stands for
    all entries of convolutions, "order" for all of order, "schedule" also for the settings that a new
    schedule brings into effect. A wider name leaves out the entries whose own names stand in any sentence.

    Args:
        notebook, since: names of notebooks in `folder`, without ending.
        changes: what is new, one sentence each, and the entries that it explains.

    Raises:
        DefinitionsError: for a notebook that is not there or cannot be loaded; for changes of another form.
    """
    for sentence, names in changes.items():
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise DefinitionsError(
                f"{notebook}: changes[{sentence!r}] = {names!r}: a list of names is needed"
            )
    before, after = (load_definitions(_path(name, folder)) for name in (since, notebook))
    return ChangesTable(since, changes, tuple(differences(before, after)))


def differences(before: Definitions, after: Definitions) -> list[Entry]:
    """What differs in network and configuration.

    Profile, data set and seed belong to a run, not to a notebook, and are not compared.
    """
    entries = network_difference(before.Net(), after.Net())
    old, new = _in_effect(before.config), _in_effect(after.config)
    for name in (name for name in old if old[name] != new[name]):
        conditional = {WITHOUT_EFFECT, BY_SCHEDULE} & {old[name], new[name]}
        entries.append(Entry(name, old[name], new[name], WIDER[name] if conditional else ()))
    return entries


def _in_effect(config: RunConfig) -> dict[str, str]:
    """The fields of a configuration by name, as text; one that another disables is "not in effect"."""
    recipe, augmentation = config.recipe, config.augmentation
    values = recipe.model_dump() | augmentation.model_dump() | config.model_dump(exclude=RUN_ONLY)
    disabled = {
        **{name: recipe.schedule not in schedules for name, schedules in SCHEDULES.items()},
        "momentum": recipe.optimizer != "sgd",
        "nesterov": recipe.optimizer != "sgd",
        "elastic_sigma": augmentation.elastic_alpha == 0,
        "perspective_probability": augmentation.perspective == 0,
        "split_seed": config.validation_images == 0,
    }
    shown = {name: WITHOUT_EFFECT if disabled.get(name) else str(value) for name, value in values.items()}
    if recipe.optimizer == "sgd" and recipe.schedule == "one_cycle" and recipe.cycle_momentum:
        # torch's OneCycleLR replaces the recipe's momentum by one that goes from 0.95 to 0.85 and back.
        shown["momentum"] = BY_SCHEDULE
    return shown


def _path(name: str, folder: Path) -> Path:
    path = folder / f"{name}.ipynb"
    if not path.exists():
        close = get_close_matches(str(name), [other.stem for other in folder.glob("*.ipynb")], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise DefinitionsError(f"no notebook {name!r} in {folder.name}/{hint}")
    return path
