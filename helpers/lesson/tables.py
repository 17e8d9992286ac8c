"""The tables a notebook shows beside its figures: target, schedule, epochs, runs."""

from collections.abc import Mapping, Sequence

from helpers.data.augmentation_check import Movement
from helpers.results.analysis import Published, position
from helpers.results.record import Epoch, Record
from helpers.results.runs import Runs
from helpers.results.statistics import expected_next, mean_of
from helpers.results.targets import Target, summarise
from helpers.runs.session import Run
from helpers.tables import Cells, Table
from helpers.training.optimization import learning_rates


class TargetCard(Table):
    """What is wanted, beside what was published, if anything was."""

    left = 1

    def __init__(self, target: Target, published: Published | None = None) -> None:
        self.target, self.published = target, published
        self.header = ("", "wanted", "published") if published else ("", "wanted")

    def cells(self) -> list[Cells]:
        target, published = self.target, self.published
        wanted = {
            "parameters": _text("at most {:,}", target.max_params),
            "epochs": _text("at most {}", target.max_epochs),
            f"accuracy, {_epochs_judged(target.last_n)}": _text("at least {:.2f} %", target.min_accuracy),
            "accuracy, last epoch": "-",
            "accuracy, best epoch (chosen on the test set)": "-",
        }
        if published is None:
            return [(name, limit) for name, limit in wanted.items() if limit != "-"]
        claimed = (
            _text("{:,}", published.parameters),
            _text("{}", published.epochs),
            _text("{:.2f} %", min(published.test_accuracy[-target.last_n :], default=None)),
            _text("{:.2f} %", published.last),
            _text("{:.2f} %", published.best),
        )
        return [(name, limit, claim) for (name, limit), claim in zip(wanted.items(), claimed, strict=True)]

    def notes(self) -> list[str]:
        return [f"Published in {self.published.source}."] if self.published else []


def _epochs_judged(last_n: int) -> str:
    return f"each of the last {last_n}" if last_n > 1 else "judged by the last epoch"


class PromiseTable(Table):
    """What the augmentation promises, tried out; and how far it moves the border of an image."""

    header = ("promise", "kept")
    left = 1

    def __init__(self, guarantees: Mapping[str, bool], movement: Mapping[str, Movement]) -> None:
        self.guarantees, self.movement = guarantees, movement

    def cells(self) -> list[Cells]:
        return [(promise, "yes" if kept else "NO") for promise, kept in self.guarantees.items()]

    def notes(self) -> list[str]:
        return [
            f"{kind}: a border pixel moves by {moved.typical:.1f} px on average, {moved.farthest:.1f} at most"
            for kind, moved in self.movement.items()
        ]


class RateTable(Table):
    """The learning rate per declared epoch, from the schedule alone, and the published column if there is one."""

    left = 0

    def __init__(self, run: Run) -> None:
        self.rates, published = learning_rates(run.config.recipe), run.published
        self.published = dict(enumerate(published.learning_rate, 1)) if published else None
        compared = () if self.published is None else ("published", "equal")
        self.header = ("epoch", "after its last step", *compared, "used by its last batch")

    def cells(self) -> list[Cells]:
        return [
            (str(epoch), f"{after:.4f}", *self._compared(after, epoch), f"{used:.4f}")
            for epoch, (after, used) in enumerate(self.rates, 1)
        ]

    def _compared(self, rate: float, epoch: int) -> Cells:
        if self.published is None:
            return ()
        claimed = self.published.get(epoch)
        if claimed is None:
            return "-", "-"
        return f"{claimed:.4f}", "yes" if f"{rate:.4f}" == f"{claimed:.4f}" else "no"


class HistoryTable(Table):
    """Epochs so far, accuracies in percent, and where the run is."""

    header = ("epoch", "train loss", "train acc.", "test loss", "test acc.", "learning rate", "seconds")
    left = 0

    def __init__(self, history: Sequence[Epoch], status: str = "") -> None:
        self.history = history
        self.status = status

    def cells(self) -> list[Cells]:
        return [self._row(epoch) for epoch in self.history]

    def notes(self) -> list[str]:
        return [self.status] if self.status else []

    @staticmethod
    def _row(epoch: Epoch) -> Cells:
        tested = epoch.test_loss, epoch.test_accuracy
        loss, accuracy = (epoch.validation_loss, epoch.validation_accuracy) if None in tested else tested
        rate = epoch.learning_rate
        return (
            str(epoch.epoch),
            f"{epoch.train_loss:.4f}",
            f"{epoch.train_accuracy:.2f}",
            f"{loss:.4f}",
            f"{accuracy:.2f}",
            f"{rate:.4f}" if rate >= 1e-4 else f"{rate:.0e}",
            f"{epoch.seconds:.1f}",
        )


class RunsTable(Table):
    """Four ways to quote a run, side by side, of this run, the recorded ones and the published one."""

    header = ("run", "last", "mean of last 3", "mean of last 5", "best", "best epoch")
    left = 1

    def __init__(self, record: Record, run: Run, recorded: Runs) -> None:
        self.rows: list[tuple[str, Sequence[float]]] = [(f"this run: {run.stamp}", record.test_accuracy)]
        self.rows += [(f"recorded: {other.stamp}", other.test_accuracy) for other in recorded.records]
        self.published = run.published

    def cells(self) -> list[Cells]:
        rows = [self._row(name, values) for name, values in self.rows]
        claim = self.published
        if claim is None:
            return rows
        if claim.test_accuracy:
            return [*rows, self._row("published", claim.test_accuracy)]
        return [*rows, ("published", _percent(claim.last), "-", "-", _percent(claim.best), "-")]

    def notes(self) -> list[str]:
        return ["The best epoch is chosen on the test set: do not expect it of a new network."]

    @staticmethod
    def _row(name: str, accuracies: Sequence[float]) -> Cells:
        shown = summarise(accuracies)
        numbers = (shown.last, shown.mean_of_last_3, shown.mean_of_last_5, shown.best)
        return (name, *map(_percent, numbers), str(shown.best_epoch))


class SpreadTable(Table):
    """The usual ways to quote a run, each over the seeds: mean, standard deviation, lowest and highest."""

    header = ("test accuracy (%)", "mean", "SD", "lowest", "highest", "95 % of the mean")
    left = 1

    def __init__(self, runs: Runs) -> None:
        summaries = [summarise(record.test_accuracy) for record in runs.records]
        self.seeds = len(summaries)
        self.rows = {
            "last epoch": [summary.last for summary in summaries],
            "mean of last 3": [summary.mean_of_last_3 for summary in summaries],
            "mean of last 5": [summary.mean_of_last_5 for summary in summaries],
            "lowest of last 5": runs.statistic(5),
            "best epoch": [summary.best for summary in summaries],
        }

    def cells(self) -> list[Cells]:
        return [self._row(name, values) for name, values in self.rows.items()]

    def notes(self) -> list[str]:
        return [f"Over {self.seeds} seeds. The best epoch is chosen on the test set."]

    @staticmethod
    def _row(name: str, values: Sequence[float]) -> Cells:
        mean = mean_of(values)
        sd, interval = (f"{mean.sd:.3f}", str(mean.interval)) if mean.n > 1 else ("-", "-")
        return (name, f"{mean.value:.3f}", sd, f"{min(values):.2f}", f"{max(values):.2f}", interval)


class ReproductionTable(Table):
    """What was published of a run beside ours of the same kind, and where one more of ours is expected.

    `runs` holds groups of runs by what they are ("as declared", "without the last ReLU"). A published last
    epoch is compared with last epochs, a published best with best ones, and never one with the other.
    """

    header = (
        "runs",
        "accuracy",
        "published",
        "ours, mean",
        "SD",
        "seeds",
        "one more of ours",
        "published is",
    )
    left = 2

    def __init__(self, published: Published, runs: Mapping[str, Runs]) -> None:
        self.published, self.runs = published, runs

    def cells(self) -> list[Cells]:
        claims = self.published
        quantities = (
            ("test, last epoch", claims.last, "last_accuracies"),
            ("test, best epoch", claims.best, "best_accuracies"),
            ("training, last epoch", claims.train_accuracy, "train_accuracies"),
            ("training, best epoch", claims.best_train_accuracy, "best_train_accuracies"),
        )
        return [
            (name, what, *self._compared(claim, getattr(group, values)))
            for name, group in self.runs.items()
            for what, claim, values in quantities
            if claim is not None or values == "last_accuracies"
        ]

    def notes(self) -> list[str]:
        return [
            "One more of ours: 95 % prediction interval from the seeds; one seed has no spread to judge by."
        ]

    @staticmethod
    def _compared(claim: float | None, values: Sequence[float]) -> Cells:
        ours, expected = mean_of(values), expected_next(values)
        mean, seeds = f"{ours.value:.2f}", str(ours.n)
        if ours.n == 1:
            return (_percent(claim), mean, "-", seeds, "-", "-")
        place = "-" if claim is None else position(claim, expected)
        span = f"{expected.low:.2f} to {expected.high:.2f}"
        return (_percent(claim), mean, f"{ours.sd:.2f}", seeds, span, place)


def _percent(value: float | None) -> str:
    return _text("{:.2f}", value)


def _text(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)
