"""The target of the course, and the published run that claims it."""

from helpers.results.targets import Target

COURSE = Target(max_params=8_000, max_epochs=15, min_accuracy=99.4, last_n=3)
# Published test accuracies by epoch of the network with 7,784 parameters
# fmt: off
PUBLISHED = [
    97.97, 98.56, 98.65, 98.88, 99.26, 99.17, 99.13, 99.36, 99.19, 99.26, 99.36, 99.43, 99.47, 99.47, 99.44,
]
# fmt: on
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
