"""The `workbook` command: run notebooks, list them, search, measure, report what was reached."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from helpers import places
from helpers.errors import WorkbookError

PROFILE_NAMES = ["fast", "full"]  # written out, for settings take longer to import than help to read
INTERRUPTED = 130  # the usual status after Ctrl-C


class Seeds(click.ParamType):
    """Seeds as `1-3`, `1,2,5` or both together."""

    name = "seeds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        seeds: list[int] = []
        for part in str(value).split(","):
            match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip(), re.ASCII)
            span = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
            if not span:
                self.fail(f"{value!r} is not like 1-3 or 1,2,5", param, ctx)
            seeds += span
        return seeds


class Setting(click.ParamType):
    """A parameter of a notebook and its value, as text."""

    name = "name=value"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not (name.isidentifier() and equals):
            self.fail(f"{value!r} is not like name=value", param, ctx)
        return name, text


dataset_option = click.option(
    "--dataset", type=click.Choice(["auto", "mnist", "digits"]), default="auto", show_default=True
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The workbook on small convolutional networks, from the command line."""


@cli.command("run")
@click.argument("notebooks", nargs=-1)
@click.option("--profile", type=click.Choice(PROFILE_NAMES), default="fast", show_default=True)
@click.option("--seeds", type=Seeds(), default="1", show_default=True, help="As 1-3 or 1,2,5.")
@dataset_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Runs at a time.  [default: one for each core, at most 4]",
)
@click.option("-p", "settings", type=Setting(), multiple=True, help="Change a parameter of the notebooks.")
@click.option("--force", is_flag=True, help="Repeat what is finished.")
def run_command(
    notebooks: Sequence[str],
    profile: str,
    seeds: list[int],
    dataset: str,
    workers: int | None,
    settings: Sequence[tuple[str, str]],
    force: bool,
) -> int:
    """Run NOTEBOOKS (names or their numbers; none: all) and keep what they reach under outputs/.

    Finished runs are skipped. A notebook that fails is saved with its error as failed.ipynb, and the others go
    on.
    """
    from helpers.runs.plan import plan  # here, for torch takes seconds and --help needs none
    from helpers.runs.pool import OutcomeTable, default_workers, execute

    started = time.perf_counter()
    jobs, remark = plan(
        notebooks,
        profile=profile,
        seeds=seeds,
        dataset=dataset,
        parameters=dict(settings),
        force=force,
        root=places.REPOSITORY,
    )
    due, most = sum(not job.finished for job in jobs), workers or default_workers()
    if remark:
        click.echo(remark)
    click.echo(f"{due} of {len(jobs)} runs to be made, at most {most} at a time")
    with _counted("run", len(jobs)) as (_, count):
        outcomes = execute(jobs, workers, watch=count)
    table = OutcomeTable(tuple(outcomes), time.perf_counter() - started)
    click.echo(f"\n{table!r}")
    return 1 if table.failed else 0


@cli.command("list")
def list_command() -> None:
    """The notebooks, their targets, and the parameters that -p can change."""
    from helpers.runs.definitions import Notebook

    for name, path in places.notebooks_in(places.REPOSITORY).items():
        notebook = Notebook.read(path)
        click.echo(name)
        if notebook.is_iteration:
            click.echo(f"  {notebook.definitions().target}")
        for parameter in notebook.parameters.values():
            click.echo(f"  {parameter}")


@cli.command("search")
@click.argument("study", required=False)
@click.option("--profile", type=click.Choice(PROFILE_NAMES), default="full", show_default=True)
@dataset_option
@click.option(
    "--workers", type=click.IntRange(min=1), help="Trials at a time.  [default: one for each core, at most 4]"
)
def search_command(study: str | None, profile: str, dataset: str, workers: int | None) -> None:
    """Make the trials of a declared STUDY on validation splits, and rank its candidates (none: list the studies).

    The test set stays closed. Finished trials are skipped; every one is kept as it ends.
    """
    from helpers.search.rounds import search
    from helpers.search.study import read_study, studies_in
    from helpers.search.tables import StudyTable

    if study is None:
        for name in studies_in(places.REPOSITORY):
            click.echo(f"{name}: {read_study(name, places.REPOSITORY).question}")
        return
    asked = read_study(study, places.REPOSITORY)
    with _counted("trial") as (say, count):
        found = search(
            asked,
            profile=profile,
            dataset=dataset,
            workers=workers,
            report=say,
            watch=count,
            root=places.REPOSITORY,
        )
    click.echo(f"\n{StudyTable(found)!r}")


@cli.command("bench")
@click.argument("notebooks", nargs=-1)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Measured at a time; a multiple of 4.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True, help="Of every way.")
@dataset_option
def bench_command(notebooks: Sequence[str], steps: int, repeats: int, dataset: str) -> None:
    """Measure how much faster NOTEBOOKS (names or their numbers; none: all) train than the usual way.

    The usual way is torchvision transforms, a DataLoader and plain PyTorch. Run it beside nothing else.
    """
    from helpers.bench.crew import bench
    from helpers.bench.picture import write_picture
    from helpers.bench.record import BenchTable

    benches = bench(
        notebooks, steps=steps, repeats=repeats, dataset=dataset, root=places.REPOSITORY, report=click.echo
    )
    for record, path in benches:
        picture = write_picture(path.parent, record)
        click.echo(f"\n{BenchTable(record)!r}\nwritten: {path}, and beside it {picture.name}\n")


@cli.command("report")
def report_command() -> None:
    """Write the scoreboard of all recorded full runs: outputs/scoreboard.json, .md and .png.

    It trains nothing, says which records were left out and why, and can be repeated at any time, also while
    runs are under way.
    """
    from helpers.scoreboard.picture import write_picture
    from helpers.scoreboard.report import report
    from helpers.scoreboard.tables import ExperimentTable, ScoreTable, StepTable

    board, paths = report(places.REPOSITORY)
    paths.append(write_picture(board, places.REPOSITORY))
    for table in (ScoreTable(board), StepTable(board.steps), ExperimentTable(board.experiments)):
        click.echo(f"{table!r}\n")
    for line in board.left_out:
        click.echo(f"left out: {line}")
    for line in board.remarks:
        click.echo(f"remark: {line}")
    click.echo(f"written: {', '.join(os.path.relpath(path) for path in paths)}")


Say = Callable[[object], None]


@contextmanager
def _counted(unit: str, total: int | None = None) -> Iterator[tuple[Say, Say]]:
    """Two functions: one says a line, the other an outcome, which it also counts.

    Where there is a terminal, a bar below the lines shows the count.
    """
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, disable=None) as bar:

        def say(line: object) -> None:
            with bar.external_write_mode():
                click.echo(line)

        def count(outcome: object) -> None:
            say(outcome)
            bar.update()

        yield say, count


def main() -> None:
    """Run the command; a mistake in its use is one line on stderr and an exit status that is not 0."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: as after Ctrl-C
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except WorkbookError as error:  # which says in one line what is wrong
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted: what is finished stays, and is skipped next time.", err=True)
        sys.exit(INTERRUPTED)
