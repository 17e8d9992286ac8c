"""How two networks differ: in their layers, the order and the settings of these, and what each reads."""

import inspect
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from torch import nn

from helpers.networks.description import Operation, operations_of

SHOWN = {"input": "the image", "output": "the logits"}
BOOKKEEPING = {"Identity", "flatten", "Flatten", "getattr", "size"}  # they hand the numbers on as they are
FOLLOWING = {"in_channels", "in_features", "num_features", "num_channels", "normalized_shape"}
LANDMARKS = {"input": 1000, "output": 1000, "Linear": 10}  # what an alignment keeps in place, by weight
KINDS = (("Conv", 10), ("Pool", 12), ("Norm", 3), ("Dropout", 2))
ACTIVATION = 4  # and anything else


class Layer(NamedTuple):
    """A step that computes something; `reads` are places in the list of layers."""

    operation: str
    settings: dict[str, str]
    reads: tuple[int, ...]

    @property
    def label(self) -> str:
        """What a reader calls it: the operation, and of a convolution also its kernel."""
        sides = self.settings.get("kernel_size", "").strip("()").split(", ")
        named = self.operation == "Conv2d" and sides[0]
        return f"Conv2d {sides[0]}x{sides[-1]}" if named else self.operation

    @property
    def weight(self) -> int:
        """How much it counts that an alignment pairs this layer with one of the other network."""
        by_kind = next((weight for kind, weight in KINDS if kind in self.operation), ACTIVATION)
        return LANDMARKS.get(self.operation, by_kind)


class Entry(NamedTuple):
    """One difference; a sentence may explain it by its name or by one of its wider names."""

    name: str
    before: str
    after: str
    wider_names: tuple[str, ...] = ()

    def goes_by(self, names: Collection[str]) -> bool:
        return not {self.name, *self.wider_names}.isdisjoint(names)


def network_difference(before: nn.Module, after: nn.Module) -> list[Entry]:
    """The differences of two networks, which are not touched.

    Both are aligned as two texts are: what stands in both in the same order is the same layer. Where not all
    can be paired, pools and convolutions come before BatchNorm and activations. The rest was added or
    removed; a layer that is left over on both sides was put elsewhere. Entries are called

    - `Dropout`, `Conv2d 3x3`: another number of them (a convolution by its kernel);
    - `BatchNorm2d.order`: as many as before, or some of them, in another place;
    - `Conv2d.padding`: a setting, `bias`, `frozen` and `shared` among them;
    - `add.reads`: a layer that reads other layers than it did.

    Flattening, Identity and asking for a size are no layers. Shapes of parameters and widths that follow from
    the layer before are not compared.

    Raises:
        NetworkError: for a network that cannot be traced.
    """
    old, new = layers_of(before), layers_of(after)
    # Which layer of the one network is which of the other.
    pairs = _aligned(old, new)
    pairs += _resized(old, new, pairs)
    kept, found = {i for i, _ in pairs}, {j for _, j in pairs}
    # What has no partner was added or removed; on both sides, it stands elsewhere.
    entries, moved = [], []
    for label, operation in {layer.label: layer.operation for layer in (*old, *new)}.items():
        gone = [i for i, layer in enumerate(old) if layer.label == label and i not in kept]
        come = [j for j, layer in enumerate(new) if layer.label == label and j not in found]
        if len(gone) != len(come):
            # Where some stand elsewhere too, the entry of their order says the places.
            brief = bool(gone and come)
            counts = _count(old, label, gone, brief), _count(new, label, come, brief)
            entries.append(Entry(label, *counts, (operation,)))
        if gone and come:
            places = _places(old, gone), _places(new, come)
            if places[0] == places[1]:
                places = _places(old, gone, numbered=True), _places(new, come, numbered=True)
            entries.append(Entry(f"{label}.order", *places, ("order", label, operation)))
            moved += zip(gone, come, strict=False)
    # What has a partner may be set otherwise, or read something else.
    return entries + [*_settings(old, new, sorted(pairs + moved)), *_reads(old, new, sorted(pairs))]


def layers_of(network: nn.Module) -> list[Layer]:
    """The operations of a network without its bookkeeping; what reads bookkeeping reads what that read.

    Raises:
        NetworkError: for a network that cannot be traced.
    """
    layers: list[Layer] = []
    sources: list[tuple[int, ...]] = []  # operation -> the layers whose numbers it holds
    sizes: set[int] = set()  # operations that ask for one
    for index, operation in enumerate(operations_of(network)):
        reads = tuple(layer for other in operation.reads for layer in sources[other])
        name = operation.name
        if name in BOOKKEEPING or (name == "getitem" and sizes.issuperset(operation.reads)):
            sources.append(reads)
            if name in ("getattr", "size", "getitem"):
                sizes.add(index)
        else:
            sources.append((len(layers),))
            layers.append(Layer(name, _compared_settings(operation), reads))
    return layers


def _compared_settings(operation: Operation) -> dict[str, str]:
    """The settings by which two layers are compared: no widths that follow from the layer before."""
    settings = {name: value for name, value in operation.settings.items() if name not in FOLLOWING}
    # The stride of a pool follows from its kernel, unless it was set otherwise.
    if "Pool" in operation.name and settings.get("stride") == settings.get("kernel_size"):
        settings.pop("stride", None)
    if "weight" in operation.parameters and operation.name not in ("Embedding", "PReLU"):
        settings["bias"] = "yes" if "bias" in operation.parameters else "no"
    for mark in ("frozen", "shared"):
        marked = [name for name, use in operation.parameters.items() if getattr(use, mark)]
        settings |= {mark: ", ".join(marked)} if marked else {}
    if operation.evaluation is not None:
        tested = operation.evaluation
        others = _compared_settings(tested).items()
        different = [f"{name}={value}" for name, value in others if settings.get(name) != value]
        settings["in evaluation"] = ", ".join(different) if tested.name == operation.name else tested.name
    return settings


def _aligned(old: Sequence[Layer], new: Sequence[Layer]) -> list[tuple[int, int]]:
    """The heaviest pairing in order of layers of one label; of several the one with most alike around them.

    The longest common subsequence of two texts, with weights instead of lengths, by dynamic programming
    (Needleman and Wunsch 1970). A pairing is worth the sum over its pairs: first of their weights and, where
    these are equal, of their likeness, 0 to 3: the same layer before, the same behind, the same settings.
    """

    def around(layers: Sequence[Layer], index: int) -> tuple[str, str]:
        before = layers[index - 1].label if index else ""
        return before, layers[index + 1].label if layers[index + 1 :] else ""

    def worth(i: int, j: int) -> tuple[int, int]:
        alike = sum(a == b for a, b in zip(around(old, i), around(new, j), strict=True))
        return old[i].weight, alike + (old[i].settings == new[j].settings)

    # best[i][j] is what the best pairing of old[i:] with new[j:] is worth: nothing, where one is empty.
    # The table is filled from the ends backward, so that the three entries that each one needs are known:
    # old[i] stays without a partner, or new[j] does, or the two are a pair.
    best = [[(0, 0)] * (len(new) + 1) for _ in range(len(old) + 1)]
    take: set[tuple[int, int]] = set()
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if old[i].label == new[j].label:
                paired = tuple(a + b for a, b in zip(worth(i, j), best[i + 1][j + 1], strict=True))
                # Of pairings that are worth the same, the one that pairs earlier is taken.
                if paired >= best[i][j]:
                    best[i][j] = paired
                    take.add((i, j))
    # The choices are followed from the beginning forward, and the pairs collected.
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
    """Pairs of convolutions that differ in their kernel.

    They stand between two layers that stayed, where both networks have the same operations. Where a
    convolution with one of the two kernels turns up elsewhere, the two have changed places instead, and are
    no pair.
    """
    kept, found = ({pair[side] for pair in pairs} for side in (0, 1))
    gone = {layer.label for i, layer in enumerate(old) if i not in kept}
    come = {layer.label for j, layer in enumerate(new) if j not in found}
    resized = []
    edges = [(-1, -1), *pairs, (len(old), len(new))]
    for (i, j), (stop_i, stop_j) in zip(edges, edges[1:], strict=False):
        gap = range(i + 1, stop_i), range(j + 1, stop_j)
        if [old[k].operation for k in gap[0]] == [new[k].operation for k in gap[1]]:
            resized += zip(*gap, strict=True)
    return [(i, j) for i, j in resized if old[i].label not in come and new[j].label not in gone]


def _count(layers: Sequence[Layer], label: str, odd: Sequence[int], brief: bool) -> str:
    """`2, between Conv2d 3x3 and ReLU`: how many there are, and where those without a partner stand.

    Args:
        odd: places of those without a partner.
        brief: leaves the places out where only some are odd.
    """
    alike = [layer for layer in layers if layer.label == label]
    places = _places(layers, odd)
    if len(alike) == len(odd) > 0:
        rates = ", ".join(sorted({layer.settings["p"] for layer in alike if "p" in layer.settings}))
        return f"{len(alike)}{' with p = ' * bool(rates)}{rates}, {places}"
    tell = odd and not brief and "," not in places
    return f"{len(alike)}, {len(odd)} of them {places}" if tell else str(len(alike) or "none")


def _places(layers: Sequence[Layer], indices: Sequence[int], numbered: bool = False) -> str:
    """Between which layers some layers stand; where that is several places, also how many stand in each."""

    def place(index: int) -> str:
        return f"{_name(layers, index - 1, numbered)} and {_name(layers, index + 1, numbered)}"

    places = Counter(map(place, indices))
    several = len(places) > 1
    shown = [f"{place} ({number})" if several else place for place, number in places.items()]
    return f"between {', '.join(shown)}"


def _name(layers: Sequence[Layer], index: int, numbered: bool) -> str:
    if not 0 <= index < len(layers):
        return "nothing"
    label = layers[index].label
    number = sum(layer.label == label for layer in layers[: index + 1])
    return SHOWN.get(label, f"{label} no. {number}" if numbered else label)


def _settings(
    old: Sequence[Layer], new: Sequence[Layer], pairs: Sequence[tuple[int, int]]
) -> Iterator[Entry]:
    """Every setting that differs within a pair, with its values in all layers of this operation."""
    changed = (
        (old[i].operation, name)
        for i, j in pairs
        for name in dict.fromkeys([*old[i].settings, *new[j].settings])
        if old[i].settings.get(name) != new[j].settings.get(name)
    )
    for operation, name in dict.fromkeys(changed):
        values = (_values(layers, operation, name) for layers in (old, new))
        yield Entry(f"{operation}.{name}", *values, (operation,))


def _values(layers: Sequence[Layer], operation: str, name: str) -> str:
    """A setting in all layers of an operation, once where they agree; torch's default where none is set."""
    default = inspect.signature(getattr(nn, operation, object)).parameters.get(name)
    missing = "-" if default is None or default.default is default.empty else str(default.default)
    values = [layer.settings.get(name, missing) for layer in layers if layer.operation == operation]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def _reads(old: Sequence[Layer], new: Sequence[Layer], pairs: Sequence[tuple[int, int]]) -> Iterator[Entry]:
    """Layers of both networks that read other layers than before, as a skip that begins elsewhere.

    What was added or removed on the way from one layer to the next is no other source; where it joins several
    maps, it has an entry of its own, and the layer that reads it gets none.
    """
    partner, back = dict(pairs), {j: i for i, j in pairs}

    def sources(layers: Sequence[Layer], kept: dict[int, int], index: int) -> list[int] | None:
        """The layers with a partner that a layer reads, past those without one; None behind a new join."""
        found = []
        for read in layers[index].reads:
            while read not in kept and len(layers[read].reads) == 1:
                (read,) = layers[read].reads
            if read not in kept:
                return None
            found.append(read)
        return found

    for i, j in pairs:
        earlier, now = sources(old, partner, i), sources(new, back, j)
        if earlier is not None and now is not None and [partner[k] for k in earlier] != now:
            operation = old[i].operation
            yield Entry(f"{operation}.reads", _named(old, earlier), _named(new, now), (operation,))


def _named(layers: Sequence[Layer], indices: Sequence[int]) -> str:
    return ", ".join(_name(layers, index, numbered=True) for index in indices)
