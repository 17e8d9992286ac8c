"""The `workbook` command: run notebooks, list them, search, measure, report what was reached."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from helpers.errors import WorkbookError
from helpers.settings import PROFILES

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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The workbook on small convolutional networks, from the command line."""


@cli.command("run")
@click.argument("notebooks", nargs=-1)
@click.option("--profile", type=click.Choice(list(PROFILES)), default="fast", show_default=True)
@click.option("--seeds", type=Seeds(), default="1", show_default=True, help="As 1-3 or 1,2,5.")
@click.option("--dataset", type=click.Choice(["auto", "mnist", "digits"]), default="auto", show_default=True)
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
    from helpers.places import REPOSITORY
    from helpers.runs.plan import plan  # here, for torch takes seconds and --help needs none
    from helpers.runs.pool import OutcomeTable, default_workers, execute

    started = time.perf_counter()
    with _mistakes():
        jobs, remark = plan(
            notebooks,
            profile=profile,
            seeds=seeds,
            dataset=dataset,
            parameters=dict(settings),
            force=force,
            root=REPOSITORY,
        )
        due, most = sum(not job.finished for job in jobs), workers or default_workers()
        _say(remark, f"{due} of {len(jobs)} runs to be made, at most {most} at a time")
        with _watched("run", len(jobs)) as watch:
            outcomes = execute(jobs, workers, watch=watch)
    table = OutcomeTable(tuple(outcomes), time.perf_counter() - started)
    click.echo(f"\n{table!r}")
    return 1 if table.failed else 0


@cli.command("list")
def list_command() -> None:
    """The notebooks, their targets, and the parameters that -p can change."""
    from helpers.places import REPOSITORY, notebooks_in
    from helpers.runs.definitions import Notebook

    with _mistakes():
        for name, path in notebooks_in(REPOSITORY).items():
            notebook = Notebook.read(path)
            click.echo(name)
            if notebook.is_iteration:
                click.echo(f"  {notebook.definitions().target}")
            for parameter in notebook.parameters.values():
                click.echo(f"  {parameter}")


@cli.command("search")
@click.argument("study", required=False)
@click.option("--profile", type=click.Choice(list(PROFILES)), default="full", show_default=True)
@click.option("--dataset", type=click.Choice(["auto", "mnist", "digits"]), default="auto", show_default=True)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Trials at a time.  [default: one for each core, at most 4]"
)
def search_command(study: str | None, profile: str, dataset: str, workers: int | None) -> None:
    """Make the trials of a declared STUDY on validation splits, and rank its candidates (none: list the studies).

    The test set stays closed. Finished trials are skipped; every one is kept as it ends.
    """
    from helpers.places import REPOSITORY
    from helpers.search.rounds import search
    from helpers.search.study import read_study, studies_in
    from helpers.search.tables import StudyTable

    with _mistakes():
        if study is None:
            for name in studies_in(REPOSITORY):
                click.echo(f"{name}: {read_study(name, REPOSITORY).question}")
            return
        asked = read_study(study, REPOSITORY)
        with _watched("trial") as watch:
            found = search(
                asked,
                profile=profile,
                dataset=dataset,
                workers=workers,
                report=_say,
                watch=watch,
                root=REPOSITORY,
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
@click.option("--dataset", type=click.Choice(["auto", "mnist", "digits"]), default="auto", show_default=True)
def bench_command(notebooks: Sequence[str], steps: int, repeats: int, dataset: str) -> None:
    """Measure how much faster NOTEBOOKS (names or their numbers; none: all) train than the usual way.

    The usual way is torchvision transforms, a DataLoader and plain PyTorch. Run it beside nothing else.
    """
    from helpers.bench.crew import bench
    from helpers.bench.picture import write_picture
    from helpers.bench.record import BenchTable
    from helpers.places import REPOSITORY

    with _mistakes():
        benches = bench(
            notebooks, steps=steps, repeats=repeats, dataset=dataset, root=REPOSITORY, report=click.echo
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
    from helpers.places import REPOSITORY
    from helpers.scoreboard.picture import write_picture
    from helpers.scoreboard.report import report
    from helpers.scoreboard.tables import ExperimentTable, ScoreTable, StepTable

    with _mistakes():
        board, paths = report(REPOSITORY)
        paths.append(write_picture(board, REPOSITORY))
    for table in (ScoreTable(board), StepTable(board.steps), ExperimentTable(board.experiments)):
        click.echo(f"{table!r}\n")
    for line in board.left_out:
        click.echo(f"left out: {line}")
    for line in board.remarks:
        click.echo(f"remark: {line}")
    click.echo(f"written: {', '.join(os.path.relpath(path) for path in paths)}")


def _say(*lines: str) -> None:
    """Lines for the reader, without those that say nothing."""
    for line in filter(None, lines):
        click.echo(line)


@contextmanager
def _watched(unit: str, total: int | None = None) -> Iterator[Callable[[object], None]]:
    """What says each outcome in a line as it comes, above a bar that counts them, where there is a terminal."""
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, disable=None) as bar:

        def watch(outcome: object) -> None:
            with bar.external_write_mode():
                click.echo(outcome)
            bar.update()

        yield watch


@contextmanager
def _mistakes() -> Iterator[None]:
    """A mistake of the user, which the helpers tell in one line, without a traceback."""
    try:
        yield
    except WorkbookError as error:
        raise click.ClickException(str(error)) from error


def main() -> None:
    """Run the command; a mistake in its use is one line on stderr and an exit status that is not 0."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended from outside: as after Ctrl-C
    try:
        sys.exit(cli(standalone_mode=False))
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted: what is finished stays, and is skipped next time.", err=True)
        sys.exit(INTERRUPTED)
