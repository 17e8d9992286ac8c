"""The scoreboard as files: plain data, and a page of Markdown that shows the picture beside it."""

import json
from dataclasses import fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from helpers.places import REPOSITORY
from helpers.results.statistics import Difference, Mean
from helpers.results.store import write_whole
from helpers.scoreboard.board import Claim, Scoreboard, scoreboard
from helpers.scoreboard.tables import ExperimentTable, ScoreTable, StepTable
from helpers.tables import Table, markdown_list, markdown_table

NAME = "scoreboard"
SCHEMA = 1
# Names of fields in the file, where programs that read it rely on others than ours
IN_THE_FILE = {Mean: {"value": "mean"}, Difference: {"value": "difference"}, Claim: {"position": "lies"}}


def report(root: Path = REPOSITORY) -> tuple[Scoreboard, list[Path]]:
    """Write root/outputs/scoreboard.json and .md, each whole or not at all, from the records beside them.

    Raises:
        PlanError: where there are no notebooks.
        ResultsError: where the folder cannot be written.
    """
    board, outputs = scoreboard(root), root / "outputs"
    contents = {
        "json": json.dumps(to_dict(board), indent=1, allow_nan=False, ensure_ascii=False) + "\n",
        "md": to_markdown(board),
    }
    return board, [write_whole(outputs / f"{NAME}.{kind}", text.encode()) for kind, text in contents.items()]


def to_markdown(board: Scoreboard) -> str:
    """The whole scoreboard as a page; links and the picture lie relative to outputs/."""
    sections = [
        "# Scoreboard\n\nWritten by `workbook report` from the records in this folder; "
        "[the notebook](../notebooks/scoreboard.ipynb) explains how to read it.",
        f"![Accuracy of every recipe, sorted by parameters]({NAME}.png)",
        f"## Recipes\n\n{_page(ScoreTable(board), link=True)}",
        f"## Steps\n\n{_page(StepTable(board.steps))}",
        f"## Experiments\n\n{_page(ExperimentTable(board.experiments), link=True)}",
        f"## Left out\n\n{markdown_list(board.left_out) or 'Nothing.'}",
    ]
    if board.remarks:
        sections.append(f"## Remarks\n\n{markdown_list(board.remarks)}")
    return "\n\n".join(sections) + "\n"


def to_dict(board: Scoreboard) -> dict[str, Any]:
    """Plain data for reports from outside; None where there is no number. Accuracies in percent."""
    return {
        "schema": SCHEMA,
        "rows": [_plain(row) for row in board.rows],
        "steps": [_plain(step) for step in board.steps],
        "experiments": [
            {"label": experiment.label, "dataset": experiment.dataset}
            | _plain(experiment.row)
            | {"against_declared": _plain(experiment.against)}
            for experiment in board.experiments
        ],
        "left_out": board.left_out,
        "remarks": board.remarks,
    }


def _plain(value: Any) -> Any:
    """Nested plain data with None for what is no finite number, and floats without the last bits of rounding."""
    if is_dataclass(value):
        names = IN_THE_FILE.get(type(value), {})
        return {
            names.get(field.name, field.name): _plain(getattr(value, field.name)) for field in fields(value)
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.10g}") if isfinite(value) else None
    return value


def _page(table: Table, link: bool = False) -> str:
    """A table and its notes as Markdown; with `link`, its first column leads to notebooks."""
    rows = [
        (f"[{first}](../notebooks/{first}.ipynb)" if link else first, *others)
        for first, *others in table.cells()
    ]
    return f"{markdown_table(table.header, rows)}\n\n{markdown_list(table.notes())}"
