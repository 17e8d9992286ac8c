"""Load a notebook's definitions (target, settings, network) without running its training."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import papermill
from pydantic import TypeAdapter, ValidationError
from torch import nn

from helpers.errors import DefinitionsError, SettingsError, one_line
from helpers.networks.description import describe
from helpers.results.record import fingerprint
from helpers.results.targets import Target
from helpers.settings import RunConfig

TAGS = ("imports", "target", "parameters", "settings", "network")
KEPT = 32  # notebooks, of which what was read is kept: a search asks for the same one many times
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
    published: Any
    config: RunConfig
    Net: type[nn.Module]
    description: tuple[str, ...]  # of the network, line by line
    predecessor: str | None = None  # the notebook that it grew out of
    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # what is new against it

    def fingerprint(self, dataset: str) -> str:
        """What the record of this run on `dataset` ("mnist" or "digits") holds as its fingerprint."""
        return fingerprint(self.config, self.description, dataset)


def tags(path: Path | str) -> set[str]:
    """The tags of a notebook's code cells; an iteration, which trains and leaves a record, has `network`.

    Raises:
        DefinitionsError: for a file that is no notebook.
    """
    return set(_tagged(Path(path)))


def declared_parameters(path: Path | str) -> dict[str, Parameter]:
    """The parameters of a notebook by name, in order; none where it has no cell tagged `parameters`.

    Raises:
        DefinitionsError: for a line that is not `name: type = literal  # help`.
    """
    return dict(_declared_parameters(Path(path), _content(Path(path))))


@lru_cache(maxsize=KEPT)
def _declared_parameters(path: Path, content: bytes) -> dict[str, Parameter]:
    source = _read_tagged(path, content).get("parameters", "")
    try:
        inspected = papermill.inspect_notebook(path).values()
        parameters = {item["name"]: _parameter(item) for item in inspected}
        complete = len(parameters) == len(ast.parse(source).body)  # papermill leaves out what it cannot read
    except (KeyError, ValueError, SyntaxError):
        complete = False
    if not complete:
        raise DefinitionsError(
            f"{path.stem}: every line of its cell parameters must be `name: type = literal  # help`, "
            f"with a single = and a type of {', '.join(KINDS)}"
        )
    return parameters


def convert_parameters(path: Path | str, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` for parameters of the notebook, as their declared types.

    Raises:
        DefinitionsError: for a name that the notebook does not declare, or a value of another type.
    """
    declared, stem = declared_parameters(path), Path(path).stem
    for name in values:
        if name not in declared:
            close = get_close_matches(name, declared, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(declared) or 'none'}"
            raise DefinitionsError(f"{stem} has no parameter {name!r}; {hint}")
    try:
        return {name: declared[name].convert(value) for name, value in values.items()}
    except DefinitionsError as error:
        raise DefinitionsError(f"{stem}: {error}") from None


def load_definitions(path: Path | str, parameters: Mapping[str, Any] | None = None) -> Definitions:
    """The definitions of a notebook: its cells tagged TAGS run in a fresh namespace, and no others.

    `parameters` replace the declared defaults, as papermill does it: after the cell `parameters`.

    Raises:
        DefinitionsError: a cell that is missing or fails; a parameter that is unknown or of another type.
    """
    path = Path(path)
    cells = _tagged(path)
    for tag in TAGS:
        if tag not in cells:
            raise DefinitionsError(f"{path.stem}: no cell is tagged {tag}")
    values = convert_parameters(path, parameters or {})
    # as in a kernel, but what the cells print is meant for their reader
    namespace: dict[str, Any] = {"__name__": "__main__", "print": lambda *_, **__: None}
    for tag in TAGS:
        with _naming(f"{path.stem}, cell {tag}"):
            exec(compile(cells[tag], f"{path.stem}, cell {tag}", "exec"), namespace)
        if tag == "parameters":
            namespace.update(values)
    for name, kind in {"notebook": str, "target": Target, "config": RunConfig, "Net": type}.items():
        if not isinstance(namespace.get(name), kind):
            raise DefinitionsError(f"{path.stem}: its cells define no {name} ({kind.__name__})")
    with _naming(f"{path.stem}, Net"):
        description = tuple(describe(namespace["Net"]()))
    return Definitions(
        notebook=namespace["notebook"],
        target=namespace["target"],
        published=namespace.get("published"),
        config=namespace["config"],
        Net=namespace["Net"],
        description=description,
        predecessor=namespace.get("predecessor"),
        changes=namespace.get("changes", {}),
    )


def _parameter(item: Mapping[str, str]) -> Parameter:
    kind = KINDS[item["inferred_type_name"]]
    return Parameter(item["name"], kind, ast.literal_eval(item["default"]), item["help"])


def _tagged(path: Path) -> dict[str, str]:
    """The source of the code cells by tag; cells of the same tag are joined."""
    return _read_tagged(path, _content(path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DefinitionsError(f"{path}: cannot be read ({error.strerror})") from None


@lru_cache(maxsize=KEPT)
def _read_tagged(path: Path, content: bytes) -> dict[str, str]:
    try:
        notebook = nbformat.reads(content.decode(), as_version=4)
    except Exception as error:  # nbformat names no base class of what it raises
        raise DefinitionsError(f"{path}: not a notebook ({one_line(error)})") from None
    sources: dict[str, str] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for tag in cell.metadata.get("tags", []):
                sources[tag] = f"{sources.get(tag, '')}{cell.source}\n"
    return sources


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Any error of a notebook's code, as one line that names the place; settings explain themselves."""
    try:
        yield
    except (Exception, SystemExit) as error:
        what = str(error) if isinstance(error, SettingsError) else one_line(error)
        raise DefinitionsError(f"{place}: {what}") from error
