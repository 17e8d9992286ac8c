"""The code keeps the shape that helpers/__init__.py draws."""

import ast
import re
import shutil
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import helpers

FOLDER = Path(helpers.__file__).parent
GROUND = "ground"  # its modules count as one room
MOST_NAMES = 16  # on the top floor, without __init__
LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines
UNCOMMENTED = 25  # lines of code that a procedure may have without a comment


def floors(picture: str) -> list[list[str]]:
    """The names on each floor, from the top down."""
    blocks = re.split(r"\n\n", picture)
    named = [re.findall(r"^    (\w+(?:, \w+)*) {2,}\S", block, flags=re.MULTILINE) for block in blocks]
    return [[name for line in lines for name in line.split(", ")] for lines in named if lines]


FLOORS = floors(helpers.__doc__)


def modules(folder: Path) -> dict[str, Path]:
    """Every module by its dotted name, without `helpers.`: `networks.tracing`; a room's face by the room's name."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The helpers that a module imports, anywhere in it: modules where it names them, else their rooms."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            candidates = [f"{base}.{alias.name}" for alias in node.names]
            names |= {full if full.removeprefix("helpers.") in known else base for full in candidates}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("helpers.") for name in names if name.startswith("helpers.")}


def room(module: str) -> str:
    top = module.partition(".")[0]
    return GROUND if top in FLOORS[-1] else top


def forbidden(folder: Path) -> list[str]:
    """Imports that go upward, sideways or in a circle, one line each."""
    known = modules(folder)
    height = {name: level for level, names in enumerate(reversed(FLOORS)) for name in names}
    wrong, inside = [], {}
    for module, path in known.items():
        for other in imported(path, known):
            if room(module) == room(other):
                inside.setdefault(room(module), {}).setdefault(module, set()).add(other)
            elif height[other.partition(".")[0]] >= height[module.partition(".")[0]]:
                wrong.append(f"{module} imports {other}")
    for graph in inside.values():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as circle:
            wrong.append(f"circle: {' -> '.join(circle.args[1])}")
    return wrong


MODULES = modules(FOLDER)
every_module = pytest.mark.parametrize("module", MODULES)


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def test_the_picture_names_every_room_once_and_is_seen_at_a_glance():
    """Catches a room that the picture does not show, and one that is gone."""
    shown = [name for floor in FLOORS for name in floor]
    assert sorted(shown) == sorted({module.partition(".")[0] for module in MODULES})
    assert len(shown) <= MOST_NAMES and helpers.__doc__.count("\n") <= 25


def test_imports_run_downward_only_and_never_in_a_circle():
    assert forbidden(FOLDER) == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("networks/tracing.py", "from helpers.runs.plan import plan", "networks.tracing imports runs.plan"),
        ("training/kernels/ops.py", "import helpers.lesson", "training.kernels.ops imports lesson"),
        ("search/study.py", "from helpers.bench import work", "search.study imports bench.work"),
        ("settings.py", "from helpers.results import record", "settings imports results.record"),
        ("data/augmentation.py", "from helpers.data.splits import Split", "circle: "),
    ],
)
def test_a_planted_import_in_the_wrong_direction_is_found(tmp_path, file, line, complaint):
    """Catches a check that looks at no file at all, as one does that forgets the rooms."""
    copy = tmp_path / "helpers"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    planted = copy / file
    planted.write_text(f"{planted.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")

    (found,) = forbidden(copy)
    assert found.startswith(complaint)


@every_module
def test_a_module_says_its_job_in_its_first_line_and_is_cut_by_idea(module):
    """Catches a file without a first sentence, and one that has grown beyond what is read at a time."""
    first = (ast.get_docstring(tree(module)) or "\n").splitlines()[0]
    assert (
        first.endswith((".", ":")) and MODULES[module].read_text(encoding="utf-8").count("\n") <= LONGEST_FILE
    )


@every_module
def test_functions_are_short_and_long_procedures_have_comments_at_their_stages(module):
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef):
            text = ast.get_docstring(node) is not None
            code = lines[(node.body[0].end_lineno if text else node.lineno) : node.end_lineno]
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name
            commented = any(re.match(r" *# ", line) for line in code)
            assert len(code) <= UNCOMMENTED or commented, f"{node.name}: {len(code)} lines without a comment"


@pytest.mark.parametrize("package", sorted(name for name, path in MODULES.items() if path.stem == "__init__"))
def test_only_the_face_for_notebooks_hands_names_on(package):
    """Catches a second face: a room whose `__init__` imports would make `workbook --help` wait for torch."""
    statements = tree(package).body
    assert package == "lesson" or len(statements) == 1


def needed(module: str) -> set[str]:
    """The packages that a module imports, by itself and by way of other helpers."""
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += sorted(imported(MODULES[name], MODULES) - reached)
    roots = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for name in reached
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return {root.partition(".")[0] for root in roots} - set(sys.stdlib_module_names)


def test_the_receptive_field_needs_nothing_but_torch():
    """It can be lifted out into any project: no settings, no data, no third package."""
    assert needed("networks.receptive_field") == {"helpers", "torch"}


@pytest.mark.parametrize("module", ["scoreboard.report", "bench.crew", "bench.record"])
def test_reports_and_measurements_need_no_pictures(module):
    """Catches a table that cannot be had where nothing can be drawn; pictures are modules of their own."""
    assert not needed(module) & {"matplotlib", "IPython"}
