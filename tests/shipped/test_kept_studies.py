"""The searches that are kept: made to their end, by the notebooks as they are today, and nothing beside them."""

import pytest

from helpers.places import REPOSITORY, SEARCH
from helpers.search.study import TRIALS, candidates, read_study, standings, studies_in, trials

every_study = pytest.mark.parametrize("name", studies_in())


@every_study
def test_every_candidate_has_the_trials_that_its_rounds_ask_for(name):
    """A notebook or a setting that has changed since gives other fingerprints: then the trials are missing."""
    study = read_study(name)
    remaining = None
    for count, left in zip(study.trials, [*study.keep, None], strict=True):
        ranked = standings(study, remaining, count)
        short = [
            str(tried.candidate) for tried in ranked if len(tried.records) + len(tried.diverged) != count
        ]
        assert not short, f"without {count} trials: {short}"
        remaining = [tried.candidate for tried in ranked[:left]]


def test_every_kept_trial_was_asked_for():
    asked = set()
    for name in studies_in():
        study = read_study(name)
        numbers = range(study.first_seed, study.first_seed + study.trials[-1])
        for candidate in candidates(study):
            asked |= {trial.folder.name for trial in trials(candidate, numbers, study)}
    kept = {
        path.name
        for path in (REPOSITORY / SEARCH / TRIALS).iterdir()
        if path.is_dir() and any(path.iterdir())
    }
    assert kept and kept <= asked
