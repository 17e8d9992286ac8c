"""What one changed factor is worth: planted effects are shown, noise is not, and only shared trials count."""

from dataclasses import replace

import numpy as np
import pytest
from making.notebooks import write_iteration
from making.studies import finish, study

from helpers.search.effects import difference_if_any, effects, gaps, pairs, without_average
from helpers.search.study import Standing, candidates, standings, trials
from helpers.search.tables import EffectTable, StudyTable

SPLITS = [0.10, -0.20, 0.05, 0.30, -0.15, 0.00, 0.25, -0.06]  # what a split is worth to every candidate
NOISE = [0.01, -0.02, 0.02, -0.01, 0.00, 0.02, -0.03, 0.01]


@pytest.fixture
def made(tmp_path) -> dict[float, Standing]:
    """By rotation: 0 is the base, 5 costs 0.2 points, 10 nothing but noise; 15 had but one trial."""
    write_iteration(tmp_path)
    asked = study(grid=[{"rotation": [0.0, 5.0, 10.0, 15.0]}], trials=[8])
    worth = {0.0: (0.0, 0), 5.0: (-0.2, 1), 10.0: (0.0, 1), 15.0: (0.0, 1)}
    for candidate in candidates(asked, root=tmp_path):
        points, noise = worth[candidate.settings["rotation"]]
        due = trials(candidate, range(1001, 1009), asked, tmp_path)
        for index, trial in enumerate(due if candidate.settings["rotation"] < 15 else due[:1]):
            finish(trial, 99.0 + SPLITS[index] + points + noise * NOISE[index])
    return {standing.candidate.settings["rotation"]: standing for standing in standings(asked, root=tmp_path)}


def test_pairs_are_the_trials_that_both_had(made):
    assert pairs(made[15.0], made[0.0]) == ([pytest.approx(99.11)], [pytest.approx(99.1)])
    assert gaps(made[5.0], made[0.0]) == pytest.approx(np.array(NOISE) - 0.2)


def test_a_planted_effect_is_shown_and_noise_is_not(made):
    large, none = effects(made[0.0], [made[10.0], made[5.0]])
    assert (large.factor, none.factor) == ("rotation 5.0", "rotation 10.0")
    assert large.shown and large.difference.value == pytest.approx(-0.2)
    assert not none.shown and none.resolves < 0.03
    assert large.p == pytest.approx(2 * large.difference.p)  # Holm: the smaller of two


def test_what_is_resolved_is_what_the_correction_would_still_show(made):
    """Judged beside another factor, the same trials resolve less than alone."""
    (alone,) = effects(made[0.0], [made[10.0]])
    _, among = effects(made[0.0], [made[10.0], made[5.0]])
    assert among.factor == alone.factor and among.resolves > alone.resolves


def test_pairing_takes_the_splits_out(made):
    """Unpaired, the spread of the splits hides what the same trials show in pairs."""
    assert made[5.0].candidate.settings == {"rotation": 5.0}
    (paired_effect,) = effects(made[0.0], [made[5.0]])
    assert paired_effect.resolves < np.std(SPLITS, ddof=1) / 5


def test_a_single_shared_trial_tells_nothing(made):
    assert difference_if_any(made[15.0], made[0.0]) is None
    assert difference_if_any(made[0.0], made[0.0]) is None
    with pytest.raises(ValueError, match="rotation 15.0: 1 trials in common with rotation 0.0"):
        effects(made[0.0], [made[15.0]])


def test_a_candidate_without_its_average_is_judged_by_the_weights_of_its_last_step(made, tmp_path):
    asked = study(grid=[{"rotation": [20.0]}])
    (candidate,) = candidates(asked, root=tmp_path)
    for trial, last in zip(trials(candidate, [1001, 1002], asked, tmp_path), [99.2, 99.4], strict=True):
        finish(trial, last, raw=last - 0.5)
    (averaged,) = standings(asked, root=tmp_path)
    raw = without_average(averaged)
    assert (str(raw.candidate), raw.candidate.settings) == ("no average of the weights", {"ema_decay": 0.0})
    assert averaged.accuracies == [99.2, 99.4]
    assert raw.accuracies == pytest.approx([98.7, 98.9])
    with pytest.raises(ValueError, match="rotation 5.0, trial 1001: kept no average"):
        without_average(made[5.0])


def test_the_table_of_a_study_compares_with_the_first_line(made):
    table = StudyTable([made[0.0], made[5.0], made[15.0]])
    first, second, third = table.cells()
    assert first[:4] == ("rotation 0.0", "7,850", "8", "99.036") and first[5:] == ("-", "-")
    assert second[5] == "-0.200" and third[2:] == ("1", "99.110", "-", "-", "-")


def test_the_table_of_effects_says_what_is_shown(made):
    rows = EffectTable(effects(made[0.0], [made[10.0], made[5.0]])).cells()
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("rotation 5.0", "-0.200", "shown"),
        ("rotation 10.0", "+0.000", "not shown"),
    ]


def test_the_table_of_a_study_shows_no_mean_of_survivors(made):
    (row,) = StudyTable([replace(made[5.0], diverged=frozenset({1009}))]).cells()
    assert row[2:] == ("8, 1 diverged", "-", "-", "-", "-")
