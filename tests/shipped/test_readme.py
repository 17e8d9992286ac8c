"""What the README says is so: its numbers are those of the records, its links and commands are there."""

import re
from pathlib import Path

from helpers.bench.record import BenchRecord, load_bench
from helpers.networks.parameters import count_parameters
from helpers.networks.receptive_field import receptive_field
from helpers.places import REPOSITORY, notebooks_in
from helpers.results.statistics import welch
from helpers.results.store import read_equivalence
from helpers.runs.definitions import Notebook, load_definitions

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def notebook_row(path: Path) -> str:
    """Parameters and receptive field of a notebook, and what it retraces."""
    definitions = load_definitions(path)
    network, published = definitions.Net(), definitions.published
    numbers = f"{count_parameters(network):,} | {receptive_field(network).at_logits}"
    source = published.source.replace("model V", "V") if published else "ours"
    return f"(notebooks/{path.name}) | {numbers} | {', '.join(source.split(', ')[:2])} |"


def test_the_table_of_notebooks_is_that_of_their_networks():
    rows = [
        notebook_row(path) for path in notebooks_in(REPOSITORY).values() if Notebook.read(path).is_iteration
    ]
    assert rows
    for row in rows:
        assert row in README, f"the README should say\n{row}"


def speed_row(record: BenchRecord) -> str:
    """Notebook, seconds an epoch: usual, ours, ours side by side per run; times faster; times the floor."""
    seconds = [way.seconds["total"] for way in record.ways.values()]
    cells = (
        record.notebook[:2],
        *(f"{value:.1f}" for value in seconds),
        f"{record.ratios['side by side']:.1f}",
        f"{record.floor['seconds']:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def test_the_times_are_those_of_the_benches():
    records = [load_bench(path) for path in sorted((REPOSITORY / "outputs" / "bench").glob("[0-9]*.json"))]
    assert records
    for record in records:
        assert speed_row(record) in README, f"the README should say\n{speed_row(record)}"


def test_the_quick_way_is_shown_to_be_as_accurate():
    """The recorded last epochs of twenty seeds, trained before and after the kernels came."""
    before, after, margin = read_equivalence()
    assert min(len(before), len(after)) >= 10
    difference = welch(after, before)
    assert difference.interval.within(margin)
    sentence = f"{difference.interval.low:+.3f} to {difference.interval.high:+.3f}"
    assert sentence in README, f"the README should say {sentence}"


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
