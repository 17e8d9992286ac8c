"""Every notebook keeps to the skeleton of the course, its committed outputs are whole, its records are its own."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from helpers.lesson.changes import what_changed
from helpers.networks.gradient_check import check_by_gradients
from helpers.networks.parameters import count_parameters
from helpers.networks.receptive_field import receptive_field
from helpers.places import OUTPUTS, REPOSITORY, notebooks_in
from helpers.results.analysis import BROKEN, DECISION, MARKS
from helpers.results.course import LINEAGES
from helpers.results.store import find
from helpers.runs.definitions import Notebook, load_definitions

NOTEBOOKS = notebooks_in(REPOSITORY)
ITERATIONS = {name: path for name, path in NOTEBOOKS.items() if Notebook.read(path).is_iteration}
HEADINGS = [
    *("Target", "Parameters", "Setup", "Predict", "Data and augmentation", "Network", "Budget", "Train"),
    *("Result", "Analysis", "Exercises", "Summary"),
]
COMMON_PARAMETERS = {"profile": "fast", "dataset": "auto", "seed": 1, "device": "auto", "output": ""}
CHECKED = "nbval-check-output"
MOST_IMPORT_LINES, ALL_IMPORT_LINES = 12, 206  # of a notebook, and of all together
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)\)")

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS.values(), ids=str)
every_iteration = pytest.mark.parametrize("path", ITERATIONS.values(), ids=str)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tagged(path: Path, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in code_cells(path) if tag in cell.metadata.get("tags", [])]


def said(output: nbformat.NotebookNode) -> str:
    """All of an output but its pictures, whose encoding may hold any sequence of letters."""
    texts = {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}
    return json.dumps([texts, output.get("text"), output.get("metadata")])


def test_the_published_iterations_of_this_release_are_there():
    assert {"00_start_here", *ITERATIONS} <= set(NOTEBOOKS) and len(ITERATIONS) >= 4


@every_iteration
def test_the_headings_are_those_of_the_skeleton_in_order(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    assert re.match(r"# \d\d · ", text)


@every_iteration
def test_the_target_and_the_network_are_declared_before_training(path):
    sources = [cell.source for cell in code_cells(path)]
    training = next(index for index, source in enumerate(sources) if "lesson.train(" in source)
    for declaration in (
        "target = Target(",
        "prediction = Prediction(",
        "class Net(nn.Module)",
        "lesson.show_budget(",
    ):
        assert any(declaration in source for source in sources[:training]), declaration


@every_iteration
def test_every_notebook_takes_the_common_parameters(path):
    declared = {name: parameter.default for name, parameter in Notebook.read(path).parameters.items()}
    assert COMMON_PARAMETERS.items() <= declared.items()
    assert all(parameter.help for parameter in Notebook.read(path).parameters.values())


@every_iteration
def test_every_parameter_decides_something(path):
    """It is a setting of the run, or the network is built by it: either way the run's fingerprint knows."""
    (settings,), (network,) = tagged(path, "settings"), tagged(path, "network")
    for name in set(Notebook.read(path).parameters) - {"device", "output"}:
        used = re.search(rf"\b{name}={name}\b", settings.source) or re.search(rf"\b{name}\b", network.source)
        assert used, name


@every_iteration
def test_the_notebook_calls_itself_by_its_name_and_is_what_was_published(path):
    definitions = load_definitions(path)
    network, published = definitions.Net(), definitions.published
    assert definitions.notebook == path.stem
    field = receptive_field(network)
    assert field.logits.extents == check_by_gradients(network)
    if published is None:  # ours: it keeps to its own target
        assert count_parameters(network) <= definitions.target.max_params
        assert definitions.config.recipe.epochs <= definitions.target.max_epochs
        return
    assert count_parameters(network) == published.parameters
    assert definitions.config.recipe.epochs == published.epochs
    assert published.receptive_field in (None, field.at_logits)


@every_iteration
def test_every_notebook_owns_up_to_all_that_it_changed_and_to_nothing_else(path):
    definitions = load_definitions(path)
    before = {one.number: last.number for lineage in LINEAGES for last, one in pairwise(lineage)}
    cells = [cell for cell in code_cells(path) if "what_changed(" in cell.source]
    if path.stem[:2] not in before:
        assert definitions.predecessor is None and not definitions.changes and not cells
        return
    assert definitions.predecessor[:2] == before[path.stem[:2]]
    table = what_changed(path.stem, definitions.changes, definitions.predecessor)
    assert table.entries and table.unexplained == [] and table.unused == []
    assert [cell.source for cell in cells] == ["lesson.what_changed(notebook, changes, since=predecessor)"]
    (shown,) = cells[0].outputs
    assert CHECKED in cells[0].metadata.tags and shown["data"]["text/plain"] == repr(table)


@every_iteration
def test_a_run_is_quoted_in_four_ways_and_the_publication_judged_by_the_spread_of_ours(path):
    sources = [cell.source for cell in code_cells(path)]
    published = load_definitions(path).published is not None
    beside = "ReproductionTable(published, " if published else "SpreadTable(runs)"
    for table in ("RunsTable(record, run, runs)", beside):
        assert any(table in source for source in sources), table


@every_notebook
def test_every_checked_cell_has_a_count_and_an_output(path):
    checked = tagged(path, CHECKED)
    assert checked
    for cell in checked:
        assert cell.execution_count is not None and cell.outputs, cell.source[:60]


@every_notebook
def test_the_committed_outputs_are_those_of_a_whole_run_without_errors(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in code_cells(path) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


@every_notebook
def test_the_committed_outputs_hold_no_addresses_and_no_machine_paths(path):
    text = "".join(said(output) for cell in code_cells(path) for output in cell.outputs)
    assert text
    assert not re.search(r"0x[0-9a-f]{6,}", text)
    assert not re.search(r"/(home|Users|root|tmp|work)/", text)


@every_notebook
def test_links_lead_to_files_that_are_there(path):
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for link in LINK.findall(cell.source):
                assert link.startswith("http") or (path.parent / link).exists(), link


def import_lines(path: Path) -> int:
    """Lines of a notebook that import something, wherever they stand."""
    imports = (
        node
        for cell in code_cells(path)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    return sum(node.end_lineno - node.lineno + 1 for node in imports)


@every_notebook
def test_a_notebook_begins_with_a_handful_of_names(path):
    """Catches a page that reaches into the house instead of calling at its face."""
    assert import_lines(path) <= MOST_IMPORT_LINES


def test_all_notebooks_together_import_little():
    assert sum(map(import_lines, NOTEBOOKS.values())) <= ALL_IMPORT_LINES


@every_notebook
def test_cells_are_short(path):
    for cell in code_cells(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        longer = {"network": 60, "analysis": 60, "target": 40}  # the last is a list
        limits = [longer[tag] for tag in cell.metadata.get("tags", []) if tag in longer]
        assert len(lines) <= max(limits, default=30), cell.source[:60]


@every_iteration
def test_every_exercise_has_two_hints_and_a_solution(path):
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    checks = sum("check(" in cell.source for cell in code_cells(path)[1:])
    assert checks >= 2
    for kind in ("Hint 1", "Hint 2", "Solution"):
        assert text.count(f"<summary>{kind}</summary>") >= checks, kind


@every_iteration
def test_the_records_of_the_declared_recipe_still_match_the_notebook(path):
    records, left_out = find(OUTPUTS, path.stem, "full")
    assert records and not left_out
    for record in records:
        fresh = load_definitions(path, {"profile": "full", "seed": record.seed})
        assert record.fingerprint == fresh.fingerprint("mnist"), f"seed {record.seed} is stale"
        assert record.target == fresh.target
        assert (record.dataset, record.complete) == ("mnist", True)


@every_iteration
def test_the_analysis_draws_only_conclusions_that_hold_and_ends_in_one_decision(path):
    """nbval draws them anew from the committed records; here, what is committed must not own up to a broken one."""
    (analysis,) = tagged(path, "analysis")
    assert CHECKED in analysis.metadata.tags
    lines = analysis.outputs[-1]["data"]["text/plain"].splitlines()
    assert BROKEN not in "".join(lines)
    decisions = [line for line in lines if line.startswith(DECISION)]
    assert decisions == lines[-1:] and any(line.startswith(MARKS["supported"]) for line in lines)
