"""Which test digits many networks misread, and what they take them for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from helpers.results.record import decode_predictions
from helpers.results.runs import Runs
from helpers.settings import CLASSES


class Reading(NamedTuple):
    """What one recorded network, after its last epoch, took every test digit for."""

    notebook: str
    seed: int
    accuracy: float  # percent, as recorded for that epoch
    predicted: np.ndarray  # (N,) classes

    def __str__(self) -> str:
        return f"{self.notebook} seed {self.seed}"


class HardDigit(NamedTuple):
    """A test digit, by its place in the test set; what it is, and what how many networks took it for."""

    index: int
    label: int
    wrong: int  # networks
    taken_for: list[tuple[int, int]]  # wrong class and networks, the commonest first

    @property
    def caption(self) -> str:
        """What it is and its two commonest misreadings, in three lines at most."""
        lines = [f"is {self.label}"]
        return "\n".join(lines + [f"as {class_name(name)}: {times}x" for name, times in self.taken_for[:2]])


def readings(groups: Iterable[Runs], labels: Sequence[int]) -> tuple[list[Reading], list[str]]:
    """The recorded predictions that are of these labels' digits, and one line for each that is left out.

    That they are is proved by each record: its predictions must reach just its recorded accuracy.
    """
    truth, kept, left_out = np.asarray(labels), [], []
    for runs in groups:
        for record in runs.records:
            place = f"{runs.notebook} seed {record.seed}"
            if record.test_predictions is None:
                left_out.append(f"{place}: holds no predictions")
                continue
            predicted = decode_predictions(record.test_predictions)
            if len(predicted) != len(truth):
                left_out.append(f"{place}: {len(predicted):,} predictions for {len(truth):,} digits")
            elif abs(100 * np.mean(predicted == truth) - record.test_accuracy[-1]) > 50 / len(truth):
                reached = f"{100 * np.mean(predicted == truth):.2f} %"
                recorded = f"{record.test_accuracy[-1]:.2f} %"
                left_out.append(f"{place}: its predictions reach {reached}, its history says {recorded}")
            else:
                kept.append(Reading(runs.notebook, record.seed, record.test_accuracy[-1], predicted))
    return kept, left_out


def hardest(networks: Sequence[Reading], labels: Sequence[int], count: int = 10) -> list[HardDigit]:
    """The digits that most networks misread; of equally hard ones, those that come first in the test set."""
    if not networks:
        return []
    truth = np.asarray(labels)
    predicted = np.stack([network.predicted for network in networks])
    wrong = (predicted != truth).sum(axis=0)
    places = np.argsort(-wrong, kind="stable")[:count]  # stable: equals keep the order of the test set
    return [
        HardDigit(int(i), int(truth[i]), int(wrong[i]), _misreadings(predicted[:, i], int(truth[i])))
        for i in places
        if wrong[i]
    ]


def confusion_counts(networks: Sequence[Reading], labels: Sequence[int]) -> np.ndarray:
    """(10, K) counts by what a digit is and what it was read as, summed over networks; K >= 10.

    A network with more than ten logits may answer with a class from 10 on, which no digit has.
    """
    width = max([CLASSES, *(int(network.predicted.max()) + 1 for network in networks)])
    counts = np.zeros((CLASSES, width), dtype=int)
    for network in networks:
        np.add.at(counts, (np.asarray(labels), network.predicted), 1)
    return counts


def class_name(number: int) -> str:
    """The digit, or "none" for a class that no digit has."""
    return str(number) if number < CLASSES else "none"


def _misreadings(predicted: np.ndarray, truth: int) -> list[tuple[int, int]]:
    """Wrong classes and how often, the commonest first, of equals the smaller; all that is no digit as one."""
    found = Counter(min(int(guess), CLASSES) for guess in predicted if guess != truth)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))
