"""The report: files that are whole, the same from the same records, and right while others write."""

import json
import re
import subprocess
import sys

import pytest
from making.notebooks import write_iteration
from making.records import ending, put, write_claiming

from helpers import cli, places
from helpers.errors import ResultsError
from helpers.places import OUTPUTS
from helpers.results import store
from helpers.results.record import encode_predictions
from helpers.results.store import load
from helpers.scoreboard.board import scoreboard
from helpers.scoreboard.gather import gather
from helpers.scoreboard.report import report, to_dict, to_markdown


@pytest.fixture
def workbook(tmp_path):
    """Two recipes, one of them with a variant, and a record that is left out."""
    path, other = (
        write_claiming(tmp_path, "12_small", last=99.0),
        write_claiming(tmp_path, "13_small", best=99.5),
    )
    for seed, last in enumerate((99.0, 99.1, 99.2), 1):
        put(path, seed, ending(last))
    put(path, 1, ending(98.0), "rotation=3.0", of={"rotation": 3.0})
    put(path, 4, ending(99.0)[:-1])
    put(other, 1, ending(99.37))
    return tmp_path


def test_the_report_is_a_page_and_plain_data(workbook):
    """Catches a file that is written elsewhere, or that holds something else than the board."""
    board, paths = report(workbook)
    outputs = workbook / "outputs"
    assert sorted(paths) == [outputs / "scoreboard.json", outputs / "scoreboard.md"]
    assert (outputs / "scoreboard.md").read_text(encoding="utf-8") == to_markdown(board)
    assert json.loads((outputs / "scoreboard.json").read_text(encoding="utf-8")) == to_dict(board)


def test_the_same_records_give_the_same_files(workbook):
    """Catches a time stamp or an unsorted set in the report, which changes it without new results."""
    first = {path: path.read_bytes() for path in report(workbook)[1]}
    assert {path: path.read_bytes() for path in report(workbook)[1]} == first


def test_the_page_tells_recipes_steps_experiments_and_what_was_left_out(workbook):
    """Catches a section lost from the page, or a link that does not fit where the page lies."""
    text = to_markdown(scoreboard(workbook))
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == ["Recipes", "Steps", "Experiments", "Left out"]
    assert "| [12_small](../notebooks/12_small.ipynb) | 7,850 |" in text
    assert "| 12 → 13 | not judged |" in text
    assert "| rotation=3.0 | mnist |" in text
    assert "- 12_small/full/seed-4: stopped after 3 of 4 epochs" in text
    assert "](scoreboard.png)" in text


def test_the_data_hold_no_number_that_json_has_not(workbook):
    """Catches NaN or infinity of a single run in the file, and the last bits of rounding in a mean."""
    data = to_dict(scoreboard(workbook))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert list(data) == ["schema", "rows", "steps", "experiments", "left_out", "remarks"]
    first, second = data["rows"]
    assert (first["last"]["mean"], first["last"]["sd"], first["last"]["n"]) == (99.1, 0.1, 3)
    assert second["last"] == {"mean": 99.37, "sd": None, "n": 1, "interval": {"low": None, "high": None}}
    assert second["verdict"]["outcome"] == "not judged"
    assert (data["experiments"][0]["label"], data["experiments"][0]["last"]["mean"]) == ("rotation=3.0", 98.0)
    assert data["experiments"][0]["against_declared"]["p"] is None


def test_without_any_record_there_is_a_report_all_the_same(tmp_path):
    """Catches an empty workbook that ends in an error in place of an empty report."""
    write_iteration(tmp_path)
    board, paths = report(tmp_path)
    assert board.rows == [] and all(path.is_file() for path in paths)


def test_a_report_that_cannot_be_written_leaves_the_old_one(workbook, monkeypatch):
    """Catches a full disk that truncates the last report, or leaves temporary files behind."""
    paths = report(workbook)[1]
    before = {path: path.read_bytes() for path in paths}
    put(workbook / "notebooks" / "13_small.ipynb", 2, ending(99.40))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(ResultsError, match="No space left"):
        report(workbook)
    assert {path: path.read_bytes() for path in paths} == before
    assert not [path for path in (workbook / "outputs").iterdir() if path.name.startswith(".")]


# The command


def test_the_command_prints_tables_what_was_left_out_and_where_it_wrote(workbook, monkeypatch, capsys):
    """Catches a command that forgets the picture, or reports on another workbook than this one."""
    monkeypatch.setattr(places, "REPOSITORY", workbook)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["workbook", "report"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr().out.splitlines()
    assert not ended.value.code
    assert any(line.startswith("12_small") and "99.10 ± 0.10" in line for line in printed)
    assert "left out: 12_small/full/seed-4: stopped after 3 of 4 epochs" in printed
    assert printed[-1].startswith("written: ") and printed[-1].endswith("scoreboard.png")
    written = sorted(path.name for path in (workbook / "outputs").glob("scoreboard.*"))
    assert written == ["scoreboard.json", "scoreboard.md", "scoreboard.png"]


# While others write

WRITER = """
import sys
from helpers.results.store import load, save
source, folder, seconds, times = sys.argv[1:]
record = load(source).model_copy(update={"seconds": float(seconds)})
for _ in range(int(times)):
    save(record, folder)
"""


def test_two_processes_that_save_one_seed_and_a_report_that_reads_it_never_meet_half_a_record(tmp_path):
    """Catches a record that is written in place, or two writers that share one temporary file."""
    path = write_iteration(tmp_path)
    large = encode_predictions([7] * 200_000)  # so that writing takes its time
    saved = put(path, 1, ending(99), test_predictions=large)
    source = tmp_path / "source.json"
    source.write_bytes(saved.read_bytes())
    before = load(source)
    command = [sys.executable, "-c", WRITER, str(source), str(saved.parent)]
    writers = [subprocess.Popen([*command, seconds, "100"]) for seconds in ("1", "2")]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = gather(tmp_path)
        assert (found.left_out, found.remarks) == ([], [])
        (read,) = found.groups[0].runs.records
        assert read.model_copy(update={"seconds": before.seconds}) == before
        seen.add(read.seconds)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert {1.0, 2.0} & seen and seen <= {before.seconds, 1.0, 2.0}
    assert load(saved).seconds in (1.0, 2.0)
    assert list(saved.parent.iterdir()) == [saved]


# What is committed


def test_the_committed_scoreboard_is_what_the_records_say():
    """Catches committed tables of recipes and steps that are older than the records or the code."""
    # Its tables of recipes and steps; variants may be there on one machine only.
    fresh, kept = (
        text.partition("## Experiments")[0]
        for text in (to_markdown(scoreboard()), (OUTPUTS / "scoreboard.md").read_text(encoding="utf-8"))
    )
    assert fresh == kept, "run `workbook report`"
    assert (OUTPUTS / "scoreboard.json").is_file() and (OUTPUTS / "scoreboard.png").is_file()
