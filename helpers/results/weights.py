"""The weights of a trained network, kept beside its record, and read back without running any code of theirs."""

import io
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from helpers.errors import ResultsError
from helpers.results.store import write_whole

WEIGHTS = "weights.pt"

Network = TypeVar("Network", bound=nn.Module)


def save_weights(network: nn.Module, folder: Path | str) -> Path:
    """Write parameters and buffers to weights.pt, whole or not at all.

    Raises:
        ResultsError: where the folder cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}, buffer)
    return write_whole(Path(folder) / WEIGHTS, buffer.getvalue())


def load_weights(network: Network, folder: Path | str) -> Network:
    """`network` with the weights that lie in the folder, in evaluation mode. Only tensors are read, never code.

    Raises:
        ResultsError: for a file that is missing or damaged, or that holds the weights of another network.
    """
    path = Path(folder) / WEIGHTS
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read ({error.strerror})") from None
    except Exception:  # torch names no base class of what it raises, and explains it in a page
        raise ResultsError(f"{path}: damaged, holds no weights") from None
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError):
        raise ResultsError(f"{path}: not the weights of this network") from None
    return network.eval()
