"""How two networks differ, layer by layer, from their descriptions: layers, their order, settings, what they read."""

import inspect
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from torch import nn

from helpers.networks.layers import Layer, layers_of

SHOWN = {"input": "the image", "output": "the logits"}


class Entry(NamedTuple):
    """One difference; `also` are the wider names under which it may be owned up to."""

    name: str
    before: str
    after: str
    also: tuple[str, ...] = ()

    def goes_by(self, names: Collection[str]) -> bool:
        return not {self.name, *self.also}.isdisjoint(names)


def network_difference(before: Sequence[str], after: Sequence[str]) -> list[Entry]:
    """The differences of two networks, given by their descriptions (see helpers.networks.description).

    Both are aligned like two texts: what stands in both in the same order is the same layer, pools and
    convolutions before BatchNorm and activations. The rest was added, removed, or, if it is on both sides, put
    elsewhere. Entries are called

    - `Dropout`, `Conv2d 3x3`: another number of them (a convolution by its kernel);
    - `BatchNorm2d.order`: as many as before, or some of them, in another place;
    - `Conv2d.padding`: a setting, `bias`, `frozen` and `shared` among them;
    - `add.reads`: a step that reads other steps than it did.

    Flattening, Identity and asking for a size are no layers; shapes of parameters and widths that follow from
    the layer before do not count.
    """
    old, new = layers_of(before), layers_of(after)
    pairs = _aligned(old, new)
    pairs += _resized(old, new, pairs)
    kept, found = {i for i, _ in pairs}, {j for _, j in pairs}
    entries = []
    moved = []
    for label, operation in {step.label: step.operation for step in (*old, *new)}.items():
        gone = [i for i, step in enumerate(old) if step.label == label and i not in kept]
        come = [j for j, step in enumerate(new) if step.label == label and j not in found]
        if len(gone) != len(come):
            both = bool(gone and come)  # then its order says where
            counts = _count(old, label, gone, both), _count(new, label, come, both)
            entries.append(Entry(label, *counts, (operation,)))
        if gone and come:
            places = _places(old, gone), _places(new, come)
            if places[0] == places[1]:
                places = _places(old, gone, numbered=True), _places(new, come, numbered=True)
            entries.append(Entry(f"{label}.order", *places, ("order", label, operation)))
            moved += zip(gone, come, strict=False)
    return entries + [*_settings(old, new, sorted(pairs + moved)), *_reads(old, new, sorted(pairs))]


def _aligned(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[int, int]]:
    """The heaviest pairing in order of steps of one label; of several the one with most alike around them."""

    def around(steps: Sequence[Layer], index: int) -> tuple[str, str]:
        return steps[index - 1].label if index else "", steps[index + 1].label if steps[index + 1 :] else ""

    def worth(i: int, j: int) -> tuple[int, int]:
        sides = sum(a == b for a, b in zip(around(old, i), around(new, j), strict=True))
        return old[i].weight, sides + (old[i].settings == new[j].settings)

    best = [[(0, 0)] * (len(new) + 1) for _ in range(len(old) + 1)]
    take: set[tuple[int, int]] = set()
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if old[i].label == new[j].label:
                ahead = best[i + 1][j + 1]
                taken = tuple(a + b for a, b in zip(worth(i, j), ahead, strict=True))
                if taken >= best[i][j]:  # the earliest of equals
                    best[i][j] = taken
                    take.add((i, j))
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if (i, j) in take:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _resized(
    old: Sequence[Layer], new: Sequence[Layer], pairs: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Convolutions that got another kernel: between two layers that stayed, the same operations.

    Where a convolution of the one kernel turns up elsewhere, the two have changed places instead.
    """
    kept, found = ({pair[side] for pair in pairs} for side in (0, 1))
    gone = {step.label for i, step in enumerate(old) if i not in kept}
    come = {step.label for j, step in enumerate(new) if j not in found}
    resized = []
    edges = [(-1, -1), *pairs, (len(old), len(new))]
    for (i, j), (stop_i, stop_j) in zip(edges, edges[1:], strict=False):
        gap = range(i + 1, stop_i), range(j + 1, stop_j)
        if [old[k].operation for k in gap[0]] == [new[k].operation for k in gap[1]]:
            resized += zip(*gap, strict=True)
    return [(i, j) for i, j in resized if old[i].label not in come and new[j].label not in gone]


def _count(steps: Sequence[Layer], label: str, odd: Sequence[int], brief: bool) -> str:
    """`2, between Conv2d 3x3 and ReLU`: how many there are, and where those are that the other has not."""
    alike = [step for step in steps if step.label == label]
    places = _places(steps, odd)
    if len(alike) == len(odd) > 0:
        rates = ", ".join(sorted({step.settings["p"] for step in alike if "p" in step.settings}))
        return f"{len(alike)}{' with p = ' * bool(rates)}{rates}, {places}"
    tell = odd and not brief and "," not in places
    return f"{len(alike)}, {len(odd)} of them {places}" if tell else str(len(alike) or "none")


def _places(steps: Sequence[Layer], indices: Sequence[int], numbered: bool = False) -> str:
    """Between which layers some steps stand, with how many of them stand so."""

    def place(index: int) -> str:
        return f"{_name(steps, index - 1, numbered)} and {_name(steps, index + 1, numbered)}"

    places = Counter(map(place, indices))
    several = len(places) > 1
    shown = [f"{place} ({number})" if several else place for place, number in places.items()]
    return f"between {', '.join(shown)}"


def _name(steps: Sequence[Layer], index: int, numbered: bool) -> str:
    if not 0 <= index < len(steps):
        return "nothing"
    label = steps[index].label
    number = sum(step.label == label for step in steps[: index + 1])
    return SHOWN.get(label, f"{label} no. {number}" if numbered else label)


def _settings(
    old: Sequence[Layer], new: Sequence[Layer], pairs: Sequence[tuple[int, int]]
) -> Iterator[Entry]:
    """Every setting that is another in a layer of both networks, with its values in all such layers."""
    changed = (
        (old[i].operation, name)
        for i, j in pairs
        for name in dict.fromkeys([*old[i].settings, *new[j].settings])
        if old[i].settings.get(name) != new[j].settings.get(name)
    )
    for operation, name in dict.fromkeys(changed):
        values = (_values(steps, operation, name) for steps in (old, new))
        yield Entry(f"{operation}.{name}", *values, (operation,))


def _values(steps: Sequence[Layer], operation: str, name: str) -> str:
    default = inspect.signature(getattr(nn, operation, object)).parameters.get(name)
    missing = "-" if default is None or default.default is default.empty else str(default.default)
    values = [step.settings.get(name, missing) for step in steps if step.operation == operation]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _reads(old: Sequence[Layer], new: Sequence[Layer], pairs: Sequence[tuple[int, int]]) -> Iterator[Entry]:
    """Layers that read another place, past what was added or removed between; a new join speaks for itself."""
    partner = dict(pairs)
    back = {j: i for i, j in pairs}

    def sources(steps: Sequence[Layer], kept: dict[int, int], index: int) -> list[int] | None:
        found = []
        for read in steps[index].reads:
            while read not in kept and len(steps[read].reads) == 1:
                (read,) = steps[read].reads
            if read not in kept:
                return None
            found.append(read)
        return found

    for i, j in pairs:
        one, other = sources(old, partner, i), sources(new, back, j)
        if one is not None and other is not None and [partner[k] for k in one] != other:
            operation = old[i].operation
            yield Entry(f"{operation}.reads", _named(old, one), _named(new, other), (operation,))


def _named(steps: Sequence[Layer], indices: Sequence[int]) -> str:
    return ", ".join(_name(steps, index, numbered=True) for index in indices)
