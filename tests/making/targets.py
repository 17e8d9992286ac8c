"""The target of the course, the published run that claims it, and the verdict on a run at one accuracy."""

from helpers.results.targets import Target, judge

COURSE = Target(max_params=8_000, max_epochs=15, min_accuracy=99.4, last_n=3)
# Published test accuracies by epoch of the network with 7,784 parameters
PUBLISHED = [
    97.97,
    98.56,
    98.65,
    98.88,
    99.26,
    99.17,
    99.13,
    99.36,
    99.19,
    99.26,
    99.36,
    99.43,
    99.47,
    99.47,
    99.44,
]
FULL = {
    "parameters": 7_784,
    "declared_epochs": 15,
    "test_accuracy": PUBLISHED,
    "epochs_run": 15,
    "test_images": 10_000,
    "profile": "full",
    "dataset": "mnist",
    "complete": True,
}


def verdict_at(accuracy: float, target: Target = COURSE, **changes):
    """The verdict on a full run that stood at one accuracy all the time."""
    return judge(target, **(FULL | {"test_accuracy": [accuracy] * 15} | changes))
