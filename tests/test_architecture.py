"""The code keeps the shape that helpers/__init__.py draws."""

import ast
import re
import sys
from pathlib import Path

import pytest

import helpers

FOLDER = Path(helpers.__file__).parent
MODULES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")
ORDER = re.findall(r"^    (\w+) {2,}\S", helpers.__doc__, flags=re.MULTILINE)

every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)


def imported(path: Path) -> set[str]:
    """Names of the helpers that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
            names.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("helpers.")}
    return names


def test_the_map_names_every_module_once():
    assert sorted(ORDER) == [path.stem for path in MODULES]


@every_module
def test_imports_run_downward_only(path):
    above = set(ORDER[: ORDER.index(path.stem)])
    assert imported(path) <= above, f"{path.stem} imports {sorted(imported(path) - above)}"


@every_module
def test_a_module_says_its_job_in_its_first_line_and_stays_short(path):
    source = path.read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    assert first.endswith(".") and source.count("\n") <= 250


def test_the_receptive_field_needs_nothing_but_torch():
    """It can be lifted out into any project: no settings, no data, no third package."""
    reached, waiting = set(), ["receptive_field"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += sorted(imported(FOLDER / f"{name}.py") - reached)
    roots = {
        (node.module or "").split(".")[0]
        if isinstance(node, ast.ImportFrom)
        else node.names[0].name.split(".")[0]
        for name in reached
        for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert roots - set(sys.stdlib_module_names) == {"helpers", "torch"}
