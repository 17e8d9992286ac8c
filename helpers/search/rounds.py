"""Carrying out a declared search: round by round, the better candidates go on, every trial is kept as it ends."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from helpers.data.mnist import find
from helpers.data.splits import load_data
from helpers.errors import NetworkError, StudyError, TrainingDiverged
from helpers.networks.tracing import check_network
from helpers.places import REPOSITORY
from helpers.results.store import write_whole
from helpers.runs import session
from helpers.runs.definitions import load_definitions
from helpers.runs.execution import Outcome, in_one_line, is_finished, locked, work
from helpers.runs.pool import execute
from helpers.search.study import DIVERGED, Candidate, Standing, Study, Trial, candidates, standings, trials
from helpers.training.loop import train


def search(
    study: Study,
    *,
    profile: str = "full",
    dataset: str = "auto",
    workers: int | None = None,
    report: Callable[[str], None] = lambda line: None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    root: Path = REPOSITORY,
) -> list[Standing]:
    """Make the trials of a study that are not there yet, `workers` at a time, and rank its candidates.

    A candidate that fails a trial (its loss became infinite) ranks behind all that did not.

    Args:
        report: is told in a line which data set is used, and where the search is.
        watch: is told of each trial as it ends.

    Raises:
        StudyError, DefinitionsError, DataError, ResultsError: before anything is trained, for a study, a data set or
            a folder that cannot be used.
        StudyError: after a round some of whose trials were not made, for then nothing can be ranked.
        KeyboardInterrupt: once all that was running has ended; finished trials stay, and are skipped next time.
    """
    # Refuse now what could not be trained later.
    source = find(dataset)
    if source.remark:
        report(source.remark)
    remaining = candidates(study, profile=profile, dataset=source.name, root=root)
    _try_out(study, remaining)
    for number, count in enumerate(study.trials):
        # A round: the trials that are missing of the candidates that remain ...
        numbers = range(study.first_seed, study.first_seed + count)
        asked = [trial for candidate in remaining for trial in trials(candidate, numbers, study, root)]
        due = [trial for trial in asked if not trial.finished]
        report(
            f"round {number + 1} of {len(study.trials)}: {len(remaining)} candidates, {count} trials of each; "
            f"{len(asked) - len(due)} of {len(asked)} were made before"
        )
        _raise_if_lost(execute(due, workers, partial(work, run=train_trial), watch))
        # ... and the best of them go on.
        ranked = standings(study, remaining, count, root)
        if number < len(study.keep):
            remaining = [standing.candidate for standing in ranked[: study.keep[number]]]
    return ranked


def _try_out(study: Study, found: Sequence[Candidate]) -> None:
    """Raise now what trials would raise about their networks or their split."""
    for candidate in found:
        try:
            check_network(candidate.definitions.Net(), candidate.definitions.config.logits)
        except NetworkError as error:
            raise StudyError(f"{candidate}: {error}") from None
    config = found[0].definitions.config
    load_data(config.model_copy(update={"validation_images": study.validation_images}))


def _raise_if_lost(outcomes: Sequence[Outcome]) -> None:
    """Of trials that ended with neither a record nor an infinite loss: a process that was killed, a full disk."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    lost = [outcome for outcome in failed if not (outcome.job.folder / DIVERGED).is_file()]
    if lost:
        raise StudyError(f"{len(lost)} trials were not made, so nothing is ranked; try again ({lost[0]})")


def train_trial(trial: Trial) -> Outcome:
    """Train and judge a candidate on its split, and keep the record; not where another process does just that."""
    return locked(trial, _train_alone)


def _train_alone(trial: Trial) -> Outcome:
    if is_finished(trial.folder, trial.fingerprint) or (trial.folder / DIVERGED).is_file():
        return Outcome(trial, "skipped")  # another search asked for it, too, and has just made it
    started, problem = time.perf_counter(), ""
    definitions = load_definitions(trial.source, trial.parameters)
    split = {"split_seed": trial.seed, "validation_images": trial.validation_images}
    config = definitions.config.model_copy(update=split)
    run = session.prepare(definitions.notebook, config, definitions.target, output=trial.folder)
    network = session.build(definitions.Net, run)
    try:
        session.finish(network, train(network, run.data, run.config), run)
    except TrainingDiverged as error:
        problem = in_one_line(type(error).__name__, str(error))
        write_whole(trial.folder / DIVERGED, f"{problem}\n".encode())
    return Outcome(trial, "failed" if problem else "done", time.perf_counter() - started, problem)
