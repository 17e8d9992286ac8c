"""The face of the house: what notebooks import from `helpers.lesson`, and nothing that few of them use."""

import ast
from collections import Counter

import nbformat
import pytest

from helpers import lesson
from helpers.places import NOTEBOOKS, notebooks_in

OFTEN = 8  # notebooks that use a name for it to be on the face


def used(source: str) -> set[str]:
    """The names of the helpers that a notebook's code uses: imported ones, and those called as `lesson.name`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
            names |= {alias.name for alias in node.names}
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "lesson"
        ):
            names.add(node.attr)
    return names


def code(name: str) -> str:
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


COUNTS = Counter(name for notebook in notebooks_in() for name in used(code(notebook)))


def test_the_face_offers_just_what_many_notebooks_use():
    """Catches a name that was put there for one notebook, and one that many import from elsewhere."""
    assert sorted(lesson.__all__) == sorted(name for name, count in COUNTS.items() if count >= OFTEN)


@pytest.mark.parametrize("name", lesson.__all__)
def test_what_the_face_offers_is_there_and_says_what_it_is_for(name):
    """Catches a name whose home has moved, and a function without a docstring for JupyterLab to show."""
    offered = getattr(lesson, name)
    assert isinstance(offered, int) or offered.__doc__
