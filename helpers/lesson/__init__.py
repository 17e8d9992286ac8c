"""What a notebook of the course calls: the face of the house.

Nouns are imported bare (`from helpers.lesson import Target`), verbs are called by it (`lesson.build(Net, run)`). Only
what at least eight notebooks use is here, a test holds it to that; the rest is imported from its room.
"""

from helpers.data.splits import normalise
from helpers.lesson.changes import what_changed
from helpers.lesson.exercises import Prediction, check
from helpers.lesson.show import (
    build,
    check_augmentation,
    finish,
    prepare,
    score,
    show_augmentation,
    show_budget,
    show_confusion,
    show_curves,
    show_digits,
    show_mistakes,
    show_parameters,
    show_receptive_field,
    show_recorded,
    train,
)
from helpers.lesson.tables import ReproductionTable, RunsTable, TargetCard
from helpers.networks.parameters import count_parameters, parameter_table
from helpers.networks.receptive_field import receptive_field
from helpers.results.analysis import Analysis, Published, judge_claim, listed
from helpers.results.runs import recorded
from helpers.results.statistics import difference_of, expected_next, mean_of
from helpers.results.targets import LEAST_SEEDS, TEST_IMAGES, Target, judge_recipe, thresholds
from helpers.settings import RunConfig

__all__ = [
    "LEAST_SEEDS", "TEST_IMAGES", "Analysis", "Prediction", "Published", "ReproductionTable", "RunConfig",
    "RunsTable", "Target", "TargetCard", "build", "check", "check_augmentation", "count_parameters",
    "difference_of", "expected_next", "finish", "judge_claim", "judge_recipe", "listed", "mean_of", "normalise",
    "parameter_table", "prepare", "receptive_field", "recorded", "score", "show_augmentation", "show_budget",
    "show_confusion", "show_curves", "show_digits", "show_mistakes", "show_parameters", "show_receptive_field",
    "show_recorded", "thresholds", "train", "what_changed",
]  # fmt: skip
