"""Fixtures that more than one test file uses."""

import hashlib
from urllib.error import URLError

import pytest
from hypothesis import settings
from making.mnist import write_set

from helpers import cli, places
from helpers.data import mnist
from helpers.data.splits import load_data
from helpers.settings import RunConfig

# How long an example takes says what else the machine is doing, and nothing of the code.
settings.register_profile("workbook", deadline=None)
settings.load_profile("workbook")


@pytest.fixture
def original(tmp_path, monkeypatch):
    """A folder with the synthetic set, whose checksums count as the published ones; no network, empty cache."""
    root = tmp_path / "original"
    raw = write_set(root)
    contents = {name: (raw / name).read_bytes() for name in mnist.FILES}
    published = {name: (len(text), hashlib.md5(text).hexdigest()) for name, text in contents.items()}
    monkeypatch.setattr(mnist, "FILES", published)
    monkeypatch.setattr(mnist, "user_cache_dir", lambda name: str(tmp_path / "cache"))
    monkeypatch.delenv("MNIST_ROOT", raising=False)

    def refuse(request, timeout):
        raise URLError("no network")

    monkeypatch.setattr(mnist, "urlopen", refuse)
    return root


@pytest.fixture
def installed(original, monkeypatch):
    monkeypatch.setenv("MNIST_ROOT", str(original))
    return original


@pytest.fixture(scope="session")
def digit_images():
    """Test images of scikit-learn's digits, uint8 of shape (N, 1, 28, 28)."""
    return load_data(RunConfig(dataset="digits")).test.images


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `workbook` with arguments on the notebooks of tmp_path; gives status, stdout and stderr."""
    monkeypatch.setattr(places, "REPOSITORY", tmp_path)
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)  # the tests' own process keeps its handlers

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["workbook", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0, *capsys.readouterr())

    return run
