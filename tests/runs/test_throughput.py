"""`--workers auto` tries sensible numbers of processes, all at once and held to their threads, and takes the best."""

import subprocess

import pytest

from helpers.errors import PlanError, SettingsError
from helpers.runs import throughput
from helpers.runs.throughput import Choice, Throughput, candidates, choose, fastest, measure


@pytest.fixture
def planted(monkeypatch):
    """Plants steps a second by number of processes; gives the list of (processes, threads, device) asked for."""

    def plant(steps):
        asked = []

        def planted_measure(processes, threads, seconds, device):
            asked.append((processes, threads, device))
            return Throughput(processes, threads, steps[processes])

        monkeypatch.setattr(throughput, "measure", planted_measure)
        return asked

    return plant


@pytest.fixture
def started(monkeypatch):
    """Every process that a measurement starts."""
    processes = []

    class Recorded(subprocess.Popen):
        def __init__(self, *arguments, **options):
            processes.append(self)
            self.threads = options["env"]["OMP_NUM_THREADS"]
            super().__init__(*arguments, **options)

    monkeypatch.setattr(throughput, "Popen", Recorded)
    return processes


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """Plants a shell script in the place of the process that trains; `$LOG` in it is the file returned."""

    def plant(script):
        program, log = tmp_path / "trainer", tmp_path / "log"
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)
        monkeypatch.setenv("LOG", str(log))
        monkeypatch.setattr(throughput.sys, "executable", str(program))
        return log

    return plant


@pytest.mark.parametrize(
    ("cores", "waiting", "numbers"),
    [
        (1, 50, [1]),
        (2, 50, [1, 2]),
        (3, 50, [1, 2, 3]),
        (6, 50, [1, 2, 4, 6]),
        (8, 50, [1, 2, 4, 8]),
        (64, 50, [1, 2, 4, 8]),
        (64, 5, [1, 2, 4, 5]),
        (8, 3, [1, 2, 3]),
        (8, 1, [1]),
        (8, 0, [1]),
    ],
)
def test_candidates_are_powers_of_two_up_to_all_cores_all_jobs_or_the_cap(cores, waiting, numbers):
    assert candidates(cores, waiting) == numbers


@pytest.mark.parametrize(
    ("steps", "processes"),
    [
        ({1: 31, 2: 58}, 2),
        ({1: 58, 2: 31}, 1),
        ({1: 96, 2: 100}, 1),  # a tie
        ({1: 94, 2: 100}, 2),
        ({4: 98, 2: 97, 1: 90, 8: 100}, 2),  # in any order, and 4 ties as well
        ({1: 90, 2: 94, 4: 100}, 4),  # 1 ties with 2, but neither with the best
    ],
)
def test_the_highest_throughput_wins_and_of_a_tie_the_fewest_processes(steps, processes):
    assert fastest([Throughput(n, 1, rate) for n, rate in steps.items()]).processes == processes


def test_every_candidate_is_measured_with_its_fair_share_of_the_cores(planted):
    asked = planted({1: 40, 2: 70, 4: 90, 8: 80})
    choice = choose(20, device="cpu", cores=12)
    assert asked == [(1, 12, "cpu"), (2, 6, "cpu"), (4, 3, "cpu"), (8, 1, "cpu")]
    assert (choice.workers, choice.threads) == (4, 3)
    assert [each.steps for each in choice.measured] == [40, 70, 90, 80]


def test_the_cores_are_those_that_this_process_may_use(planted, monkeypatch):
    monkeypatch.setattr(throughput, "available_cores", lambda: 3)
    asked = planted({1: 1, 2: 2, 3: 3})
    assert choose(20, device="cpu").workers == 3
    assert [threads for _, threads, _ in asked] == [3, 1, 1]


def test_the_line_says_what_was_chosen_and_what_was_measured(planted):
    planted({1: 31.4, 2: 57.6})
    assert str(choose(9, device="cpu", cores=2)) == (
        "workers: 2 processes of 1 thread (measured: 1x2 31, 2x1 58 steps a second)"
    )
    planted({1: 60.2, 2: 57.6})
    assert str(choose(9, device="cpu", cores=2)) == (
        "workers: 1 process of 2 threads (measured: 1x2 60, 2x1 58 steps a second)"
    )


@pytest.mark.parametrize(
    ("cores", "waiting", "line"),
    [
        (1, 9, "workers: 1 process of 1 thread (not measured: one core)"),
        (4, 1, "workers: 1 process of 4 threads (not measured: one run only)"),
        (4, 0, "workers: 1 process of 4 threads (not measured: nothing to run)"),
    ],
)
def test_where_there_is_no_choice_nothing_is_measured_and_the_line_says_why(planted, cores, waiting, line):
    asked = planted({})
    assert str(choose(waiting, cores=cores)) == line
    assert not asked


def test_a_device_that_is_not_here_is_refused_before_anything_is_measured(planted):
    asked = planted({})
    with pytest.raises(SettingsError, match="device = 'tpu'"):
        choose(2, device="tpu", cores=2)
    assert not asked


def test_processes_wait_for_each_other_and_their_steps_are_added(trainer, started):
    log = trainer("sleep 0.$(($$ % 3)); echo warm >> $LOG; echo ready; cat; echo go >> $LOG; echo 2.5")
    assert measure(3, 2) == Throughput(3, 2, 7.5)
    assert log.read_text().split() == ["warm"] * 3 + ["go"] * 3
    assert [process.threads for process in started] == ["2"] * 3


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo Traceback >&2; echo 'RuntimeError: no memory' >&2; exit 1", "RuntimeError: no memory"),
        ("echo ready; exit 3", "status 3"),
        ("kill -9 $$", "status -9"),
    ],
)
def test_a_process_that_fails_is_told_in_one_line_and_ends_the_others(trainer, started, script, problem):
    trainer(script)
    with pytest.raises(PlanError) as error:
        measure(2, 1)
    assert str(error.value) == f"workers = auto, but a measuring process failed: {problem}; give a number"
    assert [process.returncode is None for process in started] == [False, False]


def test_an_interruption_leaves_no_process_behind(trainer, started, monkeypatch):
    def interrupted(process):
        raise KeyboardInterrupt

    monkeypatch.setattr(throughput, "_line", interrupted)
    trainer("exec sleep 600")
    with pytest.raises(KeyboardInterrupt):
        measure(2, 1)
    assert [process.returncode for process in started] == [-9, -9]


def test_the_real_measurement_tries_all_candidates_and_each_makes_steps(started):
    choice = choose(2, device="cpu", cores=2, seconds=0.2)
    assert [(each.processes, each.threads) for each in choice.measured] == [(1, 2), (2, 1)]
    assert all(each.steps > 0 for each in choice.measured)
    assert choice == Choice(choice.workers, 2 // choice.workers, choice.measured)
    assert [process.threads for process in started] == ["2", "1", "1"]
