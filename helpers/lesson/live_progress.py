"""Live progress of a training run, which leaves a clean static table and figure in a saved notebook."""

from IPython.display import DisplayHandle

from helpers.figures import results
from helpers.lesson.tables import HistoryTable
from helpers.results.record import Epoch
from helpers.training.loop import Progress


class LiveProgress:
    """A watcher for `training.train`: one table and one figure, each updated in place.

    One display each, updated: cleared outputs and widgets would leave rubbish in a saved notebook.
    """

    def __init__(self, target_accuracy: float | None, stamp: str) -> None:
        self.target_accuracy, self.stamp = target_accuracy, stamp
        self.table, self.figure = DisplayHandle(), None
        self.table.display(HistoryTable([], "preparing ..."))

    def __call__(self, progress: Progress) -> None:
        status = f"epoch {progress.epoch} of {progress.epochs}, step {progress.step} of {progress.steps}"
        self.table.update(HistoryTable(progress.history, status))
        if progress.history and progress.step == progress.steps:
            self._draw(progress.history)

    def finish(self, history: list[Epoch], summary: str) -> None:
        """Leave the final table and figure."""
        self.table.update(HistoryTable(history, summary))
        self._draw(history)

    def _draw(self, history: list[Epoch]) -> None:
        figure = results.curves(history, self.target_accuracy, stamp=self.stamp)
        if self.figure is None:
            self.figure = DisplayHandle()
            self.figure.display(figure)
        else:
            self.figure.update(figure)
