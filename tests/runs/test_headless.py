"""Where nothing can be shown, everything still runs: searches, measurements and reports need neither screen nor notebook."""

import json
import os
import subprocess
import sys

import pytest
from making.notebooks import write_iteration

MODULES = [
    "helpers.runs.session",
    "helpers.runs.plan",
    "helpers.runs.pool",
    "helpers.search.rounds",
    "helpers.search.tables",
    "helpers.bench.crew",
    "helpers.bench.record",
    "helpers.scoreboard.report",
    "helpers.scoreboard.tables",
]
TRIAL = "a trial"
FRESH = f"""
import importlib, json, sys
from pathlib import Path

SHOW = {{"matplotlib", "IPython", "ipywidgets"}}
brought = {{}}

def note(name):
    brought[name] = sorted(SHOW & sys.modules.keys() - set().union(*brought.values()))

for name in {MODULES}:
    importlib.import_module(name)
    note(name)

from helpers.search.rounds import train_trial
from helpers.search.study import Study, candidates, trials

root = Path(sys.argv[1])
study = Study(question="?", notebook="01_small", grid=[{{"epochs": [2]}}], trials=[1], validation_images=200)
(candidate,) = candidates(study, profile="fast", dataset="digits", root=root)
(trial,) = trials(candidate, [1], study, root)
trial.folder.mkdir(parents=True)
assert train_trial(trial).status == "done"
note("{TRIAL}")
print(json.dumps(brought))
"""


@pytest.fixture(scope="module")
def brought(tmp_path_factory) -> dict[str, list[str]]:
    """What each module, and a trial made after them, was the first to load in a fresh process."""
    root = tmp_path_factory.mktemp("headless")
    write_iteration(root)
    command = [sys.executable, "-c", FRESH, str(root)]
    plain = os.environ | {"TORCHDYNAMO_DISABLE": "1"}  # two epochs are too short to be worth compiling
    return json.loads(subprocess.run(command, env=plain, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", [*MODULES, TRIAL])
def test_nothing_that_shows_is_loaded_where_nothing_is_shown(brought, name):
    """Catches a picture or a widget that a search, a bench or a report would have to wait for, or could not have."""
    assert brought[name] == []
