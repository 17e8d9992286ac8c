"""The course as it is written down: every notebook is what the map says it is."""

from functools import cache
from itertools import pairwise

import nbformat
import pytest

from helpers.networks.parameters import count_parameters
from helpers.places import NOTEBOOKS
from helpers.results.course import ITERATIONS, LINEAGES, Iteration
from helpers.results.targets import Target
from helpers.runs.definitions import load_definitions

BRIEF = Target(max_params=8_000, max_epochs=15, min_accuracy=99.40, last_n=3)

every_iteration = pytest.mark.parametrize("iteration", ITERATIONS, ids=lambda iteration: iteration.notebook)


def path_of(iteration):
    return NOTEBOOKS / f"{iteration.notebook}.ipynb"


@cache
def definitions_of(iteration):
    return load_definitions(path_of(iteration))


def before(iteration):
    """The notebook that an iteration grew out of, by the map; None for the first of a lineage."""
    steps = {after: earlier.notebook for lineage in LINEAGES for earlier, after in pairwise(lineage)}
    return steps.get(iteration)


def test_the_map_counts_fourteen_published_iterations_and_two_of_ours_in_order():
    """Catches an iteration that is missing, out of order, or passed off as published."""
    assert [iteration.number for iteration in ITERATIONS] == [f"{number:02}" for number in range(1, 17)]
    assert [iteration.number for iteration in ITERATIONS if not iteration.published] == ["15", "16"]


@every_iteration
def test_every_iteration_has_its_notebook_under_its_title(iteration):
    """Catches a notebook that is missing, or whose heading has another number or name than the map."""
    first = nbformat.read(path_of(iteration), as_version=4).cells[0].source.splitlines()[0]
    assert first == f"# {iteration.number} · {iteration.name.capitalize()}"


@every_iteration
def test_a_change_is_on_the_map_exactly_where_the_notebook_declares_a_predecessor(iteration):
    """Catches a notebook that grew out of another one than the map says, or a change told on one side."""
    definitions = definitions_of(iteration)
    assert definitions.predecessor == before(iteration)
    assert bool(definitions.changes) == bool(iteration.change) == (before(iteration) is not None)


@every_iteration
def test_the_map_says_of_every_iteration_what_its_notebook_says(iteration):
    """Catches parameters, epochs or a best accuracy on the map that are not those of the notebook."""
    definitions = definitions_of(iteration)
    assert iteration.parameters == count_parameters(definitions.Net())
    assert iteration.epochs == definitions.config.recipe.epochs
    assert iteration.published == (definitions.published is not None)
    if iteration.published:
        assert iteration.best in (None, definitions.published.best)
        assert iteration.write_up in definitions.published.source


@pytest.mark.parametrize(
    ("parameters", "epochs", "best", "fits", "claims"),
    [
        (8_000, 15, 99.40, True, True),
        (8_001, 15, 99.40, False, False),
        (8_000, 16, 99.40, False, False),
        (8_000, 15, 99.39, True, False),
        (8_000, 15, None, True, False),
    ],
)
def test_an_iteration_claims_the_target_only_with_all_of_it(parameters, epochs, best, fits, claims):
    """Catches limits that refuse exactly 8,000 parameters or 15 epochs; a claim without any accuracy."""
    iteration = Iteration("01", "made up", "000", parameters, epochs, best)
    assert (iteration.fits(BRIEF), iteration.claims(BRIEF)) == (fits, claims)
