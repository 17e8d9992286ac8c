"""What an error says to a reader."""

import pytest


def one_line(error: pytest.ExceptionInfo) -> str:
    """The message of an error, which must be one short line."""
    text = str(error.value)
    assert "\n" not in text and len(text) < 400
    return text
