"""Where the data comes from: found, verified, downloaded, or said to be missing."""

import hashlib
import os
import threading
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from making.mnist import FULL, TEST, TRAIN, complaint, numbered, write_set

from helpers.data import mnist
from helpers.data.mnist import Source, find
from helpers.data.splits import load_data

# What stands in for the process that downloads: argv[1] is the folder it writes to.
BEGIN = "import shutil, sys, time; from pathlib import Path; raw = Path(sys.argv[1], 'MNIST', 'raw'); "
HANG = BEGIN + "raw.mkdir(parents=True); (raw / 'part').write_bytes(bytes(99)); time.sleep(20)"
TRICKLE = (
    BEGIN
    + "raw.mkdir(parents=True)\nfor _ in range(2000): (raw / f'{time.time()}').write_bytes(b'1'); time.sleep(0.01)"
)


@pytest.fixture
def downloader(monkeypatch, tmp_path):
    """Sets the code of the downloading process, behind mirrors that answer."""

    class Answer:
        def close(self):
            pass

    def use(code: str) -> Path:
        monkeypatch.setattr(mnist, "urlopen", lambda request, timeout: Answer())
        monkeypatch.setattr(mnist, "DOWNLOAD", code)
        return tmp_path / "cache"

    return use


def remark_of(source: Source, name: str) -> str:
    """The remark of a data set of this name; it must be one line."""
    assert source.name == name and len(source.remark.splitlines()) == 1
    return source.remark


# Where MNIST is looked for


def test_mnist_is_read_from_mnist_root_in_its_own_order(installed):
    """Catches training and test files exchanged, and images or labels out of their order."""
    found = load_data(FULL)
    assert found.name == "mnist"
    for split, count in ((found.train, TRAIN), (found.test, TEST)):
        assert split.images.dtype == torch.uint8 and split.labels.dtype == torch.int64
        assert torch.equal(split.images, numbered(count).images)
        assert torch.equal(split.labels, numbered(count).labels)
    assert found.validation is None


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
def test_one_line_says_that_mnist_root_was_taken(installed, dataset):
    """Catches a remark that claims the cache or a download, or that breaks over several lines."""
    assert "MNIST, found in MNIST_ROOT" in remark_of(find(dataset), "mnist")


def test_the_cache_folder_comes_second_and_the_line_says_why(original, tmp_path, monkeypatch):
    """Catches a wrong MNIST_ROOT that is passed over without a word, or that ends in a new download."""
    write_set(tmp_path / "cache")
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "elsewhere"))
    remark = remark_of(find("auto"), "mnist")
    assert "cache folder" in remark and f"{str(tmp_path / 'elsewhere')!r} holds no MNIST" in remark


def test_mnist_root_comes_before_the_cache_folder(installed, tmp_path):
    """Catches an old set in the cache that is preferred to the folder the user has named."""
    write_set(tmp_path / "cache")
    assert find("mnist").folder == installed / "MNIST" / "raw"


def test_the_unverified_processed_folder_of_old_versions_is_not_read(installed):
    """Catches a reader such as MNIST(root) that takes training.pt, which no checksum covers."""
    processed = installed / "MNIST" / "processed"
    processed.mkdir()
    foreign = (torch.full((5, 28, 28), 7, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64))
    for name in ("training.pt", "test.pt"):
        torch.save(foreign, processed / name)
    assert torch.equal(load_data(FULL).train.images, numbered(TRAIN).images)


# Damaged files

DAMAGES = {
    "corrupt": lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
    "truncated": lambda content: content[:-1],
    "empty": lambda content: b"",
    "foreign": lambda content: b"<html>not here</html>",
    "foreign of the same size": lambda content: os.urandom(len(content)),
}


@pytest.mark.parametrize("dataset", ["auto", "mnist"])
@pytest.mark.parametrize("place", ["MNIST_ROOT", "cache"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_never_replaced_by_digits(
    original, tmp_path, monkeypatch, dataset, place, damage
):
    """Catches a fall back to the digits that hides a damaged file, and a check of sizes without checksums."""
    root = original
    if place == "cache":
        root = tmp_path / "cache"
        write_set(root)
    else:
        monkeypatch.setenv("MNIST_ROOT", str(root))
    path = root / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    size, md5 = mnist.FILES[path.name]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    message = complaint(load_data, FULL.model_copy(update={"dataset": dataset}))
    found = path.read_bytes()
    assert str(path) in message
    if len(found) == size:
        assert f"found MD5 {hashlib.md5(found).hexdigest()}, expected MD5 {md5}" in message
    else:
        assert f"found {len(found)} bytes, expected {size} bytes" in message


@pytest.mark.parametrize("name", mnist.FILES)
def test_each_of_the_four_files_is_verified(installed, name):
    """Catches a check that stops after the first file, or that leaves the labels out."""
    path = installed / "MNIST" / "raw" / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert str(path) in complaint(find, "auto")


@pytest.mark.parametrize("name", mnist.FILES)
def test_a_set_that_lacks_a_file_is_damaged_not_absent(installed, name):
    """Catches three files of four taken for no set at all, so that the digits come in silently."""
    path = installed / "MNIST" / "raw" / name
    path.unlink()
    message = complaint(find, "auto")
    assert f"{path}: found no such file" in message and str(mnist.FILES[name][0]) in message


# No MNIST to be had


def test_auto_takes_the_digits_and_says_so_in_one_line(original, tmp_path):
    """Catches digits passed off as MNIST, or a reason that leaves out where MNIST was looked for."""
    remark = remark_of(find("auto"), "digits")
    assert "DIGITS" in remark and "not MNIST" in remark
    assert "MNIST_ROOT is not set" in remark and str(tmp_path / "cache") in remark and "no network" in remark


def test_the_data_carries_the_remark_and_nothing_is_printed(original, capsys):
    """Catches a choice of the data set that the lesson cannot show, and one that is shown twice."""
    data = load_data(FULL.model_copy(update={"dataset": "auto"}))
    assert data.name == "digits" and data.remark == find("auto").remark
    assert capsys.readouterr().out == ""


def test_mnist_asked_for_and_not_to_be_had_says_where_it_looked_and_what_to_do(
    original, tmp_path, monkeypatch
):
    """Catches a bare "not found", and digits given to somebody who asked for MNIST."""
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path / "elsewhere"))
    message = complaint(load_data, FULL)
    for part in ("elsewhere", str(tmp_path / "cache"), "no network", "set MNIST_ROOT", "dataset = 'digits'"):
        assert part in message


def test_digits_asked_for_need_no_network_and_no_remark(original, monkeypatch):
    """Catches a search for MNIST, and a wait for the network, before anybody looks at what was asked for."""
    monkeypatch.setattr(mnist, "_find_or_download", lambda patience: pytest.fail("looked for MNIST"))
    assert find("digits") == Source("digits", None, "")


def test_mirrors_that_never_answer_end_in_a_decision(original, monkeypatch):
    """Catches mirrors asked in the main thread, where looking up a name knows no time limit."""
    released = threading.Event()

    def hang(request, timeout):
        released.wait(30)  # far beyond the patience below
        raise URLError("woken")

    monkeypatch.setattr(mnist, "urlopen", hang)
    assert "no mirror answered within 0.2 s" in remark_of(find("auto", patience=0.2), "digits")
    assert "no mirror answered within 0.2 s" in complaint(find, "mnist", patience=0.2)
    released.set()


def test_one_mirror_that_answers_is_enough(original, downloader, monkeypatch):
    """Catches a download given up at the first mirror that refuses."""
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")

    def only_the_second(request, timeout):
        if request.full_url.startswith(first):
            raise URLError("gone")
        return open(os.devnull)

    from torchvision.datasets import MNIST

    first = MNIST.mirrors[0]
    monkeypatch.setattr(mnist, "urlopen", only_the_second)
    assert find("mnist").folder == cache / "MNIST" / "raw"


@pytest.mark.parametrize("code", [HANG, TRICKLE], ids=["hangs", "trickles"])
def test_a_download_that_stalls_is_ended_and_leaves_nothing(original, downloader, tmp_path, code):
    """Catches any new byte taken for progress, and a process or a folder that outlives the download."""
    ran_to_its_end = tmp_path / "ran_to_its_end"
    cache = downloader(f"{code}\nopen({str(ran_to_its_end)!r}, 'w')")
    assert "the download stalled for 0.3 s" in complaint(find, "mnist", patience=0.3)
    assert list(cache.iterdir()) == [] and not ran_to_its_end.exists()


def test_a_download_that_never_starts_is_ended(original, downloader, monkeypatch):
    """Catches a clock that starts only with the first byte, so that a process without any waits for ever."""
    monkeypatch.setattr(mnist, "START_SECONDS", 0)
    cache = downloader("import time; time.sleep(20)")
    assert "stalled" in remark_of(find("auto", patience=0.2), "digits")
    assert list(cache.iterdir()) == []


def test_a_download_that_fails_gives_its_reason_and_leaves_nothing(original, downloader):
    """Catches the first line of a traceback given as the reason, and a temporary folder left in the cache."""
    cache = downloader(HANG.replace("time.sleep(20)", "raise RuntimeError('many\\nlines, HTTP Error 404')"))
    assert "HTTP Error 404" in complaint(find, "mnist")
    assert list(cache.iterdir()) == []


def test_a_download_is_kept_whole_and_found_again(original, downloader):
    """Catches files downloaded into a folder where the next search does not look."""
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")
    data = load_data(FULL)
    assert torch.equal(data.train.images, numbered(TRAIN).images) and "downloaded" in data.remark
    assert [path.name for path in cache.iterdir()] == ["MNIST"]
    downloader("raise RuntimeError('asked again')")
    assert "found in the user's cache folder" in remark_of(find("mnist"), "mnist")


def test_a_damaged_download_is_not_kept(original, downloader):
    """Catches a login page of the network stored in the cache as if it were MNIST."""
    (original / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").write_bytes(b"<html>log in first</html>")
    cache = downloader(BEGIN + f"shutil.copytree({str(original / 'MNIST')!r}, raw.parent)")
    assert "t10k-labels-idx1-ubyte: found 25 bytes" in complaint(find, "mnist")
    assert list(cache.iterdir()) == []


def test_two_downloads_at_once_do_not_disturb_each_other(original, downloader, tmp_path):
    """Catches a rename that fails because another process was quicker, and ends the run with an error."""
    quicker = str(tmp_path / "cache" / "MNIST")
    copy = f"shutil.copytree({str(original / 'MNIST')!r}, "
    cache = downloader(BEGIN + f"{copy} raw.parent); {copy} {quicker!r})")
    assert find("mnist").folder == cache / "MNIST" / "raw"
    assert [path.name for path in cache.iterdir()] == ["MNIST"]


def test_a_cache_folder_that_cannot_be_written_is_a_reason_not_a_crash(original, downloader, tmp_path):
    """Catches an OSError of the cache folder that reaches the reader as a traceback."""
    downloader(HANG)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert "exists" in remark_of(find("auto"), "digits")
    assert str(tmp_path / "cache") in complaint(find, "mnist")
