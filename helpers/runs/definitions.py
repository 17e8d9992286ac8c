"""Load a notebook's definitions (target, settings, network) without running its training."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import nbformat
import papermill
from pydantic import TypeAdapter, ValidationError
from torch import nn

from helpers.errors import DefinitionsError, SettingsError, one_line
from helpers.networks.description import describe
from helpers.results.analysis import Published
from helpers.results.record import fingerprint
from helpers.results.targets import Target
from helpers.settings import RunConfig

TAGS = ("imports", "target", "parameters", "settings", "network")
KEPT = 32  # notebooks that stay read: a search asks for the same one many times
REQUIRED = {
    "notebook": str,
    "target": Target,
    "config": RunConfig,
    "Net": type,
}  # names that the cells define
OPTIONAL = ("published", "predecessor", "changes")
KINDS = {"int": int, "float": float, "bool": bool, "str": str}


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell: `name: kind = default  # help`."""

    name: str
    kind: type
    default: Any
    help: str

    def __str__(self) -> str:
        return f"{self.name}: {self.kind.__name__} = {self.default!r}" + (
            f"  # {self.help}" if self.help else ""
        )

    def convert(self, value: Any) -> Any:
        """`value` as the declared type; text is read as such a value ("15", "0.1", "true").

        Raises:
            DefinitionsError: where it is none.
        """
        try:
            return TypeAdapter(self.kind).validate_python(value)
        except ValidationError as error:
            raise DefinitionsError(f"{self.name} = {value!r}: {error.errors()[0]['msg']}") from None


@dataclass(frozen=True, eq=False)
class Definitions:
    """What a notebook declares before it trains, with some parameters changed or none."""

    notebook: str
    target: Target
    config: RunConfig
    Net: type[nn.Module]
    description: tuple[str, ...]  # of the network, line by line
    published: Published | None = None  # what a write-up claims of it, if any does
    predecessor: str | None = None  # the notebook that it grew out of
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what is new against it

    def fingerprint(self, dataset: str) -> str:
        """What the record of this run on `dataset` ("mnist" or "digits") holds as its fingerprint."""
        return fingerprint(self.config, self.description, dataset)


@dataclass(frozen=True, eq=False)
class Notebook:
    """A notebook as it lies on disk: the code of its tagged cells, none of which has run."""

    path: Path
    cells: Mapping[str, str]  # sources by tag; cells of the same tag are joined

    @classmethod
    def read(cls, path: Path | str) -> "Notebook":
        """The notebook at `path`; one that has not changed since is not read again.

        Raises:
            DefinitionsError: for a file that is no notebook.
        """
        path = Path(path)
        try:
            return _read(path, path.read_bytes())
        except OSError as error:
            raise DefinitionsError(f"{path}: cannot be read ({error.strerror})") from None

    @property
    def is_iteration(self) -> bool:
        """Whether it trains a network and leaves a record."""
        return "network" in self.cells

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The declared parameters by name, in order; none where no cell is tagged `parameters`.

        Raises:
            DefinitionsError: for a line that is not `name: type = literal  # help`.
        """
        source = self.cells.get("parameters", "")
        try:
            inspected = papermill.inspect_notebook(self.path).values()
            declared = {item["name"]: _parameter(item) for item in inspected}
            complete = len(declared) == len(
                ast.parse(source).body
            )  # papermill leaves out what it cannot read
        except (KeyError, ValueError, SyntaxError):
            complete = False
        if not complete:
            raise DefinitionsError(
                f"{self.path.stem}: every line of its cell parameters must be `name: type = literal  # help`, "
                f"with a single = and a type of {', '.join(KINDS)}"
            )
        return declared

    def convert(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` for parameters of the notebook, as their declared types.

        Raises:
            DefinitionsError: for a name that the notebook does not declare, or a value of another type.
        """
        stem, declared = self.path.stem, self.parameters if values else {}
        for name in values:
            if name not in declared:
                close = get_close_matches(name, declared, n=1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(declared) or 'none'}"
                raise DefinitionsError(f"{stem} has no parameter {name!r}; {hint}")
        try:
            return {name: declared[name].convert(value) for name, value in values.items()}
        except DefinitionsError as error:
            raise DefinitionsError(f"{stem}: {error}") from None

    def definitions(self, values: Mapping[str, Any] | None = None) -> Definitions:
        """What the notebook declares: its cells tagged TAGS run in a fresh namespace, and no others.

        `values` replace the declared defaults, as papermill does it: after the cell `parameters`.

        Raises:
            DefinitionsError: a cell that is missing or fails; a parameter that is unknown or of another type.
        """
        stem = self.path.stem
        for tag in TAGS:
            if tag not in self.cells:
                raise DefinitionsError(f"{stem}: no cell is tagged {tag}")
        changed = self.convert(values or {})
        # Run the cells as a kernel would, but silently: what they print is meant for their reader.
        namespace: dict[str, Any] = {"__name__": "__main__", "print": lambda *_, **__: None}
        for tag in TAGS:
            with _naming(f"{stem}, cell {tag}"):
                exec(compile(self.cells[tag], f"{stem}, cell {tag}", "exec"), namespace)
            if tag == "parameters":
                namespace.update(changed)
        # Take what they have defined.
        for name, kind in REQUIRED.items():
            if not isinstance(namespace.get(name), kind):
                raise DefinitionsError(f"{stem}: its cells define no {name} ({kind.__name__})")
        with _naming(f"{stem}, Net"):
            description = tuple(describe(namespace["Net"]()))
        optional = {name: namespace[name] for name in OPTIONAL if name in namespace}
        return Definitions(
            **{name: namespace[name] for name in REQUIRED}, description=description, **optional
        )


def load_definitions(path: Path | str, parameters: Mapping[str, Any] | None = None) -> Definitions:
    """The definitions of the notebook at `path`, with some parameters changed or none.

    Raises:
        DefinitionsError: for a file that is no notebook; a cell that is missing or fails; a parameter that is
            unknown or of another type.
    """
    return Notebook.read(path).definitions(parameters)


@lru_cache(maxsize=KEPT)
def _read(path: Path, content: bytes) -> Notebook:
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)
    except Exception as error:  # nbformat names no base class of what it raises
        raise DefinitionsError(f"{path}: not a notebook ({one_line(error)})") from None
    cells: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for tag in cell.metadata.get("tags", []):
                cells[tag] = f"{cells.get(tag, '')}{cell.source}\n"
    return Notebook(path, cells)


def _parameter(item: Mapping[str, str]) -> Parameter:
    kind = KINDS[item["inferred_type_name"]]
    return Parameter(item["name"], kind, ast.literal_eval(item["default"]), item["help"])


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Any error of a notebook's code, as one line that names the place; settings explain themselves."""
    try:
        yield
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, SettingsError) else one_line(error)
        raise DefinitionsError(f"{place}: {what}") from error
