"""The command line: options become a plan, mistakes become one line and a status, failures a status."""

import subprocess
import sys

import pytest
from making.notebooks import write_iteration, write_other

from helpers import cli
from helpers.data.mnist import Source
from helpers.runs import plan, pool
from helpers.runs.execution import Outcome
from helpers.search import rounds
from helpers.settings import PROFILES


@pytest.fixture
def executed(monkeypatch):
    """What would have been executed: (jobs, workers) of each call; every job ends as it says it failed or not."""
    calls = []

    def execute(jobs, workers, watch):
        calls.append((jobs, workers))
        outcomes = [Outcome(job, "failed", problem="ValueError: broken") for job in jobs if job.seed != 1]
        for outcome in outcomes:
            watch(outcome)
        return outcomes

    monkeypatch.setattr(pool, "execute", execute)
    return calls


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("1", [1]), ("1-3", [1, 2, 3]), ("1,2,5", [1, 2, 5]), ("7, 1-2", [7, 1, 2]), ("0-0", [0])],
)
def test_seeds_are_ranges_and_lists(text, seeds):
    assert cli.Seeds().convert(text, None, None) == seeds


def test_options_reach_the_plan_and_the_workers(command, executed, tmp_path):
    write_iteration(tmp_path)
    write_iteration(tmp_path, "02_other")
    command("run", "02", "--seeds", "1-2", "--dataset", "digits", "--profile", "full", "--workers", "3")
    ((jobs, workers),) = executed
    assert [str(job) for job in jobs] == ["02_other seed 1", "02_other seed 2"]
    assert {job.parameters["profile"] for job in jobs} == {"full"}
    assert workers == 3


def test_without_workers_the_pool_takes_its_default(command, executed, tmp_path):
    write_iteration(tmp_path)
    command("run", "--dataset", "digits")
    assert [workers for _, workers in executed] == [None]


def test_settings_are_read_by_the_types_that_the_notebook_declares(command, executed, tmp_path):
    write_iteration(tmp_path)
    command("run", "--dataset", "digits", "-p", "nesterov=true", "-p", "rotation=1e-3", "-p", "device=cpu")
    ((job,), _) = executed[0]
    assert (job.parameters["nesterov"], job.parameters["rotation"]) == (True, 0.001)


def test_the_status_is_0_when_nothing_failed(command, executed, tmp_path):
    write_iteration(tmp_path)
    status, _, errors = command("run", "--dataset", "digits")
    assert (status, errors) == (0, "")


def test_the_status_is_1_when_something_failed_and_the_last_line_says_what(command, executed, tmp_path):
    write_iteration(tmp_path)
    status, printed, _ = command("run", "--dataset", "digits", "--seeds", "1,2")
    assert status == 1
    assert printed.splitlines()[-1] == "01_small seed 2: ValueError: broken"


def test_what_is_to_be_made_is_said_first_and_every_outcome_as_it_comes(
    command, executed, tmp_path, monkeypatch
):
    """Catches a command that is silent for hours, and a choice of data that is not told."""
    monkeypatch.setattr(plan, "find", lambda dataset: Source("digits", None, "no MNIST: the digits"))
    write_iteration(tmp_path)
    _, printed, _ = command("run", "--seeds", "1,2", "--workers", "1")
    assert printed.splitlines()[:3] == [
        "no MNIST: the digits",
        "2 of 2 runs to be made, at most 1 at a time",
        "01_small seed 2: failed after 0 s, ValueError: broken",
    ]


@pytest.fixture
def studied(tmp_path):
    """A workbook with one declared study."""
    write_iteration(tmp_path)
    declared = tmp_path / "outputs" / "search" / "rates.toml"
    declared.parent.mkdir(parents=True)
    declared.write_text('question = "Which?"\nnotebook = "01_small"\ngrid = [{}]\ntrials = [1]\n')


def test_search_lists_the_studies_and_tells_an_unknown_one_in_a_line(command, studied):
    assert command("search") == (0, "rates: Which?\n", "")
    assert command("search", "rats") == (
        1,
        "",
        "Error: unknown study 'rats'; there are rates in outputs/search\n",
    )


def test_search_says_its_rounds_and_outcomes_and_ends_with_the_table(command, studied, monkeypatch):
    """Catches options that do not reach the search, and a search that is silent for hours."""
    asked = []

    def search(study, *, report, watch, root, **options):
        asked.append((study.question, options))
        report("round 1 of 1")
        watch("trial 1: done")
        return []

    monkeypatch.setattr(rounds, "search", search)
    status, printed, _ = command("search", "rates", "--profile", "fast", "--workers", "3")
    assert asked == [("Which?", {"profile": "fast", "dataset": "auto", "workers": 3})]
    assert status == 0
    assert printed.splitlines()[:3] == ["round 1 of 1", "trial 1: done", ""]
    assert "against the best" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--profile", "ful"], ["'ful'", "'fast', 'full'"]),
        (["run", "--dataset", "cifar"], ["'cifar'", "'auto', 'mnist', 'digits'"]),
        (["run", "--seeds", "3-1"], ["'3-1'", "1-3 or 1,2,5"]),
        (["run", "--seeds", "one"], ["'one'", "1-3 or 1,2,5"]),
        (["run", "--seeds", ""], ["''", "1-3 or 1,2,5"]),
        (["run", "--workers", "0"], ["0", "x>=1"]),
        (["run", "--workers", "-1"], ["-1", "x>=1"]),
        (["run", "--workers", "1.5"], ["'1.5'", "not a valid integer"]),
        (["run", "--workers", "many"], ["'many'", "not a valid integer"]),
        (["run", "-p", "rotation"], ["'rotation'", "name=value"]),
        (["run", "-p", "=3"], ["'=3'", "name=value"]),
        (["run", "--fource"], ["--fource", "--force"]),
        (["rum"], ["rum"]),
        (["run", "01_smal"], ["'01_smal'", "01_small"]),
        (["run", "-p", "rotaton=3"], ["'rotaton'", "rotation"]),
        (["run", "-p", "epochs=fifteen"], ["'fifteen'", "integer"]),
        (["run", "-p", "epochs=-1"], ["-1", "greater than or equal to 1"]),
        (["run", "-p", "rotation=nan"], ["nan"]),
        (["run", "-p", "device=tpu"], ["'tpu'", "cpu"]),
        (["run", "--dataset", "digits", "-p", "batch_size=100000"], ["100000", "at most 1347"]),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_what_is_allowed(
    command, executed, tmp_path, arguments, words
):
    write_iteration(tmp_path)
    if arguments[0] == "run" and "--dataset" not in arguments:
        arguments = [*arguments, "--dataset", "digits"]
    status, printed, errors = command(*arguments)
    assert status != 0 and not executed
    assert (printed, errors.count("\n")) == ("", 1)
    assert all(word in errors for word in words), errors


def test_ctrl_c_is_no_traceback(command, monkeypatch, tmp_path):
    def interrupted(jobs, workers, watch):
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "execute", interrupted)
    write_iteration(tmp_path)
    status, _, errors = command("run", "--dataset", "digits")
    assert status == cli.INTERRUPTED
    assert errors.strip() == "Interrupted: what is finished stays, and is skipped next time."


def test_list_shows_targets_and_parameters(command, tmp_path):
    write_iteration(tmp_path)
    write_other(tmp_path)
    status, printed, _ = command("list")
    assert status == 0
    assert printed.splitlines()[:4] == [
        "00_start",
        "  dataset: str = 'auto'  # data",
        "01_small",
        "  max_params=1000 max_epochs=4 min_accuracy=50.0 last_n=1",
    ]
    assert "  rotation: float = 0.0  # degrees" in printed.splitlines()


HELP = """
import sys
from helpers import cli
from helpers.data.mnist import Source
sys.argv = ["workbook", "--help"]
try:
    cli.main()
finally:
    print("torch" in sys.modules)
"""


def test_the_profiles_that_can_be_asked_for_are_those_that_there_are():
    """Catches a profile that the command does not know."""
    assert cli.PROFILE_NAMES == list(PROFILES)


def test_help_needs_no_torch():
    """Catches an import that makes whoever asks for help wait for seconds."""
    shown = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("Usage: workbook") and shown.splitlines()[-1] == "False"
