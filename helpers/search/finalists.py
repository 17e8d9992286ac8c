"""What several searches together say of their candidates: who leads, who was chosen, and what fresh trials say."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from helpers.search.study import Standing, Study


class Finalist(NamedTuple):
    """A candidate that was chosen after the first round of a study; mean accuracies in percent."""

    name: str
    chosen_by: float  # over the trials of the first round
    fresh: float  # over the trials that came after


def standing_of(ranked: Sequence[Standing], **settings: Any) -> Standing:
    """The candidate of a study with just these settings of its grid.

    Raises:
        LookupError: where there is none.
    """
    for standing in ranked:
        if standing.candidate.settings == settings:
            return standing
    raise LookupError(f"no candidate of the study has just the settings {settings}")


def leader(standings: Sequence[Standing], trials: int) -> Standing:
    """The best by the mean of its first `trials` (to three digits); of equals the one with most parameters."""
    return max(
        standings,
        key=lambda standing: (round(fmean(standing.accuracies[:trials]), 3), standing.candidate.parameters),
    )


def fullest(studies: Mapping[str, Sequence[Standing]]) -> dict[str, list[Standing]]:
    """The candidates by study, each only where it had most trials; two studies may have tried the same one."""
    everyone = [standing for ranked in studies.values() for standing in ranked]
    most: dict[str, int] = {}
    for standing in everyone:
        most[standing.key] = max(most.get(standing.key, 0), len(standing.records))
    return {
        name: [standing for standing in ranked if len(standing.records) == most[standing.key]]
        for name, ranked in studies.items()
    }


def front(standings: Sequence[Standing]) -> list[Standing]:
    """Those that no other beats: none is at least as accurate with fewer parameters, or more so with as many."""
    best: list[Standing] = []
    for standing in sorted(standings, key=lambda standing: (standing.candidate.parameters, -standing.mean)):
        if not best or standing.mean > best[-1].mean:
            best.append(standing)
    return best


def finalists(studies: Mapping[str, Study], found: Mapping[str, Sequence[Standing]]) -> list[Finalist]:
    """Who went on after the first round of each study, by which accuracy, and what the later trials gave.

    A candidate that went on in two studies is listed once, and not before it has had a fresh trial.
    """
    chosen: dict[str, Finalist] = {}
    for name, study in studies.items():
        later = study.first_seed + study.trials[0]  # number of the first fresh trial
        for standing in found[name][: study.keep[0] if study.keep else 0]:
            before = [standing.accuracy(trial) for trial in standing.records if trial < later]
            after = [standing.accuracy(trial) for trial in standing.records if trial >= later]
            if before and after:
                finalist = Finalist(f"{name}: {standing.candidate}", fmean(before), fmean(after))
                chosen.setdefault(standing.key, finalist)
    return list(chosen.values())
