"""Builds and loads kernels.cpp, once for a machine; says why where that cannot be done."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from helpers.errors import NoKernels
from helpers.results.record import cpu_facts

SOURCE = Path(__file__).with_name("kernels.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-fopenmp", "-shared", "-fPIC")
MULTIPLE = 16  # the number of images in a batch must be a multiple of it


@lru_cache
def library() -> ctypes.CDLL:
    """The kernels of kernels.cpp, built by this machine's C++ compiler the first time they are asked for.

    Later they are read from the user's cache folder; another compiler, processor or source builds anew.

    Raises:
        NoKernels: there is no compiler, or it refuses.
    """
    compiler = find_compiler()
    if compiler is None:
        raise NoKernels("no C++ compiler (c++, g++ or clang++)")
    try:
        built = _cached(compiler)
        loaded = ctypes.CDLL(str(built))
    except OSError as error:
        raise NoKernels(str(error).splitlines()[0]) from None
    except subprocess.CalledProcessError as error:
        reason = next(iter(error.stderr.splitlines()), f"status {error.returncode}")
        raise NoKernels(f"{Path(compiler).name}: {reason}") from None
    # The types of the arguments, as kernels.cpp declares them.
    pointer, integer, number = ctypes.c_void_p, ctypes.c_long, ctypes.c_uint32
    loaded.convolve.argtypes = [pointer] * 4 + [integer] * 8
    loaded.correlate.argtypes = [pointer] * 3 + [integer] * 8
    loaded.pool.argtypes = [pointer] * 2 + [integer] * 6
    loaded.unpool.argtypes = [pointer] * 4 + [integer] * 6
    real, flag = ctypes.c_float, ctypes.c_int
    loaded.normalise.argtypes = [pointer] * 7 + [integer] * 2 + [real, flag, integer]
    loaded.normalise_backward.argtypes = [pointer] * 10 + [integer] * 2 + [real, flag, integer]
    loaded.mask.argtypes = [pointer, integer, number, real, number, number, integer]
    return loaded


def find_compiler() -> str | None:
    """The C++ compiler: the one named by CXX, or the first of the usual ones."""
    names = (os.environ["CXX"],) if "CXX" in os.environ else ("c++", "g++", "clang++")
    return next(filter(None, map(shutil.which, names)), None)


def _cached(compiler: str) -> Path:
    """The built library, from the cache folder or new; written elsewhere and renamed, so it is never half."""
    folder = user_cache_path("small-cnn-workbook") / "kernels"
    what = [SOURCE.read_text(), *FLAGS, _version(compiler), _processor(), sys.platform]
    built = folder / f"{hashlib.sha256(chr(0).join(what).encode()).hexdigest()[:16]}.so"
    if not built.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as place:
            made = Path(place) / built.name
            subprocess.run(
                [compiler, *FLAGS, str(SOURCE), "-o", str(made)], check=True, capture_output=True, text=True
            )
            os.replace(made, built)
    return built


def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout


def _processor() -> str:
    """What `-march=native` looks at, as far as it can be read; a home folder may serve several machines."""
    return "\n".join(cpu_facts("model name", "flags", "Features")) or platform.processor()
