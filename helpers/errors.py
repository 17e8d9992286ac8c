"""Every error that the workbook raises on purpose, as one tree.

    WorkbookError
        SettingsError
        NetworkError
            UntraceableError
            UnknownOperation
            DifferentJumps
        DataError
            MnistUnavailable
        ResultsError
        DefinitionsError
        PlanError
        StudyError
        TrainingDiverged
        NoKernels

The message of each is one line that names the value at fault and says what is allowed, or what to do.
"""

from collections.abc import Sequence
from typing import Any


class WorkbookError(ValueError):
    """What a reader may meet and can mend; the command `workbook` shows it without a traceback."""


class SettingsError(WorkbookError):
    """A setting that cannot be used."""


class NetworkError(WorkbookError):
    """A network that cannot be used; names the layer and the shape where it can."""


class UntraceableError(NetworkError):
    """A network whose forward pass depends on values, such as an `if` on a tensor or on its shape."""


class UnknownOperation(NetworkError):
    """An operation without a rule for its receptive field; says where it is."""


class DifferentJumps(NetworkError):
    """Two branches are joined whose units do not lie over the same pixels."""


class DataError(WorkbookError):
    """Data that cannot be used; names what was found and what is expected."""


class MnistUnavailable(DataError):
    """MNIST is neither here nor to be had; says where it was looked for."""


class ResultsError(WorkbookError):
    """A record or a folder of records that cannot be used."""


class DefinitionsError(WorkbookError):
    """A notebook, or a parameter for it, that cannot be used."""


class PlanError(WorkbookError):
    """Runs that cannot be made as asked."""


class StudyError(WorkbookError):
    """A search that cannot be made as declared."""


class TrainingDiverged(WorkbookError):
    """The loss became NaN or infinite; `history` holds the epochs that were finished before."""

    def __init__(
        self, loss: float, epoch: int, step: int, learning_rate: float, history: Sequence[Any]
    ) -> None:
        super().__init__(
            f"loss = {loss} at epoch {epoch}, step {step}, learning rate {learning_rate:.4g}: "
            "training stopped; try a lower learning rate"
        )
        self.history = history


class NoKernels(WorkbookError):
    """Our C++ kernels cannot be built on this machine."""


def one_line(error: Exception) -> str:
    """An error of any kind as one line: its class and its message."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
