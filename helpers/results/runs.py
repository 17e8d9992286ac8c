"""The recorded runs of a notebook: those of all its seeds together."""

from dataclasses import dataclass, field
from pathlib import Path

from helpers.errors import ResultsError
from helpers.places import OUTPUTS
from helpers.results.record import Record, decode_predictions
from helpers.results.store import find
from helpers.results.targets import run_statistic
from helpers.settings import CLASSES


@dataclass(frozen=True)
class Runs:
    """The recorded runs of one notebook, by seed."""

    notebook: str
    records: list[Record]
    left_out: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def seeds(self) -> str:
        return ", ".join(str(record.seed) for record in self.records)

    @property
    def last_accuracies(self) -> list[float]:
        """Test accuracy of the last epoch, per run."""
        return [record.test_accuracy[-1] for record in self.records]

    @property
    def best_accuracies(self) -> list[float]:
        """Highest test accuracy of any epoch, per run: chosen on the test set, so too good to expect again."""
        return [max(record.test_accuracy) for record in self.records]

    def statistic(self, last_n: int) -> list[float]:
        """Lowest test accuracy of the last `last_n` epochs, per run."""
        return [run_statistic(record.test_accuracy, last_n) for record in self.records]

    @property
    def train_accuracies(self) -> list[float]:
        """Training accuracy of the last epoch (running, augmented, dropout on), per run."""
        return [record.history[-1].train_accuracy for record in self.records]

    @property
    def best_train_accuracies(self) -> list[float]:
        """Highest training accuracy of any epoch (running, augmented, dropout on), per run."""
        return [max(epoch.train_accuracy for epoch in record.history) for record in self.records]

    def never_predicted(self) -> list[list[int]]:
        """The classes that a run's network, after its last epoch, gives to no test image; per run."""
        return [
            sorted(set(range(CLASSES)) - set(decode_predictions(record.test_predictions).tolist()))
            for record in self.records
        ]

    def train_minus_test(self) -> list[float]:
        """Training accuracy of the last epoch (running, augmented, dropout on) minus its test accuracy."""
        return [train - test for train, test in zip(self.train_accuracies, self.last_accuracies, strict=True)]


def recorded(notebook: str, profile: str = "full", root: Path = OUTPUTS) -> Runs:
    """The complete runs of a notebook that are kept under `root`.

    Raises:
        ResultsError: if there is none; the message says how to make one.
    """
    records, left_out = find(root, notebook, profile)
    complete = [record for record in records if record.complete and record.test_accuracy]
    left_out += [
        f"{notebook} seed {record.seed}: not complete" for record in records if record not in complete
    ]
    if not complete:
        raise ResultsError(
            f"no {profile} run of {notebook} is recorded yet; make one: {_command(notebook, profile)}"
        )
    return Runs(notebook, complete, left_out)


def _command(notebook: str, folder: str) -> str:
    """What makes the runs of a folder such as full or full-rotation=0.0+scale=0.1."""
    profile, _, label = folder.partition("-")
    changes = "".join(f" -p {change}" for change in label.split("+") if "=" in change)
    return f"workbook run {notebook} --profile {profile}{changes}"
