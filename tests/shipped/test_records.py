"""The records that are kept with the workbook."""

import json

from helpers.places import OUTPUTS, SEARCH
from helpers.results.store import FILE, load

KEPT = [*OUTPUTS.glob(f"[0-9]*/*/seed-*/{FILE}"), *(OUTPUTS.parent / SEARCH).glob(f"trials/*/{FILE}")]


def test_every_kept_record_is_read_as_it_is_written():
    """Catches a change of the classes that would say of an old run what its file does not."""
    assert len(KEPT) > 400
    for path in KEPT:
        data = json.loads(path.read_text(encoding="utf-8"))
        assert load(path).to_dict() == data, path
