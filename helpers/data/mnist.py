"""Where MNIST comes from: found, verified, downloaded, or decided against in bounded time."""

import hashlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.request import Request, urlopen

from platformdirs import user_cache_dir

from helpers.errors import DataError, MnistUnavailable

DECISION_SECONDS = 10.0  # longest silence of the network that is waited for
START_SECONDS = 60.0  # on top, for the downloading process to import torchvision on a cold disk
PACE_BYTES = 100_000  # a download that gains less than this in DECISION_SECONDS counts as stalled
POLL_SECONDS = 0.1
DOWNLOAD = "import sys; from torchvision.datasets import MNIST; MNIST(sys.argv[1], download=True)"

# Size in bytes and published MD5 of the four uncompressed files (LeCun, Cortes, Burges).
FILES = {
    "train-images-idx3-ubyte": (47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": (60_008, "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": (7_840_016, "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": (10_008, "27ae3e4e09519cfbb04c329615203637"),
}


class Source(NamedTuple):
    """The data set that is used, and one line that says which it is and why; "" where there was no choice."""

    name: Literal["mnist", "digits"]
    folder: Path | None  # of the four verified MNIST files
    remark: str


def find(dataset: str, *, patience: float = DECISION_SECONDS) -> Source:
    """The data set that `dataset` ("auto", "mnist" or "digits") stands for here.

    MNIST is looked for in $MNIST_ROOT, then in the user's cache folder, then downloaded there; `patience`
    bounds the silence of the network in seconds.

    Raises:
        DataError: a file that is damaged, incomplete or foreign, also for "auto".
        MnistUnavailable: "mnist" was asked for and is not to be had.
    """
    if dataset == "digits":
        return Source("digits", None, "")
    try:
        raw, origin = _find_or_download(patience)
    except MnistUnavailable as why:
        if dataset == "mnist":
            advice = "set MNIST_ROOT to a folder that has MNIST/raw, or use dataset = 'digits'"
            raise MnistUnavailable(f"dataset = 'mnist': {why}; {advice}") from None
        remark = f">>> DATA SET: DIGITS (scikit-learn's 1,797), not MNIST: {why}; no MNIST target is judged"
        return Source("digits", None, remark)
    return Source("mnist", raw, f">>> DATA SET: MNIST, {origin}")


def _find_or_download(patience: float) -> tuple[Path, str]:
    """The verified folder and, in words, where it came from."""
    named = os.environ.get("MNIST_ROOT")
    remark = f"MNIST_ROOT = {named!r} holds no MNIST" if named else "MNIST_ROOT is not set"
    cache = Path(user_cache_dir("small-cnn-workbook"))
    if named and _holds_mnist(raw := _raw(Path(named).expanduser())):
        return verified(raw), "found in MNIST_ROOT"
    if _holds_mnist(raw := _raw(cache)):
        return verified(raw), f"found in the user's cache folder ({remark})"
    try:
        _download(cache, patience)
    except (MnistUnavailable, OSError) as error:
        raise MnistUnavailable(f"{remark}; none in {cache}; no download: {error}") from None
    return verified(raw), f"downloaded to the user's cache folder ({remark})"


def _raw(root: Path) -> Path:
    return root / "MNIST" / "raw"  # the layout of torchvision.datasets.MNIST


def _holds_mnist(raw: Path) -> bool:
    """Whether any of the four files is there; a set that lacks some is damaged, not absent."""
    return any(os.path.isfile(raw / name) for name in FILES)


def verified(raw: Path) -> Path:
    """`raw` itself, once its four files have the published sizes and checksums.

    Raises:
        DataError: naming the first file that has not, what was found and what is expected.
    """
    for name, (size, md5) in FILES.items():
        path = raw / name
        try:
            found, expected = f"{path.stat().st_size} bytes", f"{size} bytes"
            if found == expected:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
                found, expected = f"MD5 {digest.hexdigest()}", f"MD5 {md5}"
        except OSError as error:
            found, expected = str(error.strerror).lower(), f"{size} bytes"
        if found != expected:
            raise DataError(
                f"{path}: found {found}, expected {expected}; replace the file or remove its folder"
            )
    return raw


def _download(cache: Path, patience: float) -> None:
    """Put verified MNIST files into `cache`, whole or not at all; MnistUnavailable or OSError if it fails."""
    _reach_a_mirror(patience)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".download-", ignore_cleanup_errors=True) as temporary:
        # A process of its own: torchvision's downloader has no time limit, and a thread cannot be killed.
        with subprocess.Popen(
            [sys.executable, "-c", DOWNLOAD, temporary],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            try:
                complaint = _watch(process, _raw(Path(temporary)), patience)
            finally:
                process.kill()
        if process.returncode != 0:
            raise MnistUnavailable(complaint)
        try:
            verified(_raw(Path(temporary)))
            os.rename(Path(temporary) / "MNIST", cache / "MNIST")
        except (DataError, OSError) as error:
            if not _holds_mnist(_raw(cache)):  # else another process was quicker
                raise MnistUnavailable(str(error)) from None


def _reach_a_mirror(patience: float) -> None:
    """Raise MnistUnavailable unless one of torchvision's mirrors answers within `patience` seconds."""
    from torchvision.datasets import MNIST  # here, because it takes seconds and is seldom needed

    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            urlopen(Request(mirror + MNIST.resources[0][0], method="HEAD"), timeout=patience).close()
            answers.put(None)
        except (OSError, HTTPException) as error:
            answers.put(error)

    deadline = time.monotonic() + patience
    for mirror in MNIST.mirrors:  # in daemon threads, because looking up a name knows no time limit
        threading.Thread(target=ask, args=[mirror], daemon=True).start()
    for _ in MNIST.mirrors:
        try:
            refusal = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise MnistUnavailable(f"no mirror answered within {patience:g} s") from None
        if refusal is None:
            return
    raise MnistUnavailable(f"no mirror to be reached ({refusal})")


def _watch(process: subprocess.Popen[str], raw: Path, patience: float) -> str:
    """Wait for the download; the last line it complained. MnistUnavailable when it stalls."""
    counted, deadline = None, time.monotonic() + START_SECONDS + patience
    while True:
        try:
            lines = process.communicate(timeout=POLL_SECONDS)[1].split("\n")
            return next((line for line in reversed(lines) if line.strip()), f"status {process.returncode}")
        except subprocess.TimeoutExpired:
            pass
        written = sum(file.stat().st_size for file in raw.iterdir()) if raw.is_dir() else None
        if written is not None and (counted is None or written - counted >= PACE_BYTES):
            counted, deadline = written, time.monotonic() + patience
        elif time.monotonic() > deadline:
            raise MnistUnavailable(f"the download stalled for {patience:g} s")
