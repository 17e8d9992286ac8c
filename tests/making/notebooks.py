"""Small notebooks for the tests of definitions and runs: an iteration that trains nothing, and no iteration."""

from pathlib import Path

import nbformat

IMPORTS = """\
from torch import nn

from helpers.settings import Augmentation, Recipe, RunConfig
from helpers.results.targets import Target"""
TARGET = """\
notebook = "{name}"
target = Target(max_params=1_000, max_epochs=4, min_accuracy=50.0)
published = None"""
PARAMETERS = """\
profile: str = "fast"  # fast or full
dataset: str = "auto"  # auto, mnist or digits
seed: int = 1  # of everything
device: str = "auto"  # where to compute
output: str = ""  # folder for the record
epochs: int = 4  # declared
batch_size: int = 64
rotation: float = 0.0  # degrees
nesterov: bool = False"""
SETTINGS = """\
config = RunConfig(
    profile=profile,
    dataset=dataset,
    seed=seed,
    recipe=Recipe(epochs=epochs, batch_size=batch_size, nesterov=nesterov),
    augmentation=Augmentation(rotation=rotation),
)"""
NETWORK = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, {channels}, 28)

    def forward(self, images):
        return self.convolution(images).flatten(1)"""
RECORD = """\
from helpers.networks.description import describe
from helpers.results.record import Record, fingerprint, utc_now
from helpers.results.store import save

epoch = dict(train_loss=1.0, train_accuracy=50.0, test_loss=1.0, learning_rate=0.1, learning_rate_used=0.1, seconds=1.0)
history = [dict(epoch, epoch=n + 1, test_accuracy=90.0 - n) for n in range(config.run_epochs)]
save(
    Record(
        notebook=notebook, profile=profile, dataset=dataset, seed=seed, parameters=785, receptive_field=28,
        config=config.model_dump(), fingerprint=fingerprint(config, describe(Net()), dataset), history=history,
        test_predictions=None, student=None, target=None, verdict={"overall": "not judged"}, environment={},
        seconds=1.0, finished=utc_now(),
    ),
    output,
)"""


def write_notebook(folder: Path, name: str, cells: list[tuple[str, str]]) -> Path:
    """A notebook of (tag, source) code cells, in folder/notebooks."""
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}) for tag, source in cells],
    )
    path = folder / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


def write_iteration(folder: Path, name: str = "01_small", *, channels: int = 10, **changed: str) -> Path:
    """An iteration whose record says 90 % after its first epoch; `changed` replaces cells by tag.

    A cell called `before` comes before the record is written, one called `after` after it.
    """
    cells = {
        "imports": IMPORTS,
        "target": TARGET.format(name=name),
        "parameters": PARAMETERS,
        "settings": SETTINGS,
        "network": NETWORK.format(channels=channels),
        "before": "",
        "record": RECORD,
        "after": "",
    }
    assert changed.keys() <= cells.keys()
    return write_notebook(folder, name, list((cells | changed).items()))


def write_other(folder: Path, name: str = "00_start", source: str = "print(dataset)") -> Path:
    """A notebook that trains nothing."""
    return write_notebook(folder, name, [("parameters", 'dataset: str = "auto"  # data'), ("look", source)])
