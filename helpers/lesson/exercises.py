"""What a student writes down and how it is checked: predictions before training, answers to exercises."""

from dataclasses import asdict, dataclass
from typing import Any

from helpers.errors import SettingsError
from helpers.tables import Cells, Table


@dataclass(frozen=True)
class Prediction:
    """What you expect before you see it; None where you would rather not say.

    `last_accuracy` is in percent, on the test set, after the last epoch of this run.

    Raises:
        SettingsError: for anything but a number that is not negative, or None.
    """

    parameters: float | None = None
    receptive_field: float | None = None
    last_accuracy: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.made().items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise SettingsError(f"{name} = {value!r}: write a number, 0 or more, or leave None")

    def made(self) -> dict[str, Any]:
        """What was predicted, without the gaps."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class PredictionScore(Table):
    """Predicted beside measured."""

    header = ("", "you said", "it is", "difference")
    left = 1

    def __init__(self, prediction: Prediction, parameters: int, receptive_field: int, last: float) -> None:
        self.made = prediction.made()
        self.measured = {"parameters": parameters, "receptive_field": receptive_field, "last_accuracy": last}

    def cells(self) -> list[Cells]:
        return [
            (name.replace("_", " "), *map(_number, (said, self._measured(name))), self._difference(name))
            for name, said in self.made.items()
        ]

    def notes(self) -> list[str]:
        if not self.made:
            return [
                "No prediction was made. Next time, write one down: being wrong is how the numbers stick."
            ]
        return []

    def _measured(self, name: str) -> float:
        return round(self.measured[name], 2)

    def _difference(self, name: str) -> str:
        return _number(self.made[name] - self._measured(name), sign="+")


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign},.10g}"


@dataclass(frozen=True)
class Feedback:
    """What a check says of an answer; `right` is None while there is none."""

    text: str
    right: bool | None

    def __repr__(self) -> str:
        return self.text


def check(answer: Any, expected: Any, hint: str, tolerance: float = 0.0) -> Feedback:
    """Compare an answer with what the notebook itself has computed.

    Args:
        answer: None means not answered yet.
        expected: a number, or a sequence compared entry by entry.
        hint: shown while the answer is wrong; it should point the way, not give the value.
        tolerance: how far a number may be off.
    """
    if answer is None:
        return Feedback("Not answered yet: replace None with your answer and run the cell again.", None)
    try:
        right = _same(answer, expected, tolerance)
    except (TypeError, ValueError):
        return Feedback(f"{answer!r} cannot be compared: expected {_kind(expected)}.", False)
    return Feedback("Right." if right else f"Not yet: {answer!r}. {hint}", right)


def _same(answer: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, list | tuple):
        return len(answer) == len(expected) and all(
            _same(mine, theirs, tolerance) for mine, theirs in zip(answer, expected, strict=True)
        )
    if isinstance(expected, bool | str):
        return type(answer) is type(expected) and answer == expected
    return abs(float(answer) - expected) <= tolerance


def _kind(expected: Any) -> str:
    if isinstance(expected, list | tuple):
        return f"a list of {len(expected)} values"
    if isinstance(expected, bool):
        return "True or False"
    return "text" if isinstance(expected, str) else "a number"
