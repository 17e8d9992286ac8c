"""The scoreboard's numbers, worked by hand, and its steps."""

from math import isinf, sqrt
from pathlib import Path

import pytest
from making.notebooks import write_iteration
from making.records import ending, made, put, write_claiming

from helpers.results.course import Iteration
from helpers.results.runs import Runs
from helpers.scoreboard.board import Scoreboard, scoreboard, steps
from helpers.scoreboard.tables import ExperimentTable, ScoreTable, StepTable, seeds_text

T2 = 4.302652729696142  # 97.5 % quantile of Student's t with 2 degrees of freedom, as in any table


def board_of(path: Path, runs: dict[int, list[float]], **changes) -> Scoreboard:
    for seed, accuracies in runs.items():
        put(path, seed, accuracies, **changes)
    return scoreboard(path.parent.parent)


def cells(table) -> list[dict[str, str]]:
    return [dict(zip(table.header, row, strict=True)) for row in table.cells()]


# A row


def test_the_numbers_of_a_row_are_those_worked_by_hand(tmp_path):
    """Catches an SD over n, a normal quantile in place of Student's t, or a mean over too few epochs."""
    path = write_claiming(tmp_path, "01_small", best=99.60, last=99.37)
    runs = {
        1: [99.0, 99.5, 99.2, 99.30],
        2: [99.1, 99.4, 99.3, 99.40],
        3: [99.2, 99.3, 99.4, 99.35],
    }
    for (seed, accuracies), seconds in zip(runs.items(), (50.0, 90.0, 70.0), strict=True):
        put(path, seed, accuracies, seconds=seconds)
    (row,) = scoreboard(tmp_path).rows
    half = T2 * 0.05 / sqrt(3)  # 99.30, 99.35 and 99.40: mean 99.35, SD 0.05
    assert (row.last.value, row.last.sd) == pytest.approx((99.35, 0.05))
    assert (row.last.interval.low, row.last.interval.high) == pytest.approx((99.35 - half, 99.35 + half))
    best = (99.4 + 0.1 / 3, sqrt(0.01 / 3))  # of 99.5, 99.4 and 99.4
    assert (row.best.value, row.best.sd) == pytest.approx(best)
    assert row.last_3.value == pytest.approx((298.0 + 298.1 + 298.05) / 9)
    assert row.last_5 is None  # there are four epochs
    assert (row.parameters, row.epochs, row.seeds, row.seconds) == (7_850, 4, [1, 2, 3], 70)
    # one more run: 99.35 +- T2 * 0.05 * sqrt(4 / 3) = 99.10 to 99.60 for the last, 99.14 to 99.72 for the best
    assert (row.claimed_last.position, row.claimed_best.position) == ("inside", "inside")
    assert (row.verdict.outcome, row.verdict.actual) == ("not shown", pytest.approx(99.35))
    assert row.verdict.interval.high == pytest.approx(99.35 + half)


def test_a_row_reads_as_text(tmp_path):
    """Catches a cell under another heading, in other units, or rounded otherwise than to two places."""
    path = write_claiming(tmp_path, "01_small", best=99.90, last=99.0)
    board = board_of(path, {1: ending(99.30), 2: ending(99.35), 3: ending(99.40)})
    (row,) = cells(ScoreTable(board))
    assert row == {
        "notebook": "01_small",
        "parameters": "7,850",
        "RF": "28",
        "epochs": "4",
        "seeds": "1-3",
        "best epoch": "99.35 ± 0.05",
        "last epoch": "99.35 ± 0.05",
        "mean of last 3": "99.18 ± 0.05",
        "mean of last 5": "-",
        "95 % of the mean, last": "99.23 to 99.47",
        "published last": "99.00 below",
        "published best": "99.90 above",
        "its target": "99.40: not shown",
        "seconds": "60",
        "machine": "A",
    }
    assert "Machine A: a machine, threads: 2, torch 2.6.0." in ScoreTable(board).notes()


def test_a_published_last_is_held_against_last_epochs_and_a_best_against_best_ones(tmp_path):
    """Catches a published best epoch compared with our last ones, or a last with our best ones."""
    path = write_claiming(tmp_path, "01_small", best=99.0, last=99.0)
    board = board_of(path, {1: ending(98.99, 99.6), 2: ending(99.0, 99.61), 3: ending(99.01, 99.62)})
    assert (board.rows[0].claimed_last.position, board.rows[0].claimed_best.position) == ("inside", "below")


def test_a_single_run_of_99_37_shows_nothing_and_has_no_spread(tmp_path):
    """Catches a spread, an interval or a verdict made up from one seed."""
    path = write_claiming(tmp_path, "01_small", last=99.37)
    board = board_of(path, {2: ending(99.37)})
    (row,) = cells(ScoreTable(board))
    assert (row["last epoch"], row["95 % of the mean, last"]) == ("99.37", "-")
    assert (row["published last"], row["published best"]) == ("99.37", "-")
    assert row["its target"] == "99.40: not judged"
    assert board.rows[0].verdict.because == "1 of at least 3 seeds"


def test_three_runs_of_99_37_are_judged_by_the_rule_of_a_single_one_and_show_nothing(tmp_path):
    """Catches 99.37 rounded up to 99.4, or an interval without width that proves the target missed."""
    path = write_claiming(tmp_path, "01_small")
    board = board_of(path, dict.fromkeys((1, 2, 3), ending(99.37)))
    assert cells(ScoreTable(board))[0]["its target"] == "99.40: not shown"


def test_a_notebook_without_a_claim_or_with_too_long_a_target_has_a_row_all_the_same(tmp_path):
    """Catches a recipe lost, or a crash, for want of a claim or of epochs enough for its target."""
    target = 'notebook = "01_small"\ntarget = Target(min_accuracy=99.0, last_n=9)\npublished = None'
    path = write_iteration(tmp_path, target=target)
    (row,) = cells(ScoreTable(board_of(path, {1: ending(99), 2: ending(98)})))
    assert (row["published last"], row["its target"]) == ("-", "99.00: not judged")


def test_each_machine_has_a_letter(tmp_path):
    """Catches runs on two machines shown as of one, or seconds whose machine nobody can look up."""
    path, other = write_claiming(tmp_path, "01_small"), write_claiming(tmp_path, "02_other")
    put(path, 1, ending(99))
    put(path, 2, ending(99), environment={"device_name": "a GPU", "threads": 1, "torch": "2.7.0"})
    put(other, 1, ending(99), environment={})
    table = ScoreTable(scoreboard(tmp_path))
    assert [row["machine"] for row in cells(table)] == ["A, B", "C"]
    assert table.notes()[-1] == "Machine C: unknown, threads: unknown, torch unknown."


@pytest.mark.parametrize(
    ("seeds", "text"), [([1, 2, 3], "1-3"), ([1, 2], "1, 2"), ([1, 3, 4], "1, 3, 4"), ([7], "7")]
)
def test_seeds_are_shortened_only_where_none_is_missing(seeds, text):
    """Catches a range of seeds that hides a gap: 1, 3 and 4 written as 1-4."""
    assert seeds_text(seeds) == text


# Experiments


def test_a_variant_stands_apart_and_is_held_against_what_is_declared(tmp_path):
    """Catches a variant averaged into the declared recipe, or their difference with its sign turned."""
    path = write_claiming(tmp_path, "01_small", last=99.0)
    board_of(path, {1: ending(99.0), 2: ending(99.2)})
    changed = {"label": "rotation=3.0", "of": {"rotation": 3.0}}
    board = board_of(path, {1: ending(98.0), 2: ending(98.2)}, **changed)
    assert [row.last.value for row in board.rows] == [pytest.approx(99.1)]
    (row,) = cells(ExperimentTable(board.experiments))
    assert (row["changed"], row["data set"], row["last epoch"]) == ("rotation=3.0", "mnist", "98.10 ± 0.14")
    # t with 2 degrees of freedom, standard error sqrt(0.02 / 2 + 0.02 / 2)
    assert row["against declared"] == f"-1.00 ({-1 - T2 * sqrt(0.02):+.2f} to {-1 + T2 * sqrt(0.02):+.2f})"


def test_digits_are_held_against_nothing_that_speaks_of_mnist(tmp_path):
    """Catches accuracies on digits judged by MNIST's claims, its targets or its declared runs."""
    path = write_claiming(tmp_path, "01_small", last=99.0)
    put(path, 1, ending(99.0))
    put(path, 1, ending(95.0), "digits", dataset="digits")
    (experiment,) = scoreboard(tmp_path).experiments
    assert (experiment.dataset, experiment.against) == ("digits", None)
    assert (experiment.row.verdict, experiment.row.claimed_last.accuracy) == (None, None)


def test_without_records_there_are_tables_without_lines(tmp_path):
    """Catches a board that needs at least one record, or a step judged without any."""
    write_iteration(tmp_path)
    board = scoreboard(tmp_path)
    assert (board.rows, board.experiments, board.left_out) == ([], [], [])
    assert {step.outcome for step in board.steps} == {"not judged"}
    for table in (ScoreTable(board), StepTable(board.steps), ExperimentTable(board.experiments)):
        assert repr(table) and table._repr_html_()


# Steps


def lineage(*numbers: str) -> tuple[Iteration, ...]:
    return tuple(Iteration(number, "", "", 7_850, 4, None) for number in numbers)


@pytest.fixture
def runs_of(tmp_path):
    """Makes runs of a notebook of this number, one for each last epoch."""

    def make(number: str, *last: float) -> Runs:
        path = write_iteration(tmp_path, f"{number}_small")
        return Runs(path.stem, [made(path, seed, ending(value)) for seed, value in enumerate(last, 1)])

    return make


def test_steps_follow_each_lineage_in_order_and_do_not_cross_from_one_to_the_next():
    """Catches a step from the last network of one lineage to the first of the next."""
    found = steps([], [lineage("01", "02", "03"), lineage("04"), lineage("05", "06")])
    assert [(step.before, step.after) for step in found] == [("01", "02"), ("02", "03"), ("05", "06")]


def test_the_steps_of_the_course_are_twelve():
    """Catches a successor that is compared with another predecessor than the course gives it."""
    pairs = ["01 02", "02 03", "03 04", "04 05", "05 06", "07 08", "08 09", "10 11", "11 12", "12 13"]
    pairs += ["13 15", "15 16"]
    assert [f"{step.before} {step.after}" for step in steps([])] == pairs


def test_a_step_is_welchs_t_test_corrected_over_those_that_can_be_judged(runs_of):
    """Catches a correction over all steps, judged or not, and a p of another test or of one side."""
    groups = [
        runs_of("01", 98.0, 98.1, 98.2),
        runs_of("02", 99.0, 99.1, 99.2),  # +1.0: t = 1 / sqrt(2 * 0.01 / 3), 4 degrees of freedom
        runs_of("03", 98.9, 99.0, 99.1),  # -0.1: t = 1.2247
        runs_of("04", 98.0),
    ]
    found = steps(groups, [lineage("01", "02", "03", "04", "05")])
    # Student's distribution with 4 degrees of freedom has a closed form
    p = [2 * (0.5 - _below(1 / sqrt(0.02 / 3))), 2 * (0.5 - _below(0.1 / sqrt(0.02 / 3)))]
    assert [step.difference.p for step in found[:2]] == pytest.approx(p)
    assert [step.p for step in found] == [pytest.approx(2 * p[0]), pytest.approx(p[1]), None, None]
    assert [step.outcome for step in found] == ["improvement", "not shown", "not judged", "not judged"]
    assert found[2].because == "a single run of 04, which has no spread"
    assert found[2].difference.value == pytest.approx(-1.0) and isinf(found[2].difference.interval.low)
    assert (found[3].because, found[3].difference) == ("no full run of 05 that counts", None)


def _below(t: float) -> float:
    """The share of Student's t with 4 degrees of freedom from 0 to t: Abramowitz and Stegun 26.7.4."""
    sine, cosine = t / sqrt(t**2 + 4), 2 / sqrt(t**2 + 4)
    return sine * (1 + cosine**2 / 2) / 2


def test_a_step_that_is_real_alone_need_not_be_real_among_several(runs_of):
    """Catches steps judged by their own p, as if each were the only question."""
    groups = [runs_of("01", 98.0, 98.1, 98.2), runs_of("02", 98.25, 98.35, 98.45)]  # t = 3.06, p = 0.038
    groups += [runs_of("03", 98.2, 98.3, 98.4)]
    alone = steps(groups, [lineage("01", "02")])
    among = steps(groups, [lineage("01", "02", "03")])
    assert (alone[0].outcome, among[0].outcome) == ("improvement", "not shown")
    assert among[0].p == pytest.approx(2 * alone[0].p)
    assert among[0].because == "shown if asked alone, not as one of 2 questions"
    assert among[1].because == "seeds alone differ enough to explain it"


def test_a_worse_successor_is_a_setback(runs_of):
    """Catches a significant loss that is called an improvement, or one taken as before minus after."""
    groups = [runs_of("01", 99.0, 99.1, 99.2), runs_of("02", 98.0, 98.1, 98.2)]
    (step,) = steps(groups, [lineage("01", "02")])
    assert step.outcome == "setback" and step.difference.value == pytest.approx(-1)
    (row,) = cells(StepTable([step]))
    assert (row["step"], row["it is"]) == ("01 → 02", "a real setback")
    assert row["difference, last epoch"] == "-1.00"


def test_runs_that_agree_to_the_digit_on_both_sides_are_not_judged(runs_of):
    """Catches a division by no spread, or a step called real because its runs happen to be equal."""
    (step,) = steps([runs_of("01", 99.0, 99.0), runs_of("02", 98.0, 98.0)], [lineage("01", "02")])
    assert (step.outcome, step.because) == ("not judged", "no spread on either side")


def test_a_notebook_of_the_same_number_and_another_size_does_not_take_the_place_of_the_published_one(runs_of):
    """Catches a copy under a published number whose runs are taken for the published network's."""
    other = (Iteration("02", "", "", 999, 4, None),)
    (step,) = steps([runs_of("01", 99.0, 99.1), runs_of("02", 98.0, 98.1)], [(*lineage("01"), *other)])
    assert step.because == "no full run of 02 that counts"
