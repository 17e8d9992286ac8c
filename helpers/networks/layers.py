"""The layers of a network, read back from its description: operation, settings, and what each reads."""

import ast
import re
from collections.abc import Sequence
from typing import NamedTuple

BOOKKEEPING = {"Identity", "flatten", "Flatten", "getattr", "size"}  # they hand the numbers on as they are
FOLLOWING = {"in_channels", "in_features", "num_features", "num_channels", "normalized_shape"}
REFERENCE = re.compile(r"\[-(\d+)\]")
LANDMARKS = {"input": 1000, "output": 1000, "Linear": 10}  # what an alignment keeps in place, by weight
KINDS = (("Conv", 10), ("Pool", 12), ("Norm", 3), ("Dropout", 2))
ACTIVATION = 4  # and anything else


class Layer(NamedTuple):
    """One line of a description; `reads` are positions in the list of steps, `label` tells 3x3 from 1x1."""

    operation: str
    settings: dict[str, str]
    reads: tuple[int, ...]

    @property
    def label(self) -> str:
        kernel = self.settings.get("kernel_size", "")
        sides = re.findall(r"\d+", kernel)
        return f"Conv2d {sides[0]}x{sides[-1]}" if self.operation == "Conv2d" and sides else self.operation

    @property
    def weight(self) -> int:
        by_kind = next((weight for kind, weight in KINDS if kind in self.operation), ACTIVATION)
        return LANDMARKS.get(self.operation, by_kind)


def layers_of(lines: Sequence[str]) -> list[Layer]:
    """The steps of a description without its bookkeeping; what reads bookkeeping reads what that read."""
    layers: list[Layer] = []
    sources: list[tuple[int, ...]] = []  # line -> the steps whose numbers it holds
    sizes: set[int] = set()  # lines that ask for one
    for index, line in enumerate(lines):
        operation, settings = _parsed(line)
        backward = [index - int(n) for n in REFERENCE.findall(line.partition("; in evaluation: ")[0])]
        lines_read = [number for number in backward if 0 <= number < index]
        reads = tuple(step for number in lines_read for step in sources[number])
        if operation in BOOKKEEPING or (operation == "getitem" and set(lines_read) <= sizes):
            sources.append(reads)
            if operation in ("getattr", "size", "getitem"):
                sizes.add(index)
        else:
            sources.append((len(layers),))
            layers.append(Layer(operation, settings, reads))
    return layers


def _parsed(line: str) -> tuple[str, dict[str, str]]:
    """`Conv2d(out_channels=8, padding=1) on [-1]; weight 8x1x3x3` as its operation and its settings."""
    training, _, evaluation = line.partition("; in evaluation: ")
    text, *parameters = training.split("; ")
    call = REFERENCE.sub("step", re.sub(r" on (\[-\d+\](, )?)*$", "", text))
    try:
        tree = ast.parse(call, mode="eval").body
        operation, settings = ast.unparse(tree.func), _arguments(tree)
    except (SyntaxError, AttributeError):  # "constant 4x4 0a1b2c", "unused parameter 3", "in training:"
        operation = re.match(r"unused parameter|in training|in evaluation|\S*", text)[0]
        settings = {} if operation == "unused parameter" else {"value": text.removeprefix(operation).strip()}
    names = {note.split()[0]: note for note in parameters}
    if "weight" in names and operation not in ("Embedding", "PReLU"):
        settings["bias"] = "yes" if "bias" in names else "no"
    for mark in ("frozen", "shared"):
        marked = [name for name, note in names.items() if f" {mark}" in note]
        settings |= {mark: ", ".join(marked)} if marked else {}
    if evaluation:
        name, others = _parsed(evaluation)
        different = [f"{key}={value}" for key, value in others.items() if settings.get(key) != value]
        settings["in evaluation"] = ", ".join(different) if name == operation else name
    return operation, settings


def _arguments(call: ast.Call) -> dict[str, str]:
    values = {f"argument {number}": value for number, value in enumerate(call.args, 1)}
    values |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg not in FOLLOWING}
    settings = {name: ast.unparse(value) for name, value in values.items()}
    if settings.get("stride") == settings.get("kernel_size") and "Pool" in call.func.id:
        settings.pop("stride", None)  # then it follows from the kernel
    return {name: value for name, value in settings.items() if value != "step"}
