"""What the README says is so: its numbers are those of the records, its links and commands are there."""

import re
from pathlib import Path

from helpers.analysis import recorded
from helpers.definitions import load_definitions, tags
from helpers.planning import notebooks_in
from helpers.record import REPOSITORY
from helpers.targets import judge_recipe

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def results_row(path: Path) -> str:
    """Notebook, seeds, last epochs, best epochs, published last and best, verdict of the recipe."""
    runs, definitions = recorded(path.stem), load_definitions(path)
    claim, target = definitions.published, definitions.target
    verdict = judge_recipe(target, runs.statistic(target.last_n))
    cells = (
        path.stem[:2],
        str(len(runs)),
        ", ".join(f"{value:.2f}" for value in runs.last),
        ", ".join(f"{value:.2f}" for value in runs.best),
        f"{claim.last:.2f} / {claim.best:.2f}" if claim.last else f"- / {claim.best:.2f}",
        f"{target.min_accuracy:.2f}: {verdict.outcome}",
    )
    return f"| {' | '.join(cells)} |"


def test_the_results_are_those_of_the_records():
    rows = [results_row(path) for path in notebooks_in(REPOSITORY).values() if "network" in tags(path)]
    assert rows
    for row in rows:
        assert row in README, f"the README should say\n{row}"


def test_every_notebook_is_listed_and_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert {f"notebooks/{name}.ipynb" for name in notebooks_in(REPOSITORY)} <= set(links)
    for link in links:
        assert link.startswith("http") or (REPOSITORY / link).exists(), link


def test_its_commands_are_targets_of_the_makefile():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make (\w+)", README)) - {"and"}:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_it_stays_under_150_lines():
    assert README.count("\n") < 150
