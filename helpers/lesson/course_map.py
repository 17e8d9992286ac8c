"""The map of the course: what grew out of what, as published and as our recorded runs have it."""

from pathlib import Path

from helpers.errors import ResultsError
from helpers.figures.course import Box, course_map, lineage_map
from helpers.figures.style import Figure
from helpers.places import OUTPUTS
from helpers.results.course import ITERATIONS, LINEAGES, TITLES, Iteration
from helpers.results.runs import recorded
from helpers.results.statistics import mean_of
from helpers.results.targets import Target
from helpers.tables import Markdown, markdown_table


def show_course_map(target: Target, root: Path = OUTPUTS) -> Figure:
    """The lineages side by side, a box for every iteration; those that fit the target's limits are tinted."""
    lineages = {
        title: [
            Box(step.title, facts(step, root), step.change, step.fits(target), step.claims(target))
            for step in lineage
        ]
        for title, lineage in zip(TITLES, LINEAGES, strict=True)
    }
    return lineage_map(
        lineages,
        f"tinted: at most {target.max_params:,} parameters\nand {target.max_epochs} epochs\n"
        f"★ claims {target.min_accuracy:g} % too\n\npublished: best test epoch, %\n"
        "ours: last epoch, mean ± SD of\nthe recorded seeds, %",
    )


def show_course_by_size(target: Target) -> Figure:
    """Best published accuracy by parameters, with arrows along each lineage and the corner that a target asks for.

    Iterations without a clear published best are left out.
    """
    lineages = [
        [(step.number, step.parameters, step.best) for step in lineage if step.best is not None]
        for lineage in LINEAGES
    ]
    return course_map(lineages, target.max_params, target.min_accuracy)


def lineage_text(target: Target, root: Path = OUTPUTS) -> str:
    """The lineages from top to bottom, with what changed on the way; * marks those that claim all of the target."""
    lines = []
    for title, lineage in zip(TITLES, LINEAGES, strict=True):
        lines.append(title)
        for step in lineage:
            if step.change:
                lines.append(f"      ↓ {step.change}")
            star = "*" if step.claims(target) else " "
            cost, reached = facts(step, root)
            lines.append(f"  {step.title:<28}{star}  {cost:<32}{reached}")
        lines.append("")
    return "\n".join(lines[:-1])


def course_table(root: Path = OUTPUTS) -> Markdown:
    """The iterations as links to their notebooks, beside the last epochs of our recorded runs."""
    titles = ("iteration", "write-up", "parameters", "epochs", "published best", "our last epoch", "remark")
    return markdown_table(
        titles,
        [
            (
                f"[{step.title}]({step.notebook}.ipynb)",
                step.write_up or "ours",
                step.parameters,
                step.epochs,
                step.best_text,
                ours_of(step, root),
                step.remark,
            )
            for step in ITERATIONS
        ],
    )


def facts(iteration: Iteration, root: Path = OUTPUTS) -> tuple[str, str]:
    """What the map says of an iteration: its cost, and what it reached as published and with us."""
    cost = f"{iteration.parameters:,} parameters, {iteration.epochs} epochs"
    published = f"published {iteration.best_text}, " if iteration.published else ""
    return cost, f"{published}ours {ours_of(iteration, root)}"


def ours_of(iteration: Iteration, root: Path = OUTPUTS) -> str:
    """Mean last epoch (percent) of the runs under `root`, with its standard deviation where there are several.

    A dash where none is recorded.
    """
    try:
        mean = mean_of(recorded(iteration.notebook, root=root).last_accuracies)
    except ResultsError:
        return "-"
    return f"{mean.value:.2f}" + (f" ± {mean.sd:.2f}" if mean.n > 1 else "")
